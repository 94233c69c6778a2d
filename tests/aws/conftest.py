# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The peers of the tests of label aws, as fixtures."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from awspeers import HERE, MAKE, Fake, Moto, interface  # noqa: E402


FAKE_STATE = {
    "interfaces": {"eni-1": interface(1), "eni-2": interface(2)},
    "addresses": {"eipalloc-1": {"public": "198.51.100.1", "tags": {"Name": "bank"}}},
    "route_tables": {"rtb-1": {"vpc": "vpc-1", "routes": {"0.0.0.0/0": "eni-2"}}},
    "hooks": [["leave", "gateways", "i-1"]],
}


@pytest.fixture
def fake():
    """Two gateways' interfaces, eni-1 and eni-2, and an Elastic IP that nobody has."""
    fake = Fake()
    fake.control("state", FAKE_STATE)
    yield fake
    fake.close()


@pytest.fixture
def strict_fake(moto_place):
    """The same, with clients beside it that we did not write, and able to verify signatures."""
    fake = Fake(moto_place, beside=True)
    fake.control("state", FAKE_STATE)
    yield fake
    fake.close()


def install(script):
    """Where it has put the peer; the tests that want it are skipped where it can't be had."""
    done = subprocess.run([HERE / script], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip().removeprefix("SKIP: "))
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def program():
    """AWS's own emulator of the metadata service."""
    return install("peers-imds")


@pytest.fixture(scope="session")
def moto_place():
    return install("peers-moto")


@pytest.fixture(scope="module")
def moto_server(moto_place):
    moto = Moto(moto_place)
    yield moto
    moto.process.terminate()
    moto.process.wait()


@pytest.fixture
def moto(moto_server):
    """Two interfaces, an Elastic IP and a route table, in `made`; nobody's signature is checked."""
    moto_server.check_signatures(False)
    moto_server.post("moto-api/reset")
    moto_server.made = moto_server.boto(MAKE)
    yield moto_server
    moto_server.check_signatures(False)
