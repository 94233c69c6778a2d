# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A real API server in a lab's VPC, and its pods as kubelet would tell of them. The daemons ask it with the rights
of deploy/."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eipgwlab import Lab, netns
from eipgwlab.agent import Flow
from eipgwlab.build import ROOT
from eipgwlab.model import NODES, ZONES
from eipgwlab.wait import wait_until

sys.path.insert(0, str(ROOT / "tests" / "kube"))

from kubeclient import ApiError, Client, load, object_of  # noqa: E402
from kubepeers import ControlPlane  # noqa: E402

SYSTEM = "eipgw-system"
GROUP = "partners"
SELECTED = {"egress": "bank"}


class Kube:
    """The control plane listens on the VPC's router in zone a, which every machine reaches. `default` has the lab's
    first pods; selected ones carry the label egress=bank."""

    def __init__(self, lab: Lab, place: Path):
        self.lab = lab
        inside = lab.netns_of("vpc")
        self.plane = ControlPlane(place, bind=ZONES["a"][1], inside=lambda: netns.entered(inside))
        self.admin: Client

    def start(self, *flags: str) -> "Kube":
        self.plane.start(*flags)
        self.admin = self.plane.client()
        self.admin.create(object_of("Namespace", SYSTEM))
        deploy = ROOT / "deploy"
        for found in load(*sorted((deploy / "crds").glob("*.yaml")), deploy / "rbac-noded.yaml",
                          deploy / "rbac-gateway.yaml"):
            self.admin.apply(found)
        for kind in ("EgressGateway", "EgressPolicy"):  # served a moment later
            wait_until(lambda kind=kind: self._is_served(kind), SOON, f"{kind}s are served")
        self.admin.apply(object_of("ServiceAccount", "default", namespace="default"))
        for name in ("node1", "node2"):
            machine = self.lab.machines[name]
            self.admin.make_node(name, machine.address, zone=f"zone-{machine.zone}")
        for station in self.lab.pods.values():
            self.tell(station.pod.name)
        return self

    def _is_served(self, kind: str) -> bool:
        try:
            return self.admin.list(kind) == []
        except ApiError:
            return False

    def stop(self) -> None:
        self.plane.stop()

    # ---- pods

    def create(self, name: str, labels: dict[str, str] | None = None, namespace: str = "default",
               node: str = "node1", **spec: Any) -> None:
        """The object as the scheduler leaves it: it has a node and no address yet."""
        self.admin.make_pod(namespace, name, node, labels=labels or {}, **spec)

    def addressed(self, name: str, address: str, namespace: str = "default", **status: Any) -> None:
        """Kubelet has seen the sandbox, a second or so after the pod's first process could send."""
        self.admin.set_pod(namespace, name, address, **status)

    def tell(self, name: str) -> None:
        """Object and status of a pod that the lab has plugged in."""
        pod = self.lab.pods[name].pod
        self.create(name, SELECTED if pod.egress else {}, pod.namespace, pod.node)
        self.addressed(name, pod.address, pod.namespace)

    def add(self, name: str, labels: dict[str, str], node: str, address: str, namespace: str = "default") -> None:
        """A pod from its object to kubelet's word of it."""
        self.create(name, labels, namespace, node)
        self.lab.add_pod(name, node, address, "bank" if labels == SELECTED else None, namespace)
        self.addressed(name, address, namespace)

    def make_namespace(self, name: str, **labels: str) -> None:
        self.admin.create(object_of("Namespace", name, labels=labels))
        self.admin.apply(object_of("ServiceAccount", "default", namespace=name))

    def stir(self) -> None:
        """Twenty changes that mean nothing, and one that does: p2 is selected."""
        for i in range(20):
            self.label("p5", str(i))
        self.label("p2", "bank")
        self.lab.expect("p2", {self.lab.eip("bank"), *self.lab.expected("p2")})
        wait_seen(self.lab, "p2", self.lab.eip("bank"))

    def label(self, name: str, value: str | None, namespace: str = "default") -> None:
        self.admin.patch("Pod", name, {"metadata": {"labels": {"egress": value}}}, namespace)

    # ---- what users write

    def gateway(self, *names: str, **egress: dict[str, Any]) -> None:
        """The EgressGateway `partners`: each egress IP by what names its Elastic IP."""
        found = egress or {name: {"publicIP": self.lab.egress_ips[name].public} for name in names or ("bank",)}
        self.admin.apply(object_of("EgressGateway", GROUP, {"egressIPs": [{"name": n} | by for n, by in found.items()]}))

    def carried(self, **members: str) -> None:
        """Its status, as gateways write it: egress IP -> the gateway that carries it."""
        status = {
            "members": [{"name": name, "address": self.lab.machines[name].address, "state": "Active"}
                        for name in sorted(set(members.values()))],
            "egressIPs": [{"name": name, "member": member} for name, member in members.items()],
        }
        self.admin.apply({"apiVersion": "eipgw.io/v1alpha1", "kind": "EgressGateway", "metadata": {"name": GROUP},
                          "status": status}, sub="status", manager="lab")

    def policy(self, name: str = "payments", **spec: Any) -> None:
        base = {"selectors": [{"podSelector": {"matchLabels": SELECTED}}], "egressGateway": GROUP, "egressIPs": ["bank"]}
        self.admin.apply(object_of("EgressPolicy", name, base | spec))

    # ---- daemons

    def login(self, account: str) -> str:
        """A kubeconfig with a token of the service account."""
        return str(self.plane.account_kubeconfig(SYSTEM, account))

    def configure_gateway(self, name: str = "gw-a", **more: Any) -> None:
        """The file keeps what the VPC knows: which private address carries which Elastic IP."""
        gateway = self.lab.daemons[name]
        for key in ("nodes", "policies"):
            gateway.config.pop(key, None)
        gateway.config |= {"source": "kubernetes",
                           "kubernetes": {"group": GROUP, "kubeconfig": str(self.plane.kubeconfig("gateway"))}, **more}
        gateway.write_config()

    def status_of(self, kind: str, name: str) -> dict[str, Any]:
        return self.admin.get(kind, name).get("status", {})

    def condition(self, kind: str, name: str, wanted: str = "Ready") -> dict[str, Any]:
        found = [c for c in self.status_of(kind, name).get("conditions", []) if c["type"] == wanted]
        return found[0] if found else {}

    def events(self, name: str) -> list[tuple[str, str, str]]:
        found = self.admin.list("Event", "default")
        return [(e["type"], e["reason"], e.get("note", "")) for e in found if e["regarding"]["name"] == name]

    def configure_nodes(self, **more: Any) -> None:
        kubeconfig = self.login("eipgw-noded")
        for name in ("node1", "node2"):
            node = self.lab.daemons[name]
            for key in ("egress_ips", "policies"):
                node.config.pop(key, None)
            node.config |= {"source": "kubernetes", "kubernetes": {"kubeconfig": kubeconfig}, **more}
            node.write_config()


SOON = 15.0  # an event's way through the API server on a busy machine
AWAY = "^<4>kubernetes: "


def kernel_of(lab: Lab, name: str) -> str:
    """All that is ours in a machine's kernel, without what counts."""
    text = lab.run(name, "nft", "-s", "list", "table", "ip", "eipgw_node" if name in NODES else "eipgw")
    return text + lab.run(name, "ip", "rule") + lab.run(name, "ip", "route", "show", "table", "all", "proto", "101")


# What a server still says to a connection that has ended reaches the node itself, whose kernel refuses it, at any later time.
# That isn't a packet of the pod, and isn't to be counted as one.
SILENT = """
table ip silent
delete table ip silent
table ip silent {
    chain output {
        type filter hook output priority 0; policy accept;
        tcp flags & rst == rst drop
        icmp type destination-unreachable drop
    }
}
"""


def silence(lab: Lab) -> None:
    for node in NODES:
        lab.nft(node, SILENT)


@contextlib.contextmanager
def changing(lab: Lab, **to: Iterable[str]) -> Iterator[None]:
    """A change under traffic: pods -> who they are from then on (nothing: they don't get out). Until each of them is seen so,
    who they were is right, too; before and afterwards nothing else is."""
    assert lab.foreign() == {}
    silence(lab)
    for name, sources in to.items():
        lab.expect(name, {*lab.expected(name), *sources})
    yield
    for name, sources in to.items():
        good = set(sources) or {None}
        wait_until(lambda name=name, good=good: seen(lab, name) in good, SOON, f"{name} is seen as {sources or 'nobody'}")
    assert lab.foreign() == {}
    lab.exit_reset()
    for name, sources in to.items():
        lab.expect(name, sources)


def unhurt(flows: Iterable[Flow]) -> None:
    """Ends flows, of which each message was answered, and all had one source."""
    for flow in flows:
        report = flow.stop()
        assert (report.lost, report.errors, len(report.seen)) == (0, 0, 1), (flow.station.name, report)


def run_on(flows: Iterable[Flow]) -> None:
    for flow in flows:
        wait_until(lambda flow=flow: flow.stat().received > 20, SOON, f"{flow.station.name}'s flow runs")


def finish(kube: Kube, allow: tuple[str, ...] = ()) -> None:
    """How a test ends: no packet with a wrong source, nothing unexpected in the logs."""
    kube.lab.stop_daemons()
    assert kube.lab.foreign() == {}
    assert kube.lab.check_logs(allow=allow) == []


def seen(lab: Lab, name: str) -> str | None:
    return lab.pods[name].probe(timeout=0.5).seen


def wait_seen(lab: Lab, name: str, source: str | None) -> None:
    wait_until(lambda: seen(lab, name) == source, SOON, f"{name} is seen as {source}")
