# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Route-table mode: instances of a private subnet reach the internet by a VPC route to the gateway's interface. The
lab's route table and its source/dest check follow the fake EC2, so that a wrong call is seen in packets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import packets
from eipgwlab.native import EVERYTHING, MODIFY, OTHER, REPLACE, TABLE, VM, NativeCloud
from eipgwlab.wait import wait_until

pytestmark = pytest.mark.aws


def finish(cloud: NativeCloud, *allow: str) -> None:
    """No packet with a wrong source, neither at the exit nor on its way to it, and clean logs."""
    lab = cloud.lab
    cloud.gateway.stop()
    assert lab.foreign() == {}
    assert [key for key in lab.source_check_drops() if key[0] == "gw-a" and key[1] in (VM, OTHER)] == []
    assert lab.check_logs(allow=list(allow)) == []


def test_an_instance_reaches_the_internet_once_the_gateway_is_ready_and_not_before(
    make_native: Callable[..., NativeCloud]
) -> None:
    cloud = make_native(where={})
    lab = cloud.lab
    cloud.order("settings", {"denied": ["AssociateAddress"]})
    cloud.start(wait_ready=False)
    cloud.wait("blocked", "lacks ec2:AssociateAddress")
    # Without its Elastic IP the gateway takes nobody's traffic.
    wait_until(lambda: cloud.points()["source/dest check"] == ("claiming", "it is on for eni-a"), 30, "the check is seen")
    wait_until(lambda: cloud.points()[f"route {EVERYTHING} of {TABLE}"] == ("claiming", "it leads to eni-b"), 30, "the route is seen")
    assert not cloud.vm.probe(timeout=0.5).reached
    assert lab.dest_check_drops().keys() == {("gw-b", cloud.vm.server)}
    assert set(cloud.writes()) == {"AssociateAddress"}

    cloud.order("settings", {"denied": []})
    cloud.wait_held()
    cloud.gateway.wait_ready()
    lab.start_daemons(["node1", "node2"])
    assert cloud.writes()[-2:] == [MODIFY, REPLACE]
    for transport in ("tcp", "udp", "icmp"):
        assert cloud.vm.probe(transport).seen == lab.eip("bank"), transport
    assert cloud.vm.probe(size=200000, timeout=10).seen == lab.eip("bank")
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    finish(cloud, "^<3>own: egress IP bank: blocked", "^<4>own: ")


def test_what_no_policy_selects_is_refused_and_counted(make_native: Callable[..., NativeCloud]) -> None:
    cloud = make_native(target="eni-a", check=False)
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    assert cloud.is_served()
    before = refused(cloud)
    assert not cloud.other.probe("udp", timeout=0.5).reached
    # Not on the way that the configuration names: a pod's address past the tunnel, an instance's through it.
    lab.check_interface("node2", on=False)
    pod = packets.udp("10.0.1.50", "198.51.100.10", 1, 9)
    inner = packets.udp(VM, "198.51.100.10", 2, 9)
    lab.run("vpc", "ip", "rule", "add", "iif", "br-b", "lookup", "101")
    lab.stations["node2"].raw(pod)
    lab.stations["node1"].raw(packets.vxlan("10.0.1.11", "10.0.1.200", inner))
    wait_until(lambda: refused(cloud) >= before + 3, 30, "three refused packets")
    lab.run("vpc", "ip", "rule", "del", "iif", "br-b", "lookup", "101")
    assert lab.exit_counts().keys() <= {lab.eip("bank"), "203.0.113.12"}
    explained = {address: cloud.gateway.eipgw("explain", address).stdout for address in (VM, OTHER, "10.0.4.4")}
    assert "policy payments translates it to the egress IP bank" in explained[VM]
    assert "if a VPC route table leads it here" in explained[VM]
    assert "no policy selects this source" in explained[OTHER]
    assert "no node in the configuration hosts this source" in explained["10.0.4.4"]
    assert cloud.writes() == []
    finish(cloud)


def refused(cloud: NativeCloud) -> int:
    rows = json.loads(cloud.gateway.eipgw("status", "--json").stdout)["counters"]
    return next(row["packets"] for row in rows if row["name"] == "refused")


def test_a_restart_keeps_everything_without_a_write(make_native: Callable[..., NativeCloud]) -> None:
    cloud = make_native(target="eni-a", check=False)
    cloud.start()
    flow = cloud.vm.flow("udp", interval_ms=5)
    for stop in (cloud.gateway.stop, cloud.gateway.kill):
        stop()
        cloud.start()
    assert set(flow.stop().seen) == {cloud.lab.eip("bank")}
    assert cloud.writes() == []
    finish(cloud)


def test_a_stolen_route_is_lost_and_not_fought_for(make_native: Callable[..., NativeCloud]) -> None:
    cloud = make_native(target="eni-a", check=False)
    lab = cloud.lab
    cloud.start()
    flow = cloud.vm.flow("udp-new", interval_ms=5)
    cloud.disturb(route="eni-b")
    cloud.wait_point("route", "lost", "somebody made it lead to eni-b; a reload takes it back")
    assert "but route 0.0.0.0/0 of rtb-p is lost" in cloud.gateway.eipgw("explain", VM).stdout
    end_of_round(cloud)
    assert cloud.writes() == []
    assert not cloud.vm.probe(timeout=0.5).reached
    assert set(flow.stop().seen) <= {lab.eip("bank")}

    cloud.gateway.reload()
    cloud.wait_point("route", "held")
    assert cloud.writes() == [REPLACE]
    wait_until(cloud.is_served, 30, "the internet again")
    lines = [line for line in cloud.gateway.log() if line.startswith("<3>")]
    assert len(lines) == 1
    finish(cloud, "^<3>own: route 0.0.0.0/0 of rtb-p: lost")


def end_of_round(cloud: NativeCloud) -> None:
    """Two looks later."""
    seen = len([r for r in cloud.order("requests") if r["Action"] == "DescribeRouteTables"])
    wait_until(lambda: len([r for r in cloud.order("requests") if r["Action"] == "DescribeRouteTables"]) >= seen + 2,
               30, "two more looks at the tables")


def test_a_check_that_is_turned_on_again_is_lost_until_a_reload(make_native: Callable[..., NativeCloud]) -> None:
    cloud = make_native(target="eni-a", check=False)
    cloud.start()
    assert cloud.is_served()
    cloud.disturb(check=True)
    cloud.wait_point("source/dest check", "lost", "somebody turned it on again for eni-a; a reload turns it off")
    assert not cloud.is_served()
    end_of_round(cloud)
    assert cloud.writes() == []
    cloud.gateway.reload()
    cloud.wait_held()
    assert cloud.writes() == [MODIFY]
    wait_until(cloud.is_served, 30, "the internet again")
    finish(cloud, "^<3>own: source/dest check: lost")


# What is wrong at first, what the gateway says then and of which point, and how many error lines that makes.
BROKEN: dict[str, tuple[str, Any, str, str, str, int]] = {
    "route denied": ("settings", {"denied": [REPLACE]}, "route", "blocked", "lacks ec2:ReplaceRoute", 1),
    "check denied": ("settings", {"denied": [MODIFY]}, "source", "blocked", f"lacks ec2:{MODIFY}", 1),
    "look denied": ("settings", {"denied": ["DescribeRouteTables"]}, "route", "blocked",
                    "lacks ec2:DescribeRouteTables", 1),
    "throttled": ("faults", [{"kind": "throttle", "action": REPLACE, "times": 1000}], "route", "claiming",
                  "RequestLimitExceeded", 0),
    "error": ("faults", [{"kind": "500", "action": MODIFY, "times": 1000}], "source", "claiming", "InternalError", 0),
    "reset": ("faults", [{"kind": "reset", "action": "DescribeRouteTables", "times": 1000}], "route", "unknown", "Describe", 0),
    "half-done": ("faults", [{"kind": "done-500", "action": REPLACE, "times": 1}], "", "", "", 0),
    "lag": ("settings", {"delay_s": 4}, "", "", "", 0),
}
MENDED = {"faults": [], "settings": {"denied": [], "delay_s": 0}}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_at_the_start_is_told_and_got_over(make_native: Callable[..., NativeCloud], fault: str) -> None:
    name, body, point, state, reason, errors = BROKEN[fault]
    cloud = make_native()
    cloud.order(name, body)
    cloud.start(wait_ready=False)
    if state:
        cloud.wait_point(point, state, reason)
        assert not cloud.is_served()
        cloud.wait_rounds()
        assert len([line for line in cloud.gateway.log() if line.startswith("<3>")]) == errors
        cloud.order(name, MENDED[name])
    cloud.wait_held()
    cloud.gateway.wait_ready()
    wait_until(cloud.is_served, 30, "the internet")
    # Denied and throttled tries are asked for too; nothing is done twice.
    done = cloud.writes()
    assert set(done) == {MODIFY, REPLACE}
    if not state:
        assert done == [MODIFY, REPLACE]
    finish(cloud, "^<4>own: ", "^<3>own: (route|source).*: blocked, was (claiming|unknown): .* lacks ec2:")


# What a table shows at first: the route's target, and what is said.
UNFIT = {
    "missing": (None, "it doesn't exist; create it once, leading to eni-a or anywhere else"),
    "public": ("igw-1", f"it leads to igw-1, so {TABLE} is a public subnet's"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_route_that_may_not_be_replaced_is_told_in_one_line(make_native: Callable[..., NativeCloud], what: str) -> None:
    target, reason = UNFIT[what]
    cloud = make_native(target=target)
    cloud.start(wait_ready=False)
    cloud.wait_point("route", "blocked", reason)
    cloud.wait_point("source/dest check", "held")
    end_of_round(cloud)
    assert cloud.writes() == [MODIFY]
    assert len([line for line in cloud.gateway.log() if line.startswith("<3>")]) == 1
    cloud.disturb(route="eni-gone")
    cloud.wait_held()
    cloud.gateway.wait_ready()
    assert cloud.is_served()
    finish(cloud, "^<3>own: route 0.0.0.0/0 of rtb-p: blocked")


def test_an_outage_takes_nothing_away(make_native: Callable[..., NativeCloud]) -> None:
    cloud = make_native(target="eni-a", check=False)
    cloud.start()
    flow = cloud.vm.flow("udp", interval_ms=5)
    cloud.order("faults", [{"kind": "500", "times": 1000}])
    cloud.wait_point("source/dest check", "held", "it stays, but can't be verified: ")
    cloud.order("faults", [{"kind": "500", "action": "DescribeRouteTables", "times": 1000}])
    cloud.wait_point("route", "held", "it stays, but can't be verified: ", deadline=60)
    cloud.order("faults", [])
    cloud.wait_point("route", "held", "it leads to eni-a", deadline=60)
    assert set(flow.stop().seen) == {cloud.lab.eip("bank")}
    assert cloud.writes() == []
    finish(cloud, "^<4>own: ")
