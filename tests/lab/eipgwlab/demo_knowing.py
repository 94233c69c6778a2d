# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The demo's scene about knowing: who was behind an address and a port, who has how many connections, what a message means."""

import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labports import holding, of_pod

from .agent import ECHO_PORT
from .daemons import Daemon
from .demo_story import Story
from .lab import Lab
from .prometheus import fetch
from .wait import wait_until

SOON = 60.0
PAGE_PORT = 9441
LIMIT = 20  # connections of one pod
KNOCKS = 10  # that one at its limit tries


def log_path(lab: Lab, gateway: str) -> Path:
    return lab.directory / f"{gateway}-nat.log"


def want_log(lab: Lab, *gateways: str) -> None:
    for name in gateways:
        lab.daemons[name].config["log"] = {"file": {"path": str(log_path(lab, name))}}
        lab.daemons[name].write_config()


def want_page(lab: Lab) -> None:
    lab.daemons["gw-a"].config["admin"] = {"listen": f":{PAGE_PORT}"}
    lab.daemons["gw-a"].write_config()


def show(*texts: str) -> None:
    """What a program said, as it said it."""
    print("\n".join(["", *(f"    {line}" for text in texts for line in text.rstrip().splitlines()), ""]), flush=True)


def show_command(daemon: Daemon, *words: str) -> None:
    show(f"# eipgw {' '.join(words)}", daemon.eipgw(*words).stdout)


def whois(daemon: Daemon, asked: str, *options: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(daemon.eipgw("whois", asked, "--json", *options).stdout)
    return answer


def records(lab: Lab, address: str, port: int) -> list[str]:
    """The NAT log's lines about one connection."""
    path = log_path(lab, "gw-a")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    pods = [(line, json.loads(line).get("pod", {})) for line in lines if line.endswith("\n")]
    return [line for line, pod in pods if (pod.get("address"), pod.get("port")) == (address, port)]


def pods_of(answer: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(r["source"], r["pod"]["address"], r["pod"]["port"]) for r in answer["held"] + answer["before"]]


def show_whois(story: Story, lab: Lab) -> None:
    gateway, pod = lab.daemons["gw-a"], lab.pods["p1"]
    # What was before the log's first record isn't certain: connections of earlier scenes end now.
    lab.run("gw-a", "conntrack", "-D", "-p", "tcp")
    probe = pod.probe("tcp")
    port = probe.local_port or 0
    asked = f"{lab.eip()}:{probe.seen_port}"
    story.say(f"A partner asks who {asked} is. It was pod p1 ({pod.address}:{port}), a moment ago.")
    show_command(gateway, "whois", asked)
    live = whois(gateway, asked)
    then = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    # It would end by itself in two minutes.
    lab.run("gw-a", "conntrack", "-D", "-p", "tcp", "-s", pod.address, "--sport", str(port))
    line = wait_until(lambda: records(lab, pod.address, port), SOON, "a record", every=0.05)[0]
    story.say("The connection has ended. The NAT log has one line about it:")
    show(line)
    # Until the log is complete up to then, nobody can be certain.
    wait_until(lambda: gateway.status().get("log", {}).get("complete_until", "") > then, SOON, "the log is complete", every=0.05)
    past = whois(gateway, asked, "--at", then)
    story.check(("live", pod.address, port) in pods_of(live) and pods_of(past) == [("log", pod.address, port)],
                f"whois finds it in the kernel as long as it lasts, and then in the log: pod {pod.address} on {pod.node}")
    story.facts["whois"] = {"asked": asked, "answer": past["answer"], "certain": past["certain"], "pod": pod.address,
                            "found": [f"{where} {address}" for where, address, _ in pods_of(live) + pods_of(past)]}


def limit(lab: Lab, limits: dict[str, int] | None) -> None:
    gateway = lab.daemons["gw-a"]
    gateway.config.pop("limits", None)
    if limits:
        gateway.config["limits"] = limits
    gateway.write_config()
    gateway.reload()


def show_limit(story: Story, lab: Lab) -> None:
    gateway, greedy, other = lab.daemons["gw-a"], lab.pods["p1"], lab.pods["p4"]
    server = greedy.server or ""
    story.say(f"A pod may have {LIMIT} connections from now on, and pod p1 takes them all.")
    limit(lab, {"connections_per_pod": LIMIT})
    wait_until(lambda: of_pod(gateway, other.address).get("limit") == LIMIT, SOON, "the limit")
    with holding(lab, "p1", server, ECHO_PORT) as holder:
        holder.connect(LIMIT)
        wait_until(lambda: of_pod(gateway, greedy.address).get("limited"), SOON, "p1 has them all")
        # Connections of earlier scenes may end meanwhile, and then there is room for more.
        wait_until(lambda: holder.connect(1) == {"ECONNREFUSED": 1}, SOON, "the kernel knows")
        refused = holder.connect(KNOCKS).get("ECONNREFUSED", 0)
        seen = other.probe("tcp", dst=server).seen
        show_command(gateway, "top")  # it may have one or two more: the kernel is told after they were counted
        story.check(refused == KNOCKS and seen == lab.eip(),
                    f"{refused} of {KNOCKS} more connections of p1 were refused, at once; pod p4 goes on to the same server, which saw"
                    f" {seen}")
    limit(lab, None)
    lab.run("gw-a", "conntrack", "-D", "-s", greedy.address)
    wait_until(lambda: not of_pod(gateway, greedy.address).get("limited"), SOON, "p1 isn't limited any more")
    story.facts["limit"] = {"refused": refused, "tried": KNOCKS, "other_seen": seen}


def show_page(story: Story, lab: Lab) -> None:
    code, text = fetch(lab.netns_of("gw-a"), PAGE_PORT, "/")
    title = re.search(r"<title>(.*?)</title>", text)
    story.facts["page"] = {"status": code, "title": title[1] if title else ""}
    story.check(code == 200 and title is not None,
                f"all of this is on the gateway's status page, too: http://127.0.0.1:{PAGE_PORT}/ there"
                f" (titled \"{story.facts['page']['title']}\"). docs/STATUS-PAGE.md has how you come to it in a VPC, from outside")


def show_explained(story: Story, lab: Lab, pattern: str) -> None:
    """What the last line of gw-a's log that matches means."""
    gateway = lab.daemons["gw-a"]
    line = [line for line in gateway.log() if re.search(pattern, line)][-1]
    found = re.search(r"EIPGW-\d+", line)
    name = found[0] if found else ""
    page = gateway.eipgw("explain", name).stdout
    story.say(f"Its log said: {line.removeprefix('<3>')}")
    show(f"# eipgw explain {name}", page)
    story.check(bool(name) and page.startswith(f"{name}: ") and "\nRemedy\n" in page,
                f"what that means, and what to do, can be asked for by its identifier, {name}")
    story.facts["explained"] = name


def show_knowing(story: Story, lab: Lab) -> None:
    steps: tuple[Callable[[Story, Lab], None], ...] = (show_whois, show_limit, show_page)
    for step in steps:
        step(story, lab)
