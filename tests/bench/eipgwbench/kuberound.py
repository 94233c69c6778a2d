# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""One start of both daemons at the large cluster, and all that is measured of them, beside kubectl."""

from __future__ import annotations

import contextlib
import os
import random
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import stats
from .cluster import NAMESPACE, Cluster, pod_name
from .command import Failed, say
from .follower import FIRST, Follower
from .lab import netns, wait
from .recorder import Kernel, Printed, Recorder, Source, Watched, token

HEARTBEAT_S = 300  # kubelet's nodeStatusReportFrequency
START_S, BURST_S = 300, 300
RIVALS = ("kubectl", "watch")

Event = dict[str, Any]


def pause(seconds: float) -> None:
    """Nothing is waited for: it is the pace of events, or the time in which nothing happens."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        select.select([], [], [], left)


def in_kernel(events: Sequence[Event], elements: Sequence[tuple[int, bool, str]]) -> dict[int, int]:
    """{an event's number: when the pod's element was there, or gone}"""
    by_address: dict[tuple[str, bool], list[int]] = {}
    for when, on, address in elements:
        by_address.setdefault((address, on), []).append(when)
    found = {}
    for event in events:
        times = by_address.get((event["address"], event["on"]), [])
        when = next((when for when in times if when >= event["sent"]), None)
        if when is not None:
            found[event["number"]] = when
    return found


def delays(events: Sequence[Event], found: dict[str, dict[int, int]]) -> list[dict[str, float]]:
    """Of each event: ms from its writing to the kernel, to kubectl's line, to the watch's bytes."""
    return [{who: (heard[event["number"]] - event["sent"]) / 1e6 for who, heard in found.items()} for event in events]


class Round:
    """What it finds is in `row`."""

    _numbers = 0  # of the last event, of all rounds

    def __init__(self, cluster: Cluster, tools: dict[str, Path], kubectl: str | None, directory: Path):
        self.cluster, self.tool = cluster, tools["eipgw"]
        config = str(cluster.plane.kubeconfig("gateway"))
        self.kubectl = [*FIRST, kubectl, "--kubeconfig", config] if kubectl else []
        gw, node = cluster.names["gw"], cluster.names["node"]
        self.gateway = Follower(tools["eipgwd"], "eipgwd", gw, directory, cluster.gateway_config())
        self.node = Follower(tools["eipgw-noded"], "eipgw-noded", node, directory, cluster.node_config())
        self.daemons = (self.gateway, self.node)
        self.recorders: dict[str, Recorder] = {}
        self.row: dict[str, Any] = {}

    # ---- the first list

    def _kubectl_list(self) -> None:
        """The same objects, as people list them: the API server makes rows of them, which is the least that kubectl reads."""
        if not self.kubectl:
            return
        began = time.monotonic()
        argv = [*self.kubectl, "get", "nodes,namespaces,pods", "-A"]
        with netns.entered(self.cluster.names["gw"]):
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        if status:
            raise Failed("kubectl can't list")
        self.row["list kubectl"] = {"wall": time.monotonic() - began, "cpu": usage.ru_utime + usage.ru_stime,
                                    "hwm": usage.ru_maxrss / 1024}

    def first_lists(self, number: int) -> None:
        steps = [lambda: self.row.update({"list eipgwd": self.gateway.start(START_S)}), self._kubectl_list,
                 lambda: self.row.update({"list eipgw-noded": self.node.start(START_S)})]
        for step in stats.alternating(steps, number):
            step()

    # ---- who hears of events

    def listen(self, stack: contextlib.ExitStack) -> None:
        sources: dict[str, Source] = {}
        for name in ("gw", "node"):
            with netns.entered(self.cluster.names[name]):
                sources[name] = Kernel()
        if self.kubectl:
            with netns.entered(self.cluster.names["gw"]):
                sources["kubectl"] = Printed([*self.kubectl, "get", "pods", "-A", "--watch-only", "--output-watch-events",
                                              "-o", "json"])
        sources["watch"] = Watched(self.cluster.client_from("gw"))
        self.recorders = {who: stack.enter_context(Recorder(source)) for who, source in sources.items()}

        def heard() -> bool:
            """kubectl lists everything before it watches, and doesn't say when it has."""
            self.patch(self.event(self.cluster.spares()[0], None))
            return all(recorder.heard() for who, recorder in self.recorders.items() if who in RIVALS)

        wait.wait_until(heard, START_S, "the watches have begun", 0.3)

    def clear(self) -> None:
        for recorder in self.recorders.values():
            recorder.heard(clear=True)

    def heard_all(self, events: Sequence[Event], kernel: str, deadline: float) -> tuple[dict[str, dict[int, int]], list[int]]:
        """({who: {an event's number: when}}, when transactions ended): everybody has heard of all events."""
        missing: dict[str, int] = {}

        def find() -> tuple[dict[str, dict[int, int]], list[int]] | None:
            said = self.recorders[kernel].heard()
            found = {who: self.recorders[who].heard() for who in RIVALS if who in self.recorders}
            # The API server ends the watch of who is too slow; kubectl then ends, too.
            found = {who: heard for who, heard in found.items() if not self.recorders[who].ended}
            found["kernel"] = in_kernel(events, said["elements"])
            numbers = {event["number"] for event in events}
            missing.clear()
            missing.update({who: len(numbers - heard.keys()) for who, heard in found.items()})
            return None if any(missing.values()) else (found, said["transactions"])

        try:
            return wait.wait_until(find, deadline, "all events were heard", 0.5)
        except wait.DeadlineExceeded as error:
            logs = "\n".join(daemon.log_tail() for daemon in self.daemons)
            raise Failed(f"{error}; not heard of {missing}, of {len(events)}\n{logs}") from error

    # ---- events

    def event(self, pod: int, chosen: bool | None) -> Event:
        """A pod's labels change: chosen or not by a policy (None: as it is)."""
        Round._numbers += 1
        labels: dict[str, Any] = {"event": token(Round._numbers)}
        if chosen is not None:
            labels["egress"] = self.cluster.selected(pod)["egress"] if chosen else None
        return {"number": Round._numbers, "pod": pod, "on": chosen, "address": self.cluster.plan.address_of(pod),
                "patch": {"metadata": {"labels": labels}}}

    def patch(self, event: Event) -> None:
        self.cluster.admin.patch("Pod", pod_name(event["pod"]), event["patch"], NAMESPACE)

    def one_by_one(self, kernel: str, pods: Sequence[int], count: int) -> list[dict[str, float]]:
        """Labels change, one pod after the other, some 20 a second; none twice before everybody has heard of it."""
        rand, rows, on, pods = random.Random(count), [], False, pods[:count]
        self.clear()
        while count:
            on, events = not on, []
            for pod in pods[:count]:
                event = self.event(pod, on)
                event["sent"] = time.monotonic_ns()
                self.patch(event)
                events.append(event)
                pause(rand.uniform(0.02, 0.06))
            rows += delays(events, self.heard_all(events, kernel, 60)[0])
            count -= len(events)
        daemon = self.gateway if kernel == "gw" else self.node
        self.row[f"own {kernel}"] = daemon.status(self.tool)["kernel"]  # before what puts all back adds to it
        self.put_back(pods)
        return rows

    def created(self, count: int) -> list[dict[str, float]]:
        """Pods are made, and get their address a little later, from which on is measured."""
        self.clear()
        rand, events, admin = random.Random(count), [], self.cluster.admin
        pods = range(self.cluster.plan.pods, self.cluster.plan.pods + count)
        for pod in pods:
            event = self.event(pod, True)
            found = self.cluster.bulk.pod_object(pod, self.cluster.selected(pod))
            status = {**found.pop("status"), "message": token(event["number"])}
            admin.create(found)
            pause(rand.uniform(0.02, 0.04))
            event["sent"] = time.monotonic_ns()
            admin.patch("Pod", pod_name(pod), {"status": status}, NAMESPACE, "status")
            events.append(event)
            pause(rand.uniform(0.02, 0.04))
        heard, _ = self.heard_all(events, "gw", 60)
        self.cluster.bulk.remove_pods(pods)
        self.wait_gone(pods)
        return delays(events, heard)

    def burst(self, write: Callable[[list[Event]], int]) -> dict[str, float]:
        """All spare pods become selected, as fast as it goes. `write` says when it began."""
        self.clear()
        events, now = [self.event(pod, True) for pod in self.cluster.spares()], time.monotonic_ns()
        for event in events:
            event["sent"] = now
        cpu = self.gateway.cpu()
        began = write(events)
        written = time.monotonic_ns()
        found, transactions = self.heard_all(events, "gw", BURST_S)
        last = {who: max(heard.values()) for who, heard in found.items()}
        row = {who: (when - began) / 1e9 for who, when in last.items()}
        row |= {"written": (written - began) / 1e9, "cpu": self.gateway.cpu() - cpu, "events": len(events),
                "transactions": sum(began <= when <= last["kernel"] for when in transactions)}
        self.put_back(self.cluster.spares())
        return row

    def write_by_api(self, events: list[Event]) -> int:
        began = time.monotonic_ns()
        self.cluster.in_parallel(events, self.patch)
        return began

    def write_by_etcd(self, events: list[Event]) -> int:
        """The API server sleeps meanwhile, and then tells all as fast as it can."""
        plane, bulk = self.cluster.plane, self.cluster.bulk
        plane.pause()
        self.cluster.in_parallel(events, lambda e: bulk.put_pods({e["pod"]: e["patch"]["metadata"]["labels"]}, 1))
        began = time.monotonic_ns()
        plane.resume()
        return began

    def put_back(self, pods: Sequence[int]) -> None:
        self.cluster.bulk.put_pods({pod: {} for pod in pods}, 1)
        self.wait_gone(pods)

    def wait_gone(self, pods: Sequence[int]) -> None:
        """The pods, which were selected since the recorders began, aren't any more."""
        addresses = {self.cluster.plan.address_of(pod) for pod in pods}

        def gone() -> bool:
            state = {address: on for _, on, address in self.recorders["gw"].heard()["elements"] if address in addresses}
            return not any(state.values())

        wait.wait_until(gone, BURST_S, "the pods are gone from the gateway", 0.5)

    # ---- no events

    def idle(self, seconds: float) -> dict[str, float]:
        """Percent of a processor."""
        before, began = [daemon.cpu() for daemon in self.daemons], time.monotonic()
        pause(seconds)
        took = time.monotonic() - began
        return {daemon.name: 100 * (daemon.cpu() - cpu) / took for daemon, cpu in zip(self.daemons, before)}

    def _idles(self, seconds: float) -> None:
        pause(min(seconds, 3))  # what follows a start is over
        self.row["idle, quiet"] = self.idle(seconds)
        with self.cluster.heartbeats(HEARTBEAT_S):
            self.row["idle, heartbeats"] = self.idle(seconds)

    # ---- all of it

    def run(self, number: int, events: int, idle: float) -> dict[str, Any]:
        """idle: seconds, 0: not this time."""
        row, spares = self.row, self.cluster.spares()
        mine = [pod for pod in self.cluster.pods_of_node() if pod in spares]
        with self.cluster.machines(), self.gateway, self.node, contextlib.ExitStack() as stack:
            self.first_lists(number)
            if idle:
                self._idles(idle)
            self.listen(stack)
            for phase, measure in (("label", lambda: self.one_by_one("gw", spares, events)),
                                   ("node label", lambda: self.one_by_one("node", mine, events)),
                                   ("created", lambda: self.created(max(10, events // 4))),
                                   ("burst api", lambda: self.burst(self.write_by_api)),
                                   ("burst etcd", lambda: self.burst(self.write_by_etcd))):
                began = time.monotonic()
                row[phase] = measure()
                say(f"  {phase}: {time.monotonic() - began:.0f} s")
            row["memory"] = {daemon.name: daemon.memory() for daemon in self.daemons}
        return row
