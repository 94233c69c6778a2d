# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The real helm and kubectl, and our chart as they take it."""

import json
import os
import re
import subprocess
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
DEPLOY = TOP / "deploy"
CHART = DEPLOY / "chart" / "eipgw"
SYSTEM = "eipgw-system"
# What a user must say.
REQUIRED = {"image": {"repository": "registry.example.org/eipgw-noded"}, "config": {"always_excluded": ["10.0.0.0/16", "172.20.0.0/16"]}}
# Each file that is a link into deploy/, so that nothing stands there twice.
LINKS = re.compile(r"walk\.go:\d+: found symbolic link in path: .*\n")


def build_clients():
    """(directory of the programs, None), or (None, why there is none)."""
    done = subprocess.run([HERE / "peers-clients"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 77:
        return None, done.stdout.strip().removeprefix("SKIP: ")
    assert done.returncode == 0, f"peers-clients: status {done.returncode}"
    return Path(done.stdout.strip()), None


def merged(*values):
    """Helm's way to lay values over one another."""
    found = {}
    for more in values:
        for key, value in more.items():
            both = isinstance(value, dict) and isinstance(found.get(key), dict)
            found[key] = merged(found[key], value) if both else value
    return found


class Failed(Exception):
    """A command that ended with another status than 0; its text is what it said."""


class Clients:
    """helm and kubectl, which ask the API server of the kubeconfig, if there is one."""

    def __init__(self, place, folder, kubeconfig=None):
        self.place, self.folder = place, Path(folder)
        # Neither reads or writes what the user has at home.
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "KUBECONFIG": str(kubeconfig or self.folder / "none")}
        self.values_file = self.folder / "values.json"

    def run(self, program, *arguments, stdin=None):
        done = subprocess.run([self.place / program, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                              check=False, env=self.env)
        said = LINKS.sub("", done.stderr)
        if done.returncode:
            raise Failed(said + done.stdout)
        return done.stdout

    def kubectl(self, *arguments, stdin=None):
        return self.run("kubectl", *arguments, stdin=stdin)

    def helm(self, *arguments, values=None, namespace=SYSTEM):
        """With values: `values` over REQUIRED; a dictionary, as in a file of the user's."""
        more = []
        if values is not None:
            self.values_file.write_text(json.dumps(merged(REQUIRED, values)))
            more = ["--values", self.values_file]
        return self.run("helm", *arguments, "--namespace", namespace, *more)

    def render(self, values=None, namespace=SYSTEM):
        """The objects of the chart."""
        text = self.helm("template", "eipgw", CHART, values=values or {}, namespace=namespace)
        return [found for found in yaml.safe_load_all(text) if found]


def the(objects, kind, name=None):
    (found,) = (o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"]))
    return found
