# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Who records a gateway's connections: eipgwd itself, conntrack(8) and ulogd2. Each is started on a gateway that stands
(gateways.Bench), and tells what it cost and what it wrote.

The rivals get a socket buffer as large as eipgwd's, and the kernel tells them what it tells eipgwd: counters and time stamps.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .command import Failed
from .gateways import Bench
from .lab import netns, wait

SYS_PIDFD_GETFD, SO_RCVBUFFORCE = 438, 33  # which Python has no names for
NETFILTER = "12"  # the protocol's number in /proc/net/netlink
CONNTRACK_GROUPS = 0b111  # new, update, destroy
BUFFER = 16 << 20  # as gateway/log/flowlog.c
START_S, END_S, QUIET_S = 30, 60, 60
LOOK_S, IDLE_S = 0.25, 0.01
ULOGD_PLUGINS = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "ulogd"
ULOGD = """
[global]
logfile="{directory}/ulogd.log"
loglevel=3
plugin="{plugins}/ulogd_inpflow_NFCT.so"
plugin="{plugins}/ulogd_filter_IP2STR.so"
plugin="{plugins}/ulogd_output_JSON.so"
stack=ct1:NFCT,ip2str1:IP2STR,json1:JSON
[ct1]
netlink_socket_buffer_size={buffer}
netlink_socket_buffer_maxsize={buffer}1
{more}
[json1]
file="{directory}/ulogd.json"
"""


@dataclass(frozen=True)
class Flow:
    """A record, as far as all have it."""

    protocol: str
    source: str
    source_port: int
    destination: str
    port: int


@dataclass
class Socket:
    """A socket that hears of connections, as the kernel sees it."""

    waiting: int  # bytes
    drops: int
    pid: int
    fd: int


def _sockets(pids: list[int]) -> list[Socket]:
    found = []
    for pid in pids:
        mine = {}
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                mine[os.readlink(entry)] = int(entry.name)
        for line in Path(f"/proc/{pid}/net/netlink").read_text(encoding="ascii").splitlines()[1:]:
            row = line.split()
            if row[1] == NETFILTER and int(row[3], 16) & CONNTRACK_GROUPS and (fd := mine.get(f"socket:[{row[9]}]")) is not None:
                found.append(Socket(int(row[4]), int(row[8]), pid, fd))
    return found


def _raise_buffer(sock: Socket) -> None:
    """Gives another process's socket a larger buffer."""
    pidfd = os.pidfd_open(sock.pid)
    try:
        fd = ctypes.CDLL(None, use_errno=True).syscall(SYS_PIDFD_GETFD, pidfd, sock.fd, 0)
        if fd < 0:
            raise Failed(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
        with socket.socket(fileno=fd) as theirs:
            theirs.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    finally:
        os.close(pidfd)


class Recorder:
    """What is the same for all: the time, the memory and the sockets of a process and its children."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.directory = bench.directory

    # What each does in its own way.
    def start(self) -> None:
        raise NotImplementedError

    def pid(self) -> int:
        raise NotImplementedError

    def stop(self) -> None:
        """Ends it in its own way, so that all is written."""
        raise NotImplementedError

    def flows(self) -> Iterator[Flow]:
        raise NotImplementedError

    def admitted(self) -> int:
        """How often it said, where its reader may see it, that something is missing."""
        raise NotImplementedError

    def forget(self) -> None:
        """Lets go of what was written so far."""
        raise NotImplementedError

    def pids(self) -> list[int]:
        children = Path(f"/proc/{self.pid()}/task/{self.pid()}/children").read_text(encoding="ascii")
        return [self.pid(), *map(int, children.split())]

    def cpu(self) -> float:
        """Seconds on a processor so far, user and system."""
        return sum(int(path.read_text(encoding="ascii").split()[0]) for pid in self.pids()
                   for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9

    def mib(self) -> float:
        text = "".join(Path(f"/proc/{pid}/status").read_text(encoding="ascii") for pid in self.pids())
        return sum(int(kib) for kib in re.findall(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)) / 1024

    def drops(self) -> int:
        return sum(one.drops for one in _sockets(self.pids()))

    def signal(self, number: int) -> None:
        for pid in self.pids():
            os.kill(pid, number)

    def wait_listening(self) -> None:
        wait.wait_until(lambda: _sockets(self.pids()), START_S, "somebody hears of connections", 0.05)

    def wait_quiet(self) -> None:
        """Until the kernel has no more to tell it, and it has nothing more to do."""
        before = [self.cpu()]

        def is_quiet() -> bool:
            used, before[0] = self.cpu() - before[0], self.cpu()
            return used < IDLE_S and not sum(one.waiting for one in _sockets(self.pids()))

        wait.wait_until(is_quiet, QUIET_S, "all is recorded", LOOK_S)


class Nobody(Recorder):
    """Nothing listens; eipgwd keeps its table, as it does beside the rivals."""

    def start(self) -> None:
        pass

    def pids(self) -> list[int]:
        return []

    def wait_listening(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def forget(self) -> None:
        pass

    def flows(self) -> Iterator[Flow]:
        return iter(())

    def admitted(self) -> int:
        return 0


class Eipgwd(Recorder):
    """The gateway's own daemon, started again with a log."""

    def _restart(self, config: dict[str, Any]) -> None:
        assert self.bench.daemon and self.bench.config
        self.bench.daemon.end()
        self.bench.daemon.configure(config)
        self.bench.daemon.start()

    @property
    def _log(self) -> Path:
        return self.directory / "nat.log"

    def start(self) -> None:
        for path in self.directory.glob("nat.log*"):
            path.unlink()
        assert self.bench.config
        self._restart({**self.bench.config, "log": {"file": {"path": str(self._log), "max_bytes": 1 << 31}}})

    def pid(self) -> int:
        assert self.bench.daemon
        return self.bench.daemon.pid()

    def stop(self) -> None:
        assert self.bench.config
        self._restart(self.bench.config)

    def forget(self) -> None:
        os.truncate(self._log, 0)  # it's written to its end, wherever that is

    def _records(self, kind: str) -> Iterator[dict[str, Any]]:
        with self._log.open(encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                if record["type"] == kind:
                    yield record

    def flows(self) -> Iterator[Flow]:
        for record in self._records("flow"):
            pod, destination = record["pod"], record["destination"]
            if not record.get("policy") or not record["egress"].get("public"):
                raise Failed(f"nobody's connection: {record}")
            yield Flow(record["protocol"], pod["address"], pod["port"], destination["address"], destination["port"])

    def admitted(self) -> int:
        return sum(1 for _ in self._records("gap"))


class Program(Recorder):
    """A rival: a program of its own beside eipgwd, which has no log then."""

    argv: list[str]

    def __init__(self, bench: Bench):
        super().__init__(bench)
        self._process: subprocess.Popen[bytes] | None = None

    def _path(self, name: str) -> Path:
        return self.directory / f"rival.{name}"

    @property
    def _written(self) -> Path:
        return self._path("out")

    def start(self) -> None:
        self._written.unlink(missing_ok=True)
        with self._path("out").open("ab") as out, self._path("err").open("wb") as err, netns.entered(self.bench.netns):
            self._process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/")

    def pid(self) -> int:
        assert self._process
        if self._process.poll() is not None:
            raise Failed(f"{' '.join(self.argv)}: ended\n{self._path('err').read_text(encoding='utf-8')}")
        return self._process.pid

    def forget(self) -> None:
        os.truncate(self._written, 0)

    def stop(self) -> None:
        if not self._process:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class Conntrack(Program):
    """conntrack -E, into a file. Version 1.4.7 gives the buffer that it is told (-b) to another socket than that of the events;
    `raised`: that one gets it all the same, from outside."""

    line = re.compile(r"\[DESTROY\]\s+(\w+)\s+\d+ (?:\w+ )*src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)")

    def __init__(self, bench: Bench, events: str, raised: bool):
        super().__init__(bench)
        self._raised = raised
        self.argv = ["conntrack", "-E", "-o", "timestamp,id", "-e", events, "-b", str(BUFFER)]

    def wait_listening(self) -> None:
        super().wait_listening()
        for one in _sockets(self.pids()) if self._raised else []:
            _raise_buffer(one)

    def flows(self) -> Iterator[Flow]:
        with self._written.open(encoding="ascii") as file:
            for line in file:
                if match := self.line.search(line):
                    yield Flow(match[1], match[2], int(match[4]), match[3], int(match[5]))

    def admitted(self) -> int:
        return self._path("err").read_text(encoding="utf-8").count("ENOBUFS")


class Ulogd(Program):
    """ulogd2 with its NFCT input and JSON output. more: lines of the input's section."""

    def __init__(self, bench: Bench, more: str):
        super().__init__(bench)
        file = self.directory / "ulogd.conf"
        file.write_text(ULOGD.format(directory=self.directory, plugins=ULOGD_PLUGINS, buffer=BUFFER, more=more), encoding="ascii")
        self.argv = ["ulogd", "-c", str(file)]

    @property
    def _written(self) -> Path:
        return self.directory / "ulogd.json"

    @property
    def _own_log(self) -> Path:
        return self.directory / "ulogd.log"

    def start(self) -> None:
        self._own_log.unlink(missing_ok=True)
        super().start()

    def flows(self) -> Iterator[Flow]:
        with self._written.open(encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                yield Flow({6: "tcp", 17: "udp"}.get(record["orig.ip.protocol"], "?"), record["src_ip"], record["orig.l4.sport"],
                           record["dest_ip"], record["orig.l4.dport"])

    def admitted(self) -> int:
        return len(re.findall("losing events|Maximum buffer", self._own_log.read_text(encoding="utf-8")))


OURS = "eipgwd"
NOBODY = "nobody"
RIVALS = RAISED, HASH = "conntrack -E, buffer raised", "ulogd2, hash"  # that know as much as we do of each flow
RECORDERS: dict[str, Callable[[Bench], Recorder]] = {
    OURS: Eipgwd,
    "conntrack -E": lambda bench: Conntrack(bench, "NEW,DESTROY", raised=False),
    RAISED: lambda bench: Conntrack(bench, "NEW,DESTROY", raised=True),
    "conntrack -E, ends, buffer raised": lambda bench: Conntrack(bench, "DESTROY", raised=True),
    # With a hash it remembers beginnings, as eipgwd does; without, it hears of ends alone, as "event_mask" says.
    HASH: lambda bench: Ulogd(bench, "hash_enable=1\nhash_buckets=65536\nhash_max_entries=1048576"),
    "ulogd2, ends, reliable": lambda bench: Ulogd(bench, "hash_enable=0\nevent_mask=4\nreliable=1"),
}


def available() -> list[str]:
    """Those whose programs are here."""
    return [name for name in RECORDERS if "ulogd" not in name or (ULOGD_PLUGINS / "ulogd_output_JSON.so").exists()]
