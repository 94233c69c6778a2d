# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A Debian of its own, made by debootstrap once and kept in the user's cache, in which the real package manager works in one
of the lab's namespaces."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

SUITE = "bookworm"
ENTER = """for place in proc sys dev; do mount --rbind /$place "$0/$place"; done
mkdir -p "$0$1"; mount --bind "$1" "$0$1"; root=$0; shift; exec chroot "$root" "$@" """


class DebianMissing(RuntimeError):
    """It can't be made here; why."""


def archive() -> str:
    """The mirror that apt uses here."""
    out = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)"], check=False, capture_output=True, text=True)
    for line in out.stdout.splitlines():
        site, _, codename = line.partition(" ")
        if codename == SUITE:
            return site
    raise DebianMissing(f"apt knows no mirror of {SUITE}")


def make_root(packages: Sequence[str], into: Path) -> None:
    """Unpacks a minimal Debian with these packages."""
    name = hashlib.sha256(" ".join([SUITE, *sorted(packages)]).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eipgw" / "debian"
    kept = cache / f"{SUITE}-{name}.tar"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _bootstrap(packages, kept)
    subprocess.run(["tar", "-xpf", kept, "-C", into], check=True)


def _bootstrap(packages: Sequence[str], kept: Path) -> None:
    fresh = kept.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(sorted(packages))}", SUITE, str(fresh), archive()],
        check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise DebianMissing(f"debootstrap failed: {(done.stdout + done.stderr)[-300:]}")
    subprocess.run(["tar", "-cf", kept.with_suffix(".part"), "-C", fresh, "."], check=True)
    kept.with_suffix(".part").rename(kept)
    shutil.rmtree(fresh)


def inside(root: Path, shared: Path) -> list[str]:
    """What comes before a command that runs in the root, with the kernel's file systems and one more folder; all mounts end
    with the command."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", ENTER, str(root), str(shared)]


def next_version(packages: Sequence[Path], to: Path) -> list[Path]:
    """The same packages with the next version, in a new folder."""
    to.mkdir()
    for package in packages:
        place = to / package.stem
        subprocess.run(["dpkg-deb", "--raw-extract", package, place], check=True)
        control = place / "DEBIAN" / "control"
        control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+next", control.read_text(encoding="utf-8")), encoding="utf-8")
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", place, to / package.name], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(place)
    return sorted(to.glob("*.deb"))
