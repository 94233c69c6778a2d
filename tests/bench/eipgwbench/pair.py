# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A gateway between pods and servers, which translates, and another one beside it that is told of its connections.

    pods --nodes0-- a --up0-- servers
                    |sync0
                    b
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from .command import Failed, run_json
from .lab import netns

PODS, SERVERS = "10.64.0.0/16", "198.18.0.0/16"  # as tools/bench_connect.c makes them
EGRESS = {"a": "10.0.1.201", "b": "10.0.2.201"}
SYNC = {"a": "192.168.77.1", "b": "192.168.77.2"}
RULES = """
table ip bench {{
    chain forward {{ type filter hook forward priority 0; ct state established,related accept; }}
    chain translate {{ type nat hook postrouting priority 100; oifname "up0" snat to {}; }}
}}
"""


class Running:
    """A C half that runs beside others; end() gives what it found."""

    def __init__(self, argv: list[str], name: str):
        with netns.entered(name):
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def end(self, now: bool = True) -> dict[str, Any]:
        """now: it needn't do all that it was asked for."""
        if now:
            self._process.send_signal(signal.SIGTERM)
        text, _ = self._process.communicate()
        if self._process.returncode:
            raise Failed(f"{self._process.args}: exit {self._process.returncode}")
        return json.loads(text)


class Pair:
    """The namespaces, and what moves in them."""

    def __init__(self, tools: dict[str, Path]):
        self.names = {who: f"eipgw-bench-{os.getpid()}-{who}" for who in ("a", "b", "pods", "servers")}
        self._tools = tools
        self._first = 0  # connections get numbers that no other one had

    def _address(self, who: str, *lines: str) -> None:
        netns.ip_batch(["link set lo up", *lines], self.names[who])

    def __enter__(self) -> Pair:
        names = self.names
        netns.delete(names.values())
        netns.ip_batch(f"netns add {name}" for name in names.values())
        netns.ip_batch([f"link add nodes0 type veth peer name gw0 netns {names['pods']}",
                        f"link add up0 type veth peer name gw0 netns {names['servers']}",
                        f"link add sync0 type veth peer name sync0 netns {names['b']}"], names["a"])
        for who, forwards in (("a", 1), ("b", 1), ("pods", 0), ("servers", 0)):
            netns.sysctl(names[who], {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv4.conf.all.rp_filter": 0,
                                      "net.ipv4.conf.default.rp_filter": 0, "net.ipv4.ip_forward": forwards})
        up = [f"link set {device} up" for device in ("nodes0", "up0", "sync0")]
        self._address("a", *up, "address add 10.1.0.200/24 dev nodes0", "address add 192.0.2.200/24 dev up0",
                      f"address add {SYNC['a']}/24 dev sync0", f"route add {PODS} via 10.1.0.1", f"route add {SERVERS} via 192.0.2.1")
        self._address("b", "link set sync0 up", f"address add {SYNC['b']}/24 dev sync0")
        self._address("pods", "link set gw0 up", "address add 10.1.0.1/24 dev gw0", "route add default via 10.1.0.200")
        self._address("servers", "link set gw0 up", "address add 192.0.2.1/24 dev gw0", "route add default via 192.0.2.200")
        for who in ("a", "b"):
            self._tracks(who)
        return self

    def _tracks(self, who: str) -> None:
        """As eipgwd sets it; connections that have ended are forgotten soon, so that their end is part of a short load."""
        netns.execute(["nft", "-f", "-"], netns=self.names[who], stdin=RULES.format(EGRESS[who]))
        netns.sysctl(self.names[who], {f"net.netfilter.nf_conntrack_{key}": value for key, value in (
            ("acct", 1), ("timestamp", 1), ("events", 1), ("tcp_timeout_time_wait", 2), ("udp_timeout", 300))})

    def __exit__(self, *_error: object) -> None:
        netns.delete(self.names.values())

    def _connect(self, seconds: float, **options: int) -> Running:
        argv = [str(self._tools["bench_connect"]), f"/run/netns/{self.names['servers']}", "gw0", "gw0", f"seconds={seconds:.0f}",
                *(f"{key}={value}" for key, value in options.items())]
        return Running(argv, self.names["pods"])

    def load(self, seconds: float, rate: int, hold_ms: int = -1, udp_each: int = 0) -> Running:
        """New connections each second."""
        first, self._first = self._first, self._first + int(rate * (seconds + 1))
        return self._connect(seconds, rate=rate, hold_ms=hold_ms, udp_each=udp_each, first=first)

    def ping(self, seconds: float, every_us: int) -> Running:
        first, self._first = self._first, self._first + 1
        return self._connect(seconds, ping=every_us, first=first)

    def fill(self, count: int) -> None:
        netns.execute([str(self._tools["bench_entries"]), "fill", EGRESS["a"], str(count)], netns=self.names["a"])

    def flush(self) -> None:
        for who in ("a", "b"):
            netns.execute(["conntrack", "-F"], netns=self.names[who])

    def compare(self, end_ns: int, address: str = EGRESS["b"]) -> dict[str, Any]:
        """Which of a's connections b has, by their age at end_ns of the wall clock. address: b's translation."""
        return run_json([str(self._tools["bench_entries"]), "compare", f"/run/netns/{self.names['a']}", EGRESS["a"],
                         f"/run/netns/{self.names['b']}", address, str(end_ns)])
