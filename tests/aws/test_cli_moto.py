# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""eipgw against moto with signatures and IAM checked, and boto3 as a second client of what it made."""

import json
import subprocess
import threading
from http.server import ThreadingHTTPServer

import fake_cloud
import pytest

from awspeers import BUILD, TOP, clean_env

USER = """
key = iam.create_user(UserName="gw") and iam.create_access_key(UserName="gw")["AccessKey"]
show({"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})
"""
ALLOW = """
iam.put_user_policy(UserName="gw", PolicyName="p", PolicyDocument=json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": %r, "Resource": "*"}]}))
"""
DESCRIBE = """show([[a["AllocationId"], a["PublicIp"], {t["Key"]: t["Value"] for t in a.get("Tags", [])}]
      for a in ec2.describe_addresses()["Addresses"]])"""


def document(name):
    text = (TOP / "docs" / "iam" / name).read_text(encoding="utf-8")
    return {action: statement for statement in json.loads(text)["Statement"] for action in statement["Action"]}


class Account:
    def __init__(self, moto, place):
        self.moto, self.place = moto, place
        self.keys = moto.boto(USER)
        # Metadata of an instance that has the first of moto's interfaces.
        cloud = type("Metadata", (), {"lock": threading.Lock(), "now": {"addresses": {}, "interfaces": {moto.made["enis"][0]: {
            "instance": "i-1", "mac": "02:00:00:00:00:01", "primary": "10.0.0.11", "addresses": ["10.0.0.11"],
            "subnet": moto.made["subnet"], "vpc": moto.made["vpc"], "cidr": "10.0.0.0/24"}}}})
        settings = dict(fake_cloud.SETTINGS)
        handler = type("Handler", (fake_cloud.Metadata,), {"cloud": cloud, "interface": moto.made["enis"][0], "settings": settings})
        self.imds = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.imds.daemon_threads = True
        threading.Thread(target=self.imds.serve_forever, args=(0.05,), daemon=True).start()

    def allow(self, actions):
        self.moto.check_signatures(False)
        self.moto.boto(ALLOW % (sorted(actions) or ["ec2:None"]))
        self.moto.check_signatures(True)

    def boto(self, code):
        self.moto.check_signatures(False)
        return self.moto.boto(code)

    def eipgw(self, *words, keys=None):
        path = self.place / "gateway.json"
        path.write_text(json.dumps({
            "gateway": {"name": "gw", "uplink": "lo"}, "ownership": "ec2", "nodes": [], "policies": [],
            "egress_ips": [{"name": "bank", "allocation_id": self.moto.made["eip"]}],
            "aws": {"imds_url": f"http://127.0.0.1:{self.imds.server_address[1]}", "ec2_url": self.moto.url, "region": "us-east-1"},
        }), encoding="utf-8")
        return subprocess.run([BUILD / "cli" / "eipgw", *words, "--json", "--config", path], env=clean_env(**(keys or self.keys)),
                              capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def account(moto, tmp_path):
    account = Account(moto, tmp_path)
    yield account
    account.imds.shutdown()
    account.imds.server_close()


def test_what_is_allocated_is_seen_by_another_client_once(account):
    account.allow(document("allocate.json"))

    first = json.loads(account.eipgw("allocate", "new", "--deployment", "prod").stdout)
    again = json.loads(account.eipgw("allocate", "new", "--deployment", "prod").stdout)

    assert first["allocated"] and not again["allocated"] and first["allocation_id"] == again["allocation_id"]
    theirs = [a for a in account.boto(DESCRIBE) if a[2].get("Name") == "new"]
    assert theirs == [[first["allocation_id"], first["public"], {"Name": "new", "eipgw": "prod"}]]


def test_what_another_client_tagged_is_found(account):
    account.allow(document("allocate.json"))
    account.boto(f"""ec2.create_tags(Resources=["{account.moto.made['eip']}"], Tags=[{{"Key": "eipgw", "Value": "prod"}}])""")
    account.moto.check_signatures(True)

    found = json.loads(account.eipgw("allocate", "bank", "--deployment", "prod").stdout)

    assert (found["allocation_id"], found["allocated"]) == (account.moto.made["eip"], False)


def test_each_denied_action_of_the_tunnel_prints_its_statement(account):
    tunnel = {a: s for a, s in document("tunnel.json").items() if a.startswith("ec2:")}

    for without in tunnel:
        account.allow((tunnel.keys() | document("cli.json").keys()) - {without})
        done = account.eipgw("check")
        failed = [row for row in json.loads(done.stdout) if row["check"] == "permission" and row["outcome"] == "FAIL"]
        assert done.returncode == 1 and [json.loads(row["iam_statement"]) for row in failed] == [tunnel[without] | {"Action": [without]}], failed
    account.allow(tunnel.keys() | document("cli.json").keys())
    rows = [row for row in json.loads(account.eipgw("check").stdout) if row["check"] == "permission"]
    assert [row["outcome"] for row in rows] == ["ok"] * 4 + ["untried"] * 2, rows


def test_credentials_that_are_refused_are_told(account):
    account.moto.check_signatures(True)

    rows = json.loads(account.eipgw("check", keys=account.keys | {"AWS_SECRET_ACCESS_KEY": "x" * 40}).stdout)

    [row] = [row for row in rows if row["check"] == "EC2 API"]
    assert row["outcome"] == "FAIL" and "refuses the credentials" in row["what"], row


def test_eips_and_groups_are_read_as_moto_writes_them(account):
    account.allow(document("cli.json"))

    done = account.eipgw("eips")

    [eip] = json.loads(done.stdout)
    assert (eip["allocation_id"], eip["name"], eip["use"], eip["egress_ip"]) == (account.moto.made["eip"], "bank", "idle", "bank")
    rows = [row for row in json.loads(account.eipgw("check").stdout) if row["check"] == "security groups"]
    assert {row["outcome"] for row in rows} <= {"ok", "warn"}, rows
