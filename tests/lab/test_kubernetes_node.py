# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Nodes that take their policies from a real API server. The gateway takes every pod's address, so that what is seen is
the nodes' doing."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import Lab
from eipgwlab.model import VPC_CIDR
from eipgwlab.wait import wait_until
from labkube import AWAY, GROUP, SELECTED, SOON, Kube, finish, kernel_of, seen, wait_seen

pytestmark = pytest.mark.kube

UNREACHABLE = "EHOSTUNREACH"


@pytest.fixture
def make_kube(start_kube: Callable[[Lab], Kube], make_lab: Callable[..., Lab]) -> Callable[..., Kube]:
    def make(flavour: str = "cni-nft", enforcement: str = "Strict") -> Kube:
        lab = make_lab(flavour)
        for name in ("gw-a", "gw-b"):
            config = lab.daemons[name].config
            config["policies"] = [{"name": "all", "pod_cidrs": [VPC_CIDR], "egress_ips": ["bank"]}]
            lab.daemons[name].write_config()
        kube = start_kube(lab)
        kube.gateway()
        kube.carried(bank="gw-a")
        kube.policy(enforcement=enforcement)
        kube.configure_nodes()
        lab.start_daemons()
        return kube

    return make


def test_a_policy_selects_pods_by_their_labels(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    for name in ("p1", "p3", "p4"):
        assert seen(lab, name) == lab.eip("bank")
    for name in ("p2", "p5"):
        assert seen(lab, name) in lab.expected(name)
    finish(kube)


@pytest.mark.parametrize("flavour", ["iptables-legacy", "external-snat", "sgp-strict"])
def test_and_with_each_cni(make_kube: Callable[..., Kube], flavour: str) -> None:
    kube = make_kube(flavour)
    lab = kube.lab
    for name in ("p1", "p3", "p4"):
        assert seen(lab, name) == lab.eip("bank")
    assert seen(lab, "p2") in lab.expected("p2")
    finish(kube)


def test_a_label_moves_a_pod_and_ends_exactly_its_connections(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    direct = lab.expected("p2")
    lab.expect("p2", {lab.eip("bank"), *direct})
    lab.expect("p1", {lab.eip("bank"), *direct})
    moving = {name: lab.pods[name].flow("udp", interval_ms=5) for name in ("p1", "p2")}
    staying = {name: lab.pods[name].flow(kind, interval_ms=5) for name in ("p3", "p5") for kind in ("tcp",)}
    wait_until(lambda: all(f.stat().received > 20 for f in (*moving.values(), *staying.values())), SOON, "flows")

    kube.label("p2", "bank")
    wait_seen(lab, "p2", lab.eip("bank"))
    kube.label("p1", None)
    wait_until(lambda: seen(lab, "p1") in direct, SOON, "p1 goes its normal way")
    wait_until(lambda: all(len(f.stat().seen) == 2 for f in moving.values()), SOON, "datagrams show the change, too")

    for flow in moving.values():
        flow.stop()
    for flow in staying.values():
        report = flow.stop()
        assert (report.lost, report.errors, len(report.seen)) == (0, 0, 1), report
    finish(kube)


def test_a_namespace_s_labels_select_its_pods(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    lab.expect("p2", {lab.eip("bank"), *lab.expected("p2")})
    kube.policy("team", selectors=[{"namespaceSelector": {"matchLabels": {"team": "a"}},
                                    "podSelector": {"matchExpressions": [{"key": "egress", "operator": "DoesNotExist"}]}}])
    assert seen(lab, "p2") != lab.eip("bank")
    kube.admin.patch("Namespace", "default", {"metadata": {"labels": {"team": "a"}}})
    wait_seen(lab, "p2", lab.eip("bank"))
    kube.admin.patch("Namespace", "default", {"metadata": {"labels": {"team": None}}})
    wait_until(lambda: seen(lab, "p2") != lab.eip("bank"), SOON, "p2 goes its normal way")
    finish(kube)


def test_a_new_pod_has_its_address_from_the_first_packet_on(make_kube: Callable[..., Kube]) -> None:
    """Before kubelet has told its address: the device's name tells whose it is."""
    kube = make_kube()
    lab = kube.lab
    kube.create("p6", SELECTED)
    pod = lab.add_pod("p6", "node1", "10.0.1.52", egress="bank")
    wait_seen(lab, "p6", lab.eip("bank"))
    assert pod.probe().seen == lab.eip("bank")
    kube.addressed("p6", "10.0.1.52")

    # Deleted and made again under its name, as a StatefulSet does.
    kube.admin.remove_pod("default", "p6")
    lab.delete_pod("p6")
    kube.create("p6", SELECTED)
    lab.add_pod("p6", "node1", "10.0.1.53", egress="bank")
    wait_seen(lab, "p6", lab.eip("bank"))
    # And its old address goes to a pod that isn't selected.
    kube.create("p7")
    lab.add_pod("p7", "node1", "10.0.1.52")
    wait_until(lambda: seen(lab, "p7") in lab.expected("p7"), SOON, "the next owner of the address")
    finish(kube)


def test_strict_nobody_knows_a_pod_and_it_has_no_internet(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    pod = lab.add_pod("p6", "node1", "10.0.1.52", egress="bank")
    probe = pod.probe()
    assert probe.seen is None and probe.error == UNREACHABLE
    assert pod.probe(dst=lab.pods["p2"].address).reached
    kube.create("p6", SELECTED)
    wait_seen(lab, "p6", lab.eip("bank"))
    finish(kube)


def test_best_effort_lets_it_go(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(enforcement="BestEffort")
    lab = kube.lab
    pod = lab.add_pod("p6", "node1", "10.0.1.52")
    assert pod.probe().seen in lab.expected("p6")
    finish(kube)


def test_the_api_server_may_be_away_for_long_and_a_daemon_restarted(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    flows = [lab.pods[name].flow(kind, interval_ms=5) for name in ("p1", "p2") for kind in ("tcp", "udp")]
    before = kernel_of(lab, "node1")
    kube.plane.kill()
    node = lab.daemons["node1"]
    node.stop()
    node.start(wait_ready=False)
    wait_until(lambda: node.log_count(AWAY) > 0, SOON, "it says that the API server is away")
    wait_until(lambda: node.eipgw("status").returncode == 0, SOON, "it answers")
    assert node.eipgw("status", "--ready").returncode == 1
    assert kernel_of(lab, "node1") == before
    assert seen(lab, "p1") == lab.eip("bank")
    # What happens meanwhile is learnt when it is back, and nothing else is touched.
    kube.plane.start()
    kube.label("p3", None)
    lab.expect("p3", {lab.eip("bank"), *lab.expected("p2")})
    node.wait_ready(deadline=60)
    assert node.eipgw("status", "--ready").returncode == 0
    wait_until(lambda: seen(lab, "p3") in lab.expected("p2"), SOON, "p3 isn't selected any more")
    for flow in flows:
        report = flow.stop()
        assert (report.lost, report.errors) == (0, 0), report
    assert not [line for line in node.log() if "repair: " in line]
    finish(kube, allow=(AWAY,))


def test_the_active_gateway_is_whom_the_status_names(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    lab.daemons["gw-b"].start()
    assert seen(lab, "p1") == lab.eip("bank")
    lab.carriers["bank"] = "gw-b"
    lab.map_public(lab.eip("bank"), lab.egress_ips["bank"].private["gw-b"])
    kube.carried(bank="gw-b")
    wait_until(lambda: seen(lab, "p1") == lab.eip("bank") and seen(lab, "p4") == lab.eip("bank"), SOON, "by gw-b")
    lanes = [e for e in json.loads(lab.daemons["node1"].eipgw("status", "--json").stdout)["egress_ips"]]
    assert [(e["name"], e["gateway"], e["lane"]) for e in lanes] == [(f"{GROUP}/bank", "10.0.2.200", 0)]

    # Nobody carries it: its packets end on the node.
    kube.carried()
    wait_until(lambda: seen(lab, "p1") is None, SOON, "nothing leaves")
    assert seen(lab, "p2") in lab.expected("p2")
    kube.carried(bank="gw-b")
    wait_seen(lab, "p1", lab.eip("bank"))
    # What gw-a still sent when its private address had lost the Elastic IP died at the internet gateway.
    assert {row.source for row in lab.foreign_rows("p1")} <= {lab.egress_ips["bank"].private["gw-a"]}
    lab.stop_daemons()
    assert lab.check_logs() == []


# What is wrong about a second policy, and how p2, which only it selects, and p1 fare.
WRONG: dict[str, dict[str, Any]] = {
    "unknown gateway": {"egressGateway": "nobody"},
    "unknown egress IP": {"egressIPs": ["mail"]},
    "no destination": {"destinationCIDRs": ["10.0.0.0/16"]},
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_policy_that_can_not_work_takes_no_other_down(make_kube: Callable[..., Kube], fault: str) -> None:
    kube = make_kube()
    lab = kube.lab
    kube.label("p2", "other")
    kube.policy("other", selectors=[{"podSelector": {"matchLabels": {"egress": "other"}}}], **WRONG[fault])
    if fault == "no destination":
        wait_until(lambda: "other" in lab.daemons["node1"].eipgw("status").stdout, SOON, "the policy is known")
        assert seen(lab, "p2") in lab.expected("p2")
    else:
        wait_until(lambda: seen(lab, "p2") is None, SOON, "what can't leave with its address doesn't leave")
    assert seen(lab, "p1") == lab.eip("bank")
    finish(kube)


def test_without_policies_everything_goes_its_normal_way(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    for name in ("p1", "p4"):
        lab.expect(name, {lab.eip("bank"), *lab.expected("p2" if name == "p1" else "p5")})
    kube.admin.delete("EgressPolicy", "payments")
    wait_until(lambda: seen(lab, "p1") in lab.expected("p2"), SOON, "p1 goes its normal way")
    wait_until(lambda: seen(lab, "p4") in lab.expected("p5"), SOON, "p4 goes its normal way")
    kube.policy()
    wait_seen(lab, "p1", lab.eip("bank"))
    finish(kube)


def test_it_asks_with_its_own_rights_and_never_twice_the_same(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    kube.stir()
    asked = [row for row in kube.plane.audit() if row["user"].endswith(":eipgw-noded")]
    assert {row["verb"] for row in asked} == {"list", "watch"}
    assert {row["code"] for row in asked} == {200}
    # One list of each of four kinds for each of two nodes.
    assert sum(row["verb"] == "list" for row in asked) == 8
    finish(kube)
