# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""An instance that boots: the kernel's default is that nothing is forwarded, and so it stays until the rules are in."""

from collections.abc import Callable

import pytest
from eipgwlab import Lab, netns
from eipgwlab.cloud import AT_OURS, Cloud
from eipgwlab.wait import wait_until

pytestmark = pytest.mark.appliance

FORWARD = "/proc/sys/net/ipv4/ip_forward"


def forwards(lab: Lab) -> str:
    return lab.run("gw-a", "cat", FORWARD).strip()


def test_nothing_is_forwarded_before_the_rules_are_in(make_cloud: Callable[..., Cloud]) -> None:
    """Nodes steer already, and EC2 doesn't answer yet."""
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    netns.sysctl(lab.netns_of("gw-a"), {"net.ipv4.ip_forward": 0})
    cloud.faults({"action": "*", "kind": "throttle", "times": 1000000})
    lab.start_daemons(["node1", "node2"])
    cloud.start(wait_ready=False)
    wait_until(lambda: len(cloud.calls()) >= 2, 60, "the gateway asks EC2")

    mark = lab.exit_mark()
    assert lab.pods["p1"].probe().seen is None
    assert (lab.seen_for("p1", since=mark), forwards(lab)) == ({}, "0")

    cloud.faults()
    cloud.wait("held")
    cloud.gateway.wait_ready()
    assert "chain filter_forward" in lab.run("gw-a", "nft", "list", "table", "ip", "eipgw") and forwards(lab) == "1"
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert lab.foreign() == {}


def test_it_goes_on_forwarding_when_the_daemon_ends(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    netns.sysctl(lab.netns_of("gw-a"), {"net.ipv4.ip_forward": 0})
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    cloud.gateway.kill()
    assert forwards(lab) == "1"
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert lab.foreign() == {}
