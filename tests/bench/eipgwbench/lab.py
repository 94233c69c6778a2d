# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The parts of the lab (tests/lab/eipgwlab) that the benchmarks use: namespaces, waiting with a deadline, and a small virtual machine."""

import sys

from .command import TOP

sys.path.insert(0, str(TOP / "tests" / "lab"))

from eipgwlab import netns, smallguest, wait  # noqa: E402

__all__ = ["netns", "smallguest", "wait"]
