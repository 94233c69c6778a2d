# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""One cell of the leak matrix: traffic before, during and after a fault, and the judgement."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from eipgwlab import Lab, wait_until
from eipgwlab.agent import FlowReport
from eipgwlab.daemons import Daemon
from proof import (DEADLINE, REPAIR, SELECTED, UNSELECTED, Stream, Traffic, intact, leaks,
                   repairs_told, status, survived)

REPAIR_WITHIN = 1.0


@dataclass(frozen=True)
class Fault:
    """A row of the matrix. What is not said here is owed: every selected pod's flow lives on with its
    egress IP, and nobody else loses a packet."""

    name: str
    inflict: Callable[["Cell"], None]
    lossless: bool = False            # selected pods lose nothing, too
    repairs: tuple[str, ...] = ()     # daemons that must say so: once, and within a second
    pieces: bool = False              # the fault is many changes, and may be repaired in some steps
    allow: tuple[str, ...] = ()       # lines of the logs that are expected beside repairs


FAULTS: dict[str, Fault] = {}


def fault(**traits: Any) -> Callable[[Callable[["Cell"], None]], Callable[["Cell"], None]]:
    """Enters a function as a row of the matrix, under its name."""

    def enter(inflict: Callable[["Cell"], None]) -> Callable[["Cell"], None]:
        name = inflict.__name__.strip("_").replace("_", "-")
        FAULTS[name] = Fault(name, inflict, **traits)
        return inflict

    return enter


@dataclass
class Cell:
    """A lab with a fault in it."""

    lab: Lab
    fault: Fault
    traffic: Traffic
    # Streams whose loss is the fault's own doing, not ours (CNI rules flushed): not judged for losses.
    excused: set[Stream] = field(default_factory=set)
    # Streams that the fault itself ends or gives another identity: judged by the fault alone.
    dismissed: set[Stream] = field(default_factory=set)
    sources: dict[str, set[str]] = field(default_factory=dict)  # what a pod's flows must be seen from
    repaired_after: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    leaked: dict[str, int] = field(default_factory=dict)
    lost_by_others: int = 0
    gap_ms: float = 0.0

    def daemon(self, name: str) -> Daemon:
        return self.lab.daemons[name]

    def excuse(self, streams: Iterable[Stream]) -> None:
        self.excused.update(streams)

    def dismiss(self, streams: Iterable[Stream]) -> None:
        self.dismissed.update(streams)

    def check(self, holds: bool, text: str) -> None:
        if not holds:
            self.wrong.append(text)

    # ---- one cell, from the first packet to the judgement ------------------------------------------

    def run(self) -> None:
        self.traffic.advance(self.traffic.live(), 8, "traffic before the fault")
        began = time.monotonic()
        self.fault.inflict(self)
        self._await_repairs(began)
        # What comes back, comes back within a few retransmissions; what is dismissed may be dead.
        self.traffic.advance(self._judged(), 12, "traffic after the fault")
        self._judge()

    def await_repair(self, name: str, began: float) -> None:
        """For faults that must put something else right after the repair."""
        if name in self.repaired_after:
            return
        wait_until(lambda: repairs_told(self.daemon(name)) > 0, DEADLINE, f"{name} tells a repair",
                   every=0.002)
        self.repaired_after[name] = time.monotonic() - began

    def _await_repairs(self, began: float) -> None:
        for name in self.fault.repairs:
            self.await_repair(name, began)

    def _judged(self) -> list[Stream]:
        return [s for s in self.traffic.live() if s not in self.dismissed]

    def _judge(self) -> None:
        for name, after in self.repaired_after.items():
            self.check(after < REPAIR_WITHIN, f"{name} repaired after {after:.3f} s")
        for name in ("node1", "node2", "gw-a"):
            self._judge_repairs(name)
        self.traffic.stop()
        for stream, report in self.traffic.reports.items():
            if stream not in self.dismissed:
                self._judge_stream(stream, report)
        self.leaked = leaks(self.lab)
        self.check(not self.leaked, f"packets with a wrong source: {self.leaked}")

    def _judge_repairs(self, name: str) -> None:
        daemon = self.daemon(name)
        expected = 1 if name in self.fault.repairs else 0
        told = [line for line in daemon.log() if line.startswith("<4>repair: ")]
        if expected and self.fault.pieces:
            expected = min(max(len(told), 1), 4)
        self.check(len(told) == expected, f"{name} told {len(told)} repairs, not {expected}: {told}")
        if daemon.running:
            counted = status(daemon)["kernel"]["repairs"]
            self.check(counted == expected, f"{name} counted {counted} repairs, not {expected}")

    def _judge_stream(self, stream: Stream, report: FlowReport) -> None:
        sources = None
        if not stream.inside:
            sources = self.sources.get(stream.pod, set(self.lab.expected(stream.pod)))
        strict = stream.pod in UNSELECTED or stream.inside or self.fault.lossless
        if stream in self.excused:
            strict = False
        if stream.pod in SELECTED and not stream.inside:
            self.gap_ms = max(self.gap_ms, report.max_gap_ms)
        elif strict:
            self.lost_by_others += report.lost + report.errors
        wrong = intact(report, sources) if strict else survived(report, sources)
        self.wrong += [f"{stream.pod} {stream.kind} {stream.inside}: {text}" for text in wrong]

    # ---- what the faults need ----------------------------------------------------------------------

    def nft(self, script: str, name: str = "node1") -> None:
        self.lab.nft(name, script)

    def ip(self, *arguments: str, name: str = "node1") -> str:
        return self.lab.run(name, "ip", *arguments)

    def reload(self, *names: str) -> None:
        """Writes the configurations and lets the daemons read them, one after the other."""
        for name in names:
            daemon = self.daemon(name)
            before = daemon.log_count(r"^<[46]>config: ")
            runs = status(daemon)["kernel"]["reconciles"]
            daemon.write_config()
            daemon.reload()
            wait_until(lambda d=daemon, n=before: d.log_count(r"^<[46]>config: ") > n, DEADLINE,
                       f"{name} reads its configuration")
            wait_until(lambda d=daemon, n=runs: d.log_count("keeping the old configuration")
                       or status(d)["kernel"]["reconciles"] > n, DEADLINE, f"{name} applies it")

    def selected_streams(self) -> list[Stream]:
        return self.traffic.of(*(set(SELECTED) & set(self.lab.pods)))


def begin(lab: Lab, row: Fault) -> Cell:
    cell = Cell(lab, row, Traffic(lab))
    for pod in lab.pods:
        cell.sources[pod] = set(lab.expected(pod))
    return cell


def patterns_of(row: Fault) -> list[str]:
    return [*row.allow, *([REPAIR] if row.repairs else [])]
