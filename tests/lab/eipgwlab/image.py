# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The gateway's image for qemu, as packer/README.md makes it, of the tree as it is. What was made once is kept in the user's cache,
named after all that goes in: the base disk, which costs minutes and seldom changes, apart from the image."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from .build import ROOT

# What makes a base disk; all else of the tree goes into an image, by the packages or by packer/, but for these folders. The messages' pages are
# in `eipgw`.
BASE = ("packer/base-image", "packer/packages.txt", "packer/packages-qemu.txt")
NOT_IN = ("tests/", "terraform/", "docs/", "packer/README.md", "packer/require-imdsv2")
IN = ("docs/messages/",)
EPOCH = "1700000000"  # else each commit's packages were others
KEPT = 3              # images, each of half a gigabyte
PROGRAMS = ("packer", "qemu-system-x86_64", "qemu-img", "mmdebstrap", "extlinux", "sfdisk", "dnsmasq")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# In a network of its own: what an image needs is on the base disk already, and the ports that Packer takes are nobody else's.
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


class ImageFailed(RuntimeError):
    """It can't be made here; why."""


def gateway_image() -> tuple[Path, Path]:
    """The image, a qcow2 file to put overlays on, and the folder with the packages that are in it. Minutes where they aren't there
    yet; the time limit is the caller's."""
    missing = [program for program in PROGRAMS if not shutil.which(program, path=PATH)]
    if missing:
        raise ImageFailed(f"{' '.join(missing)} missing; tests/install-deps installs what tests/packages.txt lists")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eipgw" / "image"
    cache.mkdir(parents=True, exist_ok=True)
    base = cache / f"base-{_digest(BASE)}.raw"
    place = cache / f"gateway-{_digest(_sources())}"
    with _locked(cache):
        if not place.exists():
            _need(base, _make_base)
            _need(place, lambda fresh, log: _make_image(base, fresh, log))
            _forget(cache, "base-*.raw", 1)
            _forget(cache, "gateway-????????????", KEPT)
        os.utime(place)
    return place / "out" / "eipgw-gateway.qcow2", place / "packages"


@contextlib.contextmanager
def _locked(cache: Path) -> Iterator[None]:
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sources() -> list[str]:
    """Also those that aren't committed yet."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.splitlines() if name.startswith(IN) or not name.startswith(NOT_IN)]


def _digest(names: Sequence[str]) -> str:
    """Of the files as they are."""
    digest = hashlib.sha256(EPOCH.encode())
    for name in sorted(names):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{name} {path.stat().st_mode & 0o111} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _need(place: Path, make: Callable[[Path, Path], None]) -> None:
    if place.exists():
        return
    fresh, log = place.with_suffix(".new"), place.with_suffix(".log")
    for left_over in (fresh, log):
        _remove(left_over)
    make(fresh, log)
    fresh.rename(place)


def _forget(cache: Path, pattern: str, kept: int) -> None:
    """All but those that were used last, with their logs. One that a guest runs of stays open until it ends."""
    for path in sorted(cache.glob(pattern), key=lambda p: p.stat().st_mtime)[:-kept]:
        _remove(path)
        _remove(path.with_suffix(".log"))


def _run(argv: list[str | Path], log: Path, env: Mapping[str, str]) -> None:
    with open(log, "a", encoding="utf-8") as out:
        process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                   env={"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": str(log.parent), **env})
        try:
            process.wait()
        except BaseException:  # out of time: also Packer's qemu ends, and what is mounted is unmounted
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise ImageFailed(f"{Path(argv[0]).name} failed, {log} ends:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")


def _make_base(fresh: Path, log: Path) -> None:
    _run([ROOT / "packer" / "base-image", fresh], log, {**os.environ, "PATH": PATH})  # a proxy for apt, for one


def _make_image(base: Path, fresh: Path, log: Path) -> None:
    build = ROOT / "build" / "image"
    fresh.mkdir()
    _run([ROOT / "tools" / "package", build], log, {"SOURCE_DATE_EPOCH": EPOCH})
    shutil.copytree(build / "packages", fresh / "packages")
    _run([*ALONE, "packer", "build", "-color=false", "-only=qemu.gateway", "-var", f"packages={fresh}/packages", "-var",
          f"base_image={base}", "-var", f"output={fresh}/out", "-var", "compress=false", ROOT / "packer"], log,
         {"PACKER_CACHE_DIR": str(fresh / "cache"), "CHECKPOINT_DISABLE": "1"})
    shutil.rmtree(fresh / "cache", ignore_errors=True)
