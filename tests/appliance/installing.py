# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""How a test gets what another program of this tree installs."""

import subprocess
from pathlib import Path

import pytest


def install(script):
    """Where it has put the peer; the tests that want it are skipped where it can't be had."""
    done = subprocess.run([script], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip().removeprefix("SKIP: "))
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(done.stdout.strip())
