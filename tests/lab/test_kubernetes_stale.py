# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Pods that join or leave a policy while connected: exactly the connections whose answer is another one now end, on the node
and on the gateway."""

import re
from collections.abc import Callable, Iterable

import pytest
from eipgwlab import Lab
from eipgwlab.agent import Flow
from eipgwlab.wait import wait_until
from labkube import SELECTED, SOON, Kube, changing, finish, run_on, silence

pytestmark = pytest.mark.kube

ENTRY = re.compile(r"^(\w+) .*?src=(\S+) dst=(\S+)(?: sport=(\d+) dport=(\d+))?.* id=(\d+)")
Key = tuple[str, str, str, str, str]


def tracked(lab: Lab, machine: str) -> dict[Key, str]:
    """Connections as they began, with the number that the kernel has given to each entry."""
    found = {}
    for line in lab.run(machine, "conntrack", "-L", "-o", "id").splitlines():
        if match := ENTRY.match(line):
            *key, number = match.groups(default="")
            found[(key[0], key[1], key[2], key[3], key[4])] = number
    return found


class Talking:
    """Pods with connections to their servers on the internet, over TCP and UDP, and to p5 in the cluster."""

    def __init__(self, lab: Lab, names: Iterable[str]):
        self.lab, self.flows = lab, dict[tuple[str, str], Flow]()
        silence(lab)
        for name in names:
            for kind in ("tcp", "udp"):
                self.flows[name, kind] = lab.pods[name].flow(kind, interval_ms=5)
                self.flows[name, f"{kind} inside"] = lab.pods[name].flow(kind, dst=lab.pods["p5"].address, interval_ms=5)
        run_on(self.flows.values())
        # As they are now: one that is cut may be there again from another port before anybody looks.
        self.keys = {which: self.key(which) for which in self.flows}
        self.before = {machine: tracked(lab, machine) for machine in ("node1", "node2", "gw-a")}

    def key(self, which: tuple[str, str]) -> Key:
        name, kind = which
        report = self.flows[which].stat()
        inside = kind.endswith("inside")
        target = self.lab.pods["p5"].address if inside else self.lab.pods[name].server
        port = "8080" if kind.startswith("tcp") else "8081"
        return (kind.split()[0], self.lab.pods[name].address, target or "", str(report.local_port), port)

    def replaced(self, machine: str) -> set[tuple[str, str]]:
        """Whose entries of before are gone, even if there is another one of the same ports."""
        now = tracked(self.lab, machine)
        return {which for which, key in self.keys.items() if (was := self.before[machine].get(key)) and now.get(key) != was}

    def had(self, machine: str, names: Iterable[str]) -> None:
        """The tests mean something: these had entries there."""
        for name in names:
            for kind in ("tcp", "udp"):
                assert self.keys[name, kind] in self.before[machine], (machine, name, kind)

    def end(self, moved: Iterable[str]) -> None:
        """Those who didn't move lost nothing, nor did anybody's connections within the cluster."""
        for (name, kind), flow in self.flows.items():
            report = flow.stop()
            if name not in moved or kind.endswith("inside"):
                assert (report.lost, report.errors, len(report.seen)) == (0, 0, 1), (name, kind, report)


def outside(*names: str) -> set[tuple[str, str]]:
    return {(name, kind) for name in names for kind in ("tcp", "udp")}


def test_a_pod_s_label_ends_exactly_its_connections_to_the_outside(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    talking = Talking(lab, ("p1", "p2", "p3", "p4"))
    talking.had("node1", ("p1", "p2", "p3"))
    talking.had("gw-a", ("p1", "p3", "p4"))
    direct, bank = lab.expected("p2"), {lab.eip("bank")}
    with changing(lab, p1=direct, p2=bank):
        kube.label("p1", None)
        kube.label("p2", "bank")
    wait_until(lambda: talking.replaced("node1") == outside("p1", "p2"), SOON, "theirs on the node")
    wait_until(lambda: talking.replaced("gw-a") == outside("p1"), SOON, "theirs on the gateway")
    assert talking.replaced("node2") == set()
    talking.end({"p1", "p2"})
    assert "src=10.0.1.50 dst=198.51" not in lab.run("gw-a", "conntrack", "-L")
    finish(kube)


def test_a_namespace_s_label_ends_exactly_its_pods_connections_to_the_outside(make_kube: Callable[..., Kube]) -> None:
    team = {"namespaceSelector": {"matchLabels": {"team": "a"}}}
    kube = make_kube(selectors=[team, {"podSelector": {"matchLabels": SELECTED}}])
    lab = kube.lab
    kube.make_namespace("team")
    kube.add("t1", {}, "node1", "10.0.1.52", "team")
    kube.add("t2", {"egress": "bank"}, "node1", "10.0.1.53", "team")  # selected by its own label all the time
    direct, bank = lab.expected("p2"), {lab.eip("bank")}
    wait_until(lambda: lab.pods["t1"].probe().seen in direct, SOON, "t1 goes its normal way")
    wait_until(lambda: lab.pods["t2"].probe().seen in bank, SOON, "t2 doesn't")
    for label, becomes in (("a", bank), (None, direct)):
        talking = Talking(lab, ("p1", "p2", "t1", "t2"))
        talking.had("node1", ("p1", "p2", "t1", "t2"))
        with changing(lab, t1=becomes):
            kube.admin.patch("Namespace", "team", {"metadata": {"labels": {"team": label}}})
        wait_until(lambda t=talking: t.replaced("node1") == outside("t1"), SOON, "its own on the node")
        left = outside("t1") if label is None else set()
        wait_until(lambda t=talking, left=left: t.replaced("gw-a") == left, SOON, "its own on the gateway")
        assert talking.replaced("node2") == set()
        talking.end({"t1"})
    finish(kube)
