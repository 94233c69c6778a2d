# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""tests/lab/demo: what eipgw promises, shown in a minute to somebody who sees it for the first time."""

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from .agent import Flow, Probe
from .build import ROOT, program, tools
from .cli import note_of
from .cloud import OURS, Cloud
from .cni import FLAVOURS
from .daemons import DaemonNotBuilt
from .demo_group import show_group
from .demo_knowing import show_explained, show_knowing, want_log, want_page
from .demo_story import DemoFailed, Story, logs_on_failure
from .lab import Lab, PodStation
from .wait import wait_until

MESSAGES_WITHOUT_DAEMONS = 300  # per flow, one every 5 ms
ATTEMPTS_WITHOUT_GATEWAY = 100
THEFT_TOLD = r"^<3>own: egress IP bank: lost"


def build(story: Story) -> None:
    for what, argv in (("Configuring", ["cmake", "--preset", "dev"]),
                       ("Building", ["cmake", "--build", "--preset", "dev"])):
        story.say(f"{what} the programs.")
        done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if done.returncode:
            raise DemoFailed(f"{' '.join(argv)} failed:\n{done.stdout[-3000:]}")


def first_answer(pod: PodStation, deadline: float = 15.0) -> Probe:
    """The first answer that a pod gets from its server; none within the deadline is a failure."""

    def answered() -> Probe | None:
        probe = pod.probe("tcp", timeout=1.0)
        return probe if probe.reached else None

    return wait_until(answered, deadline, f"an answer to pod {pod.name}", every=0.05)


def described(lab: Lab, pod: PodStation, seen: str | None) -> dict[str, Any]:
    return {"pod": pod.name, "node": pod.node, "zone": lab.machines[pod.node].zone,
            "address": pod.address, "seen": seen}


def show_selected(story: Story, lab: Lab) -> None:
    story.facts["selected_pods"] = []
    for name in ("p1", "p4"):
        pod = lab.pods[name]
        seen = first_answer(pod).seen
        zone = lab.machines[pod.node].zone
        story.check(seen == lab.eip(),
                    f"pod {name} ({pod.address}) on {pod.node} in zone {zone} is selected;"
                    f" the internet server saw {seen}")
        story.facts["selected_pods"].append(described(lab, pod, seen))


def show_unselected(story: Story, lab: Lab) -> None:
    pod = lab.pods["p2"]
    seen = first_answer(pod).seen
    story.check(seen in lab.expected("p2"),
                f"pod p2 ({pod.address}) on the same node is not selected; the server saw"
                f" {seen}{note_of(lab, seen or '')}")
    story.facts["unselected_pod"] = described(lab, pod, seen)


def show_churn(story: Story, lab: Lab) -> None:
    before = lab.pods["p1"].address
    pod = lab.replace_pod("p1", "10.0.1.58")
    seen = first_answer(pod).seen
    story.check(seen == lab.eip(), f"pod p1 was deleted and came back as {pod.address} instead of"
                                   f" {before}; the server saw {seen}")
    story.facts["after_churn"] = described(lab, pod, seen)


def received(flows: list[Flow]) -> int:
    return min(flow.stat().received for flow in flows)


def show_daemons_killed(story: Story, lab: Lab) -> None:
    flows = [lab.pods[name].flow(kind, interval_ms=5)
             for name in ("p1", "p4") for kind in ("tcp", "udp", "pull")]
    wait_until(lambda: received(flows) > 20, 30, "the flows run")
    story.say("Six connections run: messages, datagrams and downloads on both nodes. Now all three"
              " daemons are killed (SIGKILL).")
    lab.kill_daemons()
    count = received(flows)
    wait_until(lambda: received(flows) > count + MESSAGES_WITHOUT_DAEMONS // 2, 20,
               "the flows go on without daemons")
    fresh = lab.pods["p3"].probe()
    story.check(fresh.seen == lab.eip(),
                f"a new connection without any daemon: the server saw {fresh.seen}")
    lab.start_daemons()
    count = received(flows)
    wait_until(lambda: received(flows) > count + MESSAGES_WITHOUT_DAEMONS // 2, 20,
               "the flows go on after the start")
    reports = [flow.stop() for flow in flows]
    lost = sum(report.lost + report.corrupt for report in reports)
    broken = [report for report in reports if report.errors or set(report.seen) != {lab.eip()}]
    total = sum(report.received for report in reports)
    longest = max(report.max_gap_ms for report in reports)
    story.check(lost == 0 and not broken,
                f"the daemons were dead and started again meanwhile: {total} answers, {lost} lost,"
                f" {len(broken)} connections broken, longest pause {longest:.0f} ms")
    story.facts["daemons_killed"] = {"lost_packets": lost, "answers": total,
                                     "broken_connections": len(broken),
                                     "longest_pause_ms": round(longest, 1)}


def show_attempts(story: Story, lab: Lab) -> dict[str, int]:
    """That selected pods keep trying in vain, and nothing of theirs leaves."""
    mark = lab.exit_mark()
    flows = [lab.pods[name].flow(kind, interval_ms=10, timeout=0.2)
             for name in ("p1", "p3", "p4") for kind in ("tcp-new", "udp-new", "icmp-new")]
    wait_until(lambda: min(f.stat().sent for f in flows) >= ATTEMPTS_WITHOUT_GATEWAY, 20,
               "the attempts")
    reports = [flow.stop() for flow in flows]
    attempts = sum(report.sent for report in reports)
    answered = sum(report.received for report in reports)
    leaked = sum(lab.foreign(mark).values())
    story.check(answered == 0 and leaked == 0,
                f"{attempts} attempts of selected pods: {answered} answered, {leaked} packets left"
                " with a wrong address")
    return {"attempts": attempts, "answered": answered, "leaked": leaked}


def show_gateway_killed(story: Story, lab: Lab) -> None:
    story.say("The gateway dies: its daemon is killed and its network cut. Selected pods keep trying.")
    lab.daemons["gw-a"].kill()
    lab.cut("gw-a")
    story.facts["gateway_killed"] = show_attempts(story, lab)
    seen = lab.pods["p2"].probe().seen
    story.check(seen in lab.expected("p2"), f"pod p2, not selected, goes on; the server saw {seen}")


def is_quiet(lab: Lab) -> bool:
    """No connection of earlier steps waits for its end any more, so that no pod sends by itself."""
    states = [word for state in ("fin-wait-1", "last-ack", "closing") for word in ("state", state)]
    return not any(lab.run(name, "ss", "-Htan", *states).strip() for name in lab.pods)


def show_ownership(story: Story, lab: Lab) -> None:
    story.say("The gateway comes back, now without any address in its configuration: it knows the tag of its"
              " Elastic IP, and asks a small EC2 and the instance's metadata.")
    with contextlib.closing(Cloud(lab, {}, [])) as cloud:
        began = time.monotonic()
        cloud.start()
        # Not earlier: the kernel still translates, and nothing has the Elastic IP.
        lab.mend("gw-a")
        calls = cloud.writes()
        seen = first_answer(lab.pods["p4"]).seen
        story.check(seen == lab.eip() and calls == ["AssignPrivateIpAddresses", "AssociateAddress"],
                    f"{time.monotonic() - began:.1f} s later it has the private address {OURS} and the Elastic IP"
                    f" ({', '.join(calls)}); the server saw {seen}")
        story.say("Somebody moves the Elastic IP to another gateway. Until that is seen, within ten seconds, AWS"
                  " drops what comes.")
        wait_until(lambda: is_quiet(lab), 60, "earlier connections end", every=0.1)
        cloud.steal()
        cloud.wait("lost")
        story.say(f"eipgw status says: {cloud.bank()['reason']}.")
        story.facts["stolen"] = show_attempts(story, lab)
        show_explained(story, lab, THEFT_TOLD)
        story.check(cloud.writes() == calls, "the gateway doesn't fight for it")
        cloud.gateway.reload()
        cloud.wait("held")
        seen = first_answer(lab.pods["p1"]).seen
        story.check(seen == lab.eip(), f"a person reloads the configuration, which claims it again; the server saw {seen}")
        story.facts["owned"] = described(lab, lab.pods["p1"], seen)
        cloud.gateway.stop()


def show_exit(story: Story, lab: Lab) -> None:
    counts = lab.exit_counts()
    foreign = lab.foreign()
    total = sum(foreign.values())
    story.say("Packets by source address at the internet exit, from beginning to end:")
    print(f"\n    {'source':<16} {'packets':>8}")
    for source, packets in sorted(counts.items()):
        print(f"    {source:<16} {packets:>8} {note_of(lab, source)}")
    print(flush=True)
    story.check(total == 0, f"packets of a pod with an address that is not the pod's: {total}")
    problems = lab.check_logs(allow=[THEFT_TOLD])
    story.check(not problems, "the daemons' logs have no warning, error or sanitizer report but the line"
                " about the theft"
                + "".join(f"\n           {line}" for line in problems[:10]))
    story.facts["exit"] = counts
    story.facts["foreign_source_packets"] = total


STEPS: tuple[Callable[[Story, Lab], None], ...] = (
    show_selected, show_unselected, show_churn, show_knowing, show_daemons_killed, show_gateway_killed,
    show_ownership, show_exit)


def show_vpc(story: Story, flavour: str) -> None:
    story.say("Bringing up a small model of a VPC: two zones, two nodes, five pods, a gateway and an"
              " internet, each a network namespace of this machine.")
    with Lab(flavour) as lab:
        story.facts["eip"] = lab.eip()
        want_log(lab, "gw-a")
        want_page(lab)
        lab.start_daemons()
        story.say(f"The daemons are ready. The Elastic IP is {lab.eip()}.")
        with logs_on_failure(lab):
            for step in STEPS:
                step(story, lab)


SCENES: dict[str, Callable[[Story, str], None]] = {"vpc": show_vpc, "group": show_group}


def run(story: Story, flavour: str, scenes: list[str]) -> None:
    if program("eipgwd") is None or program("eipgw-noded") is None:
        raise DemoFailed("eipgwd or eipgw-noded is not in the build directory")
    tools()
    for scene in scenes:
        SCENES[scene](story, flavour)


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="prints one JSON object as last line")
    parser.add_argument("--no-build", action="store_true", help="takes the programs as they are")
    parser.add_argument("--flavour", choices=sorted(FLAVOURS), default="cni-nft",
                        help="how the nodes' CNI is installed")
    parser.add_argument("--scene", choices=sorted(SCENES), help="shows only this one")
    arguments = parser.parse_args()
    story = Story()
    try:
        if not arguments.no_build:
            build(story)
        run(story, arguments.flavour, [arguments.scene] if arguments.scene else list(SCENES))
    except KeyboardInterrupt:
        story.say("Interrupted; everything is cleaned up.")
        return 130
    except (DemoFailed, AssertionError, DaemonNotBuilt) as error:
        story.held = False
        story.facts["error"] = str(error)
        story.say(f"WRONG: {error}")
    story.facts["seconds"] = round(time.monotonic() - story.start, 1)
    story.facts["ok"] = story.held
    story.say("All of it held." if story.held else "Not all of it held: see WRONG above.")
    if arguments.json:
        print(json.dumps(story.facts), flush=True)
    return 0 if story.held else 1


if __name__ == "__main__":
    sys.exit(main())
