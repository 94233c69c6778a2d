# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What users change while pods talk: policies, two of them on one pod, namespaces and the gateway's object. Whoever a change
doesn't concern notices nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import Lab
from eipgwlab.agent import Flow
from eipgwlab.wait import wait_until
from labkube import GROUP, SELECTED, SOON, Kube, changing, finish, kernel_of, run_on, seen, unhurt, wait_seen

pytestmark = pytest.mark.kube

BOTH = ("bank", "second")
NEAR, FAR = "198.51.100.30", "198.51.100.10"  # servers that are nobody's own
HALF = {"destinationCIDRs": ["198.51.100.96/27", "198.51.100.128/25"], "excludedCIDRs": []}  # the pods' own servers


def bystanders(lab: Lab) -> list[Flow]:
    """Those whom no change of p1's policies concerns."""
    flows = [lab.pods[name].flow(kind, interval_ms=5) for name in ("p2", "p5") for kind in ("tcp", "udp")]
    run_on(flows)
    return flows


def seen_at(lab: Lab, name: str, server: str) -> str | None:
    return lab.pods[name].probe(dst=server, timeout=0.5).seen


def test_two_policies_send_a_pod_s_packets_to_different_places_with_different_addresses(
    make_kube: Callable[..., Kube],
) -> None:
    kube = make_kube(egress=BOTH, **HALF)
    lab = kube.lab
    others = bystanders(lab)
    bank, second = lab.eip("bank"), lab.eip("second")
    direct = lab.machines["node1"].public
    assert (seen(lab, "p1"), seen_at(lab, "p1", NEAR), seen_at(lab, "p1", FAR)) == (bank, direct, direct)
    flow = lab.pods["p1"].flow("tcp", interval_ms=5)
    kube.policy("reports", egressIPs=["second"], destinationCIDRs=[f"{NEAR}/32"])
    wait_until(lambda: seen_at(lab, "p1", NEAR) == second, SOON, "the other policy's address")
    assert (seen(lab, "p1"), seen_at(lab, "p1", FAR)) == (bank, direct)
    assert kube.condition("EgressPolicy", "reports", "Conflict") == {}
    kube.admin.delete("EgressPolicy", "reports")
    wait_until(lambda: seen_at(lab, "p1", NEAR) == direct, SOON, "nobody governs it any more")
    unhurt([flow, *others])
    finish(kube)


def test_of_two_that_want_the_same_the_older_governs_and_leaves_it_to_the_younger(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(egress=BOTH, **HALF)
    lab = kube.lab
    others = bystanders(lab)
    bank, second = lab.eip("bank"), lab.eip("second")
    flow = lab.pods["p1"].flow("tcp", interval_ms=5)
    kube.policy("reports", egressIPs=["second"])  # everything, so also what `payments` wants
    wait_until(lambda: seen_at(lab, "p1", FAR) == second, SOON, "what only the younger wants")
    assert seen(lab, "p1") == bank
    wait_until(lambda: kube.condition("EgressPolicy", "reports", "Conflict"), SOON, "the younger says so")
    lab.expect("p1", {bank, second})
    for name in ("p3", "p4"):
        lab.expect(name, {bank, second})
    kube.admin.delete("EgressPolicy", "payments")
    for name in ("p1", "p3", "p4"):
        wait_seen(lab, name, second)
    wait_until(lambda: not kube.condition("EgressPolicy", "reports", "Conflict"), SOON, "no conflict any more")
    # What began with an address keeps it, while the gateway has it.
    unhurt([flow, *others])
    # The one that comes again is the younger now.
    kube.policy(**HALF)
    wait_until(lambda: kube.condition("EgressPolicy", "payments", "Conflict"), SOON, "it is in conflict, now as the younger")
    assert seen(lab, "p1") == second
    finish(kube)


# What is edited, and who p1 is then: an egress IP; "direct", its node's address; "nobody".
EDITS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("other destinations", {"destinationCIDRs": [f"{NEAR}/32"]}, "direct"),
    ("all but its server", {"excludedCIDRs": ["198.51.100.101/32"]}, "direct"),
    ("everything again", {}, "bank"),
    ("another egress IP", {"egressIPs": ["second"]}, "second"),
    ("an egress IP that isn't", {"egressIPs": ["none"]}, "nobody"),
    ("both", {"egressIPs": ["bank"]}, "bank"),
    ("other selectors", {"selectors": [{"podSelector": {"matchLabels": {"egress": "other"}}}]}, "direct"),
    ("by address", {"selectors": [], "podCIDRs": ["10.0.1.50/32"]}, "bank"),
    ("a gateway that isn't", {"egressGateway": "nobody"}, "nobody"),
    ("its own gateway", {}, "bank"),
    ("no guard", {"enforcement": "BestEffort"}, "bank"),
    ("a guard", {"enforcement": "Strict"}, "bank"),
)


def test_a_policy_is_edited_under_traffic(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(egress=BOTH)
    lab = kube.lab
    others = bystanders(lab)
    who = {"direct": set(lab.expected("p2")), "nobody": set()} | {name: {lab.eip(name)} for name in BOTH}
    for name in ("p3", "p4"):  # they are whoever the edit makes of them, and in other tests
        kube.label(name, None)
        lab.expect(name, {lab.eip("bank"), *lab.expected("p2"), *lab.expected("p5")})
        wait_until(lambda name=name: seen(lab, name) != lab.eip("bank"), SOON, f"{name} is out of it")
    for what, spec, becomes in EDITS:
        with changing(lab, p1=who[becomes]):
            kube.policy(**spec)
        # What began with an egress IP may end with it.
        lab.expect("p1", {*who[becomes], *(lab.eip(name) for name in BOTH)})
        fresh = lab.pods["p1"].flow("udp-new", interval_ms=5)
        wait_until(lambda flow=fresh: flow.stat().sent > 20, SOON, what)
        fresh.stop(linger_ms=50)
    # Deleted and made again under its name, of which the daemons may see only that it is another one.
    kube.admin.delete("EgressPolicy", "payments")
    with changing(lab, p1=who["second"] | who["direct"]):
        kube.policy(egressIPs=["second"])
    wait_seen(lab, "p1", lab.eip("second"))
    unhurt(others)
    finish(kube)


def test_enforcement_is_edited(make_kube: Callable[..., Kube]) -> None:
    """Whether a pod that nobody knows yet may send."""
    kube = make_kube()
    lab = kube.lab
    others = bystanders(lab)
    lab.add_pod("p6", "node1", "10.0.1.52")
    assert seen(lab, "p6") is None
    kube.policy(enforcement="BestEffort")
    wait_until(lambda: seen(lab, "p6") in lab.expected("p6"), SOON, "BestEffort lets it go")
    kube.policy(enforcement="Strict")
    wait_seen(lab, "p6", None)
    assert seen(lab, "p1") == lab.eip("bank")
    unhurt(others)
    finish(kube)


MANY = 200


def test_a_namespace_with_many_pods_is_relabelled_and_deleted(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(selectors=[{"namespaceSelector": {"matchLabels": {"team": "a"}}}, {"podSelector": {"matchLabels": SELECTED}}])
    lab = kube.lab
    kube.make_namespace("team")
    for i in range(MANY):  # of a node without an agent of ours: the gateway knows them all
        kube.create(f"many{i}", node="node2", namespace="team")
        kube.addressed(f"many{i}", f"10.0.9.{i}", "team")
    for name, node, address in (("t1", "node1", "10.0.1.52"), ("t2", "node2", "10.0.2.52")):
        kube.add(name, {}, node, address, "team")
        wait_until(lambda name=name: seen(lab, name) in lab.expected(name), SOON, f"{name} goes its normal way")
    direct = {name: lab.expected(name) for name in ("t1", "t2")}
    flows = [lab.pods[name].flow("tcp", interval_ms=5) for name in ("p1", "p2", "p4", "p5")]
    run_on(flows)

    def known() -> int:
        return lab.run("gw-a", "nft", "list", "map", "ip", "eipgw", "class_pod").count(" . 10.0.9.")

    with changing(lab, t1={lab.eip("bank")}, t2={lab.eip("bank")}):
        kube.admin.patch("Namespace", "team", {"metadata": {"labels": {"team": "a"}}})
    wait_until(lambda: known() == MANY, SOON, "all its pods are known")
    with changing(lab, **direct):
        kube.admin.patch("Namespace", "team", {"metadata": {"labels": {"team": None}}})
    wait_until(lambda: known() == 0, SOON, "none is any more")
    with changing(lab, t1={lab.eip("bank")}, t2={lab.eip("bank")}):
        kube.admin.patch("Namespace", "team", {"metadata": {"labels": {"team": "a"}}})
    # Deleted: it says so, its pods go one by one, and then it is gone. To its end each of them is who it was.
    kube.admin.delete("Namespace", "team")
    for name in ("t1", "t2"):
        assert seen(lab, name) == lab.eip("bank")
        lab.delete_pod(name)
        kube.admin.remove_pod("team", name)
    for i in range(MANY):
        kube.admin.remove_pod("team", f"many{i}")
    gone = kube.admin.get("Namespace", "team")
    gone["spec"]["finalizers"] = []
    kube.admin.replace(gone, sub="finalize")
    wait_until(lambda: known() == 0 and "10.0.2.52" not in kernel_of(lab, "gw-a"), SOON, "nothing is left of it")
    unhurt(flows)
    finish(kube)


def test_the_gateway_s_object_is_deleted_and_made_again(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    others = bystanders(lab)
    bank = {lab.eip("bank")}
    with changing(lab, p1=(), p4=()):
        kube.admin.delete("EgressGateway", GROUP)
    unknown = "EgressGatewayUnknown"
    wait_until(lambda: kube.condition("EgressPolicy", "payments", unknown), SOON, "the policy says what it misses")
    wait_until(lambda: ("Warning", unknown) in [e[:2] for e in kube.events("payments")], SOON, "an Event, too")
    with changing(lab, p1=bank, p4=bank):
        kube.gateway()
    wait_until(lambda: kube.condition("EgressPolicy", "payments")["status"] == "True", SOON, "it works again")
    assert kube.status_of("EgressGateway", GROUP)["publicIPs"] == [lab.eip("bank")]
    # So quickly that the daemons see it come and go at a time.
    lab.expect("p1", bank)
    kube.admin.delete("EgressGateway", GROUP)
    kube.gateway()
    for name in ("p1", "p4"):
        wait_seen(lab, name, lab.eip("bank"))
    wait_until(lambda: kube.status_of("EgressGateway", GROUP).get("publicIPs"), SOON, "the new one has a status")
    unhurt(others)
    finish(kube)
