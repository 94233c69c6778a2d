# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""AWS around the lab's gateway gw-a, which claims its Elastic IP itself: a fake EC2 with the documented semantics
(tests/aws/fake_cloud.py) on the gateway's loopback, and metadata, from the fake or from AWS's own emulator at the
real address. The lab's internet gateway follows EC2's associations, so that a wrong one is seen in packets."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from . import netns
from .build import ROOT
from .lab import Lab
from .model import mac_of
from .wait import DeadlineExceeded, wait_until

AWS = ROOT / "tests" / "aws"
BANK = "eipalloc-bank"
PUBLIC = "203.0.113.100"
OURS, THEIRS = "10.0.1.201", "10.0.2.201"
AT_THEIRS = {"interface": "eni-b", "private": THEIRS, "association": "eipassoc-b"}
AT_OURS = {"interface": "eni-a", "private": OURS, "association": "eipassoc-a"}
TAGS = {"eipgw": "example"}  # what docs/iam asks for
STATE_DEADLINE = 60.0
ASKED_S = 0.05  # how often the daemon is asked
METADATA_ADDRESS = "169.254.169.254"


class PeerMissing(RuntimeError):
    """A program that comes from a package registry can't be had here; the text says why."""


def peer(name: str) -> Path:
    """What tests/aws/peers-NAME installs: the AWS emulators and clients that we did not write."""
    done = subprocess.run([AWS / f"peers-{name}"], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        raise PeerMissing(done.stdout.strip().removeprefix("SKIP: "))
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Path(done.stdout.strip())


def cloud_state(where: dict[str, str], secondary: list[str], limit: int) -> dict[str, Any]:
    zone_a = {"subnet": "subnet-a", "cidr": "10.0.1.0/24", "vpc": "vpc-1"}
    return {
        "interfaces": {
            "eni-a": zone_a | {"mac": mac_of("10.0.1.200"), "instance": "i-a", "primary": "10.0.1.200",
                               "addresses": secondary, "limit": limit, "tags": TAGS},
            "eni-b": {"subnet": "subnet-b", "cidr": "10.0.2.0/24", "vpc": "vpc-1",
                      "mac": mac_of("10.0.2.200"), "instance": "i-b", "primary": "10.0.2.200",
                      "addresses": [THEIRS]},
            # So that the lowest free address is one that the lab's VPC knows as the gateway's.
            "eni-rest": zone_a | {"mac": "02:00:00:00:00:01", "primary": "10.0.1.4", "limit": 1000,
                                  "addresses": [f"10.0.1.{i}" for i in range(5, 200)]},
        },
        "addresses": {BANK: {"public": PUBLIC, "tags": TAGS | {"Name": "bank"}} | where},
    }


class Emulator:
    """AWS's emulator of the metadata service at its real address in a namespace, version 2 enforced. Its
    values are fixed: those of gw-a's instance."""

    def __init__(self, lab: Lab, associated: bool, user_data: bytes = b""):
        mac = mac_of("10.0.1.200")
        below = f"/latest/meta-data/network/interfaces/macs/{mac}/ipv4-associations"
        end = datetime.now(timezone.utc) + timedelta(hours=6)
        config = {
            "imdsv2": True,
            "server": {"hostname": METADATA_ADDRESS, "port": "80"},
            "metadata": {
                "paths": {"mac-ipv4-associations": f"{below}/{PUBLIC if associated else '192.0.2.54'}"},
                "values": {
                    "instance-id": "i-a", "instance-type": "c7gn.large", "placement-region": "eu-central-1",
                    "placement-availability-zone": "eu-central-1a", "mac": mac,
                    "mac-network-interface-id": "eni-a", "mac-device-number": "0",
                    "mac-local-ipv4s": f"10.0.1.200\n{OURS}", "local-ipv4": "10.0.1.200",
                    "mac-public-ipv4s": PUBLIC, "mac-ipv4-associations": OURS,
                    "mac-subnet-id": "subnet-a", "mac-vpc-id": "vpc-1",
                    "mac-subnet-ipv4-cidr-block": "10.0.1.0/24", "mac-vpc-ipv4-cidr-blocks": "10.0.0.0/16",
                    "iam-security-credentials-role": "gw-role",
                    "iam-security-credentials": {
                        "Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC",
                        "AccessKeyId": "ASIAEMULATED0000", "SecretAccessKey": "emulated-secret",
                        "Token": "emulated-token", "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    },
                },
            },
        } | ({"userdata": {"values": {"userdata": base64.b64encode(user_data).decode()}}} if user_data else {})
        file = lab.directory / "etc" / "imds.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        program = peer("imds")
        lab.run("gw-a", "ip", "address", "replace", f"{METADATA_ADDRESS}/32", "dev", "lo")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lab.netns_of("gw-a"), program, "-c", file],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: METADATA_ADDRESS + ":80" in lab.run("gw-a", "ss", "-Hltn"), 20,
                   "the metadata service listens")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class Cloud:
    """The fake, and what the gateway says about it.

    metadata: "fake", which follow EC2's truth; "emulated": the emulator's with the association as it will be,
    "differing": without. verified: signatures are looked at, by botocore."""

    def __init__(self, lab: Lab, where: dict[str, str], secondary: list[str], *, limit: int = 10,
                 metadata: str = "fake", verified: bool = False):
        self.lab = lab
        self.gateway = lab.daemons["gw-a"]
        self.emulator: Emulator | None = None
        self._mapped: str | None = None
        python = peer("moto") / "bin" / "python" if verified else sys.executable
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lab.netns_of("gw-a"), python, "-B", str(AWS / "fake_cloud.py"), "eni-a"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )
        self.urls = self.answer()
        self.order("state", cloud_state(where, secondary, limit))
        self.configure({"ec2_url": self.urls["ec2"]}
                       | ({"imds_url": self.urls["imds"]} if metadata == "fake" else {}))
        if metadata != "fake":
            self.emulator = Emulator(lab, associated=metadata == "emulated")
        if verified:
            self.order("imds", {"key": "ASIAFAKE00000000", "secret": "fake/secret+key", "token": "fake/token=="})
            self.order("settings", {"region": "eu-central-1", "secrets": {
                "ASIAFAKE00000000": {"secret": "fake/secret+key", "token": "fake/token=="},
                "ASIAEMULATED0000": {"secret": "emulated-secret", "token": "emulated-token"}}})
        self.follow()

    def configure(self, aws: dict[str, str]) -> None:
        config = self.gateway.config
        config["gateway"].pop("address", None)
        config["ownership"] = "ec2"
        config["aws"] = aws
        config["egress_ips"] = [{"name": "bank", "tag": "Name=bank"}]
        self.gateway.write_config()
        for name in ("node1", "node2"):
            node = self.lab.daemons[name]
            node.config["egress_ips"] = [e for e in node.config["egress_ips"] if e["name"] == "bank"]
            node.write_config()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def order(self, name: str, body: Any = None) -> Any:
        """What fake_cloud.py and fake_ec2.py list under /control/."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"name": name, "body": body}) + "\n")
        return self.answer()

    def change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Changes EC2's state, seen at once."""
        state = self.order("state")
        edit(state)
        self.order("state", state)

    def follow(self) -> None:
        """Lets the lab's internet gateway map what is associated now, and nothing else."""
        now = {a["public"]: a["private"] for a in self.order("associations")}.get(PUBLIC, "")
        if now == self._mapped:
            return  # mapping it again would lose what passes meanwhile
        if now:
            self.lab.map_public(PUBLIC, now)
        else:
            self.lab.unmap_public(PUBLIC)
        self._mapped = now

    def faults(self, *kinds: dict[str, Any]) -> None:
        self.order("faults", list(kinds))

    def calls(self) -> list[str]:
        return [r["Action"] for r in self.order("requests")]

    def writes(self) -> list[str]:
        return [action for action in self.calls() if not action.startswith("Describe")]

    def bank(self) -> dict[str, str]:
        """What eipgwd says about the egress IP."""
        found = self.gateway.status()
        return found["egress_ips"][0] if found else {"state": "", "reason": ""}

    def wait(self, state: str, reason: str = "", deadline: float = STATE_DEADLINE) -> None:
        def reached() -> bool:
            self.follow()
            bank = self.bank()
            return bank["state"] == state and reason in bank["reason"]

        try:
            wait_until(reached, deadline, f"bank is {state}: {reason}", every=ASKED_S)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(f"{error}; it is {self.bank()}; {self.gateway.tail()}") from error

    def wait_rounds(self, rounds: int = 2, deadline: float = 40.0) -> None:
        """Until the gateway has asked EC2 so many more times, and states from it have settled."""
        def asked() -> int:
            return self.calls().count("DescribeNetworkInterfaces")

        goal = asked() + rounds
        wait_until(lambda: asked() >= goal, deadline, f"{rounds} more rounds", every=0.2)

    def start(self, wait_ready: bool = True) -> None:
        self.gateway.start(wait_ready=False)
        if wait_ready:
            self.wait("held")
            self.gateway.wait_ready()

    def steal(self) -> None:
        self.order("associate", {"allocation_id": BANK, "network_interface_id": "eni-b", "private_ip": THEIRS})
        self.follow()

    def cli(self, *words: str, env: dict[str, str] | None = None) -> Any:
        """The AWS CLI on the gateway's machine: aws WORDS."""
        place = peer("moto") / "bin"
        base = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                "AWS_DEFAULT_REGION": "eu-central-1", "AWS_DEFAULT_OUTPUT": "json", "AWS_PAGER": ""}
        done = netns.execute([str(place / "python"), str(place / "aws"), *words, "--endpoint-url", self.urls["ec2"]],
                             netns=self.lab.netns_of("gw-a"), env=base | (env or {}))
        return json.loads(done.stdout) if done.stdout else None

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.emulator:
            self.emulator.close()
