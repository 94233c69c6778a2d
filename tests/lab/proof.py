# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What the tests of the daemons share: asking a daemon, counting leaks, and traffic that is judged."""

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eipgwlab import Lab, wait_until
from eipgwlab.agent import Flow, FlowReport
from eipgwlab.daemons import Daemon
from eipgwlab.exits import Mark
from eipgwlab.lab import PodStation
from eipgwlab.model import NATGW_PUBLIC

SELECTED = ("p1", "p3", "p4")
UNSELECTED = ("p2", "p5")
KINDS = ("tcp", "udp", "pull", "tcp-new")
REPAIR = r"^<4>repair: "
DEADLINE = 30.0  # for what takes milliseconds on a machine that has time


def status(daemon: Daemon) -> dict[str, Any]:
    """What a daemon says about itself over its control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(DEADLINE)
        connection.connect(str(daemon.control_path))
        connection.sendall(b'{"v":1,"command":"status"}\n')
        with connection.makefile() as answers:
            answer = json.loads(answers.readline())
    assert answer["ok"], f"{daemon.name}: {answer}"
    return answer["result"]


def counters(daemon: Daemon) -> dict[str, int]:
    """{counter's name: packets}"""
    return {counter["name"]: counter["packets"] for counter in status(daemon)["counters"]}


def repairs_told(daemon: Daemon) -> int:
    return daemon.log_count(REPAIR)


def usual_sources(lab: Lab, pod: PodStation) -> set[str]:
    """What the exit sees of a pod that no policy selects. A pod with a branch interface of its own
    leaves with its own address, which has no public one."""
    if pod.pod.vlan is not None:
        return {pod.address}
    if lab.flavour.nat_gateway:
        return {NATGW_PUBLIC}
    public = lab.machines[pod.node].public
    assert public is not None
    return {public}


def leaks(lab: Lab, since: Mark | None = None) -> dict[str, int]:
    """Packets with a wrong source, of both sides of the internet gateway: {} is what we want.

    Also those that only AWS's source check kept from getting there: a pod's address at a gateway, or at
    the wrong interface of its node."""
    found = {f"{pod} vpc": count for pod, count in lab.foreign(since).items()}
    servers = {station.pod.server: name for name, station in lab.pods.items()}
    for row in lab.exit_rows(since):
        pod = servers.get(row.destination)
        if row.side == "wire" and pod and row.source not in lab.expected(pod):
            found[f"{pod} wire"] = found.get(f"{pod} wire", 0) + row.packets
    pods = {station.address: station for station in lab.pods.values()}
    for (machine, source), packets in lab.source_check_drops().items():
        station = pods.get(source)
        if station and machine in (station.node, *lab.gateways):
            found[f"{station.name} at {machine}"] = packets
    return found


def seen_since(lab: Lab, pod: str, mark: Mark) -> set[str]:
    """The sources that left to a pod's own server since a reading."""
    return set(lab.seen_for(pod, mark))


@dataclass(frozen=True)
class Stream:
    """One flow of the traffic: who, how, and whether it stays in the cluster."""

    pod: str
    kind: str
    inside: str = ""  # "" to the internet, "pod" to a pod's address, "service" to a ClusterIP


class Traffic:
    """Flows of all pods, to the internet and inside of the cluster, and what became of them."""

    def __init__(self, lab: Lab, interval_ms: int = 10):
        self.lab = lab
        self.flows: dict[Stream, Flow] = {}
        self.reports: dict[Stream, FlowReport] = {}
        for pod in lab.pods:
            for kind in KINDS:
                self.flows[Stream(pod, kind)] = lab.pods[pod].flow(
                    kind, interval_ms=interval_ms, timeout=0.5)
        for pod, peer in (("p1", "p5"), ("p2", "p5"), ("p4", "p2")):
            self.flows[Stream(pod, "udp", "pod")] = lab.pods[pod].flow(
                "udp", dst=lab.pods[peer].address, interval_ms=interval_ms, timeout=0.5)
        for pod in ("p2", "p4"):
            self.flows[Stream(pod, "tcp-new", "service")] = lab.pods[pod].flow(
                "tcp-new", dst="172.20.0.10", port=80, interval_ms=interval_ms, timeout=0.5)

    def stat(self, streams: Iterable[Stream]) -> dict[Stream, FlowReport]:
        return {stream: self.flows[stream].stat() for stream in streams}

    def live(self) -> list[Stream]:
        return list(self.flows)

    def of(self, *pods: str) -> list[Stream]:
        """The streams of these pods to the internet."""
        return [s for s in self.flows if s.pod in pods and not s.inside]

    def inside(self) -> list[Stream]:
        return [s for s in self.flows if s.inside]

    def advance(self, streams: Iterable[Stream], messages: int = 15, what: str = "traffic goes on",
                deadline: float = DEADLINE) -> None:
        """Waits until each of these streams has had so many more answers."""
        goals = {s: report.received + messages for s, report in self.stat(streams).items()}

        def behind() -> list[str]:
            return [f"{s} {r.state} {r.received} of {goals[s]}, {r.error}"
                    for s, r in self.stat(goals).items() if r.received < goals[s]]

        try:
            wait_until(lambda: not behind(), deadline, what)
        except AssertionError as error:
            raise AssertionError(f"{what}: " + "; ".join(behind())) from error

    def attempt(self, streams: Iterable[Stream], messages: int = 25) -> None:
        """Waits until each of these streams has tried so many more times, answered or not.

        An established stream that is stuck sends nothing anew, so only new connections and
        datagrams are waited for."""
        goals = {s: r.sent + messages for s, r in self.stat(streams).items()
                 if s.kind not in ("tcp", "pull")}
        wait_until(lambda: all(r.sent >= goals[s] for s, r in self.stat(goals).items()), DEADLINE,
                   "attempts")

    def stop(self, *pods: str) -> None:
        """Ends the flows of these pods, or all, and keeps their reports."""
        ending = [s for s in self.flows if not pods or s.pod in pods]
        for stream in ending:
            self.reports[stream] = self.flows.pop(stream).stop()


def intact(report: FlowReport, sources: set[str] | None = None) -> list[str]:
    """What is wrong with a flow that should not have noticed anything."""
    found = []
    if report.lost or report.errors or report.corrupt or report.resets:
        found.append(f"lost {report.lost}, errors {report.errors} {report.failures},"
                     f" corrupt {report.corrupt}, resets {report.resets}")
    return found + survived(report, sources)


def survived(report: FlowReport, sources: set[str] | None = None) -> list[str]:
    """What is wrong with a flow that may have lost packets, but must live with its identity."""
    found = []
    if report.state == "dead" or report.resets:
        found.append(f"{report.state}, {report.error}, resets {report.resets}")
    if report.corrupt:
        found.append(f"corrupt {report.corrupt}")
    if sources is not None and set(report.seen) != sources:
        found.append(f"seen from {report.seen}")
    return found
