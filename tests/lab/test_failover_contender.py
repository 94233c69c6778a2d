# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Another elector wants the Lease of an egress IP that daemons carry: client-go's leader election, as a kube-scheduler has it. It
gets the Lease only when no gateway holds it, and while it does, no gateway translates."""

import contextlib
import datetime
import itertools
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab.group import Group
from eipgwlab.model import NODES
from eipgwlab.wait import wait_until
from labha import OTHERS, QUIET, Load
from labkube import GROUP, SYSTEM, Kube, seen, wait_seen
from proof import SELECTED

pytestmark = pytest.mark.ha

LEASE = f"eipgw-{GROUP}-bank"
DURATION, OURS = 6, 10  # of the other one's Lease and of a gateway's, in seconds
CLOCK_S = 0.5  # the wall clock, of which the records are, may be slewed against the monotonic one


class History:
    """Every record of the Lease, one after the other."""

    def __init__(self, kube: Kube):
        self.records: list[dict[str, Any]] = []
        self.watch = kube.plane.client_with(token=kube.plane.tokens["admin"]).watch("Lease", SYSTEM, timeout=280,
                                                                                   fieldSelector=f"metadata.name={LEASE}")
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            for event in self.watch:
                if event["type"] != "DELETED":
                    self.records.append(event["object"]["spec"])

    def holders(self) -> list[str]:
        """"-": nobody; "other": none of the gateways."""
        return [key for key, _ in itertools.groupby(holder_of(record) for record in list(self.records))]

    def waited_s(self, holder: str) -> float:
        """Between the last renewal of the one before and when this one first took it."""
        i = next(i for i, record in enumerate(self.records) if holder_of(record) == holder)
        return (when(self.records[i]["acquireTime"]) - when(self.records[i - 1]["renewTime"])).total_seconds()

    def held_s(self) -> float:
        """For how long who has it now has renewed it."""
        last = self.records[-1]
        return (when(last["renewTime"]) - when(last["acquireTime"])).total_seconds()


def holder_of(record: dict[str, Any]) -> str:
    name = str(record.get("holderIdentity") or "-")
    return name if name == "-" or name.startswith("gw-") else "other"


def when(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def who(kube: Kube) -> str:
    """Whose name is in the Lease."""
    return str(kube.admin.get("Lease", LEASE, SYSTEM)["spec"].get("holderIdentity") or "")


def waits_for(group: Group, gateway: str, holder: str) -> bool:
    row = group.state(gateway)
    return (row.get("state"), row.get("lease_holder"), row.get("translates")) == ("standby", holder, False)


@pytest.mark.xdist_group(OTHERS)
def test_it_never_gets_the_lease_of_gateways_that_live_and_lets_it_go_to_them(
        make_group: Callable[..., tuple[Kube, Group]]) -> None:
    kube, group = make_group()
    lab = group.lab
    history = History(kube)
    wait_until(lambda: group.state("gw-b").get("state") == "standby", 40, "gw-b can take over")
    with kube.plane.contender(SYSTEM, LEASE, duration=DURATION, deadline=4) as other:
        wait_until(lambda: "ttempting to acquire leader lease" in other.log.read_text(errors="replace"), 60, "it asks")
        load = Load(kube, group, connects=60)
        wait_until(group.is_together, 60, "the two know each other", every=0.1)
        # Longer than a Lease, after which it would take what nobody renews.
        asked = history.held_s()
        wait_until(lambda: history.held_s() > asked + 12, 60, "the gateway renews it", every=0.1)
        assert history.holders() == ["gw-a"]
        lab.daemons["gw-a"].kill()
        group.wait_carrier("gw-b")
        load.wait_going("with the other gateway")
        judged = load.judge()
        print(f"killed while another elector wants the Lease: {judged}")
        assert judged.foreign == {} and judged.seen == {lab.eip("bank")} and not judged.ended
        assert "other" not in history.holders() and other.alive()

        # Where nobody takes over, the kernel goes on without the daemon, and so the Lease isn't let go.
        group.stop(nodes=False)
        wait_until(lambda: history.holders() == ["gw-a", "gw-b", "other"], 60, "the other one takes it")
        assert history.waited_s("other") >= OURS - CLOCK_S
        lab.daemons["gw-b"].start(wait_ready=False)
        wait_until(lambda: waits_for(group, "gw-b", who(kube)), 60, "gw-b waits, and says for whom", every=0.1)
        wait_seen(lab, "p1", None)
        other.end(signal.SIGTERM)
        group.wait_carrier("gw-b")
    assert history.holders()[-3:] == ["other", "-", "gw-b"]
    for pod in SELECTED:
        wait_seen(lab, pod, lab.eip("bank"))
    assert load.judge_exit()[0] == {}
    group.stop()
    assert lab.check_logs(allow=QUIET) == []


@pytest.mark.xdist_group(OTHERS)
def test_who_has_the_lease_first_is_waited_for_until_it_ends(make_group: Callable[..., tuple[Kube, Group]]) -> None:
    kube, group = make_group(start=False)
    lab = group.lab
    history = History(kube)
    with kube.plane.contender(SYSTEM, LEASE, duration=DURATION, deadline=4) as other:
        wait_until(lambda: history.holders() == ["other"], 60, "the other one has it")
        holder = who(kube)
        for name in lab.gateways:
            lab.daemons[name].start(wait_ready=False)
        lab.start_daemons(NODES)
        for name in lab.gateways:
            wait_until(lambda name=name: waits_for(group, name, holder), 60, f"{name} waits, and says for whom", every=0.1)
            wait_until(lambda name=name: lab.daemons[name].log_count(f"Lease is held by '{holder}'"), 30, f"{name}'s log says so")
        since = history.held_s()
        wait_until(lambda: history.held_s() > since + DURATION, 60, "it renews", every=0.1)
        assert [seen(lab, pod) for pod in SELECTED] == [None, None, None]
        other.end(signal.SIGKILL)
        # Either of them, since neither was first.
        carrier = wait_until(group.carrier, 60, "a gateway carries it", every=0.1)
        wait_until(lambda: group.associated() == carrier, 40, "with its Elastic IP")
    for pod in SELECTED:
        wait_seen(lab, pod, lab.eip("bank"))
    assert history.holders() == ["other", carrier] and history.waited_s(carrier) >= DURATION - CLOCK_S
    assert lab.foreign() == {}
    group.stop()
    assert lab.check_logs(allow=QUIET) == []
