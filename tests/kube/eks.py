# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""EKS's authenticator and STS (eks_peer.py) beside a test, and how an API server is made to ask them."""

import json
import subprocess

from kubepeers import TOP

ROLE = "arn:aws:iam::123456789012:role/gateways"
ARN = "arn:aws:sts::123456789012:assumed-role/gateways/i-a"
ENTRY = {"user": ARN, "groups": ["eipgw:gateways"]}


class PeerMissing(RuntimeError):
    """botocore can't be had here; the text says why."""


def python_with_botocore():
    done = subprocess.run([TOP / "tests" / "aws" / "peers-moto"], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        raise PeerMissing(done.stdout.strip().removeprefix("SKIP: "))
    assert done.returncode == 0, done.stderr
    return f"{done.stdout.strip()}/bin/python"


class Eks:
    """around: a command that runs it, such as one in the API server's network namespace."""

    def __init__(self, around=()):
        self.process = subprocess.Popen([*around, python_with_botocore(), "-B", TOP / "tests" / "kube" / "eks_peer.py"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["authenticator"]
        self.before = 0

    def close(self):
        self.process.kill()
        self.process.wait()

    def flags(self, folder):
        """Of kube-apiserver. It asks about each token anew, but for good ones, which it remembers for 10 s."""
        webhook = folder / "webhook.json"
        webhook.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "webhook", "users": [{"name": "apiserver", "user": {}}],
            "clusters": [{"name": "eks", "cluster": {"server": self.url}}],
            "contexts": [{"name": "webhook", "context": {"cluster": "eks", "user": "apiserver"}}]}))
        return (f"--authentication-token-webhook-config-file={webhook}", "--authentication-token-webhook-version=v1",
                "--authentication-token-webhook-cache-ttl=1ms")

    def order(self, **changes):
        """Changes its SETTINGS. All of them, and its reviews."""
        self.process.stdin.write(json.dumps(changes) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def forget(self):
        self.before = len(self.order()["reviews"])

    def reviews(self, **wanted):
        """What was decided about each token that was shown, since `forget`."""
        rows = self.order()["reviews"][self.before:]
        return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]

    def tokens(self, **wanted):
        """How many different ones were shown."""
        return len({(row.get("key"), row.get("date")) for row in self.reviews(**wanted)})
