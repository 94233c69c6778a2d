# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The Debian packages as tools/package makes them of a copy of the tree, and what can be read in them."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from eipgwlab.build import ROOT

NAMES = ("eipgw-cli", "eipgw-gateway", "eipgw-node")
MISSING = 77


def tool(tree: Path, name: str, *words: str) -> str:
    """What the tool of the tree prints; the test is skipped where it says that what it needs can't be had."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SOURCE_DATE_EPOCH": "1700000000",
           **{key: os.environ[key] for key in ("HOME", "XDG_CACHE_HOME") if key in os.environ}}
    done = subprocess.run([tree / "tools" / name, *words], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env)
    if done.returncode == MISSING:
        pytest.skip(done.stdout.strip().removeprefix("SKIP: "))
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def build(tree: Path, architecture: str = "") -> Path:
    """For this machine unless another architecture is given."""
    tool(tree, "package", *(["--architecture", architecture] if architecture else []))
    return tree / "build" / ("package" + (f"-{architecture}" if architecture else "")) / "packages"


def copy_tree(to: Path) -> Path:
    """The tree as git has it, and what isn't committed yet."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in names.stdout.splitlines():
        source, place = ROOT / name, to / name
        if source.exists() or source.is_symlink():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place, follow_symlinks=False)
    return to


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def field_of(package: Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "--field", package, name], check=True, capture_output=True, text=True).stdout.strip()


def depends_of(package: Path) -> set[str]:
    return {part.split("|")[0].split("(")[0].split(":")[0].strip() for part in field_of(package, "Depends").split(",") if part.strip()}
