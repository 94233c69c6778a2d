# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""When something was heard: of the kernel's changes to nf_tables, of what a program prints, of a watch.

Each source is read by a process of its own, which does nothing but note the time and keep the bytes; they are looked at later.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import os
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator
from typing import Any, Protocol

from .follower import PRIORITY

CHUNK = 1 << 18
NETLINK_NETFILTER, SOL_NETLINK, ADD_MEMBERSHIP, NFTABLES_GROUP = 12, 270, 1, 7
SUBSYSTEM, NEW_ELEM, DEL_ELEM, NEW_GEN = 10, 12, 14, 15
SET_NAME, ELEMENTS, ELEM_KEY, NESTED = 2, 3, 1, 0x3FFF
PODS = (b"class_pod", b"steer_pod")  # the sets that a pod's element is in, on a gateway and on a node

Record = tuple[int, bytes]  # ns of the monotonic clock


class Source(Protocol):
    """Something that becomes readable."""

    def fileno(self) -> int: ...
    def read(self) -> bytes | None: ...  # None: nothing more for now; b"": the end
    def parse(self, records: list[Record]) -> Any: ...  # of these; those before were parsed
    def clear(self) -> None: ...


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind & NESTED, data[at + 4:at + length]
        at += (length + 3) & ~3


def pod_addresses(payload: bytes) -> Iterator[bytes]:
    """The addresses of a message's elements, if they are pods."""
    found = dict(attributes(payload))
    if found.get(SET_NAME, b"").rstrip(b"\0") not in PODS:
        return
    for _, elem in attributes(found.get(ELEMENTS, b"")):
        for kind, key in attributes(elem):
            if kind == ELEM_KEY:
                yield key[-4:]  # alone, or behind the node's mark


class Kernel:
    """The namespace's nf_tables: {"elements": [(ns, it is there now, address)], "transactions": [ns], "lost": n}"""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
        self._elements: list[tuple[int, bool, str]] = []
        self._transactions: list[int] = []
        self._socket.bind((0, 0))
        self._socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, NFTABLES_GROUP)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes | None:
        try:
            return self._socket.recv(CHUNK)
        except BlockingIOError:
            return None

    def parse(self, records: list[Record]) -> dict[str, list[Any]]:
        for when, data in records:
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                payload, what = data[at + 20:at + length], kind & 0xFF
                if kind >> 8 == SUBSYSTEM and what in (NEW_ELEM, DEL_ELEM):
                    self._elements += [(when, what == NEW_ELEM, socket.inet_ntoa(a)) for a in pod_addresses(payload)]
                elif kind >> 8 == SUBSYSTEM and what == NEW_GEN:
                    self._transactions.append(when)
                at += (length + 3) & ~3
        return {"elements": self._elements, "transactions": self._transactions}

    def clear(self) -> None:
        self._elements, self._transactions = [], []


class Tokens:
    """{token: when it was first seen}, of a stream of text."""

    PATTERN = re.compile(rb"event-(\d{6,})-of-the-benchmark")
    LONGEST = 64

    def __init__(self) -> None:
        self._found: dict[int, int] = {}
        self._rest = b""

    def parse(self, records: list[Record]) -> dict[int, int]:
        for when, data in records:
            for match in self.PATTERN.finditer(self._rest + data):
                self._found.setdefault(int(match[1]), when)
            self._rest = data[-self.LONGEST:]
        return self._found

    def clear(self) -> None:
        self._found = {}


def token(number: int) -> str:
    """A label's value that stands for an event."""
    return f"event-{number:06d}-of-the-benchmark"


class Printed(Tokens):
    """What a program prints."""

    def __init__(self, argv: list[str]):
        super().__init__()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)

    def fileno(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def read(self) -> bytes | None:
        try:
            return os.read(self.fileno(), CHUNK)
        except BlockingIOError:
            return None


class Watched(Tokens):
    """A watch of all pods as it comes out of TLS: nobody can know of an event earlier."""

    def __init__(self, client: Any):
        super().__init__()
        version = client.get("Pod", limit=1)["metadata"]["resourceVersion"]
        self._connection = client.connect()
        self._socket: ssl.SSLSocket = self._connection.sock
        headers = "".join(f"{key}: {value}\r\n" for key, value in client.headers(Host="api", Connection="close").items())
        path = f"/api/v1/pods?watch=1&timeoutSeconds=3600&resourceVersion={version}"
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode())
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes | None:
        try:
            return self._socket.recv(CHUNK)
        except (ssl.SSLWantReadError, BlockingIOError):
            return None


def end_with_parent() -> None:
    """Of a process that was forked: Ctrl-C is its parent's business, whose end is its own."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _record(source: Source, pipe: Any) -> None:
    """The process: notes until it is asked."""
    end_with_parent()
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY + 1))
    gc.disable()
    records: list[Record] = []
    ended = False
    while True:
        ready, _, _ = select.select([pipe] if ended else [source, pipe], [], [])
        while source in ready and not ended and (data := source.read()) is not None:
            records.append((time.monotonic_ns(), data))
            ended = not data
        if pipe in ready:
            try:
                clear = pipe.recv()
            except EOFError:
                return
            pipe.send((source.parse(records), ended))
            records = []
            if clear:
                source.clear()


class Recorder:
    """A source and the process that listens to it."""

    def __init__(self, source: Source):
        self.source = source
        self.ended = False  # by the other side; as of the last heard()
        context = multiprocessing.get_context("fork")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_record, args=(source, other), daemon=True)
        self._process.start()
        other.close()

    def heard(self, clear: bool = False) -> Any:
        """What the source says was heard since the last `clear`."""
        self._pipe.send(clear)
        found, self.ended = self._pipe.recv()
        return found

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        if isinstance(self.source, Printed):
            self.source.process.kill()
            self.source.process.communicate()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self.stop()
