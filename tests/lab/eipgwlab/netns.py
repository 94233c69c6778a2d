# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Network namespaces: enter, configure in batches, find and end what runs in them.

Commands run as children of this process while the calling thread stands in the namespace, and
sysctls are plain writes: a fork of ip(8) per line would make a lab take ten times as long.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .wait import wait_until

RUN_DIR = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(RuntimeError):
    """A command that sets the lab up failed."""


def _setns(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET):
        errno = ctypes.get_errno()
        raise OSError(errno, f"setns: {os.strerror(errno)}")


@contextlib.contextmanager
def entered(netns: str) -> Iterator[None]:
    """Moves the calling thread into a namespace for the time of the block."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(RUN_DIR / netns, os.O_RDONLY)
        try:
            _setns(there)
        finally:
            os.close(there)
        yield
    finally:
        _setns(home)
        os.close(home)


def execute(
    argv: list[str],
    *,
    netns: str | None = None,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Runs a command, in a namespace if one is named, and returns its output as text."""
    with entered(netns) if netns else contextlib.nullcontext():
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, check=False,
            env={**os.environ, **env} if env else None,
        )
    if check and done.returncode:
        shown = f"\n--- input\n{stdin}" if stdin else ""
        raise CommandFailed(
            f"{netns or 'host'}: {' '.join(argv)}: exit {done.returncode}\n{done.stderr}{shown}"
        )
    return done


def ip_batch(lines: Iterable[str], netns: str | None = None, force: bool = False) -> None:
    """Runs lines of ip(8). With force, lines that fail (already there) don't stop the rest."""
    text = "\n".join(lines)
    if text:
        argv = ["ip", *(["-force"] if force else []), "-batch", "-"]
        execute(argv, netns=netns, stdin=text + "\n", check=not force)


class IpShell:
    """One ip(8) that stays in a namespace, for who has so many batches that a process for each would be most of the work.

    It must not be told `netns NAME`, of which it keeps a descriptor for ever; the number of a process inside is as good."""

    def __init__(self, netns: str):
        self.netns = netns
        self.asked = ""
        self.errors = tempfile.TemporaryFile()
        with entered(netns):
            self.process = subprocess.Popen(["ip", "-oneline", "-batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=self.errors, text=True)

    def ask(self, lines: Iterable[str]) -> None:
        """Begins; wait() before the next one. Listing a device writes a line, which says that all before it is done."""
        assert self.process.stdin is not None
        self.asked = "".join(f"{line}\n" for line in lines)
        if self.asked:
            self.process.stdin.write(self.asked + "link show dev lo\n")
            self.process.stdin.flush()

    def wait(self) -> None:
        assert self.process.stdout is not None
        if self.asked and not self.process.stdout.readline():
            self.process.wait()
            self.errors.seek(0)
            said = self.errors.read().decode(errors="replace")
            raise CommandFailed(f"{self.netns}: ip -batch: exit {self.process.returncode}\n{said}\n--- input\n{self.asked}")
        self.asked = ""

    def close(self) -> None:
        self.process.communicate()
        self.errors.close()


def sysctl(netns: str, values: Mapping[str, str | int]) -> None:
    """Sets sysctls, written as net.ipv4.ip_forward; a dot in a device's name is written as /."""
    with entered(netns):
        for key, value in values.items():
            path = "/".join(part.replace("/", ".") for part in key.split("."))
            Path("/proc/sys", path).write_text(f"{value}\n", encoding="ascii")


def inode(netns: str) -> int | None:
    """The identity of a namespace, or None if there is no such name."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(RUN_DIR / netns).st_ino
    return None


def pids(netns_inodes: set[int]) -> list[int]:
    """Every process that lives in one of these namespaces, this one excepted."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{entry}/ns/net").st_ino in netns_inodes:
                found.append(int(entry))
    return found


def delete(names: Iterable[str]) -> None:
    """Ends every process inside and removes the namespaces. Names that don't exist are fine."""
    existing = {name: number for name in names if (number := inode(name)) is not None}
    inodes = set(existing.values())

    def nobody_left() -> bool:
        living = pids(inodes)
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return not living

    if inodes:
        wait_until(nobody_left, 30, "the end of the processes inside the lab")
        ip_batch((f"netns del {name}" for name in existing), force=True)
