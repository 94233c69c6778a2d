# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Our reading of instance metadata against AWS's own emulator of the service, with version 2 enforced."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest

from awspeers import BUILD, clean_env

MAC = "0a:1b:2c:3d:4e:5f"
VALUES = {
    "instance-id": "i-0123456789abcdef0", "instance-type": "c7gn.large", "placement-region": "us-east-1",
    "placement-availability-zone": "us-east-1b", "mac": MAC, "mac-network-interface-id": "eni-0gateway",
    "mac-local-ipv4s": "10.0.1.200\n10.0.1.201", "mac-public-ipv4s": "203.0.113.100", "mac-subnet-id": "subnet-0a",
    "mac-vpc-id": "vpc-0a", "mac-subnet-ipv4-cidr-block": "10.0.1.0/24", "mac-vpc-ipv4-cidr-blocks": "10.0.0.0/16",
    "mac-ipv4-associations": "10.0.1.201", "iam-security-credentials-role": "gw-role",
}


def keys(name="ASIDEXAMPLE0000000", secret="secret", token="token", lasts=timedelta(hours=6), code="Success"):
    end = (datetime.now(timezone.utc) + lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"Code": code, "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC", "AccessKeyId": name,
            "SecretAccessKey": secret, "Token": token, "Expiration": end}


class Service:
    """The emulator; `prefix` is what a program is started with to see it."""

    def __init__(self, program, tmp_path, prefix=(), address="127.0.0.1", port=None, options=()):
        self.program, self.file, self.prefix, self.address, self.options = program, tmp_path / "imds.json", prefix, address, options
        self.port = port or free_port()
        self.url = "" if port == 80 else f"http://{address}:{self.port}"
        self.process = None

    def start(self, **values):
        config = {"imdsv2": True, "server": {"hostname": self.address, "port": str(self.port)},
                  "metadata": {"values": VALUES | {"iam-security-credentials": keys()} | values}}
        self.file.write_text(json.dumps(config), encoding="utf-8")
        self.process = subprocess.Popen([*self.prefix, self.program, "-c", self.file, *self.options], env=clean_env(),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.probe("identity")[0] == 0, self.process)
        return self

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def probe(self, *words, env=None):
        command, *rest = words
        done = subprocess.run([*self.prefix, BUILD / "tests" / "aws" / "imdsprobe", command, self.url, *rest],
                              env=clean_env(**(env or {})), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in (0, 1) and not done.stderr, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, lines if command == "notices" else lines[-1]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(condition, process, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, "the metadata service doesn't answer"


@pytest.fixture
def service(program, tmp_path):
    service = Service(program, tmp_path)
    yield service
    service.stop()


@pytest.fixture
def namespace():
    """A network namespace that has the service's address on lo; what a command there begins with."""
    flags = ["-n"] if os.geteuid() == 0 else ["-rn"]
    setup = "ip link set lo up && ip address add 169.254.169.254/32 dev lo && echo ready && exec sleep 1000"
    with subprocess.Popen(["unshare", *flags, "sh", "-c", setup], stdout=subprocess.PIPE, text=True) as holder:
        try:
            if holder.stdout.readline() != "ready\n":
                pytest.skip("no network namespace can be made here")
            yield ["nsenter", "-t", str(holder.pid), *(["-n"] if os.geteuid() == 0 else ["-U", "-n", "--preserve-credentials"])]
        finally:
            holder.kill()


def test_the_identity_is_read_at_the_real_address_whatever_proxy_is_set(program, tmp_path, namespace):
    service = Service(program, tmp_path, prefix=namespace, address="169.254.169.254", port=80)
    try:
        service.start()
        status, identity = service.probe("identity", env={"http_proxy": "http://127.0.0.1:9", "all_proxy": "http://127.0.0.1:9"})
    finally:
        service.stop()

    assert status == 0
    assert {k: identity[k] for k in ("instance_id", "instance_type", "region", "zone", "domain", "partition", "mac")} == {
        "instance_id": "i-0123456789abcdef0", "instance_type": "c7gn.large", "region": "us-east-1", "zone": "us-east-1b",
        "domain": "amazonaws.com", "partition": "aws", "mac": MAC}
    [interface] = identity["interfaces"]
    assert (interface["mac"], interface["id"], interface["device_number"]) == (MAC, "eni-0gateway", 0)
    assert (interface["subnet_id"], interface["vpc_id"]) == ("subnet-0a", "vpc-0a")
    assert (interface["subnet_cidr"], interface["vpc_cidrs"]) == ("10.0.1.0/24", ["10.0.0.0/16"])
    assert interface["private_ips"] == ["10.0.1.200", "10.0.1.201"]
    assert interface["public_ips"] == ["203.0.113.100"]
    assert list(interface["associations"].values()) == [["10.0.1.201"]]
    assert identity["tags_enabled"] and "Name" in identity["tags"]


def test_one_interface_is_read_and_an_unknown_one_is_not_found(service):
    service.start()

    status, one = service.probe("interface", MAC)
    assert status == 0 and [i["id"] for i in one["interfaces"]] == ["eni-0gateway"] and one["instance_id"] == ""

    status, none = service.probe("interface", "0a:00:00:00:00:00")
    assert (status, none["class"]) == (1, "not found")


def test_credentials_of_the_role_are_read(service):
    service.start()

    status, got = service.probe("credentials")

    assert (status, got["kind"], got["age"], got["access_key"], got["token"]) == (
        0, "instance role", "fresh", "ASIDEXAMPLE0000000", True)
    assert abs(got["expires_sec"] - time.time() - 6 * 3600) < 600


def test_credentials_that_ended_are_used_and_said_to_have_ended(service):
    service.start(**{"iam-security-credentials": keys(lasts=timedelta(hours=-1))})

    status, got = service.probe("credentials")

    assert (status, got["age"], got["access_key"]) == (0, "expired", "ASIDEXAMPLE0000000")


def test_a_failing_role_is_told(service):
    service.start(**{"iam-security-credentials": keys(code="AssumeRoleUnauthorizedAccess")})

    status, got = service.probe("credentials")

    assert (status, got["age"], got["failure"]) == (1, "none", "retry")
    assert "AssumeRoleUnauthorizedAccess" in got["error"]


def test_each_notice_arrives_once(program, tmp_path):
    service = Service(program, tmp_path, options=["-d", "5", "--rebalance-delay-sec", "5", "--asg-termination-delay-sec", "5"])
    try:
        service.start()
        status, reports = service.probe("notices")
    finally:
        service.stop()

    first, last = reports[0], reports[-1]
    assert status == 0
    assert (first["changed"], first["spot"], first["rebalance_sec"], first["lifecycle"]) == (4, 0, 0, "InService")
    assert abs(last["spot_sec"] - time.time()) < 300 and abs(last["rebalance_sec"] - time.time()) < 300
    # One bit each: spot, rebalance, lifecycle.
    assert sorted(bit for r in reports[1:] for bit in (1, 2, 4) if r["changed"] & bit) == [1, 2, 4]


def test_the_key_of_the_role_signs_what_moto_accepts(service, moto):
    made = moto.boto("""
role = iam.create_role(RoleName="gw", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
iam.put_role_policy(RoleName="gw", PolicyName="p", PolicyDocument=json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeAddresses", "Resource": "*"}]}))
show(sts.assume_role(RoleArn=role, RoleSessionName="i-1")["Credentials"])
""")
    good = keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    service.start(**{"iam-security-credentials": good})
    moto.check_signatures(True)

    status, got = service.probe("addresses", moto.url)
    assert (status, got["class"], got["n"]) == (0, "ok", 1), got

    service.stop()
    service.start(**{"iam-security-credentials": good | {"SecretAccessKey": "wrong"}})
    status, got = service.probe("addresses", moto.url)
    assert (status, got["class"]) == (1, "credentials"), got


def test_the_emulator_really_enforces_version_2(service):
    """Else the tests above would say nothing about tokens."""
    service.start()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    with pytest.raises(urllib.error.HTTPError) as refusal:
        opener.open(service.url + "/latest/meta-data/instance-id")

    assert refusal.value.code == 401
