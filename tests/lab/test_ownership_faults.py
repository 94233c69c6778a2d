# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Each fault of AWS and of what it's told, before the gateway has its Elastic IP and while it has it: the status says
in one line what is wrong, no packet has a wrong source, and when the fault ends the gateway goes on by itself."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from eipgwlab.cloud import AT_OURS, AT_THEIRS, BANK, OURS, PUBLIC, TAGS, Cloud
from eipgwlab.wait import wait_until

pytestmark = pytest.mark.aws

MakeCloud = Callable[..., Cloud]
GOOD = {"key": "ASIAFAKE00000000", "secret": "fake/secret+key", "token": "fake/token=="}


@dataclass(frozen=True)
class Fault:
    """What is ordered of the fake, what the gateway's status then says, and what mends it."""

    name: str
    body: Any
    reason: str = ""
    state: str = "unknown"  # "": it's got over without help
    mended: Any = None
    options: dict[str, Any] = field(default_factory=dict)


def lasting(kind: str, reason: str, **more: Any) -> Fault:
    return Fault("faults", [{"kind": kind, "times": 1000} | more], reason, mended=[])


def passing(kind: str, **more: Any) -> Fault:
    return Fault("faults", [{"kind": kind} | more], state="", mended=[])


VERIFIED = {"verified": True}
FAULTS = {
    "throttled": lasting("throttle", "RequestLimitExceeded"),
    "throttled, with a delay": passing("throttle", seconds=2, times=2),
    "error": lasting("500", "InternalError"),
    "html": lasting("html", "HTTP status 502"),
    "truncated": lasting("truncate", "DescribeNetworkInterfaces"),
    "empty": lasting("empty", "the answer is about another interface", action="DescribeNetworkInterfaces"),
    "reset": lasting("reset", "DescribeNetworkInterfaces"),
    "slow": passing("slow", seconds=5, times=2),
    "too slow": lasting("slow", "DescribeNetworkInterfaces: Operation timed out after 10", seconds=12),
    "half-done": passing("done-500", action="AssociateAddress", times=1),
    "half-done and cut off": passing("done-reset", action="AssociateAddress", times=1),
    "no permission": Fault("settings", {"denied": ["DescribeNetworkInterfaces"]}, "lacks ec2:DescribeNetworkInterfaces", "blocked",
                           {"denied": []}),
    "unknown key": Fault("settings", {"keys": ["AKIDOTHER"]}, "AuthFailure", mended={"keys": None}),
    "wrong secret": Fault("imds", {"secret": "another"}, "SignatureDoesNotMatch", mended=GOOD, options=VERIFIED),
    "wrong session token": Fault("imds", {"token": "another"}, "AuthFailure", mended=GOOD, options=VERIFIED),
    "tampered with": Fault("faults", [{"kind": "tamper", "times": 1000}], "SignatureDoesNotMatch", mended=[], options=VERIFIED),
    "expired credentials": Fault("settings", {"secrets": {GOOD["key"]: GOOD | {"ends_s": 1}}}, "RequestExpired",
                                 mended={"secrets": {GOOD["key"]: GOOD}}, options=VERIFIED),
    "clock behind": Fault("settings", {"clock_s": 3600}, "clock is 3600 s behind AWS's; set it", mended={"clock_s": 0}, options=VERIFIED),
    "clock ahead": Fault("settings", {"clock_s": -3600}, "clock is 3600 s ahead of AWS's; set it", mended={"clock_s": 0}, options=VERIFIED),
    "no role": Fault("imds", {"key": ""}, "credentials", mended=GOOD),
    "metadata away": Fault("imds", {"away": True}, "instance metadata", mended={"away": False}),
}
# A difference of a second is no fault of the message.
NEAR = {"3600": ("3599", "3600", "3601")}


def says(cloud: Cloud, state: str, reason: str) -> bool:
    bank = cloud.bank()
    texts = [reason.replace("3600", figure) for figure in NEAR["3600"]]
    return bank["state"] == state and any(text in bank["reason"] for text in texts)


def wait_for(cloud: Cloud, state: str, reason: str, deadline: float) -> None:
    def reached() -> bool:
        cloud.follow()
        return says(cloud, state, reason)

    try:
        wait_until(reached, deadline, f"bank is {state}: {reason}", every=0.05)
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {cloud.bank()}; {cloud.gateway.tail()}") from error


def is_one_line(cloud: Cloud) -> bool:
    """The status, and the log: the call's failure once, and once what becomes of the egress IP."""
    lines = [line for line in cloud.gateway.log() if line.startswith(("<3>own: ", "<4>own: "))]
    return "\n" not in cloud.bank()["reason"] and len(lines) == len({line[:3] for line in lines}) <= 2


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_at_the_start_is_told_in_one_line_and_got_over(make_cloud: MakeCloud, name: str) -> None:
    fault = FAULTS[name]
    cloud = make_cloud(AT_THEIRS, **fault.options)
    lab = cloud.lab
    cloud.order(fault.name, fault.body)
    cloud.start(wait_ready=False)
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p4"].flow("udp-new", interval_ms=20)
    if fault.state:
        wait_for(cloud, fault.state, fault.reason, 30)
        assert is_one_line(cloud), cloud.gateway.tail()
        mark = lab.exit_mark()
        assert lab.pods["p1"].probe().seen is None and lab.seen_for("p1", since=mark) == {}
        assert "AssociateAddress" not in cloud.writes()
        cloud.order(fault.name, fault.mended)
    cloud.wait("held", deadline=60)
    cloud.gateway.wait_ready()
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert set(flow.stop().seen) <= {lab.eip("bank")}
    assert set(cloud.writes()) == {"AssociateAddress"}
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>own: ", "^<3>own: egress IP bank: blocked"]) == []


# One of each kind; a round takes ten seconds. Expired credentials have a test of their own.
OUTAGES = ("throttled", "error", "truncated", "too slow", "no permission", "clock behind", "tampered with", "metadata away")


@pytest.mark.parametrize("name", OUTAGES)
def test_an_outage_takes_nothing_away(make_cloud: MakeCloud, name: str) -> None:
    fault = FAULTS[name]
    cloud = make_cloud(AT_OURS, **fault.options)
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p1"].flow("udp", interval_ms=10)
    cloud.order(fault.name, fault.body)
    if fault.name == "imds":  # what was fetched is used on
        cloud.wait_rounds(2)
        assert cloud.bank()["state"] == "held"
    else:
        wait_for(cloud, "held", f"{PUBLIC} stays, but can't be verified: ", 40)
        assert says(cloud, "held", fault.reason), cloud.bank()
    cloud.order(fault.name, fault.mended)
    cloud.wait("held", "is associated with", deadline=60)
    assert set(flow.stop().seen) == {lab.eip("bank")}
    assert cloud.writes() == []
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>own: "]) == []


def test_credentials_are_refreshed_before_they_end(make_cloud: MakeCloud) -> None:
    """Not one request goes out with the old ones once these have ended."""
    cloud = make_cloud(AT_OURS, verified=True)
    lab = cloud.lab
    fresh = {"key": "ASIASECOND000000", "secret": "second", "token": "second-token"}
    # The advisory refresh is due 15 minutes before the end: in 8 seconds.
    cloud.order("imds", {"lifetime_s": 15 * 60 + 8})
    cloud.order("settings", {"secrets": {GOOD["key"]: GOOD, fresh["key"]: fresh}})
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    assert cloud.order("imds", fresh | {"lifetime_s": 3600})["handed"] == GOOD["key"]
    wait_until(lambda: cloud.order("imds", {})["handed"] == fresh["key"], 30, "the refresh", every=0.1)
    cloud.wait_rounds(1)
    cloud.order("settings", {"secrets": {fresh["key"]: fresh}})
    cloud.wait_rounds(2)
    assert cloud.bank()["state"] == "held" and "is associated with" in cloud.bank()["reason"]
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert lab.foreign() == {}
    assert lab.check_logs() == []


def test_expired_credentials_are_replaced_as_soon_as_there_are_new_ones(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(AT_OURS, verified=True)
    lab = cloud.lab
    fresh = {"key": "ASIASECOND000000", "secret": "second", "token": "second-token"}
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p1"].flow("udp", interval_ms=10)
    cloud.order("settings", {"secrets": {GOOD["key"]: GOOD | {"ends_s": 1}, fresh["key"]: fresh}})
    cloud.wait("held", "RequestExpired", deadline=40)
    cloud.order("imds", fresh)
    cloud.wait("held", "is associated with", deadline=60)
    assert set(flow.stop().seen) == {lab.eip("bank")}
    wait_until(lambda: cloud.gateway.log_count("AWS answers again"), 30, "the end of the round")
    assert cloud.gateway.log_count("^<4>own: ") == 1
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>own: DescribeNetworkInterfaces: RequestExpired"]) == []


Edit = Callable[[dict[str, Any]], None]


def no_tag(state: dict[str, Any]) -> None:
    state["addresses"][BANK]["tags"] = dict(TAGS)


def two_tags(state: dict[str, Any]) -> None:
    state["addresses"]["eipalloc-twin"] = {"public": "203.0.113.9", "tags": copy.copy(state["addresses"][BANK]["tags"])}


def no_room(state: dict[str, Any]) -> None:
    state["interfaces"]["eni-a"] |= {"addresses": [], "limit": 1}


def full_subnet(state: dict[str, Any]) -> None:
    state["interfaces"]["eni-a"]["addresses"] = []
    state["interfaces"]["eni-rest"]["addresses"] += [f"10.0.1.{i}" for i in range(201, 255)]


# What a person has to mend in the account.
WRONG: dict[str, tuple[Edit, str]] = {
    "no Elastic IP with the tag": (no_tag, "there is no Elastic IP with the tag Name=bank in this region and account"),
    "two with the tag": (two_tags, "there is more than one Elastic IP with the tag Name=bank"),
    "no room on the interface": (no_room, "eni-a has no room for another private address"),
    "a full subnet": (full_subnet, "the subnet of eni-a has no free address"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_a_person_must_mend_is_told_in_one_line_and_then_taken_up(make_cloud: MakeCloud, wrong: str) -> None:
    edit, reason = WRONG[wrong]
    cloud = make_cloud(AT_THEIRS)
    lab = cloud.lab
    good = cloud.order("state")
    cloud.change(edit)
    cloud.start(wait_ready=False)
    lab.start_daemons(["node1", "node2"])
    cloud.wait("blocked", reason)
    assert is_one_line(cloud), cloud.gateway.tail()
    mark = lab.exit_mark()
    assert lab.pods["p1"].probe().seen is None and lab.seen_for("p1", since=mark) == {}
    assert "AssociateAddress" not in cloud.writes()
    cloud.order("state", good)
    cloud.wait("held", deadline=60)
    cloud.gateway.wait_ready()
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert cloud.bank()["private"] == OURS
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>own: ", "^<3>own: egress IP bank: blocked"]) == []
