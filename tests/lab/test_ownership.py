# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A gateway that claims its Elastic IPs itself. EC2 and the metadata are a fake with the documented semantics
(tests/aws/fake_cloud.py) on the gateway's loopback; the lab's internet gateway follows its associations, so that
a wrong one is seen in packets."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eipgwlab import Lab
from eipgwlab.build import ROOT
from eipgwlab.wait import wait_until

BANK = "eipalloc-bank"
STATE_DEADLINE = 20.0
OURS, THEIRS = "10.0.1.201", "10.0.2.201"


def cloud_state(where: dict[str, str], secondary: list[str], limit: int) -> dict[str, Any]:
    zone_a = {"subnet": "subnet-a", "cidr": "10.0.1.0/24", "vpc": "vpc-1"}
    return {
        "interfaces": {
            "eni-a": zone_a | {"mac": "02:00:00:00:01:c8", "instance": "i-a", "primary": "10.0.1.200",
                               "addresses": secondary, "limit": limit},
            "eni-b": {"subnet": "subnet-b", "cidr": "10.0.2.0/24", "vpc": "vpc-1", "mac": "02:00:00:00:02:c8",
                      "instance": "i-b", "primary": "10.0.2.200", "addresses": [THEIRS]},
            # So that the lowest free address is one that the lab's VPC knows as the gateway's.
            "eni-rest": zone_a | {"mac": "02:00:00:00:00:01", "primary": "10.0.1.4", "limit": 1000,
                                  "addresses": [f"10.0.1.{i}" for i in range(5, 200)]},
        },
        "addresses": {BANK: {"public": "203.0.113.100", "tags": {"eipgw": "bank"}} | where},
    }


AT_THEIRS = {"interface": "eni-b", "private": THEIRS, "association": "eipassoc-b"}
AT_OURS = {"interface": "eni-a", "private": OURS, "association": "eipassoc-a"}


class Cloud:
    """The fake, and what the gateway says about it."""

    def __init__(self, lab: Lab, where: dict[str, str], secondary: list[str], limit: int = 10):
        self.lab = lab
        self.gateway = lab.daemons["gw-a"]
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lab.netns_of("gw-a"), sys.executable, "-B",
             str(ROOT / "tests" / "aws" / "fake_cloud.py"), "eni-a"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )
        urls = self.answer()
        self.order("state", cloud_state(where, secondary, limit))
        config = self.gateway.config
        del config["gateway"]["address"]
        config["ownership"] = "ec2"
        config["aws"] = {"imds_url": urls["imds"], "ec2_url": urls["ec2"]}
        config["egress_ips"] = [{"name": "bank", "tag": "eipgw=bank"}]
        self.gateway.write_config()
        for name in ("node1", "node2"):
            node = lab.daemons[name]
            node.config["egress_ips"] = [e for e in node.config["egress_ips"] if e["name"] == "bank"]
            node.write_config()
        self.follow()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def order(self, name: str, body: Any = None) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"name": name, "body": body}) + "\n")
        return self.answer()

    def follow(self) -> None:
        """Lets the lab's internet gateway map what is associated now, and nothing else."""
        now = {a["public"]: a["private"] for a in self.order("associations")}
        for public in ["203.0.113.100"]:
            if public in now:
                self.lab.map_public(public, now[public])
            else:
                self.lab.unmap_public(public)

    def faults(self, *kinds: dict[str, Any]) -> None:
        self.order("faults", list(kinds))

    def writes(self) -> list[str]:
        return [r["Action"] for r in self.order("requests") if not r["Action"].startswith("Describe")]

    def bank(self) -> dict[str, str]:
        """What `eipgw status` says about the egress IP."""
        done = self.gateway.eipgw("status", "--json")
        return json.loads(done.stdout)["egress_ips"][0] if done.returncode == 0 else {"state": "", "reason": ""}

    def wait(self, state: str, reason: str = "", deadline: float = STATE_DEADLINE) -> None:
        def reached() -> bool:
            self.follow()
            bank = self.bank()
            return bank["state"] == state and reason in bank["reason"]

        try:
            wait_until(reached, deadline, f"bank is {state}: {reason}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.bank()}; {self.gateway.tail()}") from error

    def start(self, wait_ready: bool = True) -> None:
        self.gateway.start(wait_ready=False)
        if wait_ready:
            self.wait("held")
            self.gateway.wait_ready()

    def steal(self) -> None:
        self.order("associate", {"allocation_id": BANK, "network_interface_id": "eni-b", "private_ip": THEIRS})
        self.follow()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def make_cloud(make_lab: Callable[..., Lab]) -> Iterator[Callable[..., Cloud]]:
    clouds: list[Cloud] = []

    def make(where: dict[str, str] | None = None, secondary: tuple[str, ...] = (OURS,), **options: Any) -> Cloud:
        clouds.append(Cloud(make_lab("cni-nft"), where or {}, list(secondary), **options))
        return clouds[-1]

    yield make
    for cloud in clouds:
        cloud.close()


def wire_sources(lab: Lab) -> set[str]:
    """With which addresses packets left for the internet."""
    return {row.source for row in lab.exit_rows() if row.side == "wire"}


def test_metadata_and_a_tag_are_enough_to_carry_pods_traffic(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(AT_THEIRS, secondary=())
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])

    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert lab.pods["p4"].probe().seen == lab.eip("bank")
    assert cloud.writes() == ["AssignPrivateIpAddresses", "AssociateAddress"]
    bank = cloud.bank()
    assert (bank["public"], bank["private"], bank["allocation_id"]) == ("203.0.113.100", OURS, BANK)
    assert lab.foreign() == {}
    assert lab.check_logs() == []


def test_a_restart_keeps_it_without_a_remap_even_without_ec2(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p1"].flow("udp", interval_ms=5)
    cloud.gateway.stop()
    cloud.faults({"kind": "500", "times": 1000})
    cloud.start(wait_ready=False)
    cloud.wait("unknown", "InternalError")
    assert lab.pods["p4"].probe().seen == lab.eip("bank")
    cloud.faults()
    cloud.wait("held")
    cloud.gateway.wait_ready()
    assert set(flow.stop().seen) == {lab.eip("bank")}
    assert cloud.writes() == []
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>own: "]) == []


def test_what_is_stolen_is_not_used_and_not_fought_for(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flows = [lab.pods["p1"].flow(kind, interval_ms=5) for kind in ("udp", "udp-new", "tcp")]
    wait_until(lambda: lab.seen_for("p1"), 5, "packets at the exit")
    cloud.steal()
    cloud.wait("lost", "somebody moved 203.0.113.100 to 10.0.2.201 on eni-b")
    mark = lab.exit_mark()
    assert lab.pods["p1"].probe().seen != lab.eip("bank")
    assert lab.seen_for("p1", since=mark) == {}
    assert "isn't available here: somebody moved" in cloud.gateway.eipgw("explain", "10.0.1.50").stdout
    for flow in flows:
        flow.stop()
    assert cloud.writes() == []

    # Not fought for, not even when it is free again; but a person may say so.
    cloud.gateway.reload()
    cloud.wait("held")
    assert cloud.writes() == ["AssociateAddress"]
    wait_until(lambda: lab.pods["p1"].probe().seen == lab.eip("bank"), 5, "the address again")
    # What left before the theft was noticed died at the internet gateway.
    assert wire_sources(lab) & {"203.0.113.100"}
    assert {row.source for row in lab.foreign_rows("p1")} <= {OURS}
    assert lab.check_logs(allow=["^<3>own: egress IP bank: lost"]) == []


# What is wrong at first, what the gateway says then, and what mends it.
BROKEN: dict[str, tuple[str, Any, str, str]] = {
    "throttled": ("faults", [{"kind": "throttle", "times": 1000}], "unknown", "RequestLimitExceeded"),
    "error": ("faults", [{"kind": "500", "times": 1000}], "unknown", "InternalError"),
    "html": ("faults", [{"kind": "html", "times": 1000}], "unknown", "HTTP status 502"),
    "truncated": ("faults", [{"kind": "truncate", "times": 1000}], "unknown", "DescribeNetworkInterfaces"),
    "reset": ("faults", [{"kind": "reset", "times": 1000}], "unknown", "DescribeNetworkInterfaces"),
    "slow": ("faults", [{"kind": "slow", "seconds": 5, "times": 2}], "", ""),
    "half-done": ("faults", [{"kind": "done-500", "action": "AssociateAddress", "times": 1}], "", ""),
    "expired": ("settings", {"keys": ["AKIDOTHER"]}, "unknown", "AuthFailure"),
    "no permission": ("settings", {"denied": ["AssociateAddress"]}, "blocked", "lacks ec2:AssociateAddress"),
    "metadata away": ("imds", {"away": True}, "unknown", "instance metadata"),
}
MENDED = {"faults": [], "settings": {"keys": None, "denied": []}, "imds": {"away": False}}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_at_the_start_is_told_and_got_over(make_cloud: Callable[..., Cloud], fault: str) -> None:
    name, body, state, reason = BROKEN[fault]
    cloud = make_cloud(AT_THEIRS)
    lab = cloud.lab
    cloud.order(name, body)
    cloud.start(wait_ready=False)
    lab.start_daemons(["node1", "node2"])
    if state:
        cloud.wait(state, reason)
        assert lab.pods["p1"].probe().seen != lab.eip("bank")
        cloud.order(name, MENDED[name])
    cloud.wait("held", deadline=30)
    cloud.gateway.wait_ready()
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    assert set(cloud.writes()) == {"AssociateAddress"}
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>own: ", "^<3>own: egress IP bank: blocked"]) == []


def test_an_interface_without_room_is_told_in_one_line(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(AT_THEIRS, secondary=(), limit=1)
    cloud.start(wait_ready=False)
    cloud.wait("blocked", "eni-a has no room for another private address")
    lines = [line for line in cloud.gateway.log() if line.startswith("<3>")]
    assert len(lines) == 1
    assert "eni-a has no room" in lines[0]


@pytest.mark.parametrize("fault", ["throttled", "truncated", "metadata away"])
def test_an_outage_takes_nothing_away(make_cloud: Callable[..., Cloud], fault: str) -> None:
    name, body, _, reason = BROKEN[fault]
    cloud = make_cloud(AT_OURS)
    lab = cloud.lab
    cloud.start()
    lab.start_daemons(["node1", "node2"])
    flow = lab.pods["p1"].flow("udp", interval_ms=5)
    cloud.order(name, body)
    if fault == "metadata away":
        end = time.monotonic() + 12
        wait_until(lambda: time.monotonic() > end, 15, "a round without metadata", every=0.5)
    else:
        cloud.wait("held", "203.0.113.100 stays, but can't be verified: ")
        assert reason in cloud.bank()["reason"]
    cloud.order(name, MENDED[name])
    cloud.wait("held", "is associated with", deadline=40)
    assert set(flow.stop().seen) == {lab.eip("bank")}
    assert cloud.writes() == []
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>own: "]) == []
