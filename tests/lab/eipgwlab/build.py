# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Compiles the lab's C tools at first use, into build/lab of the source tree (or EIPGW_LAB_CACHE)."""

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

LAB_DIR = Path(__file__).resolve().parent.parent
ROOT = LAB_DIR.parent.parent
TOOLS = LAB_DIR / "tools"

CFLAGS = "-std=gnu17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow -Wconversion -Wformat=2".split()


def _cache_dir() -> Path:
    return Path(os.environ.get("EIPGW_LAB_CACHE", ROOT / "build" / "lab"))


def _digest() -> str:
    digest = hashlib.sha256(" ".join(CFLAGS).encode())
    for path in sorted(TOOLS.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _compile_all(into: Path) -> None:
    sources = sorted(str(p) for p in TOOLS.glob("*.c") if not p.name.endswith(".bpf.c"))
    subprocess.run(
        ["cc", *CFLAGS, *sources, "-o", str(into / "labtool"), "-ljansson", "-lbpf"], check=True
    )
    # clang for BPF looks only below /usr/include; the architecture's own headers lie deeper.
    machine = f"/usr/include/{os.uname().machine}-linux-gnu"
    subprocess.run(
        ["clang", "-O2", "-g", "-target", "bpf", "-Wall", "-Wextra", f"-I{machine}", "-c",
         str(TOOLS / "igw.bpf.c"), "-o", str(into / "igw.bpf.o")],
        check=True,
    )


def tools() -> Path:
    """The directory that holds labtool and igw.bpf.o for the sources as they are now."""
    cache = _cache_dir()
    done = cache / _digest()
    if done.is_dir():
        return done
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_dir():
            fresh = cache / f"{done.name}.new"
            fresh.mkdir(exist_ok=True)
            _compile_all(fresh)
            fresh.rename(done)
    return done


def program(name: str) -> Path | None:
    """A program of the project from the build directory EIPGW_BUILD, or None while it isn't built."""
    base = Path(os.environ.get("EIPGW_BUILD", ROOT / "build" / "dev"))
    places = {"eipgwd": "gateway", "eipgw-noded": "node", "eipgw": "cli"}
    for path in (base / places[name] / name, base / name, base / "bin" / name):
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None
