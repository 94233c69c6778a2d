# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Terraform at work on a copy of the module, with stand-ins for its providers that have the real one's schema (standin/), or with the real ones."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
STANDIN = Path(__file__).resolve().parent / "standin"
VERSIONS = {"aws": "6.25.0", "random": "3.7.2"}
LIMIT_S = 300
# How Terraform says that it's the network.
UNREACHABLE = r"could not connect to|failed to request discovery document|dial tcp|no such host|i/o timeout|Service Unavailable"


def run(argv, cwd, **env):
    # What this machine's user has configured is none of the test's business.
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "AWS_"))}
    return subprocess.run(argv, cwd=cwd, env=clean | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"} | env, capture_output=True, text=True,
                          timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL)


def provider_host(program, module):
    """Where Terraform would fetch providers from: part of where it looks for them on the disk."""
    done = run([program, "providers"], module, TF_CLI_CONFIG_FILE="/dev/null")
    return re.search(r"provider\[([^]/]+)/hashicorp/aws\]", done.stdout)[1]


def used_types(module):
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(module.glob("*.tf")))
    found = re.findall(r'^(resource|data) "(aws_\w+)"', text, re.MULTILINE)
    return sorted({("data." if kind == "data" else "") + name for kind, name in found})


def provider_mirror(program):
    """Where the module's real providers are, in the layout of Terraform's filesystem mirror. Fetched once into the user's cache."""
    given = os.environ.get("EIPGW_TERRAFORM_PROVIDERS")
    if given:
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eipgw" / "peers"
    place = cache / ("providers-" + hashlib.sha256((TOP / "terraform" / "versions.tf").read_bytes()).hexdigest()[:12])
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "providers.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        if not place.exists():
            new = cache / "providers.new"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            done = run([program, "providers", "mirror", new], TOP / "terraform", TF_CLI_CONFIG_FILE="/dev/null")
            # Its messages come in boxes, with colours.
            if done.returncode and re.search(UNREACHABLE, re.sub(r"(\033\[\d+m|[\s│])+", " ", done.stderr)):
                pytest.skip("Terraform's registry can't be reached; EIPGW_TERRAFORM_PROVIDERS names a mirror of providers instead")
            assert done.returncode == 0, done.stderr
            new.rename(place)
    return place


class Terraform:
    """A copy of the module, as its repository would be fetched, and a mirror of providers. `place` is peers-terraform's."""

    def __init__(self, place, mirror, directory):
        self.program = place / "terraform"
        self.module = directory / "source" / "terraform"
        shutil.copytree(TOP / "terraform", self.module)
        shutil.copytree(TOP / "docs" / "iam", directory / "source" / "docs" / "iam")
        self.rc = directory / "terraformrc"
        self.rc.write_text(f'provider_installation {{ filesystem_mirror {{ path = "{mirror}" }} }}\n', encoding="utf-8")

    def run(self, folder, *words):
        return run([self.program, *words, "-no-color"], folder, TF_CLI_CONFIG_FILE=str(self.rc))

    def good(self, folder, *words):
        done = self.run(folder, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def planned(self, folder, *words):
        """The plan as JSON: what would be made, a list of resources."""
        self.good(folder, "plan", "-input=false", "-out=plan", *words)
        return json.loads(self.good(folder, "show", "-json", "plan"))


class StandIn(Terraform):
    """With the stand-ins."""

    def __init__(self, place, directory):
        super().__init__(place, directory / "mirror", directory)
        done = run([sys.executable, "-B", STANDIN / "schema.py", place / "schema.tgz", *used_types(self.module)], directory)
        assert done.returncode == 0, done.stderr
        host = provider_host(self.program, self.module)
        for name, version in VERSIONS.items():
            folder = directory / "mirror" / host / "hashicorp" / name / version / "linux_amd64"
            folder.mkdir(parents=True)
            shutil.copy(place / "standin", folder / f"terraform-provider-{name}_v{version}")
            (folder / "schema.json").write_text(done.stdout, encoding="utf-8")
            shutil.copy(STANDIN / "answers.json", folder)
