# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A gateway with the fast path on Debian's kernel: what the flowtable carries is counted and told as what isn't, and what has to stop
stops. In a small guest, since this machine's kernel may have no flowtable."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from eipgwlab.build import CFLAGS, LAB_DIR, program
from eipgwlab.smallguest import SmallGuest, Unavailable, tool
from eipgwlab.wait import wait_until

pytestmark = pytest.mark.appliance

NODE, GATEWAY, ROUTER, SERVER = "10.0.1.11", "10.0.1.200", "10.0.1.1", "198.51.100.10"
PODS = {"payments": "10.0.2.50", "post": "10.0.2.51"}
PRIVATE = {"payments": "10.0.1.201", "post": "10.0.1.202"}
PORT, METRICS_PORT = 7, 9441
NUMBERS = {"tcp": 6, "udp": 17}  # the guest has no /etc/protocols
TAIL = 8  # packets of TCP's end, which go through the chains again
SOON = 90.0  # emulated, beside other tests

CONFIG: dict[str, Any] = {
    "gateway": {"name": "gw", "address": GATEWAY, "uplink": "eth0", "fast_path": "on"},
    "always_excluded": ["10.0.0.0/16"],
    "egress_ips": [{"name": "bank", "public": "203.0.113.100", "private": PRIVATE["payments"]},
                   {"name": "mail", "public": "203.0.113.101", "private": PRIVATE["post"]}],
    "nodes": [{"name": "node1", "address": NODE, "pod_cidrs": ["10.0.2.0/24"]}],
    "policies": [{"name": "payments", "pod_cidrs": [f"{PODS['payments']}/32"], "egress_ips": ["bank"]},
                 {"name": "post", "pod_cidrs": [f"{PODS['post']}/32"], "egress_ips": ["mail"]}],
    "log": {"file": {"path": "/run/gw/nat.log"}},
    "metrics": {"listen": f"127.0.0.1:{METRICS_PORT}"},
}

# The node with its pods, the gateway, and an internet that is the VPC's router too. Nobody merges segments, so that everyone counts
# the same packets.
NETWORK = f"""
for n in node gw inet; do
	ip netns add $n
	ip netns exec $n sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.all.disable_ipv6=1
	ip -n $n link set lo up
done
for n in node gw; do
	ip -n $n link add eth0 type veth peer name $n netns inet
	ip netns exec $n ethtool -K eth0 gro off tso off gso off tx off >/dev/null 2>&1
	ip netns exec inet ethtool -K $n gro off tso off gso off tx off >/dev/null 2>&1
	ip -n inet link set $n up
	ip -n $n link set eth0 up
	ip -n inet address add {ROUTER}/32 dev $n
done
ip -n node address add {NODE}/32 dev eth0
ip -n gw address add {GATEWAY}/32 dev eth0
ip -n inet route add {NODE} dev node
ip -n inet route add {GATEWAY} dev gw
for n in node gw; do ip -n $n route add default via {ROUTER} dev eth0 onlink; done
for a in {PRIVATE['payments']} {PRIVATE['post']}; do ip -n inet route add $a via {GATEWAY} dev gw; done
ip netns exec inet sysctl -qw net.ipv4.ip_forward=1
ip -n inet address add {SERVER}/32 dev lo
"""
# Without an outer checksum, as eipgw-noded's tunnel. Where the kernel has computed one itself, a flowtable hands a veth a packet with a
# sum of before the translation, and a receiver believes that; no network card looks at it.
POD_SIDE = f"""
ip -n node link add egw0 address 02:65:67:77:00:02 mtu 1450 type vxlan id 77 remote {GATEWAY} local {NODE} dstport 4789 noudpcsum
ip -n node link set egw0 arp off
ip -n node link set egw0 up
ip -n node address add 169.254.64.1/32 dev egw0
ip -n node neighbour replace 169.254.64.254 lladdr 02:65:67:77:00:01 dev egw0 nud permanent
for a in {PODS['payments']} {PODS['post']}; do ip -n node address add $a/32 dev lo; done
ip -n node route add {SERVER} via 169.254.64.254 dev egw0 onlink
"""
# What the server's side counts, and on the gateway what meets a forward chain.
COUNTERS = f"""
table ip seen {{
	counter foreign {{ }}
	set egress {{ type ipv4_addr; elements = {{ {PRIVATE['payments']}, {PRIVATE['post']} }} }}
	set sent {{ type ipv4_addr . inet_proto; size 64; flags dynamic; counter; }}
	set received {{ type ipv4_addr . inet_proto; size 64; flags dynamic; counter; }}
	chain in {{
		type filter hook input priority 0;
		ip daddr {SERVER} ip saddr != @egress counter name foreign
		ip daddr {SERVER} update @sent {{ ip saddr . ip protocol }}
	}}
	chain out {{ type filter hook output priority 0; ip saddr {SERVER} update @received {{ ip daddr . ip protocol }}; }}
}}
"""
MET = "table ip met { chain forward { type filter hook forward priority -1; counter; }; }"


@dataclass
class Traffic:
    """Of one connection: [packets, bytes] from the pod, and to it."""

    sent: list[int]
    received: list[int]


class Gateway:
    """eipgwd in the guest."""

    def __init__(self, guest: SmallGuest):
        self.guest = guest
        self.config = json.loads(json.dumps(CONFIG))
        guest.put("/tmp/network", NETWORK)
        guest.run("modprobe veth; modprobe nf_conntrack; sh -e /tmp/network")
        guest.put("/tmp/pods", POD_SIDE)
        guest.run("sh -e /tmp/pods")
        guest.put("/tmp/counters", COUNTERS)
        guest.run("ip netns exec inet nft -f /tmp/counters; mkdir /run/gw")
        guest.run(f"ip netns exec inet talk serve {SERVER} {PORT} >/dev/null 2>&1 &")
        self.write()
        guest.run("ip netns exec gw eipgwd --config /run/gw/gateway.json --control /run/gw/control.sock >/run/gw/log 2>&1 & "
                  "echo $! >/run/gw/pid")
        self.wait_log("main: ready")
        guest.run(f"ip netns exec gw nft '{MET}'; ip netns exec gw ethtool -K egw0 gro off >/dev/null 2>&1")

    def write(self) -> None:
        self.guest.put("/run/gw/gateway.json", json.dumps(self.config))

    def reload(self) -> None:
        before = self.log().count(" loaded")
        self.write()
        self.guest.run("kill -HUP $(cat /run/gw/pid)")
        wait_until(lambda: self.log().count(" loaded") > before, SOON, "the configuration is read again", every=0.2)

    def log(self) -> str:
        return self.guest.run("cat /run/gw/log")

    def wait_log(self, text: str) -> None:
        wait_until(lambda: text in self.log(), SOON, f"the log says {text!r}", every=0.2)

    def eipgw(self, *argv: str) -> str:
        return self.guest.run(f"ip netns exec gw eipgw {' '.join(argv)} --socket /run/gw/control.sock")

    def entries(self, pod: str) -> list[str]:
        """As conntrack prints them."""
        out = self.guest.run(f"ip netns exec gw conntrack -L -s {PODS[pod]} 2>/dev/null || true")
        return out.splitlines()

    def is_carried(self, pod: str, protocol: str) -> bool:
        return any(line.startswith(protocol) and "[OFFLOAD]" in line for line in self.entries(pod))

    def met(self) -> int:
        """Packets that a forward chain met."""
        rules = json.loads(self.guest.run("ip netns exec gw nft -j list chain ip met forward"))["nftables"]
        return next(e["counter"]["packets"] for item in rules if "rule" in item for e in item["rule"]["expr"] if "counter" in e)

    def at_server(self, pod: str, protocol: str) -> Traffic:
        def of(name: str) -> list[int]:
            [made] = [i["set"] for i in json.loads(self.guest.run(f"ip netns exec inet nft -j list set ip seen {name}"))["nftables"] if "set" in i]
            for element in made.get("elem", []):
                if element["elem"]["val"]["concat"] == [PRIVATE[pod], NUMBERS[protocol]]:
                    counter = element["elem"]["counter"]
                    return [counter["packets"], counter["bytes"]]
            return [0, 0]

        return Traffic(of("sent"), of("received"))

    def forget(self) -> None:
        self.guest.run("ip netns exec gw conntrack -F 2>/dev/null; ip netns exec inet nft flush set ip seen sent;"
                       " ip netns exec inet nft flush set ip seen received; ip netns exec gw nft flush chain ip met forward;"
                       " ip netns exec gw nft add rule ip met forward counter")

    def records(self) -> list[dict[str, Any]]:
        lines = self.guest.run("cat /run/gw/nat.log").splitlines()
        return [r for r in map(json.loads, lines) if r["type"] == "flow"]

    def metric(self, name: str, *labels: str) -> int:
        text = self.guest.run(f"ip netns exec gw wget -q -O - http://127.0.0.1:{METRICS_PORT}/metrics")
        [value] = [line.split()[1] for line in text.splitlines() if line.startswith(name + "{") and all(label in line for label in labels)]
        return int(float(value))

    def talk(self, pod: str, protocol: str, count: int, pause_ms: int = 20) -> "Talk":
        return Talk(self.guest, f"{protocol} {PODS[pod]} {SERVER} {PORT} {count} 200 {pause_ms}")

    def check(self) -> None:
        """After each test."""
        foreign = json.loads(self.guest.run("ip netns exec inet nft -j list counter ip seen foreign"))["nftables"][1]["counter"]["packets"]
        log = self.log()
        assert foreign == 0 and "Sanitizer" not in log and "runtime error" not in log
        assert [line for line in log.splitlines() if line.startswith(("<3>", "<4>"))] == []


class Talk:
    """A connection of a pod, in the background."""

    number = 0

    def __init__(self, guest: SmallGuest, arguments: str):
        Talk.number += 1
        self.guest, self.out = guest, f"/tmp/talk{Talk.number}"
        guest.run(f"ip netns exec node talk {arguments} >{self.out} 2>&1 &")

    def answered(self) -> int:
        wait_until(lambda: "answered" in self.guest.run(f"cat {self.out}"), SOON, "the connection ended", every=0.2)
        return int(self.guest.run(f"cat {self.out}").split()[1])


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallGuest]:
    directory = tmp_path_factory.mktemp("guest")
    subprocess.run(["cc", *CFLAGS, str(LAB_DIR / "guest/talk.c"), "-o", str(directory / "talk")], check=True)
    daemon, cli = program("eipgwd"), program("eipgw")
    assert daemon and cli
    kernel_test = daemon.parent.parent / "tests/unit/gateway/test_gateway_kernel_fast"
    tools = [tool(name) for name in ("ip", "tc", "nft", "conntrack", "ethtool")]
    try:
        guest = SmallGuest(directory, [*tools, directory / "talk", daemon, cli, kernel_test])
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        yield guest
    finally:
        guest.close()


@pytest.fixture(scope="module")
def stands(booted: SmallGuest) -> Gateway:
    return Gateway(booted)


@pytest.fixture
def gateway(stands: Gateway) -> Iterator[Gateway]:
    stands.forget()
    yield stands
    stands.check()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_what_is_carried_is_counted_and_told_as_what_is_not(gateway: Gateway, protocol: str) -> None:
    before = {way: gateway.metric("eipgw_device_packets_total", 'role="tunnel"', f'direction="{way}"') for way in ("received", "sent")}
    talk = gateway.talk("payments", protocol, 250)
    wait_until(lambda: gateway.is_carried("payments", protocol), SOON, "the flowtable has it", every=0.2)
    met = gateway.met()
    live = json.loads(gateway.eipgw("flows", "--json"))
    assert live["policy"] == "payments" and live["egress"]["public"] == "203.0.113.100" and live["sent"]["packets"] > 0
    [pod] = json.loads(gateway.eipgw("top", "--json"))["pods"]
    assert (pod["address"], pod["connections"], pod["egress_ip"]) == (PODS["payments"], 1, "bank")
    assert talk.answered() == 250

    seen = gateway.at_server("payments", protocol)
    assert min(seen.sent[0], seen.received[0]) >= 250
    assert gateway.met() - met <= TAIL
    told = json.loads(gateway.eipgw("flows", "--json"))
    assert [list(told[way].values()) for way in ("sent", "received")] == [seen.sent, seen.received]
    after = {way: gateway.metric("eipgw_device_packets_total", 'role="tunnel"', f'direction="{way}"') for way in ("received", "sent")}
    assert [after[way] - before[way] for way in ("received", "sent")] == [seen.sent[0], seen.received[0]]

    already = len(gateway.records())
    gateway.guest.run("ip netns exec gw conntrack -F 2>/dev/null")
    wait_until(lambda: len(gateway.records()) > already, SOON, "the record", every=0.2)
    [record] = gateway.records()[already:]
    assert (record["protocol"], record["pod"]["address"], record["egress"]["name"]) == (protocol, PODS["payments"], "bank")
    assert [list(record[way].values()) for way in ("sent", "received")] == [seen.sent, seen.received]


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_policys_end_stops_what_is_carried_and_nothing_else(gateway: Gateway, protocol: str) -> None:
    ended, other = gateway.talk("payments", protocol, 100000), gateway.talk("post", protocol, 600)
    for pod in PODS:
        wait_until(lambda pod=pod: gateway.is_carried(pod, protocol), SOON, "the flowtable has it", every=0.2)
    [policy] = [p for p in gateway.config["policies"] if p["name"] == "payments"]
    gateway.config["policies"].remove(policy)
    gateway.reload()
    wait_until(lambda: gateway.entries("payments") == [], SOON, "its connection is ended", every=0.2)
    seen = gateway.at_server("payments", protocol)
    assert 0 < ended.answered() < 100000
    assert gateway.at_server("payments", protocol).sent == seen.sent
    assert other.answered() == 600
    gateway.config["policies"].insert(0, policy)
    gateway.reload()


def test_switched_off_all_goes_through_the_chains_again(gateway: Gateway) -> None:
    talk = gateway.talk("payments", "udp", 600)
    wait_until(lambda: gateway.is_carried("payments", "udp"), SOON, "the flowtable has it", every=0.2)
    gateway.config["gateway"]["fast_path"] = "off"
    gateway.reload()
    wait_until(lambda: not gateway.is_carried("payments", "udp"), SOON, "no flowtable has it", every=0.2)
    assert "eipgw_fast" not in gateway.guest.run("ip netns exec gw nft list tables")
    met = gateway.met()
    assert talk.answered() == 600
    assert gateway.met() > met
    seen = gateway.at_server("payments", "udp")
    told = json.loads(gateway.eipgw("flows", "--json"))
    assert [list(told[way].values()) for way in ("sent", "received")] == [seen.sent, seen.received] == [[600, 136800], [600, 136800]]
    gateway.config["gateway"]["fast_path"] = "on"
    gateway.reload()


def test_a_fence_stops_what_is_carried(booted: SmallGuest) -> None:
    """tests/unit/gateway/test_kernel_fast.c, in a kernel that doesn't skip it."""
    out = booted.run("test_gateway_kernel_fast 2>&1", check=False)
    assert "[  PASSED  ]" in out and "FAILED" not in out and "SKIP" not in out and "Sanitizer" not in out, out
