# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A gateway of a group (cloudprobe) beside a fake EC2: what it calls in standby and to take over, how soon, and how
often. The metadata and EC2 are fake_cloud.py's."""

import json
import queue
import subprocess
import sys
import threading
import time

import pytest

from awspeers import BUILD, HERE, clean_env, interface

BANK, MAIL = "eipalloc-1", "eipalloc-2"
THEIRS = {"interface": "eni-2", "private": "10.0.0.12", "association": "eipassoc-2"}
DESCRIBE = "DescribeNetworkInterfaces"


class Lines:
    """A program that is told lines and tells JSON lines."""

    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
                                        env=clean_env())
        self.lines = queue.Queue()
        self.log = []
        self.readers = [threading.Thread(target=self.read, daemon=True), threading.Thread(target=self.read_log, daemon=True)]
        for reader in self.readers:
            reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def read_log(self):
        self.log.extend(self.process.stderr)

    def say(self, line):
        self.process.stdin.write(line + "\n")

    def next(self, deadline):
        try:
            return self.lines.get(timeout=max(0.001, deadline - time.monotonic()))
        except queue.Empty as error:
            raise AssertionError(f"nothing more came: {self.log}") from error

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        finally:
            self.process.kill()
        for reader in self.readers:
            reader.join(timeout=20)


class Member(Lines):
    def __init__(self, urls, *allocations):
        super().__init__([BUILD / "tests" / "aws" / "cloudprobe", urls["imds"], urls["ec2"], *allocations])
        self.now = None

    def order(self, line):
        """What it's like right afterwards."""
        self.say(line)
        return self.wait(lambda _: True, event="order")

    def wait(self, condition, event=None, seconds=20):
        """The first news of which the condition is true."""
        deadline = time.monotonic() + seconds
        while True:
            line = self.next(deadline)
            self.now = line["egress"]
            if event in (None, line["event"]) and condition(line["egress"]):
                return line["egress"]

    def close(self):
        super().close()
        assert self.process.returncode == 0 and "Sanitizer" not in "".join(self.log), self.log


class Cloud(Lines):
    def __init__(self):
        super().__init__([sys.executable, "-B", HERE / "fake_cloud.py", "eni-1"])
        self.urls = self.next(time.monotonic() + 20)

    def order(self, name, body=None):
        self.say(json.dumps({"name": name, "body": body}))
        return self.next(time.monotonic() + 20)

    def calls(self):
        return [request["Action"] for request in self.order("requests")]

    def wait_call(self, action, times=1, seconds=20):
        deadline = time.monotonic() + seconds
        while self.calls().count(action) < times:
            assert time.monotonic() < deadline, f"{action} doesn't come: {self.calls()}"
            time.sleep(0.005)

    def holder(self, public="198.51.100.1"):
        return {a["public"]: a["private"] for a in self.order("associations")}.get(public)


@pytest.fixture
def cloud():
    cloud = Cloud()
    cloud.order("state", {
        "interfaces": {"eni-1": interface(1, addresses=["10.0.0.11"]), "eni-2": interface(2, addresses=["10.0.0.12", "10.0.0.13"])},
        "addresses": {BANK: {"public": "198.51.100.1"} | THEIRS, MAIL: {"public": "198.51.100.2"}}})
    yield cloud
    cloud.close()


@pytest.fixture
def member(cloud):
    member = Member(cloud.urls, BANK)
    member.wait(lambda e: e[0]["where"] == "elsewhere")
    yield member
    member.close()


def is_mine(egress):
    return all(e["where"] == "mine" for e in egress)


def test_standby_prepares_and_only_looks(cloud):
    cloud.order("state", cloud.order("state") | {"interfaces": {"eni-1": interface(1), "eni-2": interface(2, addresses=["10.0.0.12"])}})
    member = Member(cloud.urls, BANK, MAIL)
    try:
        egress = member.wait(lambda e: all(x["private"] != "0.0.0.0" for x in e))
        assert [e["state"] for e in egress] == ["standby", "standby"]
        assert [e["where"] for e in egress] == ["elsewhere", "nowhere"]
        assert (egress[0]["interface"], egress[0]["there"]) == ("eni-2", "10.0.0.12")
        assert len({e["private"] for e in egress}) == 2
        writes = [c for c in cloud.calls() if not c.startswith("Describe")]
        assert writes == ["AssignPrivateIpAddresses"] * 2
        # Both are taken by one call each; a round of questions may come between.
        cloud.order("requests", [])
        member.say("allow 0\nallow 1")
        member.wait(is_mine)
        assert [c for c in cloud.calls() if not c.startswith("Describe")][:2] == ["AssociateAddress"] * 2
        member.wait(lambda e: [x["state"] for x in e] == ["held", "held"])
        assert cloud.calls().count("AssociateAddress") == 2
    finally:
        member.close()


def test_a_takeover_is_one_call_before_it_is_known_here(cloud, member):
    cloud.order("requests", [])
    before = member.now[0]["private"]
    started = time.monotonic()
    egress = member.order("allow 0")
    assert (egress[0]["state"], egress[0]["private"]) == ("claiming", before) and before == "10.0.0.11"
    member.wait(is_mine, event="where")
    took = time.monotonic() - started
    calls = cloud.calls()
    assert calls == ["AssociateAddress"], calls
    assert cloud.holder() == before
    egress = member.wait(lambda e: e[0]["state"] == "held", seconds=5)
    assert cloud.calls().count("AssociateAddress") == 1
    print(f"one call, {took * 1000:.0f} ms")


def test_it_does_not_wait_for_a_question_that_is_under_way(cloud, member):
    cloud.order("requests", [])
    cloud.order("faults", [{"kind": "slow", "action": DESCRIBE, "times": 1, "seconds": 6}])
    member.order("verify")
    cloud.wait_call(DESCRIBE)
    member.order("allow 0")
    member.wait(is_mine, seconds=4)
    assert cloud.calls() == [DESCRIBE, "AssociateAddress"]
    # The old answer changes nothing, and the next ones show it.
    member.wait(lambda e: e[0]["state"] == "held")
    assert cloud.calls().count("AssociateAddress") == 1


def test_answers_that_lag_neither_lose_it_nor_call_twice(cloud, member):
    cloud.order("settings", {"delay_s": 6})
    cloud.order("requests", [])
    member.order("allow 0")
    member.wait(is_mine, event="where")
    seen = []
    member.wait(lambda e: seen.append(e[0]) or e[0]["state"] == "held", seconds=30)
    assert {e["where"] for e in seen} == {"mine"} and {e["state"] for e in seen} <= {"claiming", "held"}
    assert cloud.calls().count("AssociateAddress") == 1 and cloud.calls().count(DESCRIBE) > 3


@pytest.mark.parametrize("kind", ["throttle", "500", "reset", "done-reset"])
def test_a_failed_call_is_repeated_soon(cloud, member, kind):
    cloud.order("requests", [])
    cloud.order("faults", [{"kind": kind, "action": "AssociateAddress", "times": 2}])
    member.order("allow 0")
    member.wait(is_mine, event="where", seconds=5)
    calls = cloud.calls()
    assert calls == ["AssociateAddress"] * 3  # no question between
    member.wait(lambda e: e[0]["state"] == "held")


def test_not_allowed_any_more_it_is_not_repeated(cloud, member):
    cloud.order("faults", [{"kind": "throttle", "action": "AssociateAddress", "times": 1000}])
    cloud.order("requests", [])
    member.order("allow 0")
    cloud.wait_call("AssociateAddress", 2)
    assert member.order("bar 0")[0]["state"] == "standby"
    cloud.order("faults", [])
    cloud.order("requests", [])
    cloud.order("associate", {"allocation_id": BANK, "network_interface_id": "eni-2", "private_ip": "10.0.0.13"})
    cloud.wait_call(DESCRIBE, 2, seconds=40)
    assert "AssociateAddress" not in cloud.calls() and cloud.holder() == "10.0.0.13"


def test_a_refused_takeover_says_so(cloud, member):
    cloud.order("settings", {"denied": ["AssociateAddress"]})
    member.order("allow 0")
    egress = member.wait(lambda e: e[0]["refused"], event="where")
    assert egress[0]["state"] == "blocked" and "lacks ec2:AssociateAddress" in egress[0]["reason"]
    assert egress[0]["private"] == "10.0.0.11"
    assert member.order("bar 0")[0]["where"] == "elsewhere"
    assert member.wait(lambda e: e[0]["state"] == "standby")[0]["refused"] is False


def test_there_and_back_it_has_the_same_address_and_nothing_is_lost(cloud, member):
    member.order("allow 0")
    member.wait(lambda e: e[0]["state"] == "held")
    assert member.order("bar 0")[0]["state"] == "standby" and cloud.holder() == "10.0.0.11"
    # Where nothing was claimed lately, what EC2 says counts at once.
    again = Member(cloud.urls, BANK)
    try:
        egress = again.wait(lambda e: e[0]["state"] == "standby" and e[0]["where"] == "mine")
        assert egress[0]["private"] == "10.0.0.11"
        cloud.order("associate", {"allocation_id": BANK, "network_interface_id": "eni-2", "private_ip": "10.0.0.13"})
        again.order("verify")
        egress = again.wait(lambda e: e[0]["where"] == "elsewhere", seconds=5)
        assert (egress[0]["state"], egress[0]["there"], egress[0]["private"]) == ("standby", "10.0.0.13", "10.0.0.11")
        cloud.order("requests", [])
        again.order("allow 0")
        again.wait(is_mine, event="where")
        assert cloud.calls()[0] == "AssociateAddress" and cloud.holder() == "10.0.0.11"
    finally:
        again.close()
    assert not [line for line in member.log + again.log if "lost" in line]


def test_a_theft_from_who_may_have_it_is_one(cloud):
    cloud.order("state", cloud.order("state") | {"addresses": {BANK: {
        "public": "198.51.100.1", "interface": "eni-1", "private": "10.0.0.11", "association": "eipassoc-1"}}})
    member = Member(cloud.urls, BANK)
    try:
        member.say("allow 0")
        member.wait(lambda e: e[0]["state"] == "held")
        cloud.order("associate", {"allocation_id": BANK, "network_interface_id": "eni-2", "private_ip": "10.0.0.13"})
        egress = member.wait(lambda e: e[0]["state"] == "lost" and e[0]["where"] == "elsewhere")
        assert egress[0]["private"] == "0.0.0.0" and egress[0]["there"] == "10.0.0.13"
    finally:
        member.close()


def test_orders_may_come_from_inside_the_callback(cloud, member):
    member.order("answer bar")
    cloud.order("requests", [])
    member.order("allow 0")
    egress = member.wait(is_mine, event="where")
    assert egress[0]["state"] == "standby" and egress[0]["private"] == "10.0.0.11"
    cloud.wait_call(DESCRIBE, 2, seconds=40)
    assert cloud.calls().count("AssociateAddress") == 1 and cloud.holder() == "10.0.0.11"


def test_a_reload_in_the_middle_of_a_takeover_goes_on_with_it(cloud, member):
    cloud.order("faults", [{"kind": "slow", "action": "AssociateAddress", "times": 1, "seconds": 4}])
    cloud.order("requests", [])
    member.order("allow 0")
    cloud.wait_call("AssociateAddress")
    member.order("reload")
    cloud.wait_call("AssociateAddress", 2, seconds=3)
    member.wait(lambda e: e[0]["state"] == "held")


def test_questions_that_fail_are_told_and_change_nothing(cloud, member):
    cloud.order("faults", [{"kind": "500", "action": "*", "times": 2}])
    member.order("verify")
    egress = member.wait(lambda e: e[0]["failed"], event="where")
    assert (egress[0]["state"], egress[0]["where"], egress[0]["private"]) == ("standby", "elsewhere", "10.0.0.11")
    assert "it isn't known where it is now" in egress[0]["reason"]
    egress = member.wait(lambda e: not e[0]["failed"], event="where", seconds=40)
    assert egress[0]["where"] == "elsewhere"


def test_questions_are_asked_once_a_second_at_most(cloud, member):
    cloud.order("requests", [])
    started = time.monotonic()
    while time.monotonic() < started + 4:
        member.order("verify")
        time.sleep(0.01)
    assert 3 <= cloud.calls().count(DESCRIBE) <= 5
