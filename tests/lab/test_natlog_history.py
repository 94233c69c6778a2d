# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A connection's record has its whole life, whatever became of the gateway meanwhile: when it began, who had the address then, and what
all gateways that carried it counted. And it's one record, in all logs together."""

import contextlib
import itertools
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eipgwlab import Lab, netns, wait_until
from eipgwlab.agent import ECHO_PORT
from eipgwlab.group import Group
from eipgwlab.model import GATEWAYS
from labha import QUIET, start_group
from labkube import SELECTED, Kube, wait_seen
from proof import status
from test_natlog import SOON, counted, end_all, log_path, of, only, records, seconds, told_until, uid_of, want_log

pytestmark = [pytest.mark.knowing, pytest.mark.xdist_group("groups of gateways")]

ADDRESS, PORT = "10.0.1.57", 5001
BUSY_MS = 3000.0  # a UDP flow that lasted for so long lives for two minutes more
AWAY = (r"^<4>(kubernetes|own|failover|peer|repair|replication)[ :]", r"^<3>(own|failover): ", *QUIET)
Record = dict[str, Any]
# A connection on which nothing happens after the first exchange.
QUIET_CONNECTION = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as s:
    s.recv(1)
    print(s.getsockname()[1], flush=True)
    sys.stdin.read()
"""


def kept(lab: Lab, gateway: str = "gw-a") -> None:
    """What is remembered by now is in the file: a save that began later has ended."""
    def saves() -> int:
        return int(status(lab.daemons[gateway])["log"]["book_saves"])

    # An open probe makes sure that there is something to write.
    before = saves()
    assert lab.pods["p3"].probe("udp").seen == lab.eip("bank")
    wait_until(lambda: saves() > before, SOON, "written once", every=0.1)
    assert lab.pods["p3"].probe("udp").seen == lab.eip("bank")
    wait_until(lambda: saves() > before + 1, SOON, "and again", every=0.1)


def told_again(lab: Lab, gateway: str = "gw-a") -> None:
    """All counts were told since."""
    def told() -> int:
        replication = status(lab.daemons[gateway])["replication"]
        return int(replication["refreshes"]) + int(replication["walks"])

    before = told()
    wait_until(lambda: told() > before + 1, 120, "two refreshes", every=0.2)


def begin_old(kube: Kube) -> tuple[str, float]:
    """A flow of a pod that is gone, whose address another pod has. The old pod's uid, and when it began."""
    lab = kube.lab
    kube.add("old", SELECTED, "node1", ADDRESS)
    wait_seen(lab, "old", lab.eip("bank"))
    uid = uid_of(kube, "old")
    began = time.time()
    flow = lab.pods["old"].flow("udp", sport=PORT, interval_ms=20)
    wait_until(lambda: flow.stat().age_ms > BUSY_MS and flow.stat().received > 5, SOON, "answers", every=0.1)
    flow.stop()
    kube.admin.end_pod("default", "old")
    lab.delete_pod("old")
    kube.add("new", SELECTED, "node1", ADDRESS)
    wait_seen(lab, "new", lab.eip("bank"))
    kube.admin.remove_pod("default", "old")
    return uid, began


def assert_old(record: Record, uid: str, began: float) -> None:
    assert record["pod"] == {"namespace": "default", "name": "old", "uid": uid, "node": "node1", "address": ADDRESS, "port": PORT}
    assert record["attribution"] == "start" and record["policy"]
    assert began - 0.1 <= seconds(record["start"]) <= began + BUSY_MS / 1000 + 30
    assert seconds(record["end"]) > seconds(record["start"])


def traffic_of(record: Record) -> list[list[int]]:
    return [list(record[way].values()) for way in ("sent", "received")]


def in_all(lab: Lab, address: str, port: int, protocol: str) -> Record:
    """The one record that all logs together have."""
    return only([r for name in GATEWAYS if log_path(lab, name).exists() for r in of(lab, address, port, protocol, name)])


# ---- a restart


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_who_had_the_address_outlives_a_restart(make_kube: Callable[..., Kube], how: str) -> None:
    kube = make_kube(start=False)
    lab = kube.lab
    want_log(lab)
    lab.start_daemons()
    wait_seen(lab, "p1", lab.eip("bank"))
    uid, began = begin_old(kube)
    gateway = lab.daemons["gw-a"]
    if how == "kill":
        kept(lab)
    else:
        told_until(lab, time.time())
    getattr(gateway, how)()
    gateway.start()
    wait_until(lambda: status(gateway)["log"]["book_loaded"] > 0, SOON, "it is known from before")
    traffic = counted(lab, "udp", ADDRESS, PORT)
    told_until(lab, end_all(lab))
    record = only(of(lab, ADDRESS, PORT, "udp"))
    assert_old(record, uid, began)
    assert traffic_of(record) == traffic and "gateways" not in record
    assert lab.foreign() == {} and lab.check_logs(allow=[r"^<4>repair: "]) == []


def test_a_damaged_book_is_as_good_as_none_and_said(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    want_log(lab)
    lab.start_daemons()
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    flow = p1.flow("tcp", interval_ms=20)
    wait_until(lambda: flow.stat().received > 5, SOON, "answers")
    told_until(lab, time.time())
    gateway.stop()
    book = log_path(lab).with_name(log_path(lab).name + ".book")
    content = book.read_bytes()
    assert book.stat().st_mode & 0o777 == 0o600
    book.write_bytes(content[:-20])
    gateway.start()
    wait_until(lambda: status(gateway)["log"]["open"] == 1, SOON, "the open connection is found")
    port = flow.stop().local_port
    told_until(lab, end_all(lab))
    assert only(of(lab, p1.address, port, "tcp"))["attribution"] == "found"
    assert lab.foreign() == {} and lab.check_logs(allow=[r"^<4>natlog: \S+\.book isn't used: it was cut off"]) == []
    assert any("isn't used" in line for line in gateway.log())


# ---- another gateway


def make_logged(make_group: Callable[..., tuple[Kube, Group]]) -> tuple[Kube, Group]:
    kube, group = make_group(start=False)
    for name in GATEWAYS:
        want_log(kube.lab, name)
    start_group(kube, group)
    wait_until(group.is_together, 60, "the two know each other", every=0.1)
    return kube, group


@contextlib.contextmanager
def idle(lab: Lab, pod: str) -> Iterator[int]:
    """Its port."""
    argv = ["/usr/bin/python3", "-c", QUIET_CONNECTION, lab.pods[pod].pod.server or "", str(ECHO_PORT)]
    with netns.entered(lab.netns_of(pod)):
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout
        yield int(process.stdout.readline())


def settle(group: Group, name: str) -> None:
    wait_until(lambda: group.state(name).get("state") == "standby", 90, f"{name} can take over")
    wait_until(group.is_together, 60, "the two know each other", every=0.1)


def assert_quiet(lab: Lab) -> None:
    # What the old gateway still sends when the Elastic IP is the new one's, or the other way round, dies at the internet gateway.
    assert {row.source for pod in ("p1", "p3", "p4") for row in lab.foreign_rows(pod)} <= set(lab.egress_ips["bank"].private.values())
    assert lab.check_logs(allow=list(AWAY)) == []


@pytest.mark.parametrize("how", ["planned", "killed"])
def test_the_whole_life_goes_with_a_connection_to_another_gateway(
    make_group: Callable[..., tuple[Kube, Group]], how: str
) -> None:
    kube, group = make_logged(make_group)
    lab = kube.lab
    settle(group, "gw-b")
    uid, began = begin_old(kube)
    with idle(lab, "p1") as port:
        judge_move(kube, group, how, (uid, began, port))


def judge_move(kube: Kube, group: Group, how: str, quiet_ones: tuple[str, float, int]) -> None:
    lab = kube.lab
    uid, began, port = quiet_ones
    busy = lab.pods["p4"].flow("tcp", interval_ms=20, duration=300)
    wait_until(lambda: busy.stat().received > 50, SOON, "answers")
    if how == "planned":
        told_until(lab, time.time())
    else:
        told_again(lab)
    traffic = {"udp": counted(lab, "udp", ADDRESS, PORT), "tcp": counted(lab, "tcp", lab.pods["p1"].address, port)}
    if how == "planned":
        lab.daemons["gw-a"].stop(deadline=60)
    else:
        lab.daemons["gw-a"].kill()
    group.wait_carrier("gw-b")
    report = busy.stat()
    wait_until(lambda: busy.stat().received > report.received + 50, SOON, "it goes on")
    busy_port = busy.stop().local_port
    told_until(lab, end_all(lab, "gw-b"), "gw-b")

    old = in_all(lab, ADDRESS, PORT, "udp")
    assert_old(old, uid, began)
    quiet = in_all(lab, lab.pods["p1"].address, port, "tcp")
    assert quiet["attribution"] == "start" and quiet["pod"]["uid"] == uid_of(kube, "p1")
    assert {"udp": traffic_of(old), "tcp": traffic_of(quiet)} == traffic
    both = in_all(lab, lab.pods["p4"].address, busy_port, "tcp")
    assert both["sent"]["packets"] > report.received * 0.5 and both["attribution"] == "start"
    for record in (old, quiet, both):
        assert record["gateway"] == "gw-b" and record["gateways"] == ["gw-a", "gw-b"]
    assert_quiet(lab)


SHORT = Path("/proc/sys/net/netfilter/nf_conntrack_udp_timeout")


def test_what_ends_while_an_egress_ip_is_handed_over_is_recorded(
    make_group: Callable[..., tuple[Kube, Group]]
) -> None:
    """Connections of a second each, all the time."""
    kube, group = make_logged(make_group)
    lab = kube.lab
    for name in GATEWAYS:
        lab.run(name, "sh", "-c", f"echo 1 >{SHORT}")
    settle(group, "gw-b")
    flow = lab.pods["p1"].flow("udp-new", interval_ms=20, duration=300)
    wait_until(lambda: flow.stat().received > 100, SOON, "answers")
    done = lab.daemons["gw-a"].eipgw("drain", "--timeout", "60")
    assert done.returncode == 0, done.stderr
    group.wait_carrier("gw-b")
    before = flow.stat().received
    wait_until(lambda: flow.stat().received > before + 100, SOON, "it goes on")
    report = flow.stop()
    for name in GATEWAYS:
        told_until(lab, end_all(lab, name), name)
    rows = [r for name in GATEWAYS for r in records(lab, name) if r["protocol"] == "udp" and r["pod"]["address"] == lab.pods["p1"].address]
    # A port may be used again; not within the lives of two connections.
    twice = [(a["pod"]["port"], a["start"], b["start"]) for a, b in itertools.pairwise(sorted(rows, key=lambda r: (r["pod"]["port"], r["start"])))
             if a["pod"]["port"] == b["pod"]["port"] and seconds(b["start"]) < seconds(a["start"]) + 1]
    print(f"{report.sent} connections, {len(rows)} records, {len(twice)} of them twice")
    # What begins and ends while both translate may end at the other one first: that takes a timeout as short as this one.
    # And it may be told of by both (docs/NATLOG.md): a few, and never lost instead.
    assert len(twice) <= report.sent * 0.1 and report.sent * 0.97 <= len(rows) - len(twice) <= report.sent
    assert_quiet(lab)


def test_what_a_gateway_counted_before_is_not_counted_twice_when_the_connection_comes_back(
    make_group: Callable[..., tuple[Kube, Group]]
) -> None:
    kube, group = make_logged(make_group)
    lab = kube.lab
    settle(group, "gw-b")
    began = time.time()
    with idle(lab, "p1") as port:
        move_and_back(group)
        traffic = counted(lab, "tcp", lab.pods["p1"].address, port)
        told_until(lab, end_all(lab), "gw-a")
    record = in_all(lab, lab.pods["p1"].address, port, "tcp")
    assert record["gateway"] == "gw-a" and record["gateways"] == ["gw-a", "gw-b"]
    assert record["attribution"] == "start" and began - 0.1 <= seconds(record["start"]) <= began + SOON
    assert traffic_of(record) == traffic
    assert_quiet(lab)


def move_and_back(group: Group) -> None:
    lab = group.lab
    told_again(lab)
    for gone, other in (("gw-a", "gw-b"), ("gw-b", "gw-a")):
        lab.daemons[gone].kill()
        group.wait_carrier(other)
        lab.daemons[gone].start(wait_ready=False)
        lab.daemons[gone].wait_ready(deadline=60)
        settle(group, gone)
        told_again(lab, other)
