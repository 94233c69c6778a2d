# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Which pods count, from their first status to their last, and what a policy says of those that can't."""

from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab.wait import wait_until
from labkube import SELECTED, SOON, Kube, changing, finish, kernel_of, run_on, seen, unhurt, wait_seen

pytestmark = pytest.mark.kube

ADDRESS = "10.0.1.52"


def matched(kube: Kube, wanted: int) -> None:
    wait_until(lambda: kube.status_of("EgressPolicy", "payments").get("matchedPods") == wanted, SOON, f"{wanted} pods match")


def is_known(kube: Kube, address: str) -> list[bool]:
    return [address in kernel_of(kube.lab, name) for name in ("node1", "gw-a")]


def test_a_pod_counts_from_its_address_until_it_is_gone(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    matched(kube, 3)
    # Init containers run while it is Pending, and may want the internet.
    kube.create("p6", SELECTED)
    lab.add_pod("p6", "node1", ADDRESS, "bank")
    kube.addressed("p6", ADDRESS, phase="Pending")
    wait_seen(lab, "p6", lab.eip("bank"))
    matched(kube, 4)
    kube.addressed("p6", ADDRESS)
    flows = [lab.pods["p6"].flow(kind, interval_ms=5) for kind in ("tcp", "udp")]
    run_on(flows)
    # Terminating, it may say goodbye to its peers for as long as its grace lasts, and its finalizers keep it in the API.
    kube.admin.patch("Pod", "p6", {"metadata": {"finalizers": ["example.org/slow"]}}, "default")
    kube.admin.end_pod("default", "p6")
    assert kube.admin.get("Pod", "p6", "default")["metadata"]["deletionTimestamp"]
    kube.label("p5", "a")  # when the daemons know this, they know the other, too
    kube.label("p5", "bank")
    with changing(lab, p5={lab.eip("bank")}):
        pass
    assert seen(lab, "p6") == lab.eip("bank") and is_known(kube, ADDRESS) == [True, True]
    unhurt(flows)
    matched(kube, 5)
    lab.delete_pod("p6")
    kube.admin.remove_pod("default", "p6")
    kube.admin.patch("Pod", "p6", {"metadata": {"finalizers": None}}, "default")
    wait_until(lambda: not any(is_known(kube, ADDRESS)), SOON, "nothing is left of it")
    matched(kube, 4)
    finish(kube)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_counts_no_more_and_sends_nothing(make_kube: Callable[..., Kube], phase: str) -> None:
    """Its sandbox may stay a while, and its kernel goes on sending what it didn't get rid of."""
    kube = make_kube()
    lab = kube.lab
    kube.create("p6", SELECTED, restartPolicy="Never")
    lab.add_pod("p6", "node1", ADDRESS, "bank")
    kube.addressed("p6", ADDRESS)
    wait_seen(lab, "p6", lab.eip("bank"))
    matched(kube, 4)
    flows = [lab.pods["p6"].flow(kind, interval_ms=5) for kind in ("tcp", "udp", "tcp-new")]
    others = [lab.pods[name].flow("tcp", interval_ms=5) for name in ("p1", "p2")]
    run_on((*flows, *others))
    kube.addressed("p6", ADDRESS, phase=phase)
    wait_until(lambda: seen(lab, "p6") is None, SOON, "it has no internet any more")
    wait_until(lambda: not is_known(kube, ADDRESS)[1], SOON, "the gateway has forgotten it")
    matched(kube, 3)
    for flow in flows:
        flow.stop()
    unhurt(others)
    # The CNI may give the address away, while the API still has the pod.
    lab.delete_pod("p6")
    kube.add("p7", {}, "node1", ADDRESS)
    wait_until(lambda: seen(lab, "p7") in lab.expected("p7"), SOON, "the next owner goes its normal way")
    finish(kube)


def test_a_pod_of_the_host_s_network_is_told_and_left_alone(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    node = lab.machines["node1"].address
    matched(kube, 3)
    kube.create("agent", SELECTED, hostNetwork=True)
    kube.addressed("agent", node, host=node)
    condition = wait_until(lambda: kube.condition("EgressPolicy", "payments", "HostNetworkPods"), SOON, "the condition")
    assert condition["status"] == "True" and "default/agent" in condition["message"]
    assert kube.condition("EgressPolicy", "payments")["status"] == "True"
    told = [("Warning", "HostNetworkPods", condition["message"])]
    wait_until(lambda: [e for e in kube.events("payments") if e[1] == "HostNetworkPods"] == told, SOON, "an Event")
    assert node not in lab.run("gw-a", "nft", "list", "map", "ip", "eipgw", "class_pod").replace(f"{node} .", "")
    assert lab.stations["node1"].probe(dst="198.51.100.30").seen == lab.machines["node1"].public
    assert seen(lab, "p1") == lab.eip("bank")
    matched(kube, 3)
    kube.admin.remove_pod("default", "agent")
    wait_until(lambda: not kube.condition("EgressPolicy", "payments", "HostNetworkPods"), SOON, "the condition goes with it")
    finish(kube)


def test_each_thing_that_is_wrong_with_a_policy_is_a_condition_and_an_event(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    node = lab.machines["node1"].address
    kube.create("agent", {"egress": "bank", "role": "agent"}, hostNetwork=True)
    kube.addressed("agent", node, host=node)

    def is_told(policy: str, wanted: dict[str, str]) -> bool:
        conditions = {c["type"]: c["status"] for c in kube.status_of("EgressPolicy", policy).get("conditions", [])}
        events = {(kind, reason) for kind, reason, _ in kube.events(policy)}
        return conditions == wanted and all(("Warning", reason) in events for reason in wanted if reason != "Ready")

    def told(policy: str, **wanted: str) -> None:
        wait_until(lambda: is_told(policy, wanted), SOON, f"{policy}: {wanted}")

    told("payments", Ready="True", HostNetworkPods="True")
    # The younger of two that want the same pods' same destinations; of the older one nothing is said.
    kube.policy("twin", destinationCIDRs=["198.51.100.0/24"])
    told("twin", Ready="False", Conflict="True", HostNetworkPods="True")
    assert "payments" in kube.condition("EgressPolicy", "twin", "Conflict")["message"]
    assert not kube.condition("EgressPolicy", "payments", "Conflict")
    # Edited, it can't work at all.
    lost: dict[str, Any] = {"selectors": [{"podSelector": {"matchLabels": {"role": "agent"}}}], "egressGateway": "nobody"}
    kube.policy("twin", **lost)
    told("twin", Ready="False", EgressGatewayUnknown="True", HostNetworkPods="True")
    kube.admin.remove_pod("default", "agent")
    told("payments", Ready="True")
    told("twin", Ready="False", EgressGatewayUnknown="True")
    kube.policy("twin", selectors=[{"podSelector": {"matchLabels": {"role": "agent"}}}])
    told("twin", Ready="True")
    assert ("Normal", "Governed") in {e[:2] for e in kube.events("twin")}
    for name in ("p1", "p4"):
        assert seen(lab, name) == lab.eip("bank")
    finish(kube)
