# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Who had which ports: what the NAT log says of blocks, and whose whois says that a port was without any record of a connection."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eipgwlab import Lab, wait_until
from eipgwlab.group import Group
from eipgwlab.model import GATEWAYS
from labha import start_group
from labkube import SELECTED, Kube, finish, wait_seen
from proof import status
from test_blocks import FIRST, SHARED, SIZE, Block, held, limits
from test_natlog import SOON, end_all, gaps, log_path, only, records, seconds, told_until, uid_of, want_log
from test_natlog_history import assert_quiet, settle
from test_whois import Answer, at, offline, whois

pytestmark = pytest.mark.knowing

ADDRESS = "10.0.1.57"


def blocks_of(lab: Lab, address: str, gateway: str = "gw-a") -> list[Answer]:
    return [r for r in records(lab, gateway, "block") if r["pod"]["address"] == address]


def story(lab: Lab, address: str) -> list[tuple[str, str, str]]:
    return [(r["event"], r["pod"].get("name", "-"), r["attribution"]) for r in blocks_of(lab, address)]


def want_blocks(kube: Kube, **log: Any) -> None:
    want_log(kube.lab)
    kube.lab.daemons["gw-a"].config["log"] |= log
    kube.configure_gateway(limits=limits(8))


def remove(kube: Kube, name: str) -> None:
    kube.lab.delete_pod(name)
    kube.admin.remove_pod("default", name)


def whose(answer: Answer, key: str = "blocks") -> list[tuple[str, str, str]]:
    return [(r["source"], r["pod"]["name"], r["pod"]["uid"]) for r in answer[key]]


def ports_of(record: Answer) -> Block:
    return record["egress"]["first_port"], record["egress"]["last_port"]


def test_a_port_names_its_pod_without_any_record_of_a_connection(make_kube: Callable[..., Kube], tmp_path: Path) -> None:
    kube = make_kube(start=False)
    lab, bank = kube.lab, kube.lab.eip("bank")
    gateway = lab.daemons["gw-a"]
    want_blocks(kube, records=["block"])
    lab.start_daemons()
    wait_seen(lab, "p1", bank)
    began = time.time()
    kube.add("old", SELECTED, "node1", ADDRESS)
    wait_seen(lab, "old", bank)
    old_uid = uid_of(kube, "old")
    block = held(lab)[ADDRESS]
    port = lab.pods["old"].probe("udp").seen_port
    assert port and block[0] <= port <= block[1]
    told_until(lab, end_all(lab))

    begin = only(blocks_of(lab, ADDRESS))
    assert (begin["event"], begin["attribution"], ports_of(begin)) == ("begin", "start", block) and "end" not in begin
    assert begin["pod"] == {"namespace": "default", "name": "old", "uid": old_uid, "node": "node1", "address": ADDRESS}
    assert began - 0.1 <= seconds(begin["start"]) <= time.time()
    asked, with_old = f"{bank}:{port}", time.time()
    answer = whois(lab, asked)
    assert (answer["answer"], answer["certain"], answer["held"]) == ("block", True, [])
    assert whose(answer) == [("live", "old", old_uid)] and answer["blocks"][0]["start"] == begin["start"]
    shown = gateway.eipgw("whois", asked).stdout
    assert f"block of pod default/old ({old_uid}), {ADDRESS}" in shown and "and not by a connection" in shown, shown
    # A copy of the log has its beginning, and knows of no end.
    copied = tmp_path / "copy.log"
    shutil.copy(log_path(lab), copied)
    answer = offline(asked, copied, "--at", at(with_old))
    assert (answer["answer"], answer["certain"]) == ("block", False) and whose(answer) == [("log", "old", old_uid)]

    # A restart begins nothing anew, and says that nobody listened.
    gateway.restart()
    told_until(lab, time.time())
    assert len(blocks_of(lab, ADDRESS)) == 1 and len(gaps(lab, "restart")) == 1
    assert whose(whois(lab, asked, "--at", at(with_old))) == [("live", "old", old_uid)]

    remove(kube, "old")
    wait_until(lambda: ADDRESS not in held(lab), SOON, "its block is given back")
    between = time.time()
    told_until(lab, between)
    end = blocks_of(lab, ADDRESS)[-1]
    assert end == {**begin, "event": "end", "end": end["end"]} and with_old < seconds(end["end"]) <= between + 0.1
    kube.add("new", SELECTED, "node1", ADDRESS)
    wait_seen(lab, "new", bank)
    new_uid, with_new = uid_of(kube, "new"), time.time()
    assert held(lab)[ADDRESS] == block  # who had an address's block may have it again at once
    told_until(lab, end_all(lab))
    for moment, pods in ((with_old, [("log", "old", old_uid)]), (between, []), (with_new, [("live", "new", new_uid)])):
        answer = whois(lab, asked, "--at", at(moment), code=0 if pods else 1)
        assert whose(answer) == pods and answer["answer"] == ("block" if pods else "unknown"), (moment, answer)
    assert whose(whois(lab, asked), "blocks_before") == [("log", "old", old_uid)]
    shutil.copy(log_path(lab), copied)
    assert whose(offline(asked, copied, "--at", at(with_old))) == [("log", "old", old_uid)]

    # What is in nobody's block is said, too.
    answer = whois(lab, f"bank:{FIRST + 1}")
    assert answer["answer"] == "nobody" and answer["blocks"] == [] and answer["port"]["is"] == "shared"
    assert (answer["port"]["egress"]["first_port"], answer["port"]["egress"]["last_port"]) == (FIRST, FIRST + SHARED - 1)
    assert "it's in nobody's block" in gateway.eipgw("whois", f"bank:{FIRST + 1}").stdout
    assert whois(lab, f"bank:{FIRST + SHARED + 8 * SIZE - 1}")["port"]["is"] == "free"
    assert records(lab) == [] and status(gateway)["log"]["records"] == 0
    finish(kube)


def test_an_address_that_went_to_another_pod_while_nobody_listened(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube(start=False)
    lab, bank = kube.lab, kube.lab.eip("bank")
    gateway = lab.daemons["gw-a"]
    want_blocks(kube)
    lab.start_daemons()
    wait_seen(lab, "p1", bank)
    kube.add("old", SELECTED, "node1", ADDRESS)
    wait_seen(lab, "old", bank)
    block, with_old, old_uid = held(lab)[ADDRESS], time.time(), uid_of(kube, "old")
    end_all(lab)
    gateway.stop()
    remove(kube, "old")
    kube.add("new", SELECTED, "node1", ADDRESS)
    gateway.start()
    wait_seen(lab, "new", bank)
    assert held(lab)[ADDRESS] == block
    wait_until(lambda: len(story(lab, ADDRESS)) == 3, SOON, "that it's another pod's")
    assert story(lab, ADDRESS) == [("begin", "old", "start"), ("end", "old", "start"), ("begin", "new", "found")]
    told_until(lab, end_all(lab))
    asked = f"{bank}:{block[0]}"
    assert whose(whois(lab, asked, "--at", at(with_old))) == [("log", "old", old_uid)]
    assert whose(whois(lab, asked)) == [("live", "new", uid_of(kube, "new"))]
    # Connections are recorded, too, and answer first.
    assert records(lab) != []
    probe = lab.pods["new"].probe("udp")
    answer = whois(lab, f"{bank}:{probe.seen_port}")
    assert answer["answer"] == "held" and answer["held"][0]["pod"]["name"] == "new" and whose(answer) != []
    finish(kube)


def test_a_log_that_is_opened_while_blocks_are_there_begins_with_them(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    gateway, p1 = lab.daemons["gw-a"], lab.pods["p1"]
    gateway.config["limits"] = limits(4)
    gateway.write_config()
    lab.start_daemons()
    want_log(lab)
    gateway.reload()
    wait_until(lambda: blocks_of(lab, p1.address), SOON, "its block is in the log")
    found = only(blocks_of(lab, p1.address))
    assert (found["event"], found["attribution"], ports_of(found)) == ("begin", "found", held(lab)[p1.address])
    # What isn't recorded for a while isn't remembered, and begins anew.
    for kinds in (["flow"], ["flow", "block"]):
        gateway.config["log"]["records"] = kinds
        gateway.write_config()
        gateway.reload()
        wait_until(lambda kinds=kinds: (status(gateway)["log"]["open_blocks"] == 0) == ("block" not in kinds), SOON, f"{kinds}")
    wait_until(lambda: len(blocks_of(lab, p1.address)) == 2, SOON, "its block is in the log again")
    assert story(lab, p1.address) == [("begin", "-", "found")] * 2
    # Without blocks there are none, whatever the log could have.
    del gateway.config["limits"]
    gateway.write_config()
    gateway.reload()
    wait_until(lambda: len(blocks_of(lab, p1.address)) == 3, SOON, "its block has ended")
    assert blocks_of(lab, p1.address)[2]["event"] == "end"
    answer = whois(lab, f"bank:{FIRST}")
    assert answer["blocks"] == [] and "port" not in answer
    assert lab.foreign() == {} and lab.check_logs() == []


@pytest.mark.xdist_group("groups of gateways")
def test_a_block_goes_with_its_egress_ip_from_one_log_to_the_other(make_group: Callable[..., tuple[Kube, Group]]) -> None:
    kube, group = make_group(start=False)
    lab, p1 = kube.lab, kube.lab.pods["p1"]
    for name in GATEWAYS:
        lab.daemons[name].config["limits"] = limits(8)
        want_log(lab, name)
    start_group(kube, group)
    settle(group, "gw-b")
    assert [r["event"] for r in blocks_of(lab, p1.address)] == ["begin"] and blocks_of(lab, p1.address, "gw-b") == []
    done = lab.daemons["gw-a"].eipgw("drain", "--timeout", "60")
    assert done.returncode == 0, done.stderr
    group.wait_carrier("gw-b")
    wait_until(lambda: len(blocks_of(lab, p1.address)) == 2 and blocks_of(lab, p1.address, "gw-b"), SOON, "both logs know", every=0.1)
    [_, end], begin = blocks_of(lab, p1.address), only(blocks_of(lab, p1.address, "gw-b"))
    assert (end["event"], begin["event"]) == ("end", "begin") and begin["pod"] == end["pod"]
    assert held(lab, "gw-b")[p1.address] == ports_of(begin)
    answer = whois(lab, f"bank:{ports_of(end)[0]}", "--at", end["start"])
    assert answer["answer"] == "block" and answer["blocks"][0]["pod"]["name"] == "p1"
    assert_quiet(lab)
