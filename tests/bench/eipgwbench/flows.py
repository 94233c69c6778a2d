# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Short flows of 256 pods through one gateway: sent by tools/bench_connect, and looked for in what somebody recorded.

At the other end of the gateway's wire there are a node with its tunnel and the servers, in one namespace. The kernel takes a
packet through the gateway in the time of who sent it, so nothing is lost when a processor is busy: it's only later.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import configs, gateways
from .command import Failed
from .gateways import Bench
from .lab import netns, wait
from .recorders import Flow

# As tools/segments.c makes them, and tools/bench_connect.c calls their services.
PODS, SERVERS, FIRST_PORT = 256, 200, 1024
PODS_NET, SERVERS_NET = (int(ipaddress.ip_address(text)) for text in ("10.64.0.0", "198.18.0.0"))
NUMBERS = PODS * 60000  # no two of so many are alike
SERVICES = {"tcp": 443, "udp": 53}
TCP_EACH = 4  # the others are UDP
HOLD_MS = 300  # of a TCP connection, then its FIN
FORGET_S = 1  # after the last packet it is over
TIMEOUTS = ("udp_timeout", "udp_timeout_stream", "tcp_timeout_time_wait", "tcp_timeout_close", "tcp_timeout_last_ack",
            "tcp_timeout_fin_wait", "tcp_timeout_close_wait")
FORGET_EACH_S = 0.1
DRAIN_S = 10
POD_PREFIX = ipaddress.ip_network(f"{ipaddress.ip_address(PODS_NET)}/24")


def build(bench: Bench) -> None:
    """eipgwd with a table of bench.variant.pods pods; those that send are the first node's, all 256 of its addresses."""
    gateways.eipgwd(bench)
    assert bench.daemon and bench.config
    policy = bench.config["policies"][0]
    policy["pod_cidrs"] = [str(POD_PREFIX)] + [cidr for cidr in policy["pod_cidrs"]
                                               if not POD_PREFIX.supernet_of(ipaddress.ip_network(cidr))]
    bench.daemon.end()
    bench.daemon.configure(bench.config)
    bench.daemon.start()
    _other_end(bench)
    netns.sysctl(bench.netns, {f"net.netfilter.nf_conntrack_{key}": FORGET_S for key in TIMEOUTS})
    # Rivals have as much to tell as eipgwd.
    netns.sysctl(bench.netns, {f"net.netfilter.nf_conntrack_{key}": 1 for key in ("acct", "timestamp", "events")})


def _other_end(bench: Bench) -> None:
    node = configs.address(configs.node_address(0))
    netns.ip_batch([
        f"address add {configs.ROUTER}/24 dev {gateways.WIRE}", f"address add {node}/32 dev {gateways.WIRE}",
        f"neighbour replace {configs.GATEWAY} lladdr {gateways.GATEWAY_MAC} dev {gateways.WIRE} nud permanent",
        f"neighbour replace {gateways.EGRESS} lladdr {gateways.GATEWAY_MAC} dev {gateways.WIRE} nud permanent",
        f"link add egw0 address {gateways.NODE_MAC} mtu {gateways.TUNNEL_MTU} type vxlan external dstport {gateways.VXLAN_PORT} ttl 64",
        "link set egw0 arp off", "link set egw0 up",
        f"neighbour replace 169.254.64.254 lladdr {gateways.TUNNEL_MAC} dev egw0 nud permanent",
        f"route add 198.18.0.0/15 encap ip id 77 src {node} dst {configs.GATEWAY} ttl 64 via 169.254.64.254 dev egw0 onlink",
    ], bench.wire_netns)


def number_of(flow: Flow) -> int | None:
    """Which one it is; None: nobody sent that."""
    pod = int(ipaddress.ip_address(flow.source)) - PODS_NET
    number = (flow.source_port - FIRST_PORT) * PODS + pod
    protocol = "udp" if number % TCP_EACH else "tcp"
    server = str(ipaddress.ip_address(SERVERS_NET + 1 + number * 7 % SERVERS))
    is_right = (0 <= pod < PODS and number >= 0 and flow.protocol == protocol and flow.destination == server
                and flow.port == SERVICES[protocol])
    return number if is_right else None


@dataclass
class Sent:
    """A load that is over: which flows there were."""

    first: int
    answered: bytes  # of each flow, whether its first packet had an answer
    rate: float  # that was truly reached
    cpu_us: float  # of each flow, for who sent and answered, with all that the kernel did in between

    @property
    def opened(self) -> int:
        return len(self.answered)


@dataclass
class Found:
    """What a record of a load is worth."""

    recorded: int
    lost: int  # there for sure, since they had an answer
    twice: int
    wrong: int  # of nobody that sent

    @classmethod
    def of(cls, sent: Sent, flows: Iterable[Flow]) -> Found:
        seen = bytearray(sent.opened)
        recorded = wrong = 0
        for flow in flows:
            number = number_of(flow)
            recorded += 1
            if number is None or not 0 <= number - sent.first < sent.opened:
                wrong += 1
            else:
                seen[number - sent.first] = min(255, seen[number - sent.first] + 1)
        lost = sum(1 for there, times in zip(sent.answered, seen) if there and not times)
        return cls(recorded, lost, sum(times > 1 for times in seen), wrong)


class Load:
    """Flows at a rate, for some seconds."""

    def __init__(self, tool: Path, bench: Bench, first: int, rate: int, seconds: float):
        if first + (seconds + 1) * rate > NUMBERS:
            raise Failed("flows would come twice: fewer rounds, or a lower rate")
        self._bench, self._first, self._file = bench, first, bench.directory / "answered"
        argv = [str(tool), f"/run/netns/{bench.wire_netns}", "egw0", gateways.WIRE, f"seconds={seconds:.0f}", f"rate={rate}",
                f"hold_ms={HOLD_MS}", f"tcp_each={TCP_EACH}", f"first={first}", f"answered={self._file}"]
        with netns.entered(bench.wire_netns):
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def end(self) -> Sent:
        """Waits for it."""
        text, _ = self._process.communicate()
        if self._process.returncode:
            raise Failed(f"bench_connect: exit {self._process.returncode}")
        said, answered = json.loads(text), self._file.read_bytes()
        if len(answered) != said["opened"] or not answered:
            raise Failed("bench_connect: it doesn't know what it opened")
        return Sent(self._first, answered, len(answered) / said["opening_s"], said["cpu_us"] / len(answered))


def connections(bench: Bench) -> int:
    with netns.entered(bench.netns):
        return int(Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text(encoding="ascii"))


class Forgetting:
    """Connections end as fast as they begin while this lasts.

    The kernel looks for what is over when it likes, which can take minutes, and tells of all at once then. But it also lets go of
    what it meets in a dump, so there are many dumps, of which the kernel gives nobody anything: no connection has that mark.
    """

    argv = ("conntrack", "-L", "-m", "0x7fffffff/0xffffffff")

    def __init__(self, bench: Bench):
        self._bench = bench
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.wait(FORGET_EACH_S):
            self._bench.run(*self.argv)

    def __enter__(self) -> Forgetting:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()


def drain(bench: Bench) -> int:
    """Waits until the kernel has forgotten all connections; how many had to be removed, such as TCP without its FIN."""
    left = 0
    try:
        wait.wait_until(lambda: connections(bench) == 0, DRAIN_S, "the kernel forgets", 0.1)
    except wait.DeadlineExceeded:
        left = connections(bench)
        bench.run("conntrack", "-F")
        wait.wait_until(lambda: connections(bench) == 0, DRAIN_S, "the kernel forgets what was removed", 0.1)
    return left
