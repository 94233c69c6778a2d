# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Three gateways in three zones: exactly one takes over, and the one that is left at last carries everything."""

from collections.abc import Callable

import pytest
from eipgwlab.group import SETTLED, Group
from eipgwlab.wait import wait_until
from labha import OTHERS, QUIET, Load
from labkube import Kube

pytestmark = pytest.mark.ha

EGRESS = ("bank", "second", "third")
ZONE = {"gw-a": "eu-central-1a", "gw-b": "eu-central-1b", "gw-c": "eu-central-1c"}


def told(kube: Kube) -> dict[str, tuple[str, str]]:
    """Members as Kubernetes has them: zone and state."""
    return {m["name"]: (m.get("zone", ""), m.get("state", "")) for m in kube.status_of("EgressGateway", "partners").get("members", [])}


def is_settled(group: Group, living: list[str]) -> bool:
    """Each egress IP has one carrier, who has the Elastic IP and the Lease, and all others know him."""
    for egress in EGRESS:
        rows = {name: group.state(name, egress) for name in living}
        active = [name for name, row in rows.items() if row.get("state") == "active"]
        if len(active) != 1 or group.associated(egress) != active[0]:
            return False
        if any((row.get("carrier"), row.get("lease_holder"), row.get("translates")) != (active[0], active[0], name == active[0])
               for name, row in rows.items()):
            return False
    return True


@pytest.mark.xdist_group(OTHERS)
def test_exactly_one_of_the_others_takes_over_and_the_last_one_carries_all(make_group: Callable[..., tuple[Kube, Group]]) -> None:
    kube, group = make_group(egress=EGRESS, three=True)
    lab = group.lab
    living = list(lab.gateways)

    # Those who came later have one each as soon as it is settled.
    wait_until(lambda: {group.carrier(e) for e in EGRESS} == set(living), 150, "each carries one", every=0.5)
    wait_until(lambda: told(kube) == {name: (ZONE[name], "Active") for name in living}, 40, "Kubernetes knows the zones", every=0.2)
    assert f", zone {ZONE['gw-c']}\n" in lab.daemons["gw-c"].eipgw("status").stdout
    load = Load(kube, group)
    while len(living) > 1:
        wait_until(group.is_together, 60, "they know each other", every=0.1)
        gone = group.carrier("bank")
        had = [e for e in EGRESS if group.carrier(e) == gone]
        moved = len(group.exit.moves)
        lab.daemons[gone].kill()
        living.remove(gone)
        wait_until(lambda: is_settled(group, living), SETTLED, f"one of {living} carries what {gone} had", every=0.1)
        load.wait_going(f"without {gone}")
        moves = [public for _, public, _ in group.exit.moves[moved:]]
        print(f"{gone} killed, which had {had}: {group.carrier('bank')} has bank; Elastic IPs moved {len(moves)} times")
        assert {lab.eip(e) for e in had} <= set(moves)
    assert {group.carrier(e) for e in EGRESS} == set(living)
    # Also of those who died it's told where they were.
    wait_until(lambda: {zone for zone, _ in told(kube).values()} == set(ZONE.values())
               and [name for name, (_, state) in told(kube).items() if state == "Active"] == living, 40, "the dead are told", every=0.2)

    judged = load.judge()
    print(f"two of three killed: {judged}")
    assert judged.foreign == {} and judged.seen == {lab.eip("bank")}
    assert "" not in judged.told
    assert not judged.ended, [str(row) for row in judged.ended]
    group.stop()
    assert lab.check_logs(allow=QUIET) == []
