# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Which TCP ports of a host answer: a SYN to each, from one of the lab's namespaces."""

import socket

from . import netns, packets
from .agent import Station

SO_RCVBUFFORCE = 33  # not in the module
SOURCE_PORT = 61000
LAST_PORT = 65535
END_DEADLINE = 50.0  # an emulated host looks at 65535 packets; less than what a labtool waits for


def _sum(data: bytes) -> int:
    return ~packets.checksum(data) & 0xFFFF


def _syn(template: bytes, partial: int, port: int) -> bytes:
    total = partial + port
    check = ~((total >> 16) + (total & 0xFFFF)) & 0xFFFF
    return template[:2] + port.to_bytes(2, "big") + template[4:16] + check.to_bytes(2, "big") + template[18:]


def answering(station: Station, source: str, target: str, last: Station) -> dict[int, str]:
    """{port: "open" or "closed"} of those from which an answer came. A ping of `last`, which the host does answer, is the last packet, and
    packets stay in order: when it has come back, the host has seen all the others, and so have we what it said. None may be lost on the way
    there; the caller counts."""
    whole = packets.tcp(source, target, SOURCE_PORT, 0)[20:]
    template = whole[:16] + b"\0\0" + whole[18:]
    partial = _sum(socket.inet_aton(source) + socket.inet_aton(target) + bytes([0, packets.TCP]) + len(template).to_bytes(2, "big") + template)
    found: dict[int, str] = {}
    with netns.entered(station.netns):
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, packets.TCP)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        sock.bind((source, 0))
        sock.connect((target, 0))
        for port in range(1, LAST_PORT + 1):
            sock.send(_syn(template, partial, port))
        ping = last.probe("icmp", dst=target, timeout=END_DEADLINE)
        assert ping.reached, f"{target} doesn't answer {last.name}'s ping: {ping}"
        while True:
            try:
                packet = sock.recv(2048, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            segment = packet[(packet[0] & 15) * 4:]
            if int.from_bytes(segment[2:4], "big") == SOURCE_PORT:
                found[int.from_bytes(segment[:2], "big")] = "closed" if segment[13] & packets.RST else "open"
