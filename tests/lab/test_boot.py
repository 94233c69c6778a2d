# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""An instance that boots: the kernel's default is that nothing is forwarded, and so it stays until the rules are in. And one that is
cleaned up without a configuration."""

from collections.abc import Callable

import pytest
from eipgwlab import Lab, netns
from eipgwlab.build import program
from eipgwlab.cloud import AT_OURS, Cloud
from eipgwlab.daemons import SANITIZER_ENV
from eipgwlab.native import OTHER, VM, NativeCloud
from eipgwlab.wait import wait_until

pytestmark = pytest.mark.appliance

FORWARD = "/proc/sys/net/ipv4/ip_forward"


def forwards(lab: Lab) -> str:
    return lab.run("gw-a", "cat", FORWARD).strip()


def not_forwarded(lab: Lab) -> int:
    """Packets that the gateway had to forward, and doesn't, since it's no router yet."""
    names, values = (line.split() for line in lab.run("gw-a", "cat", "/proc/net/snmp").splitlines() if line.startswith("Ip:"))
    return int(dict(zip(names, values, strict=True))["InAddrErrors"])


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


def test_nothing_of_instances_is_forwarded_before_the_rules_are_in(make_native: Callable[..., NativeCloud]) -> None:
    """The VPC's route leads here already, and EC2 doesn't answer yet: no tunnel's guard is in their way."""
    cloud = make_native(target="eni-a", check=False)
    lab = cloud.lab
    netns.sysctl(lab.netns_of("gw-a"), {"net.ipv4.ip_forward": 0})
    cloud.faults({"action": "*", "kind": "throttle", "times": 1000000})
    cloud.start(wait_ready=False)
    wait_until(lambda: len(cloud.calls()) >= 2, 60, "the gateway asks EC2")

    mark, before = lab.exit_mark(), not_forwarded(lab)
    for transport in ("tcp", "udp", "icmp"):
        for machine in (cloud.vm, cloud.other):
            assert not machine.probe(transport, timeout=0.5).reached, transport
    servers = {cloud.vm.server, cloud.other.server}
    assert [row for row in lab.exit_rows(mark) if row.destination in servers] == []
    assert forwards(lab) == "0"
    assert not_forwarded(lab) >= before + 6, "they came as far as the gateway"

    cloud.faults()
    cloud.wait_held()
    cloud.gateway.wait_ready()
    assert forwards(lab) == "1"
    assert cloud.vm.probe().seen == lab.eip("bank") and not cloud.other.probe(timeout=0.5).reached
    cloud.gateway.stop()
    assert lab.foreign() == {}
    assert [key for key in lab.source_check_drops() if key[0] == "gw-a" and key[1] in (VM, OTHER)] == []
    assert lab.check_logs(allow=["^<4>own: "]) == []


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


# No configuration anywhere that the daemons look.
HIDDEN = '! [ -d /etc/eipgw ] || mount -t tmpfs none /etc/eipgw; mount -t tmpfs none /run; exec "$@"'


def test_a_configuration_is_not_needed_to_clean_up(make_lab: Callable[..., Lab]) -> None:
    """As when a package is removed after its configuration."""
    lab = make_lab()
    lab.start_daemons()
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert lab.foreign() == {}
    lab.stop_daemons()
    for name in ("gw-a", "node1"):
        daemon = lab.daemons[name]
        argv = ["ip", "netns", "exec", daemon.netns, "unshare", "-m", "sh", "-ec", HIDDEN, "sh", str(program(daemon.program)), "--cleanup"]
        done = netns.execute(argv, env=SANITIZER_ENV, check=False)
        assert done.returncode == 0, done
        assert "known by the defaults" in done.stderr and "Sanitizer" not in done.stderr
        assert "eipgw" not in lab.run(name, "nft", "list", "tables")
        assert "egw0" not in lab.run(name, "ip", "link")
        assert "proto 101" not in lab.run(name, "ip", "route", "show", "table", "all") + lab.run(name, "ip", "rule")
    assert "clsact" not in lab.run("gw-a", "tc", "qdisc", "show", "dev", "eth0")
    assert lab.check_logs() == []


def test_a_named_configuration_must_be_there(make_lab: Callable[..., Lab]) -> None:
    daemon = make_lab().daemons["gw-a"]
    daemon.config_path.unlink()
    done = daemon.cleanup()
    assert done.returncode == 3 and "No such file" in done.stderr, done
