# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What stays of a lab whose test has failed. Not in conftest.py, of which each folder of tests has one of its own."""

import re
from pathlib import Path

import pytest
from eipgwlab import Lab
from eipgwlab.build import ROOT

RESULTS = ROOT / "build" / "test-results"
EVIDENCE = RESULTS / "lab"
FAILED = pytest.StashKey[bool]()


def keep_evidence(lab: Lab, item: pytest.Item) -> Path:
    """Collects a lab's state below build/test-results/lab, in a directory named after the test."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", item.name)
    directory = EVIDENCE / f"{item.path.stem}.{name}.{lab.name}"
    lab.collect(directory)
    return directory
