# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The same load for each fault of a group of gateways, and the same judgement: who survived, how long nothing came, what
couldn't connect, and who the servers saw."""

import contextlib
import http.client
import os
import threading
from dataclasses import dataclass
from typing import Any

from eipgwlab import Lab
from eipgwlab.agent import Flow, FlowReport
from eipgwlab.group import Group
from eipgwlab.model import NODES, SERVERS
from eipgwlab.wait import DeadlineExceeded, wait_until
from labkube import Kube, silence, wait_seen
from proof import SELECTED

OTHERS = "groups of gateways"  # tests beside the table of faults: these one after the other, too

# What daemons may say in a group to which things happen.
QUIET = (r"^<4>drain: (spot interruption|rebalance recommendation|the Auto Scaling group terminates)",
         r"^<4>(kubernetes|own|failover|peer|repair|replication)[ :]", "^<3>(own|failover): ",
         "^<4>main: stopping without having handed over everything")

BESIDE = "p2"  # isn't selected: what it waits for or loses, the machine has
SHARED, SPORT = SERVERS[0], 40000  # two pods with one source port to one server: one of them gets another
LASTS = 280.0 + 15 * int(os.environ.get("EIPGW_FAILOVERS", os.environ.get("EIPGW_PLANNED", "0")))  # longer than any scenario
CONNECT_S = 3.0  # then it has failed; the SYN is sent again once until then
CONNECTS = int(os.environ.get("EIPGW_CONNECTS", "500"))  # new connections a second, of all pods together
DATAGRAM_MS = int(os.environ.get("EIPGW_DATAGRAM_MS", "20"))

# What each selected pod does: what it's called, a kind of flow and its options. A "tcp" of 64 KiB messages is a transfer.
LOAD: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("echo", "tcp", {"interval_ms": 20}),
    ("push", "pull", {}),
    ("udp", "udp", {"interval_ms": DATAGRAM_MS}),
    ("remapped", "tcp", {"interval_ms": 20, "dst": SHARED, "sport": SPORT}),
    ("bulk", "tcp", {"interval_ms": 20, "size": 65536}),
    ("connects", "tcp-new", {"timeout": CONNECT_S}),
)
STREAMS = ("echo", "push", "remapped", "bulk")


class Told:
    """Which gateway the EgressGateway's status names for an egress IP, one after the other; "": none, and nodes have no
    way out."""

    def __init__(self, kube: Kube, egress: str = "bank"):
        self.egress = egress
        self.names: list[str] = []
        self.client = kube.plane.client()
        self.watch = self.client.watch("EgressGateway", timeout=LASTS)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for event in self.watch:
                rows = event["object"].get("status", {}).get("egressIPs", [])
                name = next((row.get("member", "") for row in rows if row["name"] == self.egress), "")
                if self.names[-1:] != [name]:
                    self.names.append(name)


def retransmitted(lab: Lab) -> int:
    """TCP segments that were sent again, by the pods of the load and the servers. A machine without time makes some, too."""
    total = 0
    for name in (*SELECTED, "inet"):
        names, values = (line.split() for line in lab.run(name, "cat", "/proc/net/snmp").splitlines() if line.startswith("Tcp:"))
        total += int(values[names.index("RetransSegs")])
    return total


@dataclass
class Row:
    pod: str
    what: str
    report: FlowReport

    @property
    def survived(self) -> bool:
        return self.report.state == "open" and not self.report.corrupt and not self.report.resets

    def __str__(self) -> str:
        r = self.report
        if self.what == "connects":
            why = f" {r.failures}" if r.failures else ""
            return f"{self.pod} {self.what:9} {r.errors} of {r.sent} failed{why}, {r.late} late, longest pause {r.max_gap_ms:.0f} ms, seen {r.seen}"
        word = f"{r.lost} lost" if self.what == "udp" else "survived" if self.survived else f"ended: {r.state} {r.error}"
        return f"{self.pod} {self.what:9} {word}, longest pause {r.max_gap_ms:.0f} ms, seen {r.seen}"


@dataclass
class Judgement:
    rows: list[Row]
    foreign: dict[str, int]  # source at the exit -> packets
    told: list[str]          # whom the status named
    died: int                # with a gateway's private address, at the internet gateway: they never left
    per_sec: float           # new connections
    ours: str                # the Elastic IP
    retransmitted: int       # TCP segments, since the load began
    beside: FlowReport       # datagrams of a pod that isn't selected

    @property
    def is_lossless(self) -> bool:
        """But for what got lost for a pod that needs no gateway, too: then the machine had no time for its own queues."""
        return not self.lost or self.beside.lost > 0

    @property
    def gap_ms(self) -> float:
        """Of what goes on all the time; a new connection begins now and then."""
        return max(row.report.max_gap_ms for row in self.rows if row.what != "connects")

    @property
    def lost(self) -> int:
        """Datagrams, of those that had the time to be answered."""
        return sum(row.report.lost for row in self.rows if row.what == "udp")

    @property
    def streams(self) -> list[Row]:
        return [row for row in self.rows if row.what in STREAMS]

    @property
    def ended(self) -> list[Row]:
        return [row for row in self.streams if not row.survived]

    @property
    def seen(self) -> set[str]:
        return {source for row in self.rows for source in row.report.seen}

    @property
    def connects(self) -> list[FlowReport]:
        return [row.report for row in self.rows if row.what == "connects"]

    @property
    def wrong(self) -> int:
        """New connections that the server saw from another address."""
        return sum(n for r in self.connects for source, n in r.seen.items() if source != self.ours)

    @property
    def failures(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for why, n in (item for r in self.connects for item in r.failures.items()):
            found[why] = found.get(why, 0) + n
        return found

    def __str__(self) -> str:
        head = (f"flows survived {len(self.streams) - len(self.ended)} of {len(self.streams)}; gap {self.gap_ms:.0f} ms; lost {self.lost} "
                f"datagrams, {self.retransmitted} segments sent again; of a pod that needs no gateway: gap {self.beside.max_gap_ms:.0f} ms, lost "
                f"{self.beside.lost}; connects failed "
                f"{sum(r.errors for r in self.connects)} of {sum(r.sent for r in self.connects)} {self.failures or ''}, late "
                f"{sum(r.late for r in self.connects)}, wrong address {self.wrong}, {self.per_sec:.0f}/s; foreign-source packets "
                f"{sum(self.foreign.values())} {self.foreign or ''}; died at the internet gateway {self.died}; "
                f"servers saw {', '.join(sorted(self.seen))}; the status named {self.told}")
        return "\n  ".join([head, *map(str, self.rows)])


class Load:
    """Runs from its making until judge()."""

    def __init__(self, kube: Kube, group: Group, connects: int = CONNECTS):
        self.group = group
        self.lab: Lab = group.lab
        self.told = Told(kube)
        self.retransmitted = retransmitted(self.lab)
        silence(self.lab)
        rate = {"connects": {"per_sec": -(-connects // len(SELECTED))}}
        self.flows: list[tuple[str, str, Flow]] = [
            (pod, what, self.lab.pods[pod].flow(kind, duration=LASTS, **options, **rate.get(what, {})))
            for pod in SELECTED for what, kind, options in LOAD]
        self.beside = self.lab.pods[BESIDE].flow("udp", duration=LASTS, interval_ms=DATAGRAM_MS)
        self.wait_going("at the start")

    def wait_going(self, when: str, deadline: float = 40.0) -> None:
        """Until something has come for each flow that lives, after now."""
        before = [flow.stat() for _, _, flow in self.flows]

        def is_going() -> list[str]:
            return [f"{pod} {what}" for (pod, what, flow), old in zip(self.flows, before, strict=True)
                    if old.state != "dead" and (now := flow.stat()).state != "dead" and now.received <= old.received]

        try:
            wait_until(lambda: not is_going(), deadline, f"all goes on {when}", every=0.05)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(f"{error}; not: {', '.join(is_going())}") from error

    def judge_exit(self) -> tuple[dict[str, int], int]:
        """{source: packets} of what left with a wrong one, and how many packets died at the internet gateway."""
        ours = {self.lab.eip(e) for e in self.group.egress}
        private = {address for e in self.group.egress for address in self.lab.egress_ips[e].private.values()}
        foreign: dict[str, int] = {}
        died = 0
        for pod in self.lab.pods:
            for row in self.lab.foreign_rows(pod):
                if row.outside is None and row.inside in private:
                    died += row.packets
                else:
                    foreign[row.source] = foreign.get(row.source, 0) + row.packets
        for row in self.lab.exit_rows():
            if row.destination != SHARED or row.side != "vpc":
                continue
            if row.outside is None and row.inside in private:
                died += row.packets
            elif row.source not in ours:
                foreign[row.source] = foreign.get(row.source, 0) + row.packets
        return foreign, died

    def judge(self) -> Judgement:
        running = [flow.stat() for _, what, flow in self.flows if what == "connects"]
        per_sec = sum(r.sent / r.age_ms * 1000 for r in running)
        again = retransmitted(self.lab) - self.retransmitted
        rows = [Row(pod, what, flow.stop(linger_ms=int(CONNECT_S * 1000) if what == "connects" else 300)) for pod, what, flow in self.flows]
        beside = self.beside.stop()
        foreign, died = self.judge_exit()
        return Judgement(rows, foreign, list(self.told.names), died, per_sec, self.lab.eip("bank"), again, beside)


def names_of(lab: Lab, failover: bool) -> tuple[str, ...]:
    return lab.gateways if failover else ("gw-a",)


def configure_group(kube: Kube, group: Group, failover: bool = True) -> None:
    """The objects, and every daemon's configuration."""
    kube.gateway(**{e: {"tag": {"key": "Name", "value": e}} for e in group.egress})
    kube.policy()
    kube.configure_nodes()
    for name in names_of(kube.lab, failover):
        kube.configure_gateway(name)
    group.configure(failover)


def start_group(kube: Kube, group: Group, failover: bool = True) -> None:
    """All gateways, gw-a with everything, and the nodes."""
    lab = kube.lab
    names = names_of(lab, failover)
    # The first one has them before the others come.
    lab.daemons["gw-a"].start(wait_ready=False)
    if failover:
        group.wait_carrier("gw-a")
        for name in names[1:]:
            lab.daemons[name].start(wait_ready=False)
    lab.start_daemons(NODES)
    for name in names:
        lab.daemons[name].wait_ready(deadline=60)
    for name in SELECTED:
        wait_seen(lab, name, lab.eip("bank"))
