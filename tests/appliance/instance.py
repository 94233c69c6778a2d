# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""An instance whose user data eipgw-user-data reads, beside AWS's emulator of the metadata service."""

import base64
import json
import subprocess
import time

from awspeers import BUILD, clean_env
from test_imds import MAC, Service, keys

PROGRAM = BUILD / "gateway" / "eipgw-user-data"
DEADLINE_S = 120
CONFIGURATION = {"ownership": "ec2", "source": "kubernetes", "kubernetes": {"group": "partners"}, "always_excluded": ["10.0.0.0/16"]}


def user_data(configuration=None, **more):
    return json.dumps({"eipgw": 1, "configuration": configuration or CONFIGURATION} | more).encode()


class Metadata(Service):
    """The emulator, which also has user data."""

    def start_with(self, data, role_keys=None):
        config = {"imdsv2": True, "server": {"hostname": self.address, "port": str(self.port)},
                  "metadata": {"values": {"instance-id": "i-0123456789abcdef0", "placement-region": "us-east-1",
                                          "placement-availability-zone": "us-east-1b", "mac": MAC, "mac-local-ipv4s": "10.0.1.200\n10.0.1.201",
                                          "iam-security-credentials-role": "gw-role",
                                          "iam-security-credentials": role_keys or keys()}},
                  "userdata": {"values": {"userdata": base64.b64encode(data).decode()}}}
        self.file.write_text(json.dumps(config), encoding="utf-8")
        self.process = subprocess.Popen([*self.prefix, self.program, "-c", self.file], env=clean_env(),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.probe("identity")[0] == 0, "the metadata service doesn't answer")
        return self


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


class Run:
    """eipgw-user-data at work; its log is in a file."""

    def __init__(self, service, run, *options, env=None):
        self.path = run.parent / "log"
        with open(self.path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([*service.prefix, PROGRAM, "--directory", run, "--imds-url", service.url, *options],
                                            env=clean_env(**env or {}), stdout=log, stderr=log)

    def log(self):
        return self.path.read_text(encoding="utf-8")

    def wait_for(self, text):
        wait_until(lambda: text in self.log() or self.process.poll() is not None, f"nothing is said of {text}: {self.log()}")
        assert text in self.log()

    def wait(self):
        return self.process.wait(DEADLINE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def finish(service, run):
    """Exit code and what was logged."""
    with Run(service, run) as program:
        return program.wait(), program.log()


def files(run):
    return {p.name: p.read_text(encoding="utf-8") for p in run.iterdir()}
