# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Debian's kernel with a handful of programs, for what this machine's kernel may not have: an initramfs made of the programs at
hand and of the libraries that they link, booted in software emulation within seconds. A root shell on its second serial line does
what run() is given. The kernel comes from Debian's archive, once, and is kept in the user's cache."""

from __future__ import annotations

import base64
import fcntl
import gzip
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from .wait import wait_until

KERNEL = "linux-image-cloud-amd64"
SHELL = "busybox-static"
# Whole folders, so that the kernel finds by itself what it wants.
MODULES = ["net/netfilter", "net/ipv4", "net/ipv6", "net/sched", "net/core", "drivers/net/vxlan", "drivers/net/veth.ko",
           "drivers/net/tun.ko", "drivers/net/dummy.ko", "lib", "crypto", "arch/x86/crypto"]
BOOT_DEADLINE = 300.0  # emulated, beside other tests
CHUNK = 3000  # the guest's tty takes no more at once
# Not busybox for a shell, since that calls its own ip(8) whatever PATH says.
INIT = """#!/bin/sh
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /var/run /sbin /usr/bin /usr/sbin /root
/bin/busybox --install -s /bin 2>/dev/null
ln -sf /bin/modprobe /sbin/modprobe
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
ip link set lo up
stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
echo ready >&3
while read -r line <&3; do
	echo "$line" | base64 -d >/tmp/.script
	sh -e /tmp/.script </dev/null >/tmp/.out 2>/tmp/.err
	echo "= $? o$(base64 -w 0 /tmp/.out) e$(base64 -w 0 /tmp/.err)" >&3
done
"""


class Unavailable(RuntimeError):
    """What it needs can't be had here; the text says why."""


class Failed(RuntimeError):
    """A script ended with another status than 0."""


def _package(name: str, into: Path) -> None:
    """Fetches a Debian package and unpacks it."""
    with tempfile.TemporaryDirectory(prefix="eipgw-fetch-") as where:
        done = subprocess.run(["apt-get", "download", "-q", name], cwd=where, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"{name} can't be fetched: {done.stderr.strip()}")
        [deb] = Path(where).glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", deb, into], check=True)


def _kernel_package() -> str:
    """The one that the metapackage means today: linux-image-6.1.0-NN-cloud-amd64."""
    done = subprocess.run(["apt-cache", "depends", KERNEL], capture_output=True, text=True, check=False)
    found = re.search(r"Depends: (linux-image-\S+)", done.stdout)
    if not found:
        raise Unavailable(f"apt doesn't know {KERNEL}")
    return found.group(1)


def _prune(unpacked: Path, into: Path) -> None:
    """vmlinuz, and of the modules those that are wanted, with their index."""
    [release] = os.listdir(unpacked / "lib/modules")
    shutil.move(str(next((unpacked / "boot").glob("vmlinuz-*"))), into / "vmlinuz")
    modules = Path("lib/modules") / release
    for part in MODULES:
        for found in (unpacked / modules / "kernel").glob(f"{part}*"):  # .ko or .ko.xz
            kept = into / found.relative_to(unpacked)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(str(found), kept)
    for found in (unpacked / modules).glob("modules.*"):
        shutil.move(str(found), into / modules / found.name)
    subprocess.run(["depmod", "-b", into, release], check=True, capture_output=True)


def base() -> Path:
    """Kernel, modules and shell, from the user's cache."""
    if subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip() != "amd64":
        raise Unavailable("the guest's kernel is for amd64")
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eipgw" / "guest"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        package = _kernel_package()
        place = folder / package
        if not place.exists():
            made = Path(tempfile.mkdtemp(prefix="new-", dir=folder))
            _package(package, made / "unpacked")
            _package(SHELL, made / "shell")
            _prune(made / "unpacked", made)
            shutil.move(str(made / "shell/bin/busybox"), made / "busybox")
            for rest in ("unpacked", "shell"):
                shutil.rmtree(made / rest)
            # Earlier kernels go when nobody has used them for a month.
            for other in folder.glob("linux-image-*"):
                if time.time() - other.stat().st_mtime > 30 * 86400:
                    shutil.rmtree(other)
            made.rename(place)
        os.utime(place)
        return place


# ---- the initramfs -----------------------------------------------------------------------------------

def _libraries(program: Path) -> set[Path]:
    """What the dynamic linker would load, and itself."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return {Path(path) for path in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", done.stdout, re.MULTILINE)}


class _Archive:
    """A cpio archive in the kernel's format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._names: set[str] = set()

    def _entry(self, name: str, mode: int, data: bytes) -> None:
        fields = [len(self._names), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        self._parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]
        self._names.add(name)

    def add(self, name: str, data: bytes, mode: int = 0o100755) -> None:
        name = name.lstrip("/")
        if name in self._names:
            return
        for parent in reversed(Path(name).parents[:-1]):
            if str(parent) not in self._names:
                self._entry(str(parent), 0o040755, b"")
        self._entry(name, mode, data)

    def bytes(self) -> bytes:
        self._entry("TRAILER!!!", 0, b"")
        return b"".join(self._parts)


def _initramfs(kernel: Path, programs: Iterable[Path], files: dict[str, Path]) -> bytes:
    archive = _Archive()
    archive.add("init", INIT.encode())
    archive.add("bin/busybox", (kernel / "busybox").read_bytes())
    for name, program in [("bin/sh", Path("/bin/dash")), *((f"usr/bin/{program.name}", program) for program in programs)]:
        archive.add(name, program.read_bytes())
        for library in _libraries(program):
            archive.add(str(library), library.read_bytes())
    for name, path in files.items():
        archive.add(name, path.read_bytes())
    for path in sorted((kernel / "lib").rglob("*")):
        if path.is_file():
            archive.add(str(path.relative_to(kernel)), path.read_bytes(), 0o100644)
    return gzip.compress(archive.bytes(), 1)


def tool(name: str) -> Path:
    """A program of this machine."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not found:
        raise Unavailable(f"{name} isn't installed")
    return Path(found)


class SmallGuest:
    """Boots in the constructor; close() ends it. `counted`: one instruction takes one nanosecond of the guest's time."""

    def __init__(self, directory: Path, programs: Iterable[Path], files: dict[str, Path] | None = None, memory: int = 1024,
                 counted: bool = False):
        kernel = base()
        initramfs = directory / "initramfs"
        initramfs.write_bytes(_initramfs(kernel, programs, files or {}))
        self.serial = directory / "serial.log"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(directory / "shell.sock"))
        listener.listen(1)
        listener.settimeout(30)
        accel = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"] if counted else ["-accel", "tcg"]
        self._process = subprocess.Popen(
            ["qemu-system-x86_64", *accel, "-machine", "pc", "-cpu", "qemu64", "-smp", "1", "-m", str(memory), "-display", "none",
             "-nodefaults", "-no-reboot", "-kernel", kernel / "vmlinuz", "-initrd", initramfs, "-append",
             "console=ttyS0 panic=-1 mitigations=off quiet", "-serial", f"file:{self.serial}",
             "-chardev", f"socket,id=shell,path={directory / 'shell.sock'}", "-serial", "chardev:shell"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=(directory / "qemu.log").open("wb"), start_new_session=True)
        self._socket, _ = listener.accept()
        listener.close()
        self._socket.settimeout(BOOT_DEADLINE)
        self._stream = self._socket.makefile("rb")
        try:
            self._until(b"ready")
        except BaseException:
            self.close()
            raise

    def _until(self, start: bytes) -> bytes:
        while not (line := self._stream.readline()).startswith(start):
            if not line:
                raise Failed(f"the guest ended:\n{self.console()}")
        return line

    def console(self) -> str:
        return self.serial.read_text(encoding="utf-8", errors="replace") if self.serial.exists() else ""

    def run(self, script: str, check: bool = True, deadline: float = BOOT_DEADLINE) -> str:
        """What the script, for sh -e, wrote to its output."""
        line = base64.b64encode(script.encode()) + b"\n"
        assert len(line) < CHUNK, "too long for a line: use put()"
        self._socket.settimeout(deadline)
        self._socket.sendall(line)
        status, out, err = self._until(b"= ").split()[1:]
        if check and status != b"0":
            text = (base64.b64decode(out[1:]) + base64.b64decode(err[1:])).decode(errors="replace")
            raise Failed(f"{script}\nexit {status.decode()}:\n{text}")
        return base64.b64decode(out[1:]).decode(errors="replace")

    def put(self, path: str, data: str) -> None:
        self.run(f": >{path}")
        for start in range(0, len(data), CHUNK // 3):
            piece = base64.b64encode(data[start:start + CHUNK // 3].encode()).decode()
            self.run(f"echo {piece} | base64 -d >>{path}")

    def wait(self, script: str, deadline: float, what: str) -> None:
        """Until the script ends with 0."""
        def holds() -> bool:
            try:
                self.run(script)
            except Failed:
                return False
            return True

        wait_until(holds, deadline, what)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._stream.close()
        self._socket.close()
