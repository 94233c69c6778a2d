# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The gateway asks servers on the internet which address they see. Its requests leave through the same rule as
pods' packets, so that what the internet gateway really does to them is seen."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import Lab
from eipgwlab.agent import UDP_PORT
from eipgwlab.cloud import AT_OURS, Cloud
from eipgwlab.model import SERVERS
from eipgwlab.wait import wait_until

pytestmark = pytest.mark.aws

RIGHT, ODD, NOBODY = 8090, 8091, 8099  # ports of servers; nobody listens at the last
INTERVAL_S = 5
# A test at each interval, another one at once; and a busy machine.
NOTICED = 2 * INTERVAL_S + 5
OTHER = "203.0.113.110"  # an Elastic IP that is nobody's here
OURS, SECOND = "10.0.1.201", "10.0.1.202"

WRONG = "^<3>self-test: egress IP bank: wrong"
SILENT = "^<4>self-test: egress IP (bank|second): silent"


class Outside:
    """A gateway that tests itself, and what it says about that."""

    def __init__(self, lab: Lab, ports: tuple[int, ...]):
        self.lab = lab
        self.gateway = lab.daemons["gw-a"]
        self.inet = lab.stations["inet"]
        self.inet.listen(http=RIGHT)
        self.inet.listen(http=ODD, text=OTHER)
        self.gateway.config["self_test"] = {"urls": [f"http://{SERVERS[0]}:{p}/ip" for p in ports],
                                            "interval_s": INTERVAL_S}
        self.gateway.write_config()

    def status(self, name: str = "bank") -> dict[str, Any]:
        done = self.gateway.eipgw("status", "--json")
        if done.returncode:
            return {"self_test": "", "self_test_reason": done.stderr}
        return next(ip for ip in json.loads(done.stdout)["egress_ips"] if ip["name"] == name)

    def wait(self, verdict: str, name: str = "bank", deadline: float = NOTICED) -> dict[str, Any]:
        try:
            wait_until(lambda: self.status(name)["self_test"] == verdict, deadline, f"{name} is {verdict}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.status(name)}; {self.gateway.tail()}") from error
        return self.status(name)

    def begin(self) -> None:
        """Gateway first: when a pod sends its first packet, the verdict is there."""
        self.gateway.start()
        self.lab.start_daemons(["node1", "node2"])

    def begin_wrong(self) -> None:
        self.lab.map_public(OTHER, OURS)
        self.gateway.start(wait_ready=False)
        self.wait("wrong")
        self.lab.start_daemons(["node1", "node2"])

    def mend(self) -> None:
        self.lab.unmap_public(OTHER)
        self.lab.map_public(self.lab.eip("bank"), OURS)

    def said_ready(self) -> bool:
        return self.gateway.log_count("^<6>main: ready") > 0

    def refused(self) -> int:
        counters = json.loads(self.gateway.eipgw("status", "--json").stdout)["counters"]
        return next(c["packets"] for c in counters if c["name"] == "refused")

    def rows(self, port: int = RIGHT) -> set[str | None]:
        """As whom the self-test's packets came to the internet gateway."""
        return {r.inside for r in self.lab.exit_rows() if r.side == "vpc" and r.port == port and r.proto == 6}


@pytest.fixture
def make_outside(make_lab: Callable[..., Lab]) -> Callable[..., Outside]:
    return lambda *ports: Outside(make_lab("cni-nft"), ports)


def finish(outside: Outside, allow: tuple[str, ...] = ()) -> None:
    lab = outside.lab
    lab.stop_daemons()
    assert lab.foreign() == {}
    assert lab.check_logs(allow=list(allow)) == []


def test_a_gateway_is_ready_when_the_internet_saw_its_addresses(make_outside: Callable[..., Outside]) -> None:
    outside = make_outside(RIGHT)
    lab = outside.lab
    outside.begin()

    for name in ("bank", "second"):
        status = outside.status(name)
        assert status["self_test"] == "confirmed"
        assert status["seen_as"] == lab.eip(name)
        assert 0 <= status["tested_seconds_ago"] <= INTERVAL_S + 5
    assert outside.rows() == {OURS, SECOND}
    shown = outside.gateway.eipgw("status").stdout
    assert "SELF-TEST" in shown and f"seen as {lab.eip('bank')}" in shown
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    finish(outside)


def test_what_is_seen_wrongly_carries_nobody_until_it_is_mended(make_outside: Callable[..., Outside]) -> None:
    outside = make_outside(RIGHT)
    lab = outside.lab
    outside.begin_wrong()
    status = outside.status()
    assert status["seen_as"] == OTHER
    assert not outside.said_ready()
    assert outside.gateway.log_count(WRONG) == 1
    assert outside.wait("confirmed", "second")["seen_as"] == lab.eip("second")

    before = outside.refused()
    for transport in ("tcp", "udp", "icmp"):
        assert not lab.pods["p1"].probe(transport, timeout=0.5).reached
        assert not lab.pods["p4"].probe(transport, timeout=0.5).reached
    assert outside.refused() > before
    assert lab.seen_for("p1") == {} and lab.seen_for("p4") == {}
    assert f"saw {OTHER} instead of" in outside.gateway.eipgw("explain", "10.0.1.50").stdout

    outside.mend()
    outside.wait("confirmed", deadline=60)
    outside.gateway.wait_ready()
    wait_until(lambda: lab.pods["p1"].probe().seen == lab.eip("bank"), 30, "the service again")
    assert outside.gateway.log_count("egress IP bank: confirmed, was wrong") == 1
    finish(outside, (WRONG,))


def test_a_wrong_address_ends_the_flows_that_have_it(make_outside: Callable[..., Outside]) -> None:
    outside = make_outside(RIGHT)
    lab = outside.lab
    outside.begin()
    flows = [lab.pods["p1"].flow(kind, interval_ms=5) for kind in ("udp", "udp-new", "tcp")]
    wait_until(lambda: lab.seen_for("p1"), 30, "packets at the exit")
    lab.map_public(OTHER, OURS)
    outside.wait("wrong")
    # Noticed: from here on nothing leaves. What left before is what the test is for.
    wait_until(lambda: outside.gateway.log_count("^<6>conntrack: ended"), 30, "the end of the flows")
    mark = lab.exit_mark()
    assert not lab.pods["p1"].probe(timeout=0.5).reached
    assert lab.seen_for("p1", since=mark) == {}
    before = lab.foreign()
    assert set(before) == {"p1"} and {row.source for row in lab.foreign_rows("p1")} == {OTHER}

    outside.mend()
    outside.wait("confirmed", deadline=60)
    for flow in flows:
        flow.stop()
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    lab.stop_daemons()
    assert lab.foreign() == before
    assert lab.check_logs(allow=[WRONG]) == []


@pytest.mark.parametrize("fault", ["refused", "nonsense", "long"])
def test_silence_takes_nothing_away(make_outside: Callable[..., Outside], fault: str) -> None:
    outside = make_outside(NOBODY if fault == "refused" else RIGHT)
    lab = outside.lab
    if fault != "refused":
        text = "no idea" if fault == "nonsense" else f"{lab.eip('bank')}{' ' * 1500}"
        outside.inet.listen(http=RIGHT, text=text)
    outside.begin()
    status = outside.status()
    why = {"refused": "self_test.urls[0]: ", "nonsense": "neither an IPv4 address", "long": "longer than allowed"}
    assert status["self_test"] == "silent" and why[fault] in status["self_test_reason"]
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert outside.gateway.log_count(SILENT) == 2  # once for each egress IP
    finish(outside, (SILENT,))


def test_servers_that_go_away_and_come_back_interrupt_nothing(make_outside: Callable[..., Outside]) -> None:
    outside = make_outside(RIGHT)
    lab = outside.lab
    outside.begin()
    flow = lab.pods["p1"].flow("tcp", interval_ms=5)
    outside.inet.listen(http=RIGHT, mute=True)
    outside.wait("silent", deadline=40)  # two egress IPs, 10 s each
    assert lab.pods["p4"].probe().seen == lab.eip("bank")
    outside.inet.listen(http=RIGHT)
    outside.wait("confirmed", deadline=40)
    report = flow.stop()
    assert set(report.seen) == {lab.eip("bank")} and report.lost == 0 and report.resets == 0
    finish(outside, (SILENT,))


def test_one_odd_server_of_two_is_outvoted_by_the_right_one(make_outside: Callable[..., Outside]) -> None:
    outside = make_outside(ODD, RIGHT)
    lab = outside.lab
    outside.begin()
    assert outside.status()["self_test"] == "confirmed"
    assert f"only self_test.urls[0] named {OTHER}" in outside.status()["self_test_reason"]
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert outside.rows(ODD) == outside.rows(RIGHT) == {OURS, SECOND}
    finish(outside)


def test_a_restart_interrupts_nothing(make_outside: Callable[..., Outside]) -> None:
    outside = make_outside(RIGHT)
    lab = outside.lab
    outside.begin()
    flow = lab.pods["p1"].flow("tcp", interval_ms=5)
    outside.gateway.kill()
    outside.gateway.start()
    report = flow.stop()
    assert set(report.seen) == {lab.eip("bank")} and report.resets == 0
    finish(outside)


def test_a_restart_forgets_no_verdict(make_outside: Callable[..., Outside]) -> None:
    """Found wrong, killed, and started when nobody answers any more: it stays out of service."""
    outside = make_outside(RIGHT)
    lab = outside.lab
    outside.begin_wrong()
    outside.gateway.kill()
    outside.inet.listen(http=RIGHT, text="no idea")
    outside.gateway.start(wait_ready=False)
    outside.wait("silent", "second")
    status = outside.status()
    assert status["self_test"] == "wrong" and "an earlier run" in status["self_test_reason"]
    assert not lab.pods["p1"].probe(timeout=0.5).reached

    outside.mend()
    outside.inet.listen(http=RIGHT)
    outside.wait("confirmed", deadline=60)
    outside.gateway.wait_ready()
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    finish(outside, (WRONG, SILENT))


def test_a_flush_of_the_rules_is_no_wrong_address(make_outside: Callable[..., Outside]) -> None:
    """Untranslated, the test leaves with the gateway's own public address: that says nothing about the EIP."""
    outside = make_outside(RIGHT)
    lab = outside.lab
    lab.map_public(OTHER, lab.machines["gw-a"].address)
    outside.begin()
    tested = outside.rows()
    assert tested == {OURS, SECOND}
    for _ in range(20):
        repairs = outside.gateway.log_count("put right by us")
        lab.flush_ruleset("gw-a")
        outside.gateway.reload()  # tests at once
        outside.gateway.wait_ready()  # takes what it tells systemd, or it would wait for that
        wait_until(lambda before=repairs: outside.gateway.log_count("put right by us") > before, 30, "the repair")
    outside.wait("confirmed")
    outside.wait("confirmed", "second")
    assert outside.gateway.log_count(": (wrong|silent), was") == 0
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    finish(outside, ("^<4>repair: ",))


def test_a_reload_tests_anew_or_not_at_all(make_outside: Callable[..., Outside]) -> None:
    outside = make_outside(RIGHT)
    lab = outside.lab
    del outside.gateway.config["self_test"]
    outside.gateway.write_config()
    outside.begin()
    assert "self_test" not in outside.status() and outside.rows() == set()

    outside.gateway.config["self_test"] = {"urls": [f"http://{SERVERS[0]}:{RIGHT}/"], "interval_s": 3600}
    outside.gateway.write_config()
    outside.gateway.reload()
    outside.wait("confirmed")

    # A person who knows better says so: without URLs nothing is judged.
    lab.map_public(OTHER, OURS)
    outside.gateway.reload()
    outside.wait("wrong")
    assert not lab.pods["p1"].probe(timeout=0.5).reached
    outside.mend()
    del outside.gateway.config["self_test"]
    outside.gateway.write_config()
    outside.gateway.reload()
    wait_until(lambda: lab.pods["p1"].probe(timeout=0.5).seen == lab.eip("bank"), 30, "the service again")
    assert "self_test" not in outside.status()
    finish(outside, (WRONG,))


def test_a_moved_egress_ip_is_tested_at_once(make_outside: Callable[..., Outside]) -> None:
    outside = make_outside(RIGHT)
    lab = outside.lab
    outside.gateway.config["self_test"]["interval_s"] = 3600
    outside.gateway.write_config()
    outside.begin()
    lab.assign_private("gw-a", "10.0.1.205")
    lab.map_public(lab.eip("bank"), "10.0.1.205")
    outside.gateway.config["egress_ips"][0]["private"] = "10.0.1.205"
    outside.gateway.write_config()
    outside.gateway.reload()
    wait_until(lambda: "10.0.1.205" in outside.rows(), 30, "a test with the new address")
    outside.wait("confirmed")
    assert lab.pods["p1"].probe("udp", port=UDP_PORT).seen == lab.eip("bank")
    finish(outside)


def test_what_is_taken_over_is_tested_and_what_is_lost_is_not(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("cni-nft")
    lab.stations["inet"].listen(http=RIGHT)
    lab.daemons["gw-a"].config["self_test"] = {"urls": [f"http://{SERVERS[0]}:{RIGHT}/"], "interval_s": 3600}
    cloud = Cloud(lab, AT_OURS, [OURS])
    try:
        cloud.start()
        lab.start_daemons(["node1", "node2"])
        assert cloud.bank()["self_test"] == "confirmed" and cloud.bank()["seen_as"] == lab.eip("bank")

        cloud.steal()
        cloud.wait("lost")
        wait_until(lambda: cloud.bank()["self_test"] == "untested", 30, "the test gives up what is lost")
        bank = cloud.bank()
        assert bank["self_test_reason"] == "it isn't this gateway's"
        assert "seen_as" not in bank

        cloud.gateway.reload()
        cloud.wait("held")
        wait_until(lambda: cloud.bank()["self_test"] == "confirmed", 30, "a test of what is back")
        assert lab.pods["p4"].probe().seen == lab.eip("bank")
        lab.stop_daemons()
        assert lab.foreign() == {}
        assert lab.check_logs(allow=["^<3>own: egress IP bank: lost"]) == []
    finally:
        cloud.close()
