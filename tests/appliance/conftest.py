# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The peers of the tests of label appliance that those of label aws have, too, and an instance."""

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

AWS = Path(__file__).resolve().parents[1] / "aws"
sys.path.insert(0, str(AWS))

from awspeers import Moto  # noqa: E402
from installing import install  # noqa: E402
from instance import Metadata  # noqa: E402
from test_imds import MAC  # noqa: E402


@pytest.fixture(scope="session")
def metadata():
    """AWS's own emulator of the metadata service."""
    return install(AWS / "peers-imds")


@pytest.fixture(scope="module")
def moto(request):
    """EC2, IAM, STS and Systems Manager; checks signatures once it's told to. With AWS's own policies where a file has MANAGED_POLICIES = True."""
    moto = Moto(install(AWS / "peers-moto"), managed_policies=getattr(request.module, "MANAGED_POLICIES", False))
    yield moto
    moto.process.terminate()
    moto.process.wait()


@pytest.fixture
def network():
    """A network namespace with a card that has the instance's MAC; what a command there begins with, and the card's name."""
    card = "ens" + secrets.token_hex(3)
    setup = f"ip link set lo up && ip link add {card} address {MAC} type veth peer name other && echo ready && exec sleep 1000"
    with subprocess.Popen(["unshare", "-n", "sh", "-c", setup], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "ready\n"
            yield ["nsenter", "-t", str(holder.pid), "-n"], card
        finally:
            holder.kill()


@pytest.fixture
def service(metadata, tmp_path, network):
    """The emulator beside the card."""
    service = Metadata(metadata, tmp_path, prefix=network[0])
    yield service
    service.stop()


@pytest.fixture
def run(tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    return directory
