# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A gateway that claims its Elastic IP itself and keeps it: from nothing but metadata and a tag, over restarts in
each state, through eventual consistency, and as the loser of a theft. eipgwlab/cloud.py has the AWS around it."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import Lab
from eipgwlab.cloud import AT_OURS, AT_THEIRS, BANK, OURS, PUBLIC, Cloud
from eipgwlab.wait import wait_until

pytestmark = pytest.mark.aws

MakeCloud = Callable[..., Cloud]


def wire_sources(lab: Lab) -> set[str]:
    """With which addresses packets left for the internet."""
    return {row.source for row in lab.exit_rows() if row.side == "wire"}


def is_not_available(cloud: Cloud) -> bool:
    """A pod gets no answer, and nothing of its attempts leaves, under whatever address."""
    lab = cloud.lab
    mark = lab.exit_mark()
    return lab.pods["p1"].probe().seen is None and lab.seen_for("p1", since=mark) == {}


def test_metadata_and_a_tag_are_enough_to_carry_pods_traffic(make_cloud: MakeCloud) -> None:
    """The emulated metadata at the real address, version 2 enforced, and signatures verified by botocore: nothing is
    configured but the tag and, since there's no DNS here, where EC2 is."""
    cloud = make_cloud(AT_THEIRS, secondary=(), metadata="emulated", verified=True)
    lab = cloud.lab
    assert set(cloud.gateway.config["aws"]) == {"ec2_url"} and cloud.gateway.config["egress_ips"] == [{"name": "bank", "tag": "Name=bank"}]
    cloud.start()
    lab.start_daemons(["node1", "node2"])

    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert lab.pods["p4"].probe().seen == lab.eip("bank")
    assert cloud.writes() == ["AssignPrivateIpAddresses", "AssociateAddress"]
    bank = cloud.bank()
    assert (bank["public"], bank["private"], bank["allocation_id"]) == (PUBLIC, OURS, BANK)
    # The AWS CLI, with the metadata's credentials too, sees what we did; what it does, we see.
    [seen] = cloud.cli("ec2", "describe-addresses", "--filters", "Name=tag:Name,Values=bank")["Addresses"]
    assert (seen["PublicIp"], seen["PrivateIpAddress"], seen["NetworkInterfaceId"]) == (PUBLIC, OURS, "eni-a")
    [eni] = cloud.cli("ec2", "describe-network-interfaces", "--network-interface-ids", "eni-a")["NetworkInterfaces"]
    assert [a["PrivateIpAddress"] for a in eni["PrivateIpAddresses"]] == ["10.0.1.200", OURS]
    cloud.cli("ec2", "disassociate-address", "--association-id", seen["AssociationId"])
    cloud.wait("lost", f"somebody disassociated {PUBLIC}", deadline=60)
    assert is_not_available(cloud)
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<3>own: egress IP bank: lost"]) == []


def test_a_claim_is_not_repeated_however_late_ec2_shows_it(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(AT_THEIRS, secondary=())
    lab = cloud.lab
    cloud.order("settings", {"delay_s": 7})
    cloud.start(wait_ready=False)
    cloud.wait("claiming", "EC2 doesn't show it yet")
    cloud.wait("held", deadline=90)
    cloud.gateway.wait_ready()
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p1"].flow("udp", interval_ms=5)
    cloud.wait_rounds(2)
    assert set(flow.stop().seen) == {lab.eip("bank")}
    assert cloud.writes() == ["AssignPrivateIpAddresses", "AssociateAddress"]
    assert cloud.gateway.log_count(r"egress IP bank: \w+, was held") == 0
    assert lab.foreign() == {}
    assert lab.check_logs() == []


def test_metadata_that_lag_take_nothing_away_and_a_lasting_difference_is_told(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    cloud.order("imds", {"associations": False})
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p1"].flow("udp", interval_ms=20)
    cloud.wait("held", f"EC2 says that {PUBLIC} is associated with {OURS}, the instance's metadata don't", deadline=100)
    cloud.order("imds", {"associations": True})
    cloud.wait("held", f"{PUBLIC} is associated with {OURS} on eni-a", deadline=40)
    assert set(flow.stop().seen) == {lab.eip("bank")}
    assert cloud.writes() == []
    assert lab.foreign() == {}
    assert lab.check_logs() == []


def test_a_restart_keeps_it_without_a_remap_even_without_ec2(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p1"].flow("udp", interval_ms=5)
    cloud.gateway.stop()
    cloud.faults({"kind": "500", "times": 1000})
    cloud.start(wait_ready=False)
    cloud.wait("unknown", "InternalError")
    assert lab.pods["p4"].probe().seen == lab.eip("bank")
    cloud.faults()
    cloud.wait("held")
    cloud.gateway.wait_ready()
    assert set(flow.stop().seen) == {lab.eip("bank")}
    assert cloud.writes() == []
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>own: "]) == []


# The state in which it's killed: where the Elastic IP is before, what leads to the state, what ends that, and
# what was written in the end. What EC2 doesn't show yet, the next process can't know: it asks again.
STATES: dict[str, tuple[dict[str, str], tuple[str, Any], tuple[str, Any], tuple[list[str], ...]]] = {
    "unknown": (AT_OURS, ("faults", [{"kind": "500", "times": 1000}]), ("faults", []), ([],)),
    "claiming": (AT_THEIRS, ("settings", {"delay_s": 1000}), ("settings", {"delay_s": 0}),
                 (["AssociateAddress"], ["AssociateAddress"] * 2)),
    "held": (AT_OURS, ("settings", {}), ("settings", {}), ([],)),
    "lost": (AT_OURS, ("settings", {}), ("settings", {}), (["AssociateAddress"],)),
    "blocked": (AT_THEIRS, ("settings", {"denied": ["AssociateAddress"]}), ("settings", {"denied": []}), ()),
}


@pytest.mark.parametrize("state", STATES)
def test_a_kill_in_any_state_is_recovered_from(make_cloud: MakeCloud, state: str) -> None:
    where, breaking, mending, writes = STATES[state]
    cloud = make_cloud(where)
    lab = cloud.lab
    cloud.order(*breaking)
    cloud.start(wait_ready=state in ("held", "lost"))
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p4"].flow("udp-new", interval_ms=10)
    if state == "lost":
        cloud.steal()
    cloud.wait(state)
    assert state == "held" or is_not_available(cloud)

    cloud.gateway.kill()
    cloud.start(wait_ready=False)
    # A restart is a person's doing: it claims again what was lost.
    cloud.wait("held" if state == "lost" else state)
    assert state in ("held", "lost") or is_not_available(cloud)
    cloud.order(*mending)
    cloud.wait("held", deadline=40)
    cloud.gateway.wait_ready()
    wait_until(lambda: lab.pods["p1"].probe().seen == lab.eip("bank"), 30, "the address")
    assert set(flow.stop().seen) == {lab.eip("bank")}
    assert cloud.writes() in writes or state == "blocked"
    assert set(cloud.writes()) <= {"AssociateAddress"}
    wrong = {row.source for row in lab.foreign_rows("p1") + lab.foreign_rows("p4")}
    assert wrong <= ({OURS} if state == "lost" else set())  # died at the internet gateway before the theft was seen
    assert lab.check_logs(allow=["^<4>own: ", "^<3>own: egress IP bank: (lost|blocked)"]) == []


def test_what_is_stolen_is_not_used_and_not_fought_for(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flows = [lab.pods["p1"].flow(kind, interval_ms=5) for kind in ("udp", "udp-new", "tcp")]
    wait_until(lambda: lab.seen_for("p1"), 30, "packets at the exit")
    cloud.steal()
    cloud.wait("lost", f"somebody moved {PUBLIC} to 10.0.2.201 on eni-b")
    assert is_not_available(cloud)
    assert "isn't available here: somebody moved" in cloud.gateway.eipgw("explain", "10.0.1.50").stdout
    for flow in flows:
        flow.stop()
    assert cloud.writes() == []

    # Not fought for, not even when it is free again; but a person may say so.
    cloud.gateway.reload()
    cloud.wait("held")
    assert cloud.writes() == ["AssociateAddress"]
    wait_until(lambda: lab.pods["p1"].probe().seen == lab.eip("bank"), 30, "the address again")
    # What left before the theft was noticed died at the internet gateway.
    assert wire_sources(lab) & {PUBLIC}
    assert {row.source for row in lab.foreign_rows("p1")} <= {OURS}
    assert lab.check_logs(allow=["^<3>own: egress IP bank: lost"]) == []


def release_and_allocate_again(state: dict[str, Any]) -> None:
    state["addresses"]["eipalloc-new"] = {"public": PUBLIC, "tags": state["addresses"].pop(BANK)["tags"]}


def unassign(state: dict[str, Any]) -> None:
    state["interfaces"]["eni-a"]["addresses"].remove(OURS)
    for member in ("interface", "private", "association"):
        del state["addresses"][BANK][member]


def put_another_there(state: dict[str, Any]) -> None:
    for member in ("interface", "private", "association"):
        del state["addresses"][BANK][member]
    state["addresses"]["eipalloc-other"] = AT_OURS | {"public": "203.0.113.9"}


# What somebody does to it: what is told, and what a reload then has to call.
DRIFT: dict[str, tuple[Callable[[dict[str, Any]], None], str, list[str]]] = {
    "deleted and made again under its tag": (release_and_allocate_again, f"{PUBLIC} was released", ["AssociateAddress"]),
    "its private address taken away": (unassign, f"somebody disassociated {PUBLIC}", ["AssignPrivateIpAddresses", "AssociateAddress"]),
    "another one put in its place": (put_another_there, "somebody disassociated", ["AssignPrivateIpAddresses", "AssociateAddress"]),
}


@pytest.mark.parametrize("drift", DRIFT)
def test_what_somebody_else_changes_stops_it_and_a_reload_claims_again(make_cloud: MakeCloud, drift: str) -> None:
    edit, reason, writes = DRIFT[drift]
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p1"].flow("udp-new", interval_ms=10)
    wait_until(lambda: lab.seen_for("p1"), 30, "packets at the exit")
    cloud.change(edit)
    cloud.wait("lost", reason)
    assert is_not_available(cloud)
    cloud.wait_rounds(2)
    assert cloud.bank()["state"] == "lost" and cloud.writes() == []
    cloud.gateway.reload()
    cloud.wait("held", deadline=40)
    wait_until(lambda: lab.pods["p4"].probe().seen == lab.eip("bank"), 30, "the address again")
    assert set(flow.stop().seen) == {lab.eip("bank")}
    assert cloud.writes() == writes
    assert {row.source for row in lab.foreign_rows("p1")} <= {OURS}
    assert lab.foreign_rows("p4") == []
    assert lab.check_logs(allow=["^<3>own: egress IP bank: lost", r"^<4>own: DescribeAddresses: InvalidAllocationID\.NotFound"]) == []


def test_an_interface_that_is_detached_and_attached_again_keeps_its_address(make_cloud: MakeCloud) -> None:
    """The association stays with the interface; the instance is without network meanwhile."""
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p1"].flow("udp", interval_ms=20)
    lab.cut("gw-a")
    cloud.change(lambda state: state["interfaces"]["eni-a"].update(instance=None))
    cloud.wait_rounds(2)
    assert cloud.bank()["state"] == "held"
    assert is_not_available(cloud)
    cloud.change(lambda state: state["interfaces"]["eni-a"].update(instance="i-a"))
    lab.mend("gw-a")
    wait_until(lambda: lab.pods["p4"].probe().seen == lab.eip("bank"), 30, "the address again")
    cloud.wait_rounds(1)
    assert cloud.bank()["state"] == "held"
    assert set(flow.stop().seen) == {lab.eip("bank")}
    assert cloud.writes() == []
    assert lab.foreign() == {}
    assert lab.check_logs() == []


def test_a_reload_in_the_middle_of_a_claim_neither_loses_nor_repeats_it_needlessly(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(AT_THEIRS)
    lab = cloud.lab
    cloud.faults({"kind": "done-slow", "action": "AssociateAddress", "seconds": 40, "times": 1})
    cloud.start(wait_ready=False)
    wait_until(lambda: "AssociateAddress" in cloud.calls(), 30, "the claim is under way")
    began = time.monotonic()
    cloud.gateway.reload()
    cloud.wait("held")
    assert time.monotonic() - began < 40, "it waited for the answer that nobody wants any more"
    cloud.gateway.wait_ready()
    lab.start_daemons(["node1", "node2"])
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    cloud.wait_rounds(1)
    assert cloud.bank()["state"] == "held" and cloud.writes() == ["AssociateAddress"]
    assert lab.foreign() == {}
    assert lab.check_logs() == []
