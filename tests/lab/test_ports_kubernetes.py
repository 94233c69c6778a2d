# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What a cluster sees of ports that become short, and a policy's limit of connections per pod."""

from collections.abc import Callable

import pytest
from eipgwlab import wait_until
from eipgwlab.agent import ECHO_PORT
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
        assert message.startswith("bank: ") and message.endswith(f" of {PORTS} ports to tcp {p1.server}:{ECHO_PORT} are taken")
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
    p1, p4 = lab.pods["p1"], lab.pods["p4"]
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
