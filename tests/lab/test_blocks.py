# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A pod with ports of its own gets those and no others, and nobody can take them from it; who finds no block shares what is left."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import Lab, wait_until
from eipgwlab.agent import ECHO_PORT
from eipgwlab.prometheus import fetch
from labkube import SELECTED, Kube, finish, wait_seen
from labports import egress, holding, of_pod, top
from proof import status

pytestmark = pytest.mark.knowing

MakeLab = Callable[..., Lab]
SOON = 60.0
FIRST, SHARED, SIZE = 20000, 16, 20
SHORT = r"^<4>ports: bank: "
METRICS = 9430
Block = tuple[int, int]


def limits(blocks: int, **more: Any) -> dict[str, Any]:
    return {"first_port": FIRST, "last_port": FIRST + SHARED + blocks * SIZE - 1, "ports_per_pod": SIZE, "shared_ports": SHARED, **more}


def make(make_lab: MakeLab, blocks: int, **more: Any) -> Lab:
    lab = make_lab()
    config = lab.daemons["gw-a"].config
    config["metrics"] = {"listen": f"127.0.0.1:{METRICS}"}
    config["limits"] = limits(blocks, **more)
    config["policies"][0]["pod_cidrs"] = [f"{lab.pods[name].address}/32" for name in ("p1", "p4")]
    lab.daemons["gw-a"].write_config()
    lab.start_daemons()
    return lab


def held(lab: Lab, gateway: str = "gw-a") -> dict[str, Block]:
    """Who has which block, as the kernel has it; of the egress IP that has the first number."""
    out = lab.run(gateway, "nft", "list", "map", "ip", "eipgw", "block")
    found = re.findall(r"0x0*1 \. ([\d.]+) : (\d+) \. (\d+)", out)
    return {address: (int(first), int(last)) for address, first, last in found}


def ports(lab: Lab, address: str, protocol: str = "tcp", gateway: str = "gw-a") -> list[int]:
    """Those that connections of that source have."""
    private = lab.egress_ips["bank"].private[gateway]
    out = lab.run(gateway, "conntrack", "-L", "-p", protocol, "-s", address, "-q", private)
    return [int(port) for port in re.findall(rf"dst={re.escape(private)} (?:sport=\d+ dport|type=0 code=0 id)=(\d+)", out)]


def inside(found: list[int], block: Block) -> bool:
    return bool(found) and all(block[0] <= port <= block[1] for port in found)


def test_nobody_takes_a_port_of_anothers_block(make_lab: MakeLab) -> None:
    lab = make(make_lab, blocks=3)
    p1, p4 = lab.pods["p1"], lab.pods["p4"]
    assert p1.server
    blocks = held(lab)
    assert p1.address in blocks and p4.address in blocks
    assert all(last - first == SIZE - 1 and (first - FIRST - SHARED) % SIZE == 0 for first, last in blocks.values())
    assert len(set(blocks.values())) == len(blocks)
    with holding(lab, "p1", p1.server, ECHO_PORT) as greedy, holding(lab, "p4", p1.server, ECHO_PORT) as other:
        assert greedy.connect(SIZE + 5) == {"connected": SIZE, "silence": 5}
        assert sorted(ports(lab, p1.address)) == list(range(blocks[p1.address][0], blocks[p1.address][1] + 1))
        # All of them go to the same destination, and yet the other pod finds its own ports free.
        assert other.connect(SIZE) == {"connected": SIZE}
        assert sorted(ports(lab, p4.address)) == list(range(blocks[p4.address][0], blocks[p4.address][1] + 1))
    # Other protocols take theirs from the same block, ICMP its ids.
    assert p1.probe("udp").seen == lab.eip("bank") and p1.probe("icmp").reached
    assert inside(ports(lab, p1.address, "udp"), blocks[p1.address])
    assert inside(ports(lab, p1.address, "icmp"), blocks[p1.address])
    assert lab.foreign() == {} and lab.check_logs(allow=(SHORT,)) == []


def test_who_finds_no_block_shares_what_is_left(make_lab: MakeLab) -> None:
    lab = make(make_lab, blocks=1)
    blocks = held(lab)
    assert len(blocks) == 1
    [(owner, block)] = blocks.items()
    for station in (lab.pods["p1"], lab.pods["p4"]):
        assert station.probe("tcp").seen == lab.eip("bank")
        assert inside(ports(lab, station.address), block if station.address == owner else (FIRST, FIRST + SHARED - 1))
    assert lab.foreign() == {} and lab.check_logs() == []


def test_a_restart_takes_no_block_from_anybody(make_lab: MakeLab) -> None:
    """Also when the egress IPs stand in another order, and when there are more sources before a pod than there were."""
    lab = make(make_lab, blocks=6)
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    assert p1.server
    before = held(lab)
    flow = p1.flow("tcp", interval_ms=10)
    with holding(lab, "p1", p1.server, ECHO_PORT) as some:
        assert some.connect(5) == {"connected": 5}
        newcomers = ["10.0.1.41/32", "10.0.1.42/32"]
        gateway.config["policies"][0]["pod_cidrs"] += newcomers
        gateway.config["nodes"][0]["pod_cidrs"] = [*newcomers, *gateway.config["nodes"][0]["pod_cidrs"]]
        gateway.write_config()
        gateway.restart()
        after = held(lab)
        assert {source: after[source] for source in before} == before
        assert set(after) - set(before) == {"10.0.1.41", "10.0.1.42"}
        assert some.connect(1) == {"connected": 1}
    assert inside(ports(lab, p1.address), before[p1.address])
    gateway.config["egress_ips"].reverse()
    gateway.write_config()
    gateway.restart()
    out = lab.run("gw-a", "nft", "list", "map", "ip", "eipgw", "block")
    for source, (first, last) in before.items():
        assert re.search(rf"\. {re.escape(source)} : {first} \. {last}\b", out), out
    report = flow.stop()
    assert report.resets == 0 and report.errors == 0 and report.received == report.sent, report
    assert lab.foreign() == {} and lab.check_logs() == []


def test_a_reload_turns_blocks_on_and_off(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.start_daemons()
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    flow = p1.flow("tcp", interval_ms=10)
    for wanted in (limits(3), limits(3, last_port=FIRST + 999), {"first_port": FIRST, "last_port": FIRST + 99}, None):
        if wanted:
            gateway.config["limits"] = wanted
        else:
            del gateway.config["limits"]
        gateway.write_config()
        gateway.reload()
        has_blocks = bool(wanted and "ports_per_pod" in wanted)
        wait_until(lambda has_blocks=has_blocks: ("map block" in lab.run("gw-a", "nft", "list", "table", "ip", "eipgw")) == has_blocks,
                   SOON, f"blocks: {has_blocks}")
        assert p1.probe("tcp").seen == lab.eip("bank")
        if has_blocks:
            assert p1.address in held(lab)
    report = flow.stop()
    assert report.resets == 0 and report.received == report.sent, report
    assert lab.foreign() == {} and lab.check_logs() == []


def test_a_new_pod_has_its_block_before_its_first_packet(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(start=False)
    lab = kube.lab
    kube.configure_gateway(limits=limits(8))
    lab.start_daemons()
    wait_seen(lab, "p1", lab.eip("bank"))
    seen: dict[str, Block] = {}
    for i in range(4):
        name, address = f"n{i}", f"10.0.1.{60 + i}"
        kube.add(name, SELECTED, "node1", address)
        wait_until(lambda name=name: lab.pods[name].probe("tcp", timeout=1.0).reached, SOON, f"{name} has the internet")
        block = held(lab)[address]
        assert inside(ports(lab, address), block), (ports(lab, address), block)
        assert block not in seen.values()
        seen[name] = block
    # One that goes leaves its block to rest: the next pod gets another.
    lab.delete_pod("n0")
    kube.admin.remove_pod("default", "n0")
    wait_until(lambda: "10.0.1.60" not in held(lab), SOON, "its block is given back")
    kube.add("n9", SELECTED, "node1", "10.0.1.69")
    wait_seen(lab, "n9", lab.eip("bank"))
    assert held(lab)["10.0.1.69"] not in seen.values()
    finish(kube)


def test_an_operator_sees_who_has_which_block_and_who_has_none(make_lab: MakeLab) -> None:
    lab = make(make_lab, blocks=1)
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    assert p1.server
    [(owner, (first, last))] = held(lab).items()
    name, other = ("p1", "p4") if owner == p1.address else ("p4", "p1")
    sharing = lab.pods[other].address
    with holding(lab, name, p1.server, ECHO_PORT) as greedy, holding(lab, other, p1.server, ECHO_PORT) as rest:
        assert greedy.connect(SIZE - 3) == {"connected": SIZE - 3} and rest.connect(2) == {"connected": 2}
        wait_until(lambda: of_pod(gateway, owner).get("connections") == SIZE - 3, SOON, "its connections")
        wait_until(lambda: of_pod(gateway, sharing).get("connections") == 2, SOON, "those of the other one")
        assert of_pod(gateway, owner)["block"] == {"first_port": first, "last_port": last, "full": False}
        assert "block" not in of_pod(gateway, sharing)
        before = egress(gateway, "bank")["refused"]
        # The destination has ports left, the pod hasn't: what it's refused is counted all the same, for its egress IP.
        assert greedy.connect(8) == {"connected": 3, "silence": 5}
        wait_until(lambda: egress(gateway, "bank")["refused"] >= before + 5, SOON, "refusals are counted")
        assert egress(gateway, "bank")["hottest_share"] < 90
        assert of_pod(gateway, owner)["block"]["full"]
        bank = {"egress_ip": "bank", "size": SIZE, "given": 1, "resting": 0, "free": 0, "waiting": 1}
        assert next(e for e in status(gateway)["port_blocks"] if e["egress_ip"] == "bank") == bank
        use = {"full": 1, "shared_connections": 2, "shared_ports": SHARED}
        assert next(e for e in top(gateway)["port_blocks"] if e["egress_ip"] == "bank") == {**bank, **use}
        for shown, pattern in ((gateway.eipgw("status").stdout, rf"^ +bank +{SIZE} +1 +0 +0 +1$"),
                               (gateway.eipgw("top", "pods").stdout, rf"^ +{re.escape(owner)} .* {first}-{last} +{SIZE} "),
                               (gateway.eipgw("top", "blocks").stdout, rf"^ +bank +{SIZE} +1 +0 +0 +1 +1 +2 +{SHARED}$"),
                               (gateway.eipgw("top", "blocks").stdout, rf"^ +{re.escape(sharing)} +bank +- +2$")):
            assert re.search(pattern, shown, re.MULTILINE), shown
        assert all(len(line) <= 80 for line in gateway.eipgw("top", "blocks").stdout.splitlines())
        code, text = fetch(lab.netns_of("gw-a"), METRICS, "/metrics")
        found = dict(re.findall(r'^eipgw_port_(block\w*\{egress_ip="bank"[^}]*\}) (\d+)$', text, re.MULTILINE))
        assert code == 200 and found == {'blocks{egress_ip="bank",state="given"}': "1", 'blocks{egress_ip="bank",state="resting"}': "0",
                                         'blocks{egress_ip="bank",state="free"}': "0", 'block_waiting_sources{egress_ip="bank"}': "1",
                                         'block_full_sources{egress_ip="bank"}': "1"}, text
    for address, ports_of, words in ((owner, (first, last), f"with the ports {first}-{last} of its own, if"),
                                     (sharing, (FIRST, FIRST + SHARED - 1), "which all without a block share, if")):
        told = json.loads(gateway.eipgw("explain", address, "--json", "--no-aws").stdout)
        assert told["ports"] == {"first_port": ports_of[0], "last_port": ports_of[1], "own": address == owner} and words in told["summary"], told
    # Without blocks nothing of it is told.
    del gateway.config["limits"]
    gateway.write_config()
    gateway.reload()
    wait_until(lambda: status(gateway)["port_blocks"] == [], SOON, "no blocks")
    assert top(gateway)["port_blocks"] == [] and "blocks" not in gateway.eipgw("top", "blocks").stdout
    assert "ports" not in json.loads(gateway.eipgw("explain", owner, "--json", "--no-aws").stdout)
    assert lab.foreign() == {} and lab.check_logs(allow=(SHORT,)) == []
