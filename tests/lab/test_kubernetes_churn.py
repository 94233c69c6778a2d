# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Pods that are re-created all the time, with addresses that others had a moment ago."""

import contextlib
from collections.abc import Callable

import pytest
from eipgwlab import Lab
from eipgwlab.wait import wait_until
from labchurn import Churn, left_of
from labkube import SELECTED, SOON, Kube, finish, kernel_of, run_on, silence, unhurt

pytestmark = pytest.mark.kube

ALL = ("gw-a", "node1", "node2")
RATE, SECONDS, PATIENCE = 50, 60, 180


@pytest.mark.timeout(480)
def test_a_minute_of_fifty_new_pods_a_second_disturbs_nobody(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    selected = lab.stand_in("churn-selected", {lab.eip("bank")})
    plain = lab.stand_in("churn-plain", {lab.machines[name].public or "" for name in ("node1", "node2")})
    flows = [lab.pods[name].flow(kind, interval_ms=10) for name in ("p1", "p2", "p3", "p4") for kind in ("tcp", "udp")]
    run_on(flows)
    silence(lab)  # what is still answered to a pod that is gone, the node itself refuses
    with contextlib.closing(Churn(kube, selected, plain)) as churn:
        before = churn.cpu()
        rate = churn.run(RATE * SECONDS, RATE, PATIENCE)
        used = ", ".join(f"{name} {seconds - before[name]:.1f}" for name, seconds in churn.cpu().items())
    sent = {name: lab.seen_for(name) for name in ("churn-selected", "churn-plain")}
    print(f"{churn.made} pods, {rate:.1f} a second; packets that got out: {sent}; seconds of a processor: {used}")
    # A busy machine takes longer for as many, or makes fewer in all its time, but a churn it is. Each half of them sends nine
    # packets; Strict drops those of pods that nobody knows yet.
    assert churn.made >= RATE * SECONDS // 3
    assert sent["churn-selected"][lab.eip("bank")] >= churn.made and sum(sent["churn-plain"].values()) >= churn.made
    for name in ALL:
        wait_until(lambda name=name: left_of(kernel_of(lab, name)) == [], SOON, f"nothing is left of them on {name}")
    unhurt(flows)
    assert [line for name in ALL for line in lab.daemons[name].log() if "repair: " in line] == []
    finish(kube)


ADDRESS = "10.0.1.52"


def hand_over(kube: Kube, old: str, new: str, server: str, egress: str | None, order: str) -> None:
    """The CNI gives an address to the next pod, before or after the API has forgotten the one that had it."""
    lab = kube.lab
    labels = SELECTED if egress else {}
    if order == "in time":
        kube.admin.remove_pod("default", old)
    elif order == "terminating":
        kube.admin.end_pod("default", old)
    lab.delete_pod(old)
    kube.create(new, labels)
    lab.add_pod(new, "node1", ADDRESS, egress)
    # It sends before kubelet has told its address.
    for _ in range(3):
        lab.pods[new].probe("udp", dst=server, sport=5000, timeout=0.05)
    kube.addressed(new, ADDRESS)
    if order != "in time":
        kube.admin.remove_pod("default", old)


def settled(lab: Lab, pod: str, server: str) -> str | None:
    return lab.pods[pod].probe("udp", dst=server, sport=5000, timeout=0.5).seen


def test_an_address_goes_from_pod_to_pod_and_nothing_of_its_last_owner_with_it(make_kube: Callable[..., Kube]) -> None:
    """Each time from the same port to the same server, so that an entry of connection tracking that stayed would do harm."""
    kube = make_kube()
    lab = kube.lab
    bank, direct = lab.eip("bank"), lab.machines["node1"].public or ""
    server = lab.stand_in("shared", {bank})
    flow = lab.pods["p1"].flow("tcp", interval_ms=5)
    kube.add("r0", SELECTED, "node1", ADDRESS)
    wait_until(lambda: settled(lab, "r0", server) == bank, SOON, "the first has the egress IP")
    number = 0
    for order in ("in time", "terminating", "late"):
        for egress, source in ((None, direct), ("bank", bank)):
            assert lab.foreign() == {}
            lab.exit_reset()
            lab.stand_in("shared", {source})
            hand_over(kube, f"r{number}", f"r{number + 1}", server, egress, order)
            number += 1
            wait_until(lambda n=number, s=source: settled(lab, f"r{n}", server) == s, SOON, f"{order}: r{number} is {source}")
            assert lab.foreign() == {}, (order, source)
    unhurt([flow])
    assert [line for name in ALL for line in lab.daemons[name].log() if "repair: " in line] == []
    finish(kube)
