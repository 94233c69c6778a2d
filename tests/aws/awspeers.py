# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""awsprobe (our client), the fake EC2, and moto, with boto3 and the AWS CLI beside us."""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from fake_ec2 import make_server

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("EIPGW_BUILD", TOP / "build" / "dev"))
HERE = Path(__file__).resolve().parent
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


def clean_env(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and "proxy" not in k.lower()}
    return env | more


def probe(url, command, keys=None, **arguments):
    """What awsprobe prints. Addresses and IDs as arguments; True and False as words."""
    words = [f"{k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in arguments.items()]
    done = subprocess.run([BUILD / "tests" / "aws" / "awsprobe", url, command, *words], env=clean_env(**(keys or KEYS)),
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1) and not done.stderr, f"status {done.returncode}: {done.stderr}"
    return json.loads(done.stdout)


def ask(url, body=None, kind="application/json"):
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return answer.read()


def run_client(argv, url, keys):
    """Another client than ours, with nothing of this machine's configuration."""
    env = clean_env(URL=url, AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null", AWS_EC2_METADATA_DISABLED="true",
                    AWS_MAX_ATTEMPTS="1", AWS_PAGER="", AWS_DEFAULT_OUTPUT="json", AWS_DEFAULT_REGION="us-east-1", **(keys or KEYS))
    return subprocess.run(argv, capture_output=True, text=True, env=env, timeout=120, check=False)


class Peer:
    """Something with EC2's interface at `url`; `place` is the environment of the independent clients."""

    url = ""
    place = None

    def probe(self, command, **arguments):
        return probe(self.url, command, **arguments)

    def boto(self, code, keys=None):
        """Runs code with boto3. What it shows."""
        done = run_client([self.place / "bin" / "python", "-c", PRELUDE + code], self.url, keys)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def cli(self, *words, keys=None):
        """aws WORDS: its answer, or what it complains of."""
        done = run_client([self.place / "bin" / "python", self.place / "bin" / "aws", *words, "--endpoint-url", self.url], self.url, keys)
        assert (done.returncode == 0) == (not done.stderr), done.stderr
        return (json.loads(done.stdout) if done.stdout else None) if done.returncode == 0 else done.stderr.strip()


class Fake(Peer):
    """fake_ec2 in this process; or beside it in `place`, whose botocore verifies signatures."""

    def __init__(self, place=None, beside=False):
        self.place = place
        self.server = self.process = None
        if beside:
            self.process = subprocess.Popen([place / "bin" / "python", "-B", HERE / "fake_ec2.py"], env=clean_env(),
                                            stdout=subprocess.PIPE, text=True)
            self.url = self.process.stdout.readline().strip()
        else:
            self.server = make_server("127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
            threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        else:
            self.server.shutdown()
            self.server.server_close()

    def control(self, name, body=None):
        return json.loads(ask(self.url + "control/" + name, None if body is None else json.dumps(body).encode()))

    def actions(self):
        return [request["Action"] for request in self.control("requests")]


def interface(number, **more):
    return {"subnet": "subnet-1", "cidr": "10.0.0.0/24", "vpc": "vpc-1", "mac": f"02:00:00:00:00:0{number}",
            "primary": f"10.0.0.{number}", "instance": f"i-{number}", "groups": ["sg-1"]} | more


PRELUDE = """
import boto3, json, os, botocore.config
def client(name):
    return boto3.client(name, endpoint_url=os.environ["URL"], region_name="us-east-1",
                        config=botocore.config.Config(retries={"max_attempts": 1}))
ec2, iam, sts = client("ec2"), client("iam"), client("sts")
def show(value):
    print(json.dumps(value, default=str))
"""


class Moto(Peer):
    def __init__(self, place, managed_policies=False):
        with socket.socket() as probe_socket:
            probe_socket.bind(("127.0.0.1", 0))
            port = probe_socket.getsockname()[1]
        self.place = place
        self.url = f"http://127.0.0.1:{port}/"
        self.process = subprocess.Popen([place / "bin" / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
                                        env=clean_env(MOTO_IAM_LOAD_MANAGED_POLICIES=str(managed_policies).lower()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.post("moto-api/reset")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, "moto doesn't answer"
                time.sleep(0.1)

    def post(self, path, body=b""):
        return ask(self.url + path, body, "text/plain")

    def check_signatures(self, on):
        self.post("moto-api/reset-auth", b"0" if on else b"inf")


MAKE = """
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
enis = [ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=ip)["NetworkInterface"]["NetworkInterfaceId"]
        for ip in ("10.0.0.11", "10.0.0.12")]
eip = ec2.allocate_address(Domain="vpc", Address="198.51.100.1",
                           TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": [{"Key": "Name", "Value": "bank"}]}])
table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=enis[1])
show({"vpc": vpc, "subnet": subnet, "enis": enis, "eip": eip["AllocationId"], "table": table})
"""
