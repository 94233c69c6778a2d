# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What a cluster sees of ports that become short, and a policy's limit of connections per pod."""

from collections.abc import Callable

import pytest
from eipgwlab import wait_until
from eipgwlab.agent import ECHO_PORT
from eipgwlab.group import Group
from labha import QUIET
from labkube import GROUP, Kube, finish, wait_seen
from labports import egress, holding, of_pod

pytestmark = pytest.mark.knowing

SOON = 60.0
PORTS = 20
SHORT = r"^<4>ports: bank: "


def reason(kube: Kube) -> tuple[str, str]:
    found = kube.condition("EgressGateway", GROUP, "PortsAvailable")
    return found.get("status", ""), found.get("reason", "")


def reasons(kube: Kube) -> set[tuple[str, str]]:
    return {(kind, why) for kind, why, _ in kube.events(GROUP) if why.startswith("Ports")}


def test_short_ports_are_a_condition_and_an_event_either_way(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(start=False)
    lab = kube.lab
    kube.configure_gateway(limits={"first_port": 20000, "last_port": 20000 + PORTS - 1})
    lab.start_daemons()
    wait_seen(lab, "p1", lab.eip("bank"))
    wait_until(lambda: reason(kube) == ("True", "PortsLeft"), SOON, "the condition")
    assert reasons(kube) == set()
    p1 = lab.pods["p1"]
    with holding(lab, "p1", p1.server or "", ECHO_PORT) as greedy:
        greedy.connect(PORTS)
        wait_until(lambda: reason(kube) == ("False", "PortsShort"), SOON, "the alarm")
        message = kube.condition("EgressGateway", GROUP, "PortsAvailable")["message"]
        assert message.startswith("bank: ") and message.endswith(f" of {PORTS} ports to tcp {p1.server}:{ECHO_PORT} are taken [EIPGW-3012]")
        wait_until(lambda: reasons(kube) == {("Warning", "PortsShort")}, SOON, "an Event")
        assert kube.condition("EgressGateway", GROUP)["status"] == "True"
    lab.run("gw-a", "conntrack", "-D", "-s", p1.address)
    wait_until(lambda: reason(kube) == ("True", "PortsLeft"), SOON, "it's withdrawn")
    wait_until(lambda: reasons(kube) == {("Warning", "PortsShort"), ("Normal", "PortsLeft")}, SOON, "another Event")
    finish(kube, allow=(SHORT,))


def test_a_policys_limit_is_that_of_each_of_its_pods(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(connectionsPerPod=12)
    lab = kube.lab
    gateway = lab.daemons["gw-a"]
    p1 = lab.pods["p1"]
    with holding(lab, "p1", p1.server or "", ECHO_PORT) as one, holding(lab, "p4", p1.server or "", ECHO_PORT) as other:
        wait_until(lambda: one.connect(4).get("ECONNREFUSED", 0) == 4, SOON, "the limit")
        pod = of_pod(gateway, p1.address)
        assert (pod["namespace"], pod["name"], pod["policy"], pod["limit"]) == ("default", "p1", "payments", 12)
        assert other.connect(8) == {"connected": 8}
        assert 12 + 8 <= egress(gateway, "bank")["connections"]
        # Without the limit it goes on.
        kube.policy()
        wait_until(lambda: one.connect(1) == {"connected": 1}, SOON, "no limit")
        assert "limit" not in of_pod(gateway, p1.address)
    finish(kube)


def test_what_another_gateway_began_counts_after_a_take_over(make_group: Callable[..., tuple[Kube, Group]]) -> None:
    kube, group = make_group()
    lab = kube.lab
    kube.policy(connectionsPerPod=15)
    p1 = lab.pods["p1"]
    first, second = lab.daemons["gw-a"], lab.daemons["gw-b"]
    wait_until(lambda: of_pod(first, p1.address).get("limit") == 15 or not p1.probe("udp"), SOON, "the limit")
    with holding(lab, "p1", p1.server or "", ECHO_PORT) as greedy:
        held = greedy.connect(10)["connected"]
        wait_until(lambda: of_pod(first, p1.address).get("connections", 0) >= held, SOON, "they count")
        wait_until(lambda: kube.condition("EgressGateway", GROUP, "gw-a/PortsAvailable").get("status") == "True", SOON, "its condition")
        assert not kube.condition("EgressGateway", GROUP, "gw-b/PortsAvailable")
        assert of_pod(second, p1.address) == {}  # it has them, and translates none
        first.stop(deadline=60)
        group.wait_carrier("gw-b")
        wait_until(lambda: of_pod(second, p1.address).get("connections", 0) >= held, SOON, "they count here")
        assert of_pod(second, p1.address)["policy"] == "payments"
        wait_until(lambda: greedy.connect(3).get("ECONNREFUSED", 0) == 3, SOON, "the limit")
        assert of_pod(second, p1.address)["connections"] < 15 + held  # not anew
        wait_until(lambda: kube.condition("EgressGateway", GROUP, "gw-b/PortsAvailable").get("status") == "True", SOON, "its condition")
        wait_until(lambda: not kube.condition("EgressGateway", GROUP, "gw-a/PortsAvailable"), SOON, "the other one's is gone")
    assert {row.source for row in lab.foreign_rows("p1")} <= set(lab.egress_ips["bank"].private.values())
    assert lab.check_logs(allow=QUIET) == []
