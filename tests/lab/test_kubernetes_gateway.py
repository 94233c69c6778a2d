# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Nodes and a gateway that take everything from a real API server, and tell it what they do."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eipgwlab import Lab
from eipgwlab.cloud import AT_OURS, BANK, OURS, PUBLIC, Cloud
from eipgwlab.wait import wait_until
from labkube import AWAY, GROUP, SELECTED, SOON, Kube, finish, kernel_of, seen, wait_seen

pytestmark = pytest.mark.kube


def test_a_policy_is_all_that_a_user_writes(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    for name in ("p1", "p3", "p4"):
        assert seen(lab, name) == lab.eip("bank")
    for name in ("p2", "p5"):
        assert seen(lab, name) in lab.expected(name)
    finish(kube)


def test_status_says_who_carries_what_and_how_many_pods_match(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    status = kube.status_of("EgressGateway", GROUP)
    [member], [carried] = status["members"], status["egressIPs"]
    assert (member["name"], member["address"], member["state"]) == ("gw-a", lab.machines["gw-a"].address, "Active")
    assert (carried["name"], carried["publicIP"], carried["member"]) == ("bank", lab.eip("bank"), "gw-a")
    assert status["publicIPs"] == [lab.eip("bank")]
    ready = kube.condition("EgressGateway", GROUP)
    assert (ready["status"], ready["reason"], ready["message"]) == ("True", "Carried", "1 of 1 egress IPs are carried [EIPGW-3011]")
    wait_until(lambda: kube.status_of("EgressPolicy", "payments").get("matchedPods") == 3, SOON, "pods are counted")
    assert kube.condition("EgressPolicy", "payments")["status"] == "True"
    assert ("Normal", "Carried", "1 of 1 egress IPs are carried [EIPGW-3011]") in kube.events(GROUP)
    kube.label("p2", "bank")
    lab.expect("p2", {lab.eip("bank"), *lab.expected("p2")})
    wait_until(lambda: kube.status_of("EgressPolicy", "payments")["matchedPods"] == 4, SOON, "one more")
    finish(kube)


def test_pods_come_and_go_on_every_node(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    for number, (node, address) in enumerate([("node1", "10.0.1.52"), ("node2", "10.0.2.52"), ("node1", "10.0.1.53")]):
        name = f"n{number}"
        kube.create(name, SELECTED, node=node)
        lab.add_pod(name, node, address, egress="bank")
        kube.addressed(name, address)
        wait_seen(lab, name, lab.eip("bank"))
        kube.admin.remove_pod("default", name)
        lab.delete_pod(name)
        wait_until(lambda gone=address: gone not in kernel_of(lab, "gw-a"), SOON, f"{address} is gone from the gateway")
    finish(kube)


def test_a_pod_that_leaves_its_policy_loses_its_connections_on_the_gateway(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    lab.expect("p1", {lab.eip("bank"), *lab.expected("p2")})
    flow = lab.pods["p1"].flow("udp", interval_ms=5)
    other = lab.pods["p3"].flow("tcp", interval_ms=5)
    wait_until(lambda: flow.stat().received > 20 and other.stat().received > 20, SOON, "they run")
    kube.label("p1", None)

    def ended() -> bool:
        return "src=10.0.1.50" not in lab.run("gw-a", "conntrack", "-L", "-s", "10.0.1.50")

    wait_until(ended, SOON, "its connections are gone from the gateway")
    flow.stop()
    report = other.stop()
    assert (report.lost, report.errors) == (0, 0), report
    finish(kube)


def test_the_gateway_restarts_without_the_api_server(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    flows = [lab.pods[name].flow("tcp", interval_ms=5) for name in ("p1", "p4")]
    before = kernel_of(lab, "gw-a")
    kube.plane.kill()
    gateway = lab.daemons["gw-a"]
    gateway.stop()
    gateway.start(wait_ready=False)
    wait_until(lambda: gateway.log_count(AWAY) > 0, SOON, "it says that the API server is away")
    assert kernel_of(lab, "gw-a") == before
    assert seen(lab, "p3") == lab.eip("bank")
    kube.plane.start()
    gateway.wait_ready(deadline=60)
    assert kernel_of(lab, "gw-a") == before
    for flow in flows:
        report = flow.stop()
        assert (report.lost, report.errors) == (0, 0), report
    assert not [line for line in gateway.log() if "repair: " in line]
    finish(kube, allow=(AWAY,))


# A wrong policy, its condition, and whether p2, which it selects, has the internet.
WRONG: dict[str, tuple[dict[str, Any], str, bool]] = {
    "unknown gateway": ({"egressGateway": "nobody"}, "EgressGatewayUnknown", False),
    "unknown egress IP": ({"egressIPs": ["mail"]}, "EgressIPUnknown", False),
    "no destination": ({"destinationCIDRs": ["10.0.0.0/16"]}, "NoDestination", True),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_with_a_policy_is_a_condition_and_an_event(make_kube: Callable[..., Kube], fault: str) -> None:
    kube = make_kube()
    lab = kube.lab
    spec, reason, goes = WRONG[fault]
    kube.label("p2", "other")
    kube.policy("other", selectors=[{"podSelector": {"matchLabels": {"egress": "other"}}}], **spec)
    wait_until(lambda: kube.condition("EgressPolicy", "other", reason).get("status") == "True", SOON, reason)
    assert kube.condition("EgressPolicy", "other")["status"] == "False"
    wait_until(lambda: any(e[:2] == ("Warning", reason) for e in kube.events("other")), SOON, "an Event")
    if goes:
        assert seen(lab, "p2") in lab.expected("p2")
    else:
        wait_seen(lab, "p2", None)
    assert seen(lab, "p1") == lab.eip("bank")
    finish(kube)


def test_a_gateway_waits_for_its_object(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(start=False)
    lab = kube.lab
    kube.admin.delete("EgressGateway", GROUP)
    lab.start_daemons(["node1", "node2"])
    gateway = lab.daemons["gw-a"]
    gateway.start(wait_ready=False)
    wait_until(lambda: "class_pod" in lab.run("gw-a", "nft", "list", "ruleset"), SOON, "it works")
    assert seen(lab, "p1") is None
    kube.gateway()
    gateway.wait_ready()
    wait_seen(lab, "p1", lab.eip("bank"))
    finish(kube)


def test_it_writes_no_more_than_it_has_to_and_with_its_own_rights(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    kube.stir()
    wait_until(lambda: kube.status_of("EgressPolicy", "payments").get("matchedPods") == 4, SOON, "one more")
    asked = kube.plane.audit(user="gateway")
    assert {row["verb"] for row in asked} <= {"list", "watch", "patch", "create"}
    assert {row["code"] for row in asked} <= {200, 201}
    assert sum(row["verb"] == "list" for row in asked) == 5
    assert sum(row["verb"] == "patch" and row["resource"] == "egresspolicies" for row in asked) <= 6
    finish(kube)


def work_of(lab: Lab, name: str) -> dict[str, Any]:
    """What the daemon says of its work in the kernel."""
    found: dict[str, Any] = json.loads(lab.daemons[name].eipgw("status", "--json").stdout)["kernel"]
    return found


def expect_described(lab: Lab) -> None:
    """A whole run, asked for, and that of a new process find nothing to do: all is as they describe it."""
    gateway = lab.daemons["gw-a"]
    before = kernel_of(lab, "gw-a")
    told = gateway.log_count("plan: applied|repair: ")
    runs = work_of(lab, "gw-a")["reconciles"]
    gateway.reload()
    wait_until(lambda: work_of(lab, "gw-a")["reconciles"] > runs, SOON, "a whole run")
    gateway.restart()
    assert kernel_of(lab, "gw-a") == before
    assert gateway.log_count("plan: applied|repair: ") == told


def test_a_pod_s_event_takes_no_whole_run_and_leaves_what_one_describes(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    gateway = lab.daemons["gw-a"]
    told = gateway.log_count("plan: applied")
    before = work_of(lab, "gw-a")
    lab.expect("p2", {lab.eip("bank"), *lab.expected("p2")})
    lab.expect("p4", {lab.eip("bank"), *lab.expected("p5")})  # until its node has heard that it is selected again
    kube.label("p2", "bank")
    wait_seen(lab, "p2", lab.eip("bank"))
    kube.label("p2", None)
    kube.label("p4", None)  # the last one of its node, and its first one again
    wait_until(lambda: "10.0.2." not in lab.run("gw-a", "nft", "list", "map", "ip", "eipgw", "class_pod"), SOON, "they left")
    kube.label("p4", "bank")
    wait_seen(lab, "p4", lab.eip("bank"))
    after = work_of(lab, "gw-a")
    # What leaves together may go together.
    assert 3 <= after["changes"] - before["changes"] == after["transactions"] - before["transactions"] <= 4
    assert gateway.log_count("plan: applied") == told
    assert after["events"] - before["events"] >= 4
    latency = after["event_to_kernel_us"]
    assert latency["count"] - before["event_to_kernel_us"]["count"] >= 4
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]
    expect_described(lab)
    finish(kube)


PODS, TURNS, CLIENTS = 100, 50, 4


def test_five_thousand_events_are_few_transactions(make_kube: Callable[..., Kube]) -> None:
    """Labels of pods on two nodes come and go as quickly as the API server takes it; in the middle somebody empties a map."""
    kube = make_kube()
    lab = kube.lab
    for i in range(PODS):
        kube.create(f"b{i}", SELECTED, node=f"node{1 + i % 2}")
        kube.addressed(f"b{i}", f"10.0.{1 + i % 2}.{100 + i}")
    elements = "nft list map ip eipgw class_pod | grep -o '10[.]0[.][0-9.]*' | wc -l"
    wait_until(lambda: int(lab.run("gw-a", "sh", "-c", elements)) == PODS + 3, SOON, "all are known")

    def change(client: int) -> None:
        admin = kube.plane.client()
        for turn in range(TURNS):
            for i in range(client, PODS, CLIENTS):
                label = None if turn % 2 == 0 else "bank"
                admin.patch("Pod", f"b{i}", {"metadata": {"labels": {"egress": label}}}, "default")
            if client == 0 and turn == TURNS // 2:
                lab.run("gw-a", "nft", "flush", "map", "ip", "eipgw", "class_pod")
        admin.close()

    before, began = work_of(lab, "gw-a"), time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(change, range(CLIENTS)))
    wait_until(lambda: work_of(lab, "gw-a")["events"] - before["events"] >= PODS * TURNS, SOON, "all was heard")
    wait_until(lambda: int(lab.run("gw-a", "sh", "-c", elements)) == PODS + 3, SOON, "all are back")
    after, took = work_of(lab, "gw-a"), time.monotonic() - began
    transactions = after["transactions"] - before["transactions"]
    # daemon/cluster.c: 50 at once, and 100 in a second; a few runs put the map right.
    assert transactions <= 50 + 100 * took + 5, (transactions, took)
    assert transactions < PODS * TURNS / 2
    assert after["reconciles"] - before["reconciles"] <= 5 + took / 30
    assert lab.daemons["gw-a"].log_count("set element deleted|table: .*element") > 0
    for name in ("p1", "p4"):
        assert seen(lab, name) == lab.eip("bank")
    expect_described(lab)
    finish(kube, allow=("^<4>repair: ",))


def test_status_of_the_daemons_names_what_they_follow(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    for name in ("gw-a", "node1"):
        status = json.loads(kube.lab.daemons[name].eipgw("status", "--json").stdout)
        assert status["kubernetes"]["synced"] is True
        assert [p["name"] for p in status["policies"]] == ["payments"]
    assert status["policies"][0]["sources"] == 2
    finish(kube)


def test_the_elastic_ip_is_found_by_the_tag_that_its_object_names(
    start_kube: Callable[[Lab], Kube], make_cloud: Callable[..., Cloud]
) -> None:
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    kube = start_kube(lab)
    kube.gateway(bank={"tag": {"key": "Name", "value": "bank"}})
    kube.policy()
    kube.configure_nodes()
    kube.configure_gateway()
    lab.daemons["gw-a"].config.pop("egress_ips")
    lab.daemons["gw-a"].write_config()
    lab.start_daemons(["node1", "node2"])
    cloud.gateway.start(wait_ready=False)
    wait_until(lambda: PUBLIC in cloud.gateway.eipgw("status").stdout, SOON, "it knows its egress IP")
    cloud.wait("held")
    cloud.gateway.wait_ready()
    wait_seen(lab, "p1", lab.eip("bank"))
    wait_seen(lab, "p4", lab.eip("bank"))
    [carried] = kube.status_of("EgressGateway", GROUP)["egressIPs"]
    assert (carried["publicIP"], carried["allocationID"], carried["member"]) == (lab.eip("bank"), BANK, "gw-a")
    assert cloud.writes() == []

    # Stolen: said where people look, and nothing leaves with another address.
    cloud.steal()
    cloud.wait("lost", "somebody moved")
    wait_until(lambda: kube.condition("EgressGateway", GROUP)["status"] == "False", SOON, "the condition")
    assert "somebody" in kube.condition("EgressGateway", GROUP)["message"]
    assert kube.status_of("EgressGateway", GROUP).get("egressIPs", []) == []
    wait_until(lambda: seen(lab, "p1") is None and seen(lab, "p4") is None, SOON, "nothing leaves")
    wait_until(lambda: ("Warning", "NotCarried") in [e[:2] for e in kube.events(GROUP)], SOON, "an Event")
    assert cloud.writes() == []
    # What left before the theft was noticed died at the internet gateway.
    assert {row.source for name in ("p1", "p3", "p4") for row in lab.foreign_rows(name)} <= {OURS}
    lab.stop_daemons()
    assert lab.check_logs(allow=["^<3>own: egress IP bank: lost"]) == []
