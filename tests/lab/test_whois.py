# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Who has, and who had, a port of an egress IP: what eipgw whois and eipgw flows say, beside what the pods did."""

import datetime
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eipgwlab import Lab, netns, wait_until
from eipgwlab.agent import UDP_PORT
from eipgwlab.daemons import SANITIZER_ENV, program
from labkube import SELECTED, Kube, wait_seen
from test_natlog import SOON, counted, end_all, log_path, told_until, uid_of, want_log

pytestmark = pytest.mark.knowing

MakeLab = Callable[..., Lab]
Answer = dict[str, Any]


def whois(lab: Lab, what: str, *options: str, code: int = 0) -> Answer:
    done = lab.daemons["gw-a"].eipgw("whois", what, "--json", *options)
    assert done.returncode == code, (done.stdout, done.stderr)
    answer: Answer = json.loads(done.stdout)
    return answer


def offline(what: str, log: Path, *options: str, code: int = 0) -> Answer:
    """Without a daemon."""
    done = netns.execute([str(program("eipgw")), "whois", what, "--json", "--log", str(log), *options], check=False,
                         env=SANITIZER_ENV)
    assert done.returncode == code, (done.stdout, done.stderr)
    answer: Answer = json.loads(done.stdout)
    return answer


def flows(lab: Lab, *options: str) -> list[Answer]:
    return [json.loads(line) for line in lab.daemons["gw-a"].eipgw("flows", "--json", *options).stdout.splitlines()]


def at(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat()


def pods(records: list[Answer]) -> list[tuple[Any, ...]]:
    return [(r["source"], r["pod"]["address"], r["pod"]["port"]) for r in records]


def test_who_has_a_port_now_and_who_had_it_before(make_lab: MakeLab) -> None:
    lab = make_lab()
    want_log(lab)
    lab.start_daemons()
    p1, bank = lab.pods["p1"], lab.eip("bank")
    private = lab.egress_ips["bank"].private["gw-a"]
    assert lab.pods["p4"].probe("udp").seen == bank
    told_until(lab, end_all(lab))  # what was before the first record isn't known
    probe = p1.probe("udp")
    assert probe.seen == bank
    asked = f"{bank}:{probe.seen_port}"
    mine = (p1.address, probe.local_port)

    for what in (asked, f"{private}:{probe.seen_port}", f"bank:{probe.seen_port}"):
        answer = whois(lab, what)
        assert (answer["answer"], answer["certain"], answer["before"]) == ("held", True, [])
        assert pods(answer["held"]) == [("live", *mine)]
    held = whois(lab, asked)["held"][0]
    assert held["policy"] == "payments" and held["attribution"] == "start" and held["egress"]["public"] == bank
    assert held["destination"] == {"address": p1.pod.server, "port": UDP_PORT}
    assert whois(lab, asked, "--protocol", "tcp")["answer"] == "nobody"
    assert whois(lab, asked, "--destination", f"{p1.pod.server}:{UDP_PORT}")["answer"] == "held"
    assert whois(lab, asked, "--destination", "192.0.2.1")["answer"] == "nobody"
    while_open = time.time()

    told_until(lab, end_all(lab))
    answer = whois(lab, asked)
    assert (answer["answer"], answer["certain"], answer["held"]) == ("nobody", True, [])
    assert pods(answer["before"]) == [("log", *mine)]
    answer = whois(lab, asked, "--at", at(while_open))
    assert answer["answer"] == "held" and pods(answer["held"]) == [("log", *mine)]
    assert answer["held"][0]["pod"]["node"] == p1.node
    shown = lab.daemons["gw-a"].eipgw("whois", asked, "--at", at(while_open)).stdout
    assert f"{p1.address}:{probe.local_port}" in shown and "attribution start: asked when it began: proof" in shown
    assert whois(lab, f"{bank}:1", "--at", at(while_open))["answer"] == "nobody"
    answer = whois(lab, asked, "--at", at(while_open - 86400), code=1)
    assert answer["answer"] == "unknown" and "outside what the log keeps: it begins at" in answer["reasons"][0]
    assert lab.foreign() == {} and lab.check_logs() == []


def test_what_fell_into_a_gap_cannot_be_known_and_a_copy_of_the_log_says_the_same(make_lab: MakeLab, tmp_path: Path) -> None:
    lab = make_lab()
    want_log(lab)
    lab.start_daemons()
    gateway, p1, p4, bank = lab.daemons["gw-a"], lab.pods["p1"], lab.pods["p4"], lab.eip("bank")
    first = p1.probe("udp")
    assert first.seen == bank
    told_until(lab, end_all(lab))
    gateway.kill()
    unseen = p4.probe("udp")
    assert unseen.seen == bank
    during = time.time()
    end_all(lab)
    gateway.start()
    wait_until(lambda: "restart" in log_path(lab).read_text(encoding="utf-8"), SOON, "a gap")
    told_until(lab, time.time())

    asked = f"{bank}:{unseen.seen_port}"
    answer = whois(lab, asked, "--at", at(during), code=1)
    assert answer["answer"] == "unknown" and answer["reasons"][0].startswith("gap from "), answer
    assert answer["reasons"][0].endswith("(restart): who ended then isn't in the log")
    assert whois(lab, asked)["answer"] == "nobody"  # now
    copied = tmp_path / "copy.log"
    shutil.copy(log_path(lab), copied)
    assert answer["reasons"][0] in offline(asked, copied, "--at", at(during), code=1)["reasons"]
    answer = offline(f"{bank}:{first.seen_port}", copied, code=1)  # who has it now the copy can't know
    assert pods(answer["before"]) == [("log", p1.address, first.local_port)]
    assert lab.foreign() == {} and lab.check_logs() == []


def test_an_index_is_kept_beside_the_log_and_made_again(make_lab: MakeLab) -> None:
    lab = make_lab()
    want_log(lab, max_bytes=64 << 10)
    lab.start_daemons()
    gateway, p1, bank = lab.daemons["gw-a"], lab.pods["p1"], lab.eip("bank")
    probe = p1.probe("udp", sport=5001)
    asked, then = f"{bank}:{probe.seen_port}", time.time()
    rotated, index = Path(f"{log_path(lab)}.1"), Path(f"{log_path(lab)}.1.index")

    def fill() -> bool:
        lab.run("p1", "/usr/bin/python3", "-c", MANY, p1.address, p1.pod.server or "", "400")
        told_until(lab, end_all(lab))
        return rotated.exists()

    wait_until(fill, 120, "a rotation")
    wait_until(lambda: index.exists() and index.stat().st_size > 0, SOON, "its index")

    def through() -> int:
        answer = whois(lab, asked, "--at", at(then))
        assert pods(answer["held"]) == [("log", p1.address, 5001)]
        return int(answer["log"]["bytes_without_index"])

    assert through() <= log_path(lab).stat().st_size
    index.unlink()
    assert through() >= rotated.stat().st_size
    gateway.reload()
    wait_until(lambda: index.exists() and through() <= log_path(lab).stat().st_size, SOON, "the index, made again")
    assert lab.foreign() == {} and lab.check_logs() == []


MANY = """
import socket, sys
source, server, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
for port in range(10000, 10000 + n):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, port))
        s.sendto(b"x", (server, 7))
"""


def test_flows_are_those_that_conntrack_has(make_lab: MakeLab) -> None:
    lab = make_lab()  # without a log
    lab.start_daemons()
    p1, p4, bank = lab.pods["p1"], lab.pods["p4"], lab.eip("bank")
    tcp, udp = p1.flow("tcp", interval_ms=20), p4.probe("udp")
    wait_until(lambda: tcp.stat().received > 5, SOON, "answers")
    assert lab.pods["p2"].probe("udp").reached  # nobody selects it
    port = tcp.stop().local_port
    found = flows(lab)
    assert {(f["protocol"], f["pod"]["address"], f["pod"]["port"]) for f in found} == {
        ("tcp", p1.address, port), ("udp", p4.address, udp.local_port)}
    mine = flows(lab, "--protocol", "tcp")[0]
    assert mine["policy"] == "payments" and mine["egress"]["public"] == bank and mine["attribution"] == "found"
    assert [list(mine[way].values()) for way in ("sent", "received")] == counted(lab, "tcp", p1.address, port)
    for options, n in ((("--policy", "payments"), 2), (("--policy", "other"), 0), (("--egress-ip", "bank"), 2),
                       (("--egress-ip", f"{bank}:{udp.seen_port}"), 1), (("--destination", "198.51.100.0/24"), 2),
                       (("--destination", "192.0.2.0/24"), 0), (("--state", "unreplied"), 0), (("--limit", "1"), 1)):
        assert len(flows(lab, *options)) == n, options
    shown = lab.daemons["gw-a"].eipgw("flows").stdout
    assert f"{bank}:{udp.seen_port}" in shown and shown.endswith("2 connections\n")
    wrong = lab.daemons["gw-a"].eipgw("flows", "--state", "odd")
    assert wrong.returncode == 1 and "state: one of TCP's" in wrong.stderr
    assert lab.foreign() == {} and lab.check_logs() == []


def test_a_port_that_was_another_pods_before(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(start=False)
    lab = kube.lab
    want_log(lab)
    lab.start_daemons()
    wait_seen(lab, "p1", lab.eip("bank"))
    address = "10.0.1.57"
    kube.add("old", SELECTED, "node1", address)
    wait_seen(lab, "old", lab.eip("bank"))
    old_uid = uid_of(kube, "old")
    first = lab.pods["old"].probe("udp", sport=5003)
    told_until(lab, end_all(lab))
    between = time.time()
    kube.admin.end_pod("default", "old")
    lab.delete_pod("old")
    kube.add("new", SELECTED, "node1", address)
    wait_seen(lab, "new", lab.eip("bank"))
    kube.admin.remove_pod("default", "old")
    second = lab.pods["new"].probe("udp", sport=5003)
    assert first.seen_port == second.seen_port
    asked = f"bank:{second.seen_port}"

    answer = whois(lab, asked, "--protocol", "udp")
    names = [(r["source"], r["pod"]["name"], r["pod"]["uid"]) for r in answer["held"] + answer["before"]]
    assert names == [("live", "new", uid_of(kube, "new")), ("log", "old", old_uid)]
    found = flows(lab, "--pod", "default/new", "--egress-ip", asked)
    assert [f["pod"]["name"] for f in found] == ["new"] and flows(lab, "--pod", "default/old") == []
    assert {f["pod"]["name"] for f in flows(lab, "--namespace", "default")} >= {"new"}
    told_until(lab, between)
    answer = whois(lab, asked, "--protocol", "udp", "--at", at(between))
    assert answer["answer"] == "nobody" and [r["pod"]["name"] for r in answer["before"]] == ["old"]
    assert lab.foreign() == {} and lab.check_logs(allow=[r"^<4>repair: "]) == []
