# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A destination allows as many connections as an egress IP has ports. When one pod takes them all it is said, the others are kept
from harm by a limit, and what is refused costs little."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import Lab, netns, wait_until
from eipgwlab.agent import ECHO_PORT
from labports import egress, holding, of_pod, top
from proof import counters, status

pytestmark = pytest.mark.knowing

MakeLab = Callable[..., Lab]
SOON = 60.0
PORTS = 40
SHORT = r"^<4>ports: bank: \d+ of 40 ports to tcp [\d.]+:\d+ are taken"


def make(make_lab: MakeLab, **limits: Any) -> Lab:
    """Egress IPs with few ports, as many as tell what happens."""
    lab = make_lab()
    lab.daemons["gw-a"].config["limits"] = {"first_port": 20000, "last_port": 20000 + PORTS - 1, **limits}
    lab.daemons["gw-a"].write_config()
    lab.start_daemons()
    return lab


def ports_used(lab: Lab) -> set[int]:
    """What connections get, as the kernel has it."""
    private = lab.egress_ips["bank"].private["gw-a"]
    out = lab.run("gw-a", "conntrack", "-L", "-p", "tcp", "-q", private)
    return {int(port) for port in re.findall(rf"dst={re.escape(private)} sport=\d+ dport=(\d+)", out)}


def test_one_pod_that_takes_all_ports_is_told_of_until_it_ends(make_lab: MakeLab) -> None:
    lab = make(make_lab)
    gateway, p1, p4 = lab.daemons["gw-a"], lab.pods["p1"], lab.pods["p4"]
    assert p1.server and p4.server
    with holding(lab, "p1", p1.server, ECHO_PORT) as greedy:
        told = greedy.connect(31)
        assert told == {"connected": 31}
        wait_until(lambda: egress(gateway, "bank")["ports"] == 31, SOON, "31 ports")
        assert not egress(gateway, "bank")["short"] and gateway.log_count(SHORT) == 0
        told = greedy.connect(PORTS)
        assert told == {"connected": PORTS - 31, "silence": 31}
        assert ports_used(lab) == set(range(20000, 20000 + PORTS))
        wait_until(lambda: egress(gateway, "bank")["short"], SOON, "the alarm")
        bank = egress(gateway, "bank")
        assert (bank["ports"], bank["capacity_per_destination"], bank["hottest_share"]) == (PORTS, PORTS, 100)
        wait_until(lambda: egress(gateway, "bank")["refused"] >= 31, SOON, "refusals are counted")
        assert top(gateway)["refused_unknown"] == 0
        assert "ports to tcp" in next(e for e in status(gateway)["egress_ips"] if e["name"] == "bank")["ports_short"]
        assert re.search(r"ports to tcp [\d.]+:\d+ are taken", gateway.eipgw("status").stdout)
        # Another destination has all of its ports, for the greedy pod as for others.
        assert p1.probe("tcp", dst=p4.server).seen == lab.eip("bank")
        assert p4.probe("tcp").seen == lab.eip("bank")
        # To the same one there is none left for anybody.
        assert not p4.probe("tcp", dst=p1.server, timeout=1.0).reached
    lab.run("gw-a", "conntrack", "-D", "-s", p1.address)
    wait_until(lambda: not egress(gateway, "bank")["short"], SOON, "the alarm is withdrawn")
    assert "ports_short" not in next(e for e in status(gateway)["egress_ips"] if e["name"] == "bank")
    assert p4.probe("tcp", dst=p1.server).seen == lab.eip("bank")
    assert lab.foreign() == {} and lab.check_logs(allow=(SHORT,)) == []


def test_with_a_limit_the_others_find_ports(make_lab: MakeLab) -> None:
    lab = make(make_lab, connections_per_pod=20)
    gateway, p1, p4 = lab.daemons["gw-a"], lab.pods["p1"], lab.pods["p4"]
    assert p1.server and p4.server
    with holding(lab, "p1", p1.server, ECHO_PORT) as greedy:
        assert greedy.connect(19) == {"connected": 19}
        assert not of_pod(gateway, p1.address).get("limited")
        assert greedy.connect(1) == {"connected": 1}
        # The daemon counts what the kernel tells: what comes before it knows would come through.
        wait_until(lambda: of_pod(gateway, p1.address).get("limited"), SOON, "it's limited")
        wait_until(lambda: p1.address in lab.run("gw-a", "nft", "list", "set", "ip", "eipgw", "limited"), SOON, "the kernel knows")
        assert of_pod(gateway, p1.address)["connections"] == 20 and of_pod(gateway, p1.address)["limit"] == 20
        assert re.search(rf" {p1.address} .* 20 +20  yes ", gateway.eipgw("top").stdout), "whom the limit refuses is in the table"
        assert greedy.connect(10) == {"ECONNREFUSED": 10}  # at once
        assert p1.probe("udp", timeout=1.0).error in ("EHOSTUNREACH", "EACCES")
        assert counters(gateway)["limited"] >= 11
        assert p4.probe("tcp", dst=p1.server).seen == lab.eip("bank")
        assert p4.probe("udp", dst=p1.server).seen == lab.eip("bank")
        assert not egress(gateway, "bank")["short"]
        # What is counted stays counted over a reload, and one with another limit counts at once.
        gateway.reload()
        assert greedy.connect(3) == {"ECONNREFUSED": 3}
        gateway.config["limits"]["connections_per_pod"] = 30
        gateway.write_config()
        gateway.reload()
        wait_until(lambda: of_pod(gateway, p1.address)["limit"] == 30 and not of_pod(gateway, p1.address)["limited"], SOON, "more")
        wait_until(lambda: greedy.connect(1) == {"connected": 1}, SOON, "one more is let in")
    lab.run("gw-a", "conntrack", "-D", "-s", p1.address)
    wait_until(lambda: of_pod(gateway, p1.address).get("connections", 0) == 0, SOON, "they have ended")
    assert p1.probe("tcp").seen == lab.eip("bank")
    assert lab.foreign() == {} and lab.check_logs(allow=(SHORT,)) == []


def test_a_restarted_daemon_counts_what_is_there(make_lab: MakeLab) -> None:
    lab = make(make_lab, connections_per_pod=10)
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    assert p1.server
    with holding(lab, "p1", p1.server, ECHO_PORT) as greedy:
        wait_until(lambda: "ECONNREFUSED" in greedy.connect(5), SOON, "the limit")
        gateway.restart()
        wait_until(lambda: of_pod(gateway, p1.address).get("limited"), SOON, "it's limited again")
        wait_until(lambda: greedy.connect(1) == {"ECONNREFUSED": 1}, SOON, "the kernel knows")
    assert lab.foreign() == {} and lab.check_logs(allow=(SHORT,)) == []


def test_a_policy_has_a_limit_of_its_own(make_lab: MakeLab) -> None:
    lab = make(make_lab, connections_per_pod=30)
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    assert p1.server
    gateway.config["policies"][0]["connections_per_pod"] = 5
    gateway.write_config()
    gateway.reload()
    wait_until(lambda: of_pod(gateway, p1.address).get("limit") == 5 or not p1.probe("udp"), SOON, "the policy's limit")
    with holding(lab, "p1", p1.server, ECHO_PORT) as greedy:
        wait_until(lambda: "ECONNREFUSED" in greedy.connect(3), SOON, "the limit")
        rules = lab.run("gw-a", "nft", "list", "ruleset")
        found = re.search(r"counter limited_payments \{\s+packets (\d+)", rules)
        assert found and int(found[1]) > 0, rules
    assert lab.foreign() == {} and lab.check_logs(allow=(SHORT,)) == []


# ---- what it costs


# Sends datagrams as a raw socket does, each from another port or to another one, and tells the best round's microseconds for one.
# All the way to the server's namespace is done in the sender's time, so that is what a packet costs all of them together.
SEND = """
import socket, struct, sys, time
source, server, kind, n, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
s.bind((source, 0))
best, at = None, 0
for _ in range(rounds):
    packets = []
    for _ in range(n):
        at += 1
        ports = (5000, 2000 + at) if kind == "to" else (2000 + at, 9)
        packets.append(struct.pack("!HHHH", *ports, 8, 0))
    begin = time.perf_counter()
    for packet in packets:
        try:
            s.sendto(packet, (server, 0))
        except OSError:
            pass
    took = (time.perf_counter() - begin) / n
    best = took if best is None or took < best else best
print(best * 1e6)
"""


def send(lab: Lab, kind: str, n: int, rounds: int = 5) -> float:
    pod = lab.pods["p1"]
    argv = ["/usr/bin/python3", "-c", SEND, pod.address, pod.server or "", kind, str(n), str(rounds)]
    return float(netns.execute(argv, netns=lab.netns_of("p1")).stdout)


def test_what_is_refused_costs_no_core(make_lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    """A pod that goes on knocking where no port is left makes the kernel look for one each time; one over its limit doesn't."""
    lab = make_lab()
    gateway = lab.daemons["gw-a"]
    gateway.config["limits"] = {"first_port": 20000, "last_port": 20999}
    gateway.write_config()
    lab.start_daemons()
    accepted = send(lab, "to", 2000)
    send(lab, "from", 2000, 1)
    wait_until(lambda: egress(gateway, "bank")["hottest_share"] >= 95, SOON, "all ports are taken")
    exhausted = send(lab, "from", 2000)
    wait_until(lambda: egress(gateway, "bank")["refused"] > 1000, SOON, "refusals are counted")
    gateway.config["limits"]["connections_per_pod"] = 500
    gateway.write_config()
    gateway.reload()
    wait_until(lambda: of_pod(gateway, lab.pods["p1"].address).get("limited"), SOON, "it's limited")
    before = counters(gateway)["limited"]
    limited = send(lab, "from", 2000)
    assert counters(gateway)["limited"] - before >= 9000
    with capsys.disabled():
        print(f"\na first packet, all the way: accepted {accepted:.1f} us, without a port {exhausted:.1f} us ({exhausted / accepted:.1f} times), "
              f"over the limit {limited:.1f} us ({limited / accepted:.1f} times)")
    assert limited < 3 * accepted and exhausted < 10 * accepted
    assert lab.foreign() == {} and lab.check_logs(allow=(r"^<4>ports: bank: ",)) == []
