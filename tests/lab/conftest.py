# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What the lab's tests share: labs that go away with their test, and the evidence of a failure."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from eipgwlab import Lab  # noqa: E402
from eipgwlab.build import ROOT  # noqa: E402

EVIDENCE = ROOT / "build" / "test-results" / "lab"
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="network namespaces need root"))


def keep_evidence(lab: Lab, item: pytest.Item) -> Path:
    """Collects a lab's state below build/test-results/lab, in a directory named after the test."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", item.name)
    directory = EVIDENCE / f"{item.path.stem}.{name}.{lab.name}"
    lab.collect(directory)
    return directory


@pytest.fixture
def make_lab(request: pytest.FixtureRequest) -> Iterator[Callable[..., Lab]]:
    """make_lab(flavour, **options) brings up a lab that ends with the test."""
    labs: list[Lab] = []

    def make(flavour: str = "cni-nft", **options: object) -> Lab:
        lab = Lab(flavour, **options)
        labs.append(lab)
        return lab.up()

    try:
        yield make
        if request.node.stash.get(FAILED, False):
            for lab in labs:
                print(f"evidence of the failure: {keep_evidence(lab, request.node)}")
    finally:
        for lab in labs:
            lab.down()
