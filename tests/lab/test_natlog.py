# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Each translated connection becomes one record when it ends, with the pod that had the address when it began; and what can't be
told is recorded as a gap."""

import datetime
import json
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eipgwlab import Lab, netns, wait_until
from eipgwlab.agent import ECHO_PORT, UDP_PORT
from eipgwlab.group import Group
from eipgwlab.lab import PodStation
from labha import start_group
from labkube import SELECTED, Kube, seen, wait_seen
from proof import status

pytestmark = pytest.mark.knowing

MakeLab = Callable[..., Lab]
Record = dict[str, Any]
SOON = 60.0
MANY = 30000  # more than the daemon's socket takes
GONE = (r"^<4>natlog: the kernel had more to tell than fits",)
MANY_FROM = """
import socket, sys
source, server, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
for port in range(10000, 10000 + n):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, port))
        s.sendto(b"x" * 100, (server, 7))
"""


def log_path(lab: Lab, gateway: str = "gw-a") -> Path:
    return lab.directory / f"{gateway}-nat.log"


def want_log(lab: Lab, gateway: str = "gw-a", **options: Any) -> None:
    daemon = lab.daemons[gateway]
    daemon.config["log"] = {"file": {"path": str(log_path(lab, gateway)), **options}}
    daemon.write_config()


def records(lab: Lab, gateway: str = "gw-a", kind: str = "flow") -> list[Record]:
    path = log_path(lab, gateway)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    assert all(r["v"] == 1 and r["gateway"] == gateway for r in found)
    return [r for r in found if r["type"] == kind]


def gaps(lab: Lab, cause: str, gateway: str = "gw-a") -> list[Record]:
    return [r for r in records(lab, gateway, "gap") if r["cause"] == cause]


def of(lab: Lab, address: str, port: int, protocol: str, gateway: str = "gw-a") -> list[Record]:
    return [r for r in records(lab, gateway) if r["protocol"] == protocol and r["pod"]["address"] == address
            and r["pod"].get("port", r["pod"].get("id")) == port]


def told_until(lab: Lab, at: float, gateway: str = "gw-a") -> None:
    """All that ended before is in the file: if it isn't there now, it never will be."""
    def is_told() -> bool:
        until = status(lab.daemons[gateway])["log"].get("complete_until")
        return until is not None and seconds(until) > at

    wait_until(is_told, SOON, "the log is complete")


def seconds(text: str) -> float:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def counted(lab: Lab, protocol: str, source: str, port: int) -> list[list[int]]:
    """Packets and bytes both ways, as conntrack(8) sees them."""
    out = lab.run("gw-a", "conntrack", "-L", "-p", protocol, "-s", source, "--sport", str(port))
    found = re.findall(r"packets=(\d+) bytes=(\d+)", out)
    assert len(found) == 2, out
    return [[int(n) for n in pair] for pair in found]


def end_all(lab: Lab, gateway: str = "gw-a") -> float:
    lab.run(gateway, "conntrack", "-F")
    return time.time()


def only(found: list[Record]) -> Record:
    assert len(found) == 1, found
    return found[0]


# ---- what is recorded


def test_each_connection_of_a_selected_pod_becomes_one_record(make_lab: MakeLab) -> None:
    lab = make_lab()
    want_log(lab)
    lab.start_daemons()
    began = time.time()
    p1, p2, p3, p4 = (lab.pods[name] for name in ("p1", "p2", "p3", "p4"))
    probes = {"tcp": p1.probe("tcp"), "udp": p4.probe("udp"), "icmp": p3.probe("icmp")}
    pods: dict[str, PodStation] = {"tcp": p1, "udp": p4, "icmp": p3}
    assert all(probe.seen == lab.eip("bank") for probe in probes.values())
    assert p2.probe("tcp").reached  # nobody selects it
    traffic = {kind: counted(lab, kind, pods[kind].address, probes[kind].local_port) for kind in ("tcp", "udp")}
    ended = end_all(lab)
    told_until(lab, ended)

    assert len(records(lab)) == 3
    for kind, port in (("tcp", ECHO_PORT), ("udp", UDP_PORT)):
        probe, pod = probes[kind], pods[kind]
        record = only(of(lab, pod.address, probe.local_port, kind))
        assert record["pod"] == {"node": pod.node, "address": pod.address, "port": probe.local_port}
        assert record["policy"] == "payments"
        assert record["egress"] == {"name": "bank", "public": lab.eip("bank"),
                                    "private": lab.egress_ips["bank"].private["gw-a"], "port": probe.seen_port}
        assert record["destination"] == {"address": pod.pod.server, "port": port}
        assert [list(record[way].values()) for way in ("sent", "received")] == traffic[kind]
        assert began - 0.1 <= seconds(record["start"]) <= seconds(record["end"]) <= ended + 0.1
        assert record["attribution"] == "start"
    assert only(of(lab, p1.address, probes["tcp"].local_port, "tcp"))["tcp_state"] in ("time_wait", "last_ack", "close_wait", "fin_wait", "close")
    icmp = only([r for r in records(lab) if r["protocol"] == "icmp"])
    assert icmp["pod"]["address"] == p3.address and icmp["destination"] == {"address": p3.pod.server, "icmp_type": 8}
    said = status(lab.daemons["gw-a"])["log"]
    assert (said["records"], said["unattributed"], said["gaps"], said["lost"], said["error"]) == (3, 0, 0, 0, "")
    shown = lab.daemons["gw-a"].eipgw("status").stdout
    assert re.search(r"^NAT log +file \S*nat\.log\n +3 records, 0 without", shown, re.MULTILINE), shown
    assert lab.foreign() == {} and lab.check_logs() == []


def test_a_file_that_was_moved_away_is_begun_anew_on_sighup(make_lab: MakeLab) -> None:
    lab = make_lab()
    want_log(lab)
    lab.start_daemons()
    p1 = lab.pods["p1"]
    assert p1.probe("udp").seen
    told_until(lab, end_all(lab))
    moved = log_path(lab).with_suffix(".moved")
    log_path(lab).rename(moved)
    lab.daemons["gw-a"].reload()
    wait_until(log_path(lab).exists, SOON, "another file")
    assert p1.probe("udp").seen
    told_until(lab, end_all(lab))
    assert len(records(lab)) == 1 and len(moved.read_text(encoding="utf-8").splitlines()) == 1
    assert lab.foreign() == {} and lab.check_logs() == []


def test_a_log_that_cannot_be_written_keeps_nobody_from_working_and_is_told(make_lab: MakeLab) -> None:
    lab = make_lab()
    want_log(lab)
    gateway = lab.daemons["gw-a"]
    gateway.config["log"]["file"]["path"] = "/nowhere/nat.log"
    gateway.write_config()
    lab.start_daemons()
    probe = lab.pods["p1"].probe("udp")
    assert probe.seen == lab.eip("bank")
    end_all(lab)
    wait_until(lambda: "/nowhere/nat.log" in status(gateway)["log"]["error"], SOON, "the error is told")
    want_log(lab)
    gateway.reload()
    wait_until(lambda: status(gateway)["log"]["error"] == "", SOON, "it's over")
    wait_until(lambda: of(lab, lab.pods["p1"].address, probe.local_port, "udp"), SOON, "what waited is written")
    assert lab.foreign() == {}
    assert lab.check_logs(allow=[r"^<4>natlog: can't open /nowhere"]) == []


def test_the_log_can_be_switched_on_and_off_without_a_restart(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.start_daemons()
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    assert p1.probe("udp").seen and "log" not in status(gateway)
    want_log(lab)
    gateway.reload()
    wait_until(lambda: status(gateway).get("log", {}).get("open") == 1, SOON, "what is open is found")
    told_until(lab, end_all(lab))
    assert [r["attribution"] for r in records(lab)] == ["found"]
    writers = Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children")
    assert len(writers.read_text(encoding="ascii").split()) == 1
    del gateway.config["log"]
    gateway.write_config()
    gateway.reload()
    wait_until(lambda: "log" not in status(gateway), SOON, "no log")
    assert p1.probe("udp").seen == lab.eip("bank")
    end_all(lab)
    assert writers.read_text(encoding="ascii").split() == [] and len(records(lab)) == 1
    assert lab.foreign() == {} and lab.check_logs() == []


# ---- what can't be


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_is_a_gap_and_loses_no_open_connection(make_lab: MakeLab, how: str) -> None:
    lab = make_lab()
    want_log(lab)
    lab.start_daemons()
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    flow = p1.flow("tcp", interval_ms=20)
    wait_until(lambda: flow.stat().received > 5, SOON, "answers")
    told_until(lab, time.time())

    before = time.time()
    getattr(gateway, how)()
    unseen = lab.pods["p4"].probe("udp")
    assert unseen.seen == lab.eip("bank")
    lab.run("gw-a", "conntrack", "-D", "-s", lab.pods["p4"].address)
    after = time.time()
    gateway.start()
    gap = only(wait_until(lambda: gaps(lab, "restart"), SOON, "a gap"))
    # A kill may come just after a record was written and before that was noted.
    assert before - 30 <= seconds(gap["from"]) <= before + 1 and seconds(gap["to"]) >= after - 0.1
    wait_until(lambda: status(gateway)["log"]["open"] == 1, SOON, "the open connection is found")

    report = flow.stat()
    wait_until(lambda: flow.stat().received > report.received + 5, SOON, "it goes on")
    port = flow.stop().local_port
    traffic = counted(lab, "tcp", p1.address, port)
    told_until(lab, end_all(lab))
    record = only(of(lab, p1.address, port, "tcp"))
    # It may have begun after what a kill left was written.
    assert record["attribution"] in {"stop": ("start",), "kill": ("start", "found")}[how] and record["policy"] == "payments"
    assert seconds(record["start"]) < before
    assert [list(record[way].values()) for way in ("sent", "received")] == traffic
    assert of(lab, lab.pods["p4"].address, unseen.local_port, "udp") == []  # it fell into the gap
    assert len(gaps(lab, "restart")) == 1
    assert lab.foreign() == {} and lab.check_logs() == []


def test_more_than_the_kernel_can_tell_is_a_gap_and_loses_no_end(make_lab: MakeLab) -> None:
    lab = make_lab()
    want_log(lab, max_bytes=1 << 30)
    lab.start_daemons()
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    assert p1.probe("udp").seen == lab.eip("bank")
    told_until(lab, end_all(lab))

    gateway.signal(signal.SIGSTOP)
    before = time.time()
    try:
        netns.execute(["/usr/bin/python3", "-c", MANY_FROM, p1.address, p1.pod.server or "", str(MANY)],
                      netns=lab.netns_of("p1"))
        ended = end_all(lab)
    finally:
        gateway.signal(signal.SIGCONT)
    told_until(lab, ended)
    wait_until(lambda: status(gateway)["log"]["records"] >= MANY + 1, 120, "all ends are told")
    found = wait_until(lambda: gaps(lab, "overrun"), SOON, "a gap")
    assert any(seconds(g["from"]) <= before + 1 and seconds(g["to"]) >= before for g in found)
    told_until(lab, time.time())
    ports = Counter(r["pod"]["port"] for r in records(lab) if r["destination"].get("port") == 7)
    assert len(ports) == MANY and set(ports.values()) == {1}
    assert all(r["policy"] == "payments" for r in records(lab))
    assert status(gateway)["log"]["reliable"] is True
    assert lab.foreign() == {} and lab.check_logs(allow=GONE) == []


# ---- whose an address is


def uid_of(kube: Kube, name: str) -> str:
    return next(str(p["metadata"]["uid"]) for p in kube.admin.list("Pod", "default") if p["metadata"]["name"] == name)


def test_a_reused_address_is_whose_it_was_when_the_connection_began(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(start=False)
    lab = kube.lab
    want_log(lab)
    lab.start_daemons()
    wait_seen(lab, "p1", lab.eip("bank"))
    address = "10.0.1.57"
    kube.add("old", SELECTED, "node1", address)
    wait_seen(lab, "old", lab.eip("bank"))
    old_uid = uid_of(kube, "old")
    first = lab.pods["old"].probe("udp", sport=5001)
    assert first.seen == lab.eip("bank")

    # Its object is still there, terminating, when the next one has the address; and the connection lives on.
    kube.admin.end_pod("default", "old")
    lab.delete_pod("old")
    kube.add("new", SELECTED, "node1", address)
    wait_seen(lab, "new", lab.eip("bank"))
    kube.admin.remove_pod("default", "old")
    second = lab.pods["new"].probe("udp", sport=5002)
    assert second.seen == lab.eip("bank")
    new_uid = uid_of(kube, "new")
    assert counted(lab, "udp", address, 5001)  # still open
    told_until(lab, end_all(lab))

    for port, name, uid in ((5001, "old", old_uid), (5002, "new", new_uid)):
        record = only(of(lab, address, port, "udp"))
        assert record["pod"] == {"namespace": "default", "name": name, "uid": uid, "node": "node1",
                                 "address": address, "port": port}
        assert record["attribution"] == "start" and record["policy"] == "payments"
    assert all(r["pod"].get("uid") for r in records(lab))
    assert lab.foreign() == {} and lab.check_logs(allow=[r"^<4>repair: "]) == []


def test_a_connection_that_moved_to_another_gateway_is_recorded_there_and_once(
    make_group: Callable[..., tuple[Kube, Group]]
) -> None:
    kube, group = make_group(start=False)
    lab = kube.lab
    for name in ("gw-a", "gw-b"):
        want_log(lab, name)
    start_group(kube, group)
    p1 = lab.pods["p1"]
    flow = p1.flow("tcp", interval_ms=20)
    wait_until(lambda: flow.stat().received > 5, SOON, "answers")
    short = p1.probe("udp")
    lab.run("gw-a", "conntrack", "-D", "-p", "udp", "-s", p1.address, "--sport", str(short.local_port))
    told_until(lab, time.time())
    wait_until(lambda: status(lab.daemons["gw-b"])["log"]["open"] >= 1, SOON, "gw-b knows of it")

    lab.daemons["gw-a"].stop(deadline=60)
    group.wait_carrier("gw-b")
    report = flow.stat()
    wait_until(lambda: flow.stat().received > report.received + 5, SOON, "it goes on")
    port = flow.stop().local_port
    assert seen(lab, "p1") == lab.eip("bank")
    told_until(lab, end_all(lab, "gw-b"), "gw-b")

    only(of(lab, p1.address, short.local_port, "udp", "gw-a"))
    assert of(lab, p1.address, short.local_port, "udp", "gw-b") == []
    assert of(lab, p1.address, port, "tcp", "gw-a") == []
    record = only(of(lab, p1.address, port, "tcp", "gw-b"))
    assert record["attribution"] == "start" and record["pod"]["uid"] == uid_of(kube, "p1")
    assert record["egress"]["public"] == lab.eip("bank")
    # What the old gateway still sends when the Elastic IP is the new one's, or the other way round, dies at the internet gateway.
    assert {row.source for row in lab.foreign_rows("p1")} <= set(lab.egress_ips["bank"].private.values())
    assert lab.check_logs(allow=[r"^<4>(kubernetes|own|failover|peer|repair|replication)[ :]", r"^<3>(own|failover): "]) == []
