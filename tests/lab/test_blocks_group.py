# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""All gateways of a group know who has which block of ports: whoever takes an egress IP over gives nobody's to somebody else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from eipgwlab import Lab, wait_until
from eipgwlab.agent import ECHO_PORT
from eipgwlab.group import Group
from labha import OTHERS, QUIET, start_group
from labkube import SELECTED, Kube, wait_seen
from labports import holding
from test_blocks import SIZE, Block, held, inside, limits, ports

pytestmark = [pytest.mark.ha, pytest.mark.xdist_group(OTHERS)]

MakeGroup = Callable[..., tuple[Kube, Group]]
SOON = 60.0
BLOCKS = 12


def make(make_group: MakeGroup, blocks: dict[str, int] | None = None, egress: tuple[str, ...] = ("bank",)) -> tuple[Kube, Group]:
    """blocks: how many a gateway's range has, where that isn't BLOCKS."""
    kube, group = make_group(start=False, egress=egress)
    for name in kube.lab.gateways:
        daemon = kube.lab.daemons[name]
        daemon.config["limits"] = limits((blocks or {}).get(name, BLOCKS))
        daemon.write_config()
    start_group(kube, group)
    return kube, group


def wait_same(lab: Lab, first: str = "gw-a", second: str = "gw-b") -> dict[str, Block]:
    """Element by element."""
    wait_until(lambda: held(lab, first) == held(lab, second) != {}, SOON, f"{second} has the blocks of {first}")
    return held(lab, second)


def end(lab: Lab, allow: tuple[str, ...] = ()) -> None:
    private = {address for egress in lab.egress_ips.values() for address in egress.private.values()}
    for name in lab.pods:
        assert {row.source for row in lab.foreign_rows(name)} <= private  # died at the internet gateway
    assert lab.check_logs(allow=(*QUIET, *allow)) == []


def test_a_take_over_keeps_every_block(make_group: MakeGroup) -> None:
    """Also that of a pod that came just before, and whoever waited gets one from the new owner; who comes back follows."""
    kube, group = make(make_group)
    lab = kube.lab
    p1, p4 = lab.pods["p1"], lab.pods["p4"]
    assert p1.server
    before = wait_same(lab)
    assert p1.address in before and p4.address in before
    kube.add("n0", SELECTED, "node1", "10.0.1.70")
    wait_until(lambda: "10.0.1.70" in held(lab, "gw-b"), SOON, "it's told of a pod that has just come")
    before = wait_same(lab)
    flow = p1.flow("tcp", interval_ms=20)
    with holding(lab, "p1", p1.server, ECHO_PORT) as one, holding(lab, "p4", p1.server, ECHO_PORT) as other:
        assert one.connect(6) == {"connected": 6} and other.connect(6) == {"connected": 6}
        wait_until(lambda: len(ports(lab, p4.address, gateway="gw-b")) >= 6 and len(ports(lab, p1.address, gateway="gw-b")) >= 7, SOON,
                   "the connections are told")
        lab.daemons["gw-a"].kill()
        group.wait_carrier("gw-b")
        assert held(lab, "gw-b") == before
        wait_until(lambda: one.connect(1) == {"connected": 1}, SOON, "new ones")
        assert other.connect(5) == {"connected": 5}
        for station in (p1, p4):
            assert inside(ports(lab, station.address, gateway="gw-b"), before[station.address])
        assert held(lab, "gw-b") == before
        # While the first one is away the new owner gives.
        kube.add("n1", SELECTED, "node1", "10.0.1.71")
        wait_seen(lab, "n1", lab.eip("bank"))
        now = held(lab, "gw-b")
        assert {source: now[source] for source in before} == before and set(now) - set(before) == {"10.0.1.71"}
        # It gave the same block to nobody, and comes back to what it missed.
        lab.daemons["gw-a"].start(wait_ready=False)
        wait_until(group.is_together, SOON, "both are there")
        assert wait_same(lab) == now
    report = flow.stop()
    assert report.resets == 0 and report.errors == 0, report
    end(lab)


def test_what_a_member_gave_by_itself_is_replaced(make_group: MakeGroup) -> None:
    """It was away, and has other blocks in its kernel than those that the others have given meanwhile."""
    kube, group = make(make_group)
    lab = kube.lab
    first = lab.daemons["gw-b"]
    before = wait_same(lab)
    first.stop(deadline=60)
    mine, other = before[lab.pods["p1"].address], before[lab.pods["p4"].address]
    mark, last = "0x00000001", limits(BLOCKS)["last_port"]
    swap = [(lab.pods["p1"].address, mine, other), (lab.pods["p4"].address, other, mine)]
    for source, was, now in swap:
        lab.run("gw-b", "nft", f"delete element ip eipgw block {{ {mark} . {source} : {was[0]} . {was[1]} }}")
        lab.run("gw-b", "nft", f"add element ip eipgw block {{ {mark} . {source} : {now[0]} . {now[1]} }}")
    lab.run("gw-b", "nft", f"add element ip eipgw block {{ {mark} . 10.0.1.99 : {last - SIZE + 1} . {last} }}")
    assert "10.0.1.99" in held(lab, "gw-b") and held(lab, "gw-b") != before
    first.start(wait_ready=False)
    wait_until(group.is_together, SOON, "both are there")
    assert wait_same(lab) == before
    end(lab)


def test_a_planned_change_keeps_every_block(make_group: MakeGroup) -> None:
    """While both translate only the one who had it gives; pods that come in that time have the same block at both. One of them had a
    block that only the first member remembers, and has it again: the other one would give another."""
    kube, group = make(make_group)
    lab = kube.lab
    p1 = lab.pods["p1"]
    assert p1.server
    wait_same(lab)
    lab.daemons["gw-b"].stop(deadline=60)
    kube.add("n0", SELECTED, "node1", "10.0.1.70")
    wait_seen(lab, "n0", lab.eip("bank"))
    again = held(lab)["10.0.1.70"]
    lab.delete_pod("n0")
    kube.admin.remove_pod("default", "n0")
    lab.daemons["gw-b"].start(wait_ready=False)
    wait_until(group.is_together, SOON, "all is told")
    wait_until(lambda: "10.0.1.70" not in wait_same(lab), SOON, "its block is given back")
    flow = p1.flow("tcp", interval_ms=20)
    with holding(lab, "p1", p1.server, ECHO_PORT) as one:
        assert one.connect(6) == {"connected": 6}
        before = wait_same(lab)
        with ThreadPoolExecutor(1) as pool:
            draining = pool.submit(lab.daemons["gw-a"].eipgw, "drain", "--timeout", "60")
            wait_until(lambda: group.state("gw-a").get("state") == "handing over", SOON, "it begins")
            kube.add("n0", SELECTED, "node1", "10.0.1.70")
            kube.add("n1", SELECTED, "node2", "10.0.2.71")
            seen = [(held(lab), held(lab, "gw-b"))]
            while not draining.done():
                seen.append((held(lab), held(lab, "gw-b")))
            assert draining.result().returncode == 0, draining.result().stderr
        group.wait_carrier("gw-b")
        wait_seen(lab, "n0", lab.eip("bank"))
        wait_seen(lab, "n1", lab.eip("bank"))
        now = wait_same(lab, "gw-b", "gw-a")
        assert {source: now[source] for source in before} == before
        assert len(set(now.values())) == len(now) == len(before) + 2
        assert now["10.0.1.70"] == again
        # What either had at any time is what there is in the end.
        assert all(found.items() <= now.items() for pair in seen for found in pair), seen
        assert one.connect(3) == {"connected": 3}
        assert inside(ports(lab, p1.address, gateway="gw-b"), before[p1.address])
    report = flow.stop()
    assert report.resets == 0 and report.errors == 0, report
    end(lab)


def test_other_blocks_are_refused_until_they_are_the_same(make_group: MakeGroup) -> None:
    kube, group = make(make_group, blocks={"gw-b": 9})
    lab = kube.lab
    second = lab.daemons["gw-b"]
    wait_until(group.is_together, SOON, "connections are told all the same")
    # Where the range's end differs, the first blocks are the same: that is no reason to refuse anything before one is beyond.
    second.config["limits"] = limits(BLOCKS, ports_per_pod=40)
    second.write_config()
    second.reload()
    wait_until(lambda: second.log_count("limits.ports_per_pod") > 0, SOON, "a warning")
    assert second.log_count("limits.ports_per_pod") == 1
    assert second.log_count("EIPGW-5011") == 1
    assert lab.pods["p1"].probe("tcp").seen == lab.eip("bank")
    wait_until(group.is_together, SOON, "connections are told all the same")
    second.config["limits"] = limits(BLOCKS)
    second.write_config()
    second.reload()
    wait_same(lab)
    lab.daemons["gw-a"].kill()
    group.wait_carrier("gw-b")
    wait_seen(lab, "p1", lab.eip("bank"))
    end(lab, allow=(r"^<4>ports: bank: blocks of 20 ports that gw-a tells of ",))
