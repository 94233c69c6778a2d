# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""tests/lab/lab: a lab to look around in, that stays until it is taken down."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from . import model, state
from .cni import FLAVOURS
from .daemons import DaemonFailed
from .lab import Lab

NAME = "default"


def up(arguments: argparse.Namespace) -> int:
    if state.read(state.root() / NAME):
        print("The lab is up already; 'lab down' takes it down.", file=sys.stderr)
        return 1
    lab = Lab(arguments.flavour, name=NAME, detached=True).up()
    print(f"The lab is up, flavour {lab.flavour.name}. Namespaces: {' '.join(namespaces(lab))}")
    if arguments.no_daemons:
        return 0
    if not lab.daemons_built():
        print("The daemons are not built, so none runs (cmake --preset dev && cmake --build --preset"
              " dev).")
        return 0
    try:
        lab.start_daemons()
    except DaemonFailed as error:
        print(f"The lab stays up for you to look around, but a daemon did not start:\n{error}",
              file=sys.stderr)
        return 1
    except BaseException:
        lab.down()
        raise
    print("The daemons of gw-a, node1 and node2 are ready.")
    print("Try: tests/lab/lab probe p1; tests/lab/lab status; tests/lab/lab shell node1")
    return 0


def down(_arguments: argparse.Namespace) -> int:
    found = state.read(state.root() / NAME)
    if found is None:
        print("There is no lab.")
        return 0
    state.remove(state.root() / NAME, list(found["namespaces"]))
    print("The lab is gone.")
    return 0


def namespaces(lab: Lab) -> list[str]:
    return [*lab.stations, *lab.pods]


def shell(arguments: argparse.Namespace) -> int:
    lab = Lab.attach(NAME)
    if arguments.namespace not in namespaces(lab):
        print(f"There is no namespace {arguments.namespace}, but {' '.join(namespaces(lab))}",
              file=sys.stderr)
        return 2
    program = arguments.command or [os.environ.get("SHELL", "/bin/bash")]
    os.environ["PS1"] = f"{arguments.namespace}# "
    argv = ["ip", "netns", "exec", lab.netns_of(arguments.namespace), *program]
    os.execvp(argv[0], argv)


def probe(arguments: argparse.Namespace) -> int:
    lab = Lab.attach(NAME)
    if arguments.pod not in lab.pods:
        print(f"There is no pod {arguments.pod}, but {' '.join(lab.pods)}", file=sys.stderr)
        return 2
    answer = lab.pods[arguments.pod].probe(arguments.transport, arguments.destination)
    if not answer.reached:
        print(f"no answer: {answer.error}")
        return 1
    seen = answer.seen or "?"
    print(f"the server saw {seen}:{answer.seen_port}{note_of(lab, seen)}, {answer.rtt_ms:.1f} ms")
    return 0


def daemon_states(lab: Lab) -> dict[str, str]:
    states = {}
    for name, daemon in lab.daemons.items():
        pid = daemon.adopted_pid
        states[name] = f"runs, pid {pid}" if pid and Path(f"/proc/{pid}").exists() else "down"
    return states


def status(arguments: argparse.Namespace) -> int:
    lab = Lab.attach(NAME)
    counts = lab.exit_counts()
    foreign = lab.foreign()
    drops = lab.source_check_drops()
    if arguments.json:
        print(json.dumps({
            "flavour": lab.flavour.name, "prefix": lab.prefix, "directory": str(lab.directory),
            "namespaces": namespaces(lab), "daemons": daemon_states(lab), "exit": counts,
            "foreign": foreign,
            "source_check_drops": {f"{m} {source}": n for (m, source), n in drops.items()},
        }))
        return 0
    print(f"flavour     {lab.flavour.name}")
    print(f"files       {lab.directory}")
    print(f"namespaces  {lab.prefix}-NAME: {' '.join(namespaces(lab))}")
    for station in lab.pods.values():
        pod = station.pod
        chosen = f"selected for {lab.eip(pod.egress)}" if pod.egress else "not selected"
        print(f"pod         {pod.name} {pod.address} on {pod.node}, {chosen}, server {pod.server}")
    for name, text in daemon_states(lab).items():
        print(f"daemon      {name}: {text}")
    for source, packets in sorted(counts.items()):
        print(f"exit        {source}: {packets} packets{note_of(lab, source)}")
    for pod_name, packets in foreign.items():
        print(f"FOREIGN     {pod_name}: {packets} packets left with a wrong source")
    for (machine, source), packets in drops.items():
        print(f"denied      {machine}: {packets} packets from {source}, by AWS's source check")
    return 0


def note_of(lab: Lab, source: str) -> str:
    """Whose address it is, in words."""
    names = {ip.public: f"egress IP {ip.name}" for ip in lab.egress_ips.values()}
    names |= {m.public: f"public address of {m.name}" for m in lab.machines.values() if m.public}
    names[model.NATGW_PUBLIC] = "NAT gateway"
    if source in names:
        return f" ({names[source]})"
    owner = next((pod.name for pod in lab.pods.values() if pod.address == source), None)
    whose = f"pod {owner}'s own; " if owner else ""
    return f" ({whose}no public address: goes nowhere outside the VPC)"


def main() -> int:
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str
                ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    sub = command("up", up, "brings the lab up, and the daemons if they are built")
    sub.add_argument("--flavour", choices=sorted(FLAVOURS), default="cni-nft")
    sub.add_argument("--no-daemons", action="store_true")
    command("down", down, "takes the lab down")
    sub = command("shell", shell, "a shell, or a command, in a namespace")
    sub.add_argument("namespace", metavar="NS")
    sub.add_argument("command", nargs=argparse.REMAINDER)
    sub = command("probe", probe, "lets a pod ask a server on the internet whom it sees")
    sub.add_argument("pod", metavar="POD")
    sub.add_argument("destination", nargs="?", help="default: the server that only this pod calls")
    sub.add_argument("--transport", choices=("tcp", "udp", "icmp"), default="tcp")
    sub = command("status", status, "what runs, and who sent what to the internet")
    sub.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        return arguments.run(arguments)
    except LookupError as error:
        print(f"{error.args[0]}; 'lab up' makes one.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
