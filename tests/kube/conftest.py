# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The control plane of the tests of label kube, as fixtures."""

import contextlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kubepeers import ControlPlane, build_peers  # noqa: E402


@pytest.fixture(scope="session")
def kube_place():
    place, why = build_peers()
    if not place:
        pytest.skip(why)
    return place


@pytest.fixture(scope="module")
def control_plane(kube_place):
    plane = ControlPlane(kube_place)
    try:
        yield plane.start()
    finally:
        plane.stop()


@pytest.fixture
def plane(control_plane):
    """etcd and an API server that the tests of a file share: each makes its own namespaces and names."""
    yield control_plane
    control_plane.mend()


@pytest.fixture
def admin(plane):
    return plane.client()


@pytest.fixture
def namespace(admin):
    return admin.make_namespace()


@pytest.fixture
def row():
    """with row(what): ... for each row of a table; all rows are tried, and those that failed are told together."""
    wrong = []

    @contextlib.contextmanager
    def one(what):
        try:
            yield
        except (Exception, pytest.fail.Exception) as error:
            wrong.append(f"{what}: {error}")

    yield one
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
