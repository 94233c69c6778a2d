# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The peers of the tests of label appliance that those of label aws have, too."""

import sys
from pathlib import Path

import pytest

AWS = Path(__file__).resolve().parents[1] / "aws"
sys.path.insert(0, str(AWS))

from awspeers import Moto  # noqa: E402
from installing import install  # noqa: E402


@pytest.fixture(scope="session")
def metadata():
    """AWS's own emulator of the metadata service."""
    return install(AWS / "peers-imds")


@pytest.fixture(scope="module")
def moto():
    """EC2, IAM, STS and Systems Manager; checks signatures once it's told to."""
    moto = Moto(install(AWS / "peers-moto"))
    yield moto
    moto.process.terminate()
    moto.process.wait()
