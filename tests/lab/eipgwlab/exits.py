# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The counter at the internet exit: who sent how many packets to whom.

The BPF programs of the internet gateway count each packet twice: on the VPC's side before its source
is translated (together with what it will become), and on the internet's side what really left. The
counters only ever grow, and "since" is a difference of two readings: no packet falls between a
reading and a reset.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from .agent import Agent

Key = tuple[str, str | None, str | None, str, int, int]


@dataclass(frozen=True)
class ExitRow:
    """Packets with one source, destination, protocol and port.

    side "vpc": inside is the source in the VPC, outside what the internet gateway makes of it, None
    where it has no public address: such packets die there, but they were on their way out.
    side "wire": outside is the source on the internet, inside is None.
    """

    side: Literal["vpc", "wire"]
    inside: str | None
    outside: str | None
    destination: str
    proto: int
    port: int  # destination port; the type for ICMP; 0 for later fragments and other protocols
    packets: int

    @property
    def source(self) -> str:
        return self.outside or self.inside or "?"


@dataclass(frozen=True)
class Mark:
    """A reading of the counter."""

    packets: dict[Key, int]
    inbound_unmapped: int


ZERO = Mark({}, 0)


class ExitCounter:
    """Reads the counter through the internet gateway's helper."""

    def __init__(self, agent: Agent):
        self._agent = agent

    def mark(self) -> Mark:
        answer: dict[str, Any] = self._agent.call("igw_counts")
        if answer["uncounted"]:
            raise RuntimeError(f"the exit counter overflowed: {answer['uncounted']} packets missing")
        packets = {tuple(row[:6]): row[6] for row in answer["rows"]}
        return Mark(packets, answer["inbound_unmapped"])

    def rows(self, since: Mark = ZERO) -> list[ExitRow]:
        now = self.mark().packets
        rows = [ExitRow(*key, packets=count - since.packets.get(key, 0))
                for key, count in now.items()]
        return sorted((row for row in rows if row.packets),
                      key=lambda row: (row.side, row.source, row.destination, row.proto, row.port))


def by_source(rows: Iterable[ExitRow], side: str) -> dict[str, int]:
    """Packets by source address. On the VPC's side: by the public address where there is one."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.side == side:
            counts[row.source] = counts.get(row.source, 0) + row.packets
    return counts
