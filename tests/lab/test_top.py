# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""`eipgw top` says who has which connections and ports of the egress IPs now, whatever the kernel told and didn't."""

import re
import signal
from collections.abc import Callable

import pytest
from eipgwlab import Lab, netns, wait_until
from eipgwlab.agent import ECHO_PORT
from labports import egress, holding, of_destination, of_pod, top

pytestmark = pytest.mark.knowing

MakeLab = Callable[..., Lab]
SOON = 60.0
MANY = 30000  # more than the daemon's socket takes
MANY_FROM = """
import socket, sys
for port in range(10000, 10000 + int(sys.argv[3])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((sys.argv[1], port))
        s.sendto(b"x" * 100, (sys.argv[2], 7))
"""


def test_connections_are_counted_where_they_are(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.start_daemons()
    gateway, p1, p2 = lab.daemons["gw-a"], lab.pods["p1"], lab.pods["p2"]
    assert p1.server and p2.server
    with holding(lab, "p1", p1.server, ECHO_PORT) as one, holding(lab, "p2", p2.server, ECHO_PORT) as other:
        assert one.connect(30) == {"connected": 30} and other.connect(5) == {"connected": 5}
        wait_until(lambda: of_pod(gateway, p1.address).get("connections") == 30, SOON, "30 connections")
        pod = of_pod(gateway, p1.address)
        assert (pod["node"], pod["policy"], pod["egress_ip"]) == (p1.node, "payments", "bank")
        destination = of_destination(gateway, p1.server, ECHO_PORT)
        assert {k: destination[k] for k in ("egress_ip", "connections", "ports", "capacity", "share")} == {
            "egress_ip": "bank", "connections": 30, "ports": 30, "capacity": 64512, "share": 0}
        bank = egress(gateway, "bank")
        assert (bank["public"], bank["connections"], bank["ports"]) == (lab.eip("bank"), 30, 30)
        assert of_pod(gateway, p2.address) == {}  # nobody selects it
        assert one.connect(20) == {"connected": 20}
        wait_until(lambda: egress(gateway, "bank")["connections"] == 50, SOON, "50 connections")
    lab.run("gw-a", "conntrack", "-F")
    wait_until(lambda: egress(gateway, "bank")["connections"] == 0, SOON, "no connection")
    assert lab.foreign() == {} and lab.check_logs() == []


def test_rates_are_those_of_the_traffic(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.start_daemons()
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    flow = p1.flow("tcp", interval_ms=5, size=1000)
    churn = p1.flow("udp-new", per_sec=20, interval_ms=50)

    def has_rates() -> bool:
        pod = of_pod(gateway, p1.address)
        return bool(pod) and pod["sent_bytes_per_s"] > 5000 and pod["received_bytes_per_s"] > 5000 and pod["new_per_s"] >= 2

    wait_until(has_rates, SOON, "rates")
    assert top(gateway, "--sort", "bytes")["pods"][0]["address"] == p1.address
    churn.stop()
    flow.stop()
    assert lab.foreign() == {} and lab.check_logs() == []


def test_what_the_kernel_could_not_tell_is_found_by_looking(make_lab: MakeLab) -> None:
    """A daemon that doesn't read for a while misses beginnings and ends."""
    lab = make_lab()
    lab.start_daemons()
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    assert p1.probe("udp").reached
    wait_until(lambda: of_pod(gateway, p1.address), SOON, "a connection")
    with holding(lab, "p1", p1.server or "", ECHO_PORT) as holder:
        gateway.signal(signal.SIGSTOP)
        try:
            netns.execute(["/usr/bin/python3", "-c", MANY_FROM, p1.address, p1.server or "", str(MANY)], netns=lab.netns_of("p1"))
            lab.run("gw-a", "conntrack", "-F")
            assert holder.connect(12) == {"connected": 12}
        finally:
            gateway.signal(signal.SIGCONT)
        wait_until(lambda: top(gateway)["counted"]["overruns"] > 0, SOON, "more than fits")
        wait_until(lambda: egress(gateway, "bank")["connections"] == 12, SOON, "what is there")
        assert of_destination(gateway, p1.server or "", ECHO_PORT)["connections"] == 12
        assert of_destination(gateway, p1.server or "", 7, "udp") == {}
    assert lab.foreign() == {} and lab.check_logs() == []


def test_a_person_reads_it(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.start_daemons()
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    assert p1.probe("tcp").reached
    wait_until(lambda: of_pod(gateway, p1.address), SOON, "a connection")
    shown = gateway.eipgw("top").stdout
    assert re.search(r"^ +bank +203\.0\.113\.\d+ +1 +[01] +64512 +0 %", shown, re.MULTILINE), shown
    assert re.search(rf"^ +{re.escape(p1.address)} +{p1.node} +payments +bank +1 ", shown, re.MULTILINE), shown
    assert "\033" not in shown  # no terminal
    only = gateway.eipgw("top", "destinations", "--once").stdout
    assert "\ndestinations\n" in only and "\npods\n" not in only
    for wrong in (("top", "nodes"), ("top", "--once", "--watch")):
        assert gateway.eipgw(*wrong).returncode == 2
    for wrong in (("top", "--limit", "many"), ("top", "--limit", "1001"), ("top", "--sort", "name")):
        assert gateway.eipgw(*wrong).returncode == 1
    assert lab.check_logs() == []
