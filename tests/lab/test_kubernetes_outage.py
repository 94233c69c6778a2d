# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""An API server that goes, comes back, has forgotten the past or breaks off, with all daemons and under traffic. What is in
the kernel stays as it is, and on return exactly the difference is made."""

import base64
import json
import os
import re
from collections.abc import Callable

import pytest
from eipgwlab import Lab
from eipgwlab.agent import Flow
from eipgwlab.wait import wait_until
from labaway import Watched, answers, proxied, unreachable, wait_away, watched
from labkube import AWAY, SELECTED, SOON, Kube, changing, finish, kernel_of, run_on, seen, unhurt

pytestmark = pytest.mark.kube

ALL = ("gw-a", "node1", "node2")
NEAR, FAR = "198.51.100.30", "198.51.100.10"
APART = "10.0.2.54"  # not beside that of a selected pod, with which it would become a range
GUARD = r"table (?!409\d )\d+ proto 101"  # a node's routes of what is governed, for the guard; not a lane's


def flows_of(lab: Lab) -> list[Flow]:
    flows = [lab.pods[name].flow(kind, interval_ms=5) for name in ("p1", "p2", "p4") for kind in ("tcp", "udp")]
    run_on(flows)
    return flows


def said(lab: Lab) -> dict[str, int]:
    return {name: lab.daemons[name].log_count(AWAY) for name in ALL}


def no_repair(lab: Lab) -> None:
    assert [line for name in ALL for line in lab.daemons[name].log() if "repair: " in line] == []


def only(found: Watched, name: str, *words: str) -> None:
    """Every line that the kernel told is about this, and there is one: addresses or pods, or the names of sets."""
    pods = {p.pod.name: p.pod for p in found.lab.pods.values()}
    wanted = [w for word in words for w in ((pods[word].address, pods[word].veth) if word in pods else (word,))]
    pattern = "|".join([rf"{re.escape(w)}\b" for w in wanted if w != GUARD] + [w for w in wanted if w == GUARD])
    lines = found.lines(name)
    assert lines and [line for line in lines if not re.search(pattern, line)] == [], (name, lines)


def lists(lab: Lab, name: str) -> int:
    return json.loads(lab.daemons[name].eipgw("status", "--json").stdout)["kubernetes"]["lists"]


def test_a_server_that_goes_and_comes_back_changes_nothing(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    flows = flows_of(lab)
    with watched(lab, *ALL) as found:
        before = said(lab)
        kube.plane.restart()
        wait_away(lab, *ALL, since=before)
        answers(kube, *ALL)
        # It hangs, with all connections in place; then it goes on.
        kube.plane.pause()
        for name in ("p1", "p3", "p4"):
            assert seen(lab, name) == lab.eip("bank")
        kube.plane.resume()
        for name in ALL:
            assert (found.lines(name), kernel_of(lab, name)) == ([], found.before[name])
        with changing(lab, p3=lab.expected("p2")):
            kube.label("p3", None)
        only(found, "node1", "p3")
        only(found, "gw-a", "p3")
    unhurt(flows)
    no_repair(lab)
    finish(kube, allow=(AWAY,))


def test_what_was_missed_and_compacted_is_made_up_for(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    kube.add("p7", {}, "node2", APART)
    flows = flows_of(lab)
    listed = {name: lists(lab, name) for name in ALL}
    with watched(lab, *ALL) as found:
        before = said(lab)
        lab.expect("p3", {lab.eip("bank"), *lab.expected("p2")})
        lab.expect("p7", {lab.eip("bank"), *lab.expected("p7")})
        with unreachable(kube):
            wait_away(lab, *ALL, since=before)
            kube.label("p3", None)
            kube.label("p7", "bank")
            kube.admin.patch("Namespace", "default", {"metadata": {"labels": {"some": "label"}}})
            kube.policy(enforcement="Strict", excludedCIDRs=[f"{FAR}/32"])
            kube.plane.compact()
            for name in ALL:
                assert kernel_of(lab, name) == found.before[name]
        answers(kube, *ALL)
        wait_until(lambda: seen(lab, "p7") == lab.eip("bank") and seen(lab, "p3") in lab.expected("p2"), SOON, "it is known")
        wait_until(lambda: lab.pods["p1"].probe(dst=FAR).seen == lab.machines["node1"].public, SOON, "so is the policy")
        for name in ALL:  # what they asked for was gone: 410
            assert lists(lab, name) > listed[name]
        only(found, "node1", "p3", "dst_payments", GUARD)
        only(found, "node2", "p7", "dst_payments", GUARD)
        only(found, "gw-a", "p3", "p7", "dst_payments")
    unhurt(flows)
    no_repair(lab)
    finish(kube, allow=(AWAY,))


def test_all_daemons_restart_while_it_is_away_and_make_only_the_difference(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(egress=("bank", "second"), destinationCIDRs=["198.51.100.96/27", "198.51.100.128/25"])
    lab = kube.lab
    kube.policy("reports", egressIPs=["second"], destinationCIDRs=[f"{NEAR}/32"])
    wait_until(lambda: lab.pods["p1"].probe(dst=NEAR).seen == lab.eip("second"), SOON, "both govern")
    kube.add("p6", SELECTED, "node1", "10.0.1.52")
    wait_until(lambda: seen(lab, "p6") == lab.eip("bank"), SOON, "p6, too")
    kube.add("p7", {}, "node2", APART)
    flows = flows_of(lab)
    with watched(lab, *ALL) as found:
        before = said(lab)
        lab.expect("p3", {lab.eip("bank"), *lab.expected("p2")})
        lab.expect("p7", {lab.eip("bank"), *lab.expected("p7")})
        with unreachable(kube):
            for name in ALL:
                lab.daemons[name].stop()
            kube.label("p3", None)
            kube.label("p7", "bank")
            kube.admin.remove_pod("default", "p6")
            kube.policy("reports", egressIPs=["second"], destinationCIDRs=[f"{FAR}/32"])
            for name in ALL:
                lab.daemons[name].start(wait_ready=False)
            wait_away(lab, *ALL, since=before)
            for name in ALL:
                assert (found.lines(name), kernel_of(lab, name)) == ([], found.before[name])
            for name in ("p1", "p3", "p4"):
                assert seen(lab, name) == lab.eip("bank")
        for name in ALL:
            lab.daemons[name].wait_ready(deadline=60)
        wait_until(lambda: seen(lab, "p7") == lab.eip("bank") and seen(lab, "p3") in lab.expected("p2"), SOON, "it is known")
        assert lab.pods["p1"].probe(dst=FAR).seen == lab.eip("second")
        assert seen(lab, "p6") is None  # nobody knows it any more
        only(found, "node1", "p3", "p6", "dst_reports", GUARD)
        only(found, "node2", "p7", "dst_reports", GUARD)
        only(found, "gw-a", "p3", "p7", "p6", "dst_reports")
    unhurt(flows)
    no_repair(lab)
    finish(kube, allow=(AWAY,))


MANY, PAD = 700, 3000  # more than a page of 500, and much more than TLS and the other lists need


def in_the_second_page(kube: Kube) -> int:
    """So many bytes are the first page and half of the second."""
    path = "/api/v1/pods"
    whole, first = (len(kube.admin.raw("GET", path, **limit)[2]) for limit in ({}, {"limit": 500}))
    return (whole + first) // 2


def test_a_first_list_that_breaks_off_in_the_middle_removes_nothing(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab = kube.lab
    for i in range(MANY):  # before the lab's pods in the order of a list
        noise = base64.b64encode(os.urandom(PAD)).decode()
        kube.admin.create({"apiVersion": "v1", "kind": "Pod",
                           "metadata": {"name": f"many{i:03}", "namespace": "default", "annotations": {"noise": noise}},
                           "spec": {"nodeName": "node1", "containers": [{"name": "main", "image": "example.org/main"}]}})
    flows = flows_of(lab)
    budget = dict.fromkeys(("gw_a", "node1"), in_the_second_page(kube))
    with watched(lab, *ALL) as found, proxied(kube, **budget) as proxy:
        proxy.used_by(kube, "gateway", "eipgw-noded")
        before = said(lab)
        for name in ("gw-a", "node1"):
            lab.daemons[name].stop()
            lab.daemons[name].start(wait_ready=False)
        wait_away(lab, "gw-a", "node1", since=before)
        assert proxy.broken == {lab.machines[name].address for name in ("gw-a", "node1")}
        for name in ("gw-a", "node1"):
            found_here = json.loads(lab.daemons[name].eipgw("status", "--json").stdout)["kubernetes"]
            assert not found_here["synced"] and found_here["objects"] >= 500, found_here
        for name in ("p1", "p3", "p4"):
            assert seen(lab, name) == lab.eip("bank")
        for name in ALL:
            assert (found.lines(name), kernel_of(lab, name)) == ([], found.before[name])
        proxy.lift()
        for name in ("gw-a", "node1"):
            lab.daemons[name].wait_ready(deadline=60)
        for name in ALL:
            assert (found.lines(name), kernel_of(lab, name)) == ([], found.before[name])
        unhurt(flows)
        no_repair(lab)
        lab.stop_daemons()
    finish(kube, allow=(AWAY,))
