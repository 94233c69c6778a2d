# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The demo's last scene: two gateways share the egress IP, and the one that carries it dies under traffic. They agree in a
Kubernetes API server, so it's shown where the tests have built one, and builds none."""

import contextlib
import datetime
import json
import time
from collections.abc import Callable
from typing import Any

from labha import QUIET, Judgement, Load, configure_group, start_group
from labkube import Kube

from kubepeers import built_peers

from .demo_knowing import SOON, show_command, want_log
from .demo_story import Story, logs_on_failure
from .group import Group
from .lab import Lab
from .model import GATEWAYS
from .wait import wait_until

HOW = ("Two gateways that take over from each other aren't shown: they need a Kubernetes API server. `sudo tests/kube/peers-kube`"
       " builds one, once, in about ten minutes; it needs Go 1.26. Then come back.")


def killed(group: Group, carrier: str) -> None:
    """Its kernel goes on, and translates until the Elastic IP has gone."""
    group.lab.daemons[carrier].kill()


def off(group: Group, carrier: str) -> None:
    group.lab.cut(carrier)
    group.lab.daemons[carrier].kill()


# What is done to the gateway that carries it, one after the other.
DEATHS: tuple[tuple[str, str, Callable[[Group, str], None]], ...] = (
    ("carrier_killed", "Its daemon is killed (SIGKILL)", killed),
    ("carrier_off", "This one dies as an instance does, daemon and network at once", off),
)


def told(judged: Judgement, carrier: str) -> dict[str, Any]:
    connects = [row.report for row in judged.rows if row.what == "connects"]
    return {"carrier": carrier, "connections": len(judged.streams), "survived": len(judged.streams) - len(judged.ended),
            "longest_pause_ms": round(judged.gap_ms, 1), "new": sum(r.sent for r in connects),
            "new_failed": sum(r.errors for r in connects), "seen": sorted(judged.seen),
            "foreign_source_packets": sum(judged.foreign.values())}


def show_history(story: Story, group: Group, load: Load, gone: str, began_by: float) -> dict[str, Any]:
    """What the survivor knows of a connection that the dead gateway began."""
    survivor = group.lab.daemons[group.carrier()]
    pod, _, flow = load.flows[0]
    key = (group.lab.pods[pod].address, flow.stat().local_port)

    def lines() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in survivor.eipgw("flows", "--json", "--pod", f"default/{pod}").stdout.splitlines()]
        return [line for line in found if (line["pod"]["address"], line["pod"].get("port")) == key]

    line = wait_until(lines, SOON, f"{survivor.name} lists it", every=0.1)[0]
    story.say(f"{survivor.name} knows who began one of them and when, though it went through {gone} then:")
    show_command(survivor, "whois", f"{line['egress']['public']}:{line['egress']['port']}")
    began = datetime.datetime.fromisoformat(line["start"].replace("Z", "+00:00")).timestamp()
    story.check(line["attribution"] == "start" and line["pod"].get("name") == pod and began < began_by,
                f"{survivor.name} has its whole history: pod {pod}, from {line['start']} on")
    return {"pod": line["pod"].get("name"), "attribution": line["attribution"], "before_the_death": began < began_by}


def show_death(story: Story, kube: Kube, group: Group, what: tuple[str, str, Callable[[Group, str], None]]) -> None:
    name, text, act = what
    gone = group.carrier()
    other = "gw-b" if gone == "gw-a" else "gw-a"
    wait_until(lambda: group.state(other).get("state") == "standby", 60, f"{other} can take over", every=0.1)
    load = Load(kube, group)
    wait_until(group.is_together, 60, "each has the other's connections", every=0.1)
    story.say(f"{gone} carries the Elastic IP; messages, downloads and transfers of three pods go through it, and new connections"
              f" come all the time. {text}.")
    died = time.time()
    act(group, gone)
    group.wait_carrier(other)
    load.wait_going("with the other gateway")
    history = show_history(story, group, load, gone, died)
    fact = story.facts[name] = told(load.judge(), other) | {"history": history}
    good = fact["survived"] == fact["connections"] and fact["seen"] == [group.lab.eip()] and not fact["foreign_source_packets"]
    story.check(good, f"{other} carries it now: {fact['survived']} of {fact['connections']} connections went on, the longest pause"
                      f" was {fact['longest_pause_ms']:.0f} ms, {fact['new_failed']} of {fact['new']} new ones failed; the servers"
                      f" saw {', '.join(fact['seen'])}; packets with another address: {fact['foreign_source_packets']}")


def come_back(group: Group, name: str) -> None:
    group.lab.daemons[name].start(wait_ready=False)
    group.lab.daemons[name].wait_ready()


def show_group(story: Story, flavour: str) -> None:
    place = built_peers()
    if place is None:
        story.say(HOW)
        return
    story.say("A second model, with a Kubernetes API server, and two gateways in two zones that share the Elastic IP.")
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(Lab(flavour))
        group = stack.enter_context(contextlib.closing(Group(lab)))
        kube = Kube(lab, place)
        stack.callback(kube.stop)
        stack.enter_context(logs_on_failure(lab))
        kube.start()
        configure_group(kube, group)
        want_log(lab, *GATEWAYS)
        start_group(kube, group)
        for number, death in enumerate(DEATHS):
            if number:
                come_back(group, "gw-a")
            show_death(story, kube, group, death)
        lab.kill_daemons()
        problems = lab.check_logs(allow=QUIET)
        story.check(not problems, "the daemons' logs have nothing but what a takeover makes them say"
                    + "".join(f"\n           {line}" for line in problems[:10]))
