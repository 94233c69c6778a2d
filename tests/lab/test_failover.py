# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What happens to connections when a gateway of a group dies, is cut off, goes, or is restarted, and when EC2 is slow or
away: one table of faults, with the same load (labha.LOAD) and the same judgement. No packet ever leaves with another
address, whatever happens."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from eipgwlab.group import Group
from eipgwlab.model import GATEWAYS
from eipgwlab.wait import wait_until
from labha import BESIDE, CONNECTS, DATAGRAM_MS, OTHERS, QUIET, Load
from labkube import Kube, seen, wait_seen
from proof import SELECTED

pytestmark = pytest.mark.ha

SLOW_S, LATE_S = 5, 6
PLANNED_LATE_S = 1.5  # less than both gateways go on translating
FAILOVERS = int(os.environ.get("EIPGW_FAILOVERS", "4"))  # in a row; even
PLANNED = int(os.environ.get("EIPGW_PLANNED", "2"))  # likewise


# ---- what is done to the group

Act = Callable[[Kube, Group], None]


def nothing(_kube: Kube, _group: Group) -> None:
    pass


def kill_active(_kube: Kube, group: Group) -> None:
    group.lab.daemons["gw-a"].kill()


def start_again(_kube: Kube, group: Group) -> None:
    group.mend_all()
    group.lab.daemons["gw-a"].start(wait_ready=False)


def power_off(_kube: Kube, group: Group) -> None:
    group.lab.cut("gw-a")
    group.lab.daemons["gw-a"].kill()


def power_on(kube: Kube, group: Group) -> None:
    """Nothing of what was in its kernel is there any more."""
    group.lab.daemons["gw-a"].cleanup()
    group.lab.flush_conntrack("gw-a")
    start_again(kube, group)


def cut(*pairs: tuple[str, str]) -> Act:
    return lambda _kube, group: group.link("add", *pairs)


def mend(_kube: Kube, group: Group) -> None:
    group.mend_all()


def slow_ec2(kube: Kube, group: Group) -> None:
    group.ec2("faults", [{"kind": "slow", "seconds": SLOW_S, "times": 100000}])
    kill_active(kube, group)


def no_ec2(kube: Kube, group: Group) -> None:
    """For both, and for as long as it takes to see that it's asked for."""
    group.link("add", ("gw-a", "EC2"), ("gw-b", "EC2"))
    kill_active(kube, group)
    wait_until(lambda: group.state("gw-b").get("state") == "taking", 20, "gw-b waits for EC2")
    group.link("delete", ("gw-a", "EC2"), ("gw-b", "EC2"))


def refusing_ec2(kube: Kube, group: Group) -> None:
    group.ec2("faults", [{"action": "AssociateAddress", "kind": "500", "times": 2}])
    kill_active(kube, group)


def late_association(kube: Kube, group: Group) -> None:
    group.exit.delay_s = LATE_S
    kill_active(kube, group)


def drain(_kube: Kube, group: Group) -> None:
    group.lab.daemons["gw-a"].stop(deadline=60)


def notice(what: str) -> Act:
    """AWS says that the instance is to go; it lives on meanwhile."""
    return lambda _kube, group: group.notice("gw-a", what)


HOOK_CALLS = ("RecordLifecycleActionHeartbeat", "CompleteLifecycleAction")


def terminated(_kube: Kube, group: Group) -> None:
    """By the Auto Scaling group, while the other gateway is away: it is kept waiting until that one is back."""
    group.lab.daemons["gw-b"].kill()
    group.notice("gw-a", "group")
    wait_until(lambda: len(group.calls(*HOOK_CALLS)) >= 2, 60, "the group is asked to wait again")
    assert set(group.calls(*HOOK_CALLS)) == {"RecordLifecycleActionHeartbeat gw-a"} and group.carrier() == "gw-a"
    group.lab.daemons["gw-b"].start(wait_ready=False)


def replaced(kube: Kube, group: Group) -> None:
    """The instance ends, and another one comes in its place."""
    power_off(kube, group)
    power_on(kube, group)


def let_go(kube: Kube, group: Group) -> None:
    """The group is told to go on, once, and after the Elastic IP has gone."""
    wait_until(lambda: "CompleteLifecycleAction gw-a" in group.calls(*HOOK_CALLS), 40, "the group is told to go on")
    assert group.calls("AssociateAddress", *HOOK_CALLS)[-2:] == ["AssociateAddress gw-b", "CompleteLifecycleAction gw-a"]
    replaced(kube, group)


def late_drain(kube: Kube, group: Group) -> None:
    group.exit.delay_s = PLANNED_LATE_S
    drain(kube, group)


def drain_and_back(_kube: Kube, group: Group) -> None:
    """By hand, and each time the daemon stays."""
    for i in range(PLANNED):
        name, other = GATEWAYS[i % 2], GATEWAYS[1 - i % 2]
        flows = {pod: group.lab.pods[pod].flow("udp", interval_ms=DATAGRAM_MS) for pod in (*SELECTED, BESIDE)}
        wait_until(lambda flows=flows: all(flow.stat().received for flow in flows.values()), 20, "all goes on")
        done = group.lab.daemons[name].eipgw("drain", "--timeout", "60")
        assert done.returncode == 0, done.stderr
        group.wait_carrier(other)
        reports = {pod: flow.stop() for pod, flow in flows.items()}
        print(f"switch {i + 1}: longest pause between datagrams {max(reports[pod].max_gap_ms for pod in SELECTED):.0f} ms, "
              f"{sum(reports[pod].lost for pod in SELECTED)} of {sum(reports[pod].sent for pod in SELECTED)} lost; of a pod that "
              f"needs no gateway: {reports[BESIDE].max_gap_ms:.0f} ms, {reports[BESIDE].lost} lost")
        done = group.lab.daemons[name].eipgw("drain", "--undo")
        assert done.returncode == 0, done.stderr
        wait_until(lambda name=name: group.state(name).get("state") == "standby", 40, f"{name} can take over again")
        wait_until(group.is_together, 60, "the two know each other", every=0.1)


def restart_both(_kube: Kube, group: Group) -> None:
    for name in GATEWAYS:
        group.lab.daemons[name].kill()
    for name in GATEWAYS:
        group.lab.daemons[name].start(wait_ready=False)
    for name in GATEWAYS:
        group.lab.daemons[name].wait_ready(deadline=60)


def restart_standby(_kube: Kube, group: Group) -> None:
    """Three times, each of them as soon as it has begun."""
    for _ in range(3):
        group.lab.daemons["gw-b"].kill()
        group.lab.daemons["gw-b"].start(wait_ready=False)
        wait_until(lambda: group.state("gw-b"), 20, "it has begun")
    group.lab.daemons["gw-b"].wait_ready(deadline=60)


def upgrade(_kube: Kube, group: Group) -> None:
    for name in ("gw-b", "gw-a"):
        group.lab.daemons[name].stop(deadline=60)
        group.lab.daemons[name].start(wait_ready=False)
        group.lab.daemons[name].wait_ready(deadline=60)


def many(_kube: Kube, group: Group) -> None:
    for _ in range(FAILOVERS // 2):
        for active, other in (("gw-a", "gw-b"), ("gw-b", "gw-a")):
            group.lab.daemons[active].kill()
            group.wait_carrier(other)
            group.lab.daemons[active].start(wait_ready=False)
            group.lab.daemons[active].wait_ready(deadline=60)
            wait_until(lambda name=active: group.state(name).get("state") == "standby", 40, f"{active} can take over again")


@dataclass(frozen=True)
class Fault:
    """`carrier` is who gets the egress IP; "": it may stay where it is, or go. How often it moved and how long traffic paused is
    told: on a machine without time a gateway is silent now and then, and others rightly take over. What must hold is that no connection
    ends and that no packet leaves with another address."""

    act: Act
    mend: Act
    carrier: str = ""
    hold_s: float = 0.0  # it lasts for so long, whatever happens
    moves: int = 0  # so often at least
    lossless: bool = False  # no datagram is lost that the machine did not lose for others, too

FAULTS = {
    "killed": Fault(kill_active, start_again, "gw-b", moves=1),
    "power off": Fault(power_off, power_on, "gw-b", moves=1),
    "cut from each other": Fault(cut(GATEWAYS), mend, hold_s=20),
    "standby cut from the API": Fault(cut(("gw-b", "API")), mend, hold_s=20),
    "active cut from the API": Fault(cut(("gw-a", "API")), mend, hold_s=25),
    "cut from the API and each other": Fault(cut(("gw-a", "API"), GATEWAYS), mend, hold_s=25),
    "all without the API": Fault(cut(("gw-a", "API"), ("gw-b", "API")), mend, hold_s=25),
    # No gateway knows: what nodes send to the one that the API names gets lost.
    "cut from the nodes": Fault(cut(("gw-a", "node1"), ("gw-a", "node2")), mend, hold_s=4),
    "EC2 away from the one that lives": Fault(no_ec2, start_again, "gw-b", moves=1),
    "EC2 away from both": Fault(cut(("gw-a", "EC2"), ("gw-b", "EC2")), mend, hold_s=25),
    "EC2 slow": Fault(slow_ec2, start_again, "gw-b", moves=1),
    "EC2 refuses twice": Fault(refusing_ec2, start_again, "gw-b", moves=1),
    "association late": Fault(late_association, start_again, "gw-b", moves=1),
    "planned": Fault(drain, start_again, "gw-b", moves=1, lossless=True),
    # EC2's network follows some time after EC2 has answered, and nobody tells when.
    "planned, association late": Fault(late_drain, start_again, "gw-b", moves=1, lossless=True),
    "planned and back": Fault(drain_and_back, nothing, "gw-a", moves=PLANNED, lossless=True),
    "spot interruption": Fault(notice("spot"), replaced, "gw-b", moves=1),
    "rebalance recommendation": Fault(notice("rebalance"), replaced, "gw-b", moves=1),
    "terminated by Auto Scaling": Fault(terminated, let_go, "gw-b", moves=1),
    "both restarted": Fault(restart_both, nothing),
    "standby restarted": Fault(restart_standby, nothing),
    "upgraded": Fault(upgrade, nothing, moves=1),
    "many in a row": Fault(many, nothing, moves=FAILOVERS),
}
if "EIPGW_PLANNED" in os.environ:
    # What the load does by itself on this machine, to compare with.
    FAULTS["nothing"] = Fault(nothing, nothing, hold_s=4.0 * PLANNED)


def last(group: Group, seconds: float) -> None:
    """A fault that nothing ends but time: for so many heartbeats of the clock of the load, which goes on meanwhile."""
    flow = group.lab.pods["p2"].flow("udp", interval_ms=50)
    wait_until(lambda: flow.stat().age_ms >= seconds * 1000, seconds + 20, "it lasts", every=0.1)
    flow.stop()


# One after the other: two processors haven't the time for the load of three.
@pytest.mark.parametrize("name", FAULTS)
def test_connections_outlive_a_gateway_and_no_packet_leaves_with_another_address(
        make_group: Callable[..., tuple[Kube, Group]], name: str) -> None:
    fault = FAULTS[name]
    kube, group = make_group()
    lab = group.lab
    wait_until(lambda: group.state("gw-b").get("state") == "standby", 40, "gw-b can take over")
    load = Load(kube, group)
    wait_until(group.is_together, 60, "the two know each other", every=0.1)
    moved = len(group.exit.moves)
    fault.act(kube, group)
    if fault.hold_s:
        last(group, fault.hold_s)
    elif fault.carrier:
        group.wait_carrier(fault.carrier)
        load.wait_going("with the fault")
    fault.mend(kube, group)
    wait_until(group.carrier, 60, "one of them carries it", every=0.2)
    load.wait_going("afterwards")
    wait_until(lambda: len(group.exit.timers) == 0 or all(not t.is_alive() for t in group.exit.timers), 20, "EC2's doing is done")

    judged = load.judge()
    moves = len(group.exit.moves) - moved
    print(f"{name}: Elastic IP moved {moves} times; {judged}")
    assert judged.foreign == {}
    assert judged.seen == {lab.eip("bank")} and judged.wrong == 0
    assert judged.per_sec >= CONNECTS * 0.9
    assert moves >= fault.moves
    assert not fault.lossless or judged.is_lossless
    assert "" not in judged.told
    assert not judged.ended, [str(row) for row in judged.ended]
    for pod in ("p1", "p3", "p4"):
        assert seen(lab, pod) == lab.eip("bank")
    group.stop()
    assert lab.check_logs(allow=QUIET) == []


@pytest.mark.xdist_group(OTHERS)
def test_the_lab_moves_an_elastic_ip_when_ec2_says_so_or_later(make_group: Callable[..., tuple[Kube, Group]]) -> None:
    """The group's lab with one gateway, which works without a group, too: this is what the others rely on."""
    kube, group = make_group(failover=False)
    lab = group.lab
    assert group.state("gw-a")["state"] == "held" and group.associated() == "gw-a"
    # A link that is cut lets nothing through in either direction, and others are as they were.
    group.link("add", ("gw-a", "node2"))
    wait_seen(lab, "p4", None)
    assert seen(lab, "p1") == lab.eip("bank")
    group.mend_all()
    wait_seen(lab, "p4", lab.eip("bank"))
    # Somebody moves it. By the exit, so much later.
    group.exit.delay_s = 2.0
    group.ec2("associate", {"allocation_id": "eipalloc-bank", "network_interface_id": "eni-gw-b",
                            "private_ip": lab.egress_ips["bank"].private["gw-b"]})
    assert group.associated() == "gw-b" and group.exit.mapped[lab.eip("bank")] == lab.egress_ips["bank"].private["gw-a"]
    wait_until(lambda: group.exit.mapped[lab.eip("bank")] == lab.egress_ips["bank"].private["gw-b"], 10, "it moves")
    wait_until(lambda: group.state("gw-a")["state"] == "lost", 40, "the gateway notices")
    assert seen(lab, "p1") is None
    load_foreign = {row.source for pod in ("p1", "p3", "p4") for row in lab.foreign_rows(pod)}
    assert load_foreign <= set(lab.egress_ips["bank"].private.values())
    lab.stop_daemons()
    assert lab.check_logs(allow=QUIET) == []
    assert kube.condition("EgressGateway", "partners")["status"] in ("True", "False")


@pytest.mark.xdist_group(OTHERS)
def test_egress_ips_are_spread_over_the_members_and_come_together(make_group: Callable[..., tuple[Kube, Group]]) -> None:
    kube, group = make_group(egress=("bank", "second"))
    lab = group.lab

    def are_spread() -> bool:
        return {group.carrier(e) for e in group.egress} == {"gw-a", "gw-b"}

    # Who came later has one of them as soon as it is settled.
    wait_until(are_spread, 150, "each carries one", every=0.5)
    load = Load(kube, group)
    gone = group.carrier("bank")
    other = next(name for name in GATEWAYS if name != gone)
    lab.daemons[gone].kill()
    for egress in group.egress:
        group.wait_carrier(other, egress)
    load.wait_going("with one member")
    lab.daemons[gone].start(wait_ready=False)
    wait_until(are_spread, 150, "each carries one again", every=0.5)
    load.wait_going("with both members")

    judged = load.judge()
    print(f"spread: {judged}")
    assert judged.foreign == {} and judged.seen == {lab.eip("bank")}
    assert "" not in judged.told
    assert not judged.ended, [str(row) for row in judged.ended]
    group.stop()
    assert lab.check_logs(allow=QUIET) == []
