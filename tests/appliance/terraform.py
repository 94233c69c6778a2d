# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Terraform at work on a copy of the module, with stand-ins for its providers that have the real one's schema (standin/)."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
STANDIN = Path(__file__).resolve().parent / "standin"
VERSIONS = {"aws": "6.25.0", "random": "3.7.2"}
LIMIT_S = 300


def run(argv, cwd, **env):
    # What this machine's user has configured is none of the test's business.
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "AWS_"))}
    return subprocess.run(argv, cwd=cwd, env=clean | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"} | env, capture_output=True, text=True,
                          timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL)


def provider_host(module):
    """Where Terraform would fetch providers from: part of where it looks for them on the disk."""
    done = run(["terraform", "providers"], module, TF_CLI_CONFIG_FILE="/dev/null")
    return re.search(r"provider\[([^]/]+)/hashicorp/aws\]", done.stdout)[1]


def used_types(module):
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(module.glob("*.tf")))
    found = re.findall(r'^(resource|data) "(aws_\w+)"', text, re.MULTILINE)
    return sorted({("data." if kind == "data" else "") + name for kind, name in found})


class Terraform:
    """A copy of the module, as its repository would be fetched, and the providers' mirror."""

    def __init__(self, place, directory):
        self.module = directory / "source" / "terraform"
        shutil.copytree(TOP / "terraform", self.module)
        shutil.copytree(TOP / "docs" / "iam", directory / "source" / "docs" / "iam")
        self.rc = directory / "terraformrc"
        self.rc.write_text(f'provider_installation {{ filesystem_mirror {{ path = "{directory}/mirror" }} }}\n', encoding="utf-8")
        done = run([sys.executable, "-B", STANDIN / "schema.py", place / "schema.tgz", *used_types(self.module)], directory)
        assert done.returncode == 0, done.stderr
        host = provider_host(self.module)
        for name, version in VERSIONS.items():
            folder = directory / "mirror" / host / "hashicorp" / name / version / "linux_amd64"
            folder.mkdir(parents=True)
            shutil.copy(place / "standin", folder / f"terraform-provider-{name}_v{version}")
            (folder / "schema.json").write_text(done.stdout, encoding="utf-8")
            shutil.copy(STANDIN / "answers.json", folder)

    def run(self, folder, *words):
        return run(["terraform", *words, "-no-color"], folder, TF_CLI_CONFIG_FILE=str(self.rc))

    def good(self, folder, *words):
        done = self.run(folder, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def planned(self, folder, *words):
        """The plan as JSON: what would be made, a list of resources."""
        self.good(folder, "plan", "-input=false", "-out=plan", *words)
        return json.loads(self.good(folder, "show", "-json", "plan"))
