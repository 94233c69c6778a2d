# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Gateways to be compared: each in a namespace of its own, on a wire of its own, alive all the time.

One network device is uplink and tunnel end, as on an instance with one ENI. The other end of its wire is in a namespace
where tools/bench_packets plays the nodes and the internet.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import configs
from .command import SKIP_STATUS, Failed
from .daemon import Gateway
from .lab import netns

GATEWAY_MAC, WIRE_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
TUNNEL_MAC, NODE_MAC = "02:65:67:77:00:01", "02:65:67:77:00:02"
WIRE = "wire0"
ENI_MTU, TUNNEL_MTU = 9001, 8951
VXLAN_PORT = 4789


@dataclass
class Variant:
    """One kind of gateway, and how it is made: `build` runs when namespaces, wire and addresses are there."""

    name: str
    text: str
    build: Callable[[Bench], None]
    pods: int = 1000
    tunnel: bool = True
    egress: str | None = configs.GATEWAY  # where replies arrive; None: untranslated, at the pod
    tracks: bool = True  # has a connection table


@dataclass
class Bench:
    """A variant that stands."""

    variant: Variant
    device: str
    netns: str
    wire_netns: str
    directory: Path
    eipgwd: Path
    daemon: Gateway | None = None
    config: dict[str, Any] | None = None  # the daemon's
    recorder: Any = None  # recorders.Recorder
    threads: list[int] = field(default_factory=list)

    def ip(self, *lines: str) -> None:
        self.batch(self.netns, lines)

    def sysctl(self, values: dict[str, Any]) -> None:
        self.set(self.netns, values)

    # Where the namespaces are.
    def add(self, *names: str) -> None:
        netns.ip_batch([f"netns add {name}" for name in names])

    def batch(self, where: str, lines: Iterable[str]) -> None:
        netns.ip_batch(lines, where)

    def set(self, where: str, values: dict[str, Any]) -> None:
        netns.sysctl(where, values)

    def run(self, *argv: str, stdin: str | None = None) -> str:
        return netns.execute(list(argv), netns=self.netns, stdin=stdin).stdout


def wire(bench: Bench) -> None:
    """The gateway's namespace, and the other end of its only device."""
    bench.add(bench.netns, bench.wire_netns)
    for name in (bench.netns, bench.wire_netns):
        bench.set(name, {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1,
                         "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0})
    queue = "numtxqueues 1 numrxqueues 1"
    bench.ip("link set lo up",
             f"link add {bench.device} mtu {ENI_MTU} address {GATEWAY_MAC} {queue} type veth"
             f" peer name {WIRE} mtu {ENI_MTU} address {WIRE_MAC} {queue} netns {bench.wire_netns}")
    bench.batch(bench.wire_netns, ["link set lo up", f"link set {WIRE} up"])
    bench.ip(f"link set {bench.device} up", f"address add {configs.GATEWAY}/24 dev {bench.device}",
             f"neighbour replace {configs.ROUTER} lladdr {WIRE_MAC} dev {bench.device} nud permanent",
             f"route add default via {configs.ROUTER}")
    # ENA verifies checksums; a frame made by BPF says nothing, and conntrack would compute them.
    bench.sysctl({"net.netfilter.nf_conntrack_checksum": 0})
    # A veth polls (NAPI) only with GRO.
    bench.run("ethtool", "-K", bench.device, "gro", "on")


class Gateways:
    """All variants of one run; leaves nothing behind."""

    def __init__(self, eipgwd: Path, processor: int):
        self._eipgwd = eipgwd
        self._processor = processor
        self._directory = tempfile.TemporaryDirectory(prefix="eipgw-bench-")
        self.benches: list[Bench] = []

    def add(self, variant: Variant) -> Bench:
        letter = chr(ord("a") + len(self.benches))
        directory = Path(self._directory.name) / letter
        directory.mkdir()
        # The receiving thread is called after the device, so its name is nobody else's.
        device = f"bp{os.getpid()}{letter}"
        bench = Bench(variant, device, f"{device}-gw", f"{device}-wire", directory, self._eipgwd)
        self.benches.append(bench)
        wire(bench)
        variant.build(bench)
        self._thread(bench)
        return bench

    def _thread(self, bench: Bench) -> None:
        """A kernel thread of its own receives for the device, so that its processor time can be read."""
        # A container's processes see none of the kernel's.
        if not Path("/proc/2/comm").exists() or Path("/proc/2/comm").read_text(encoding="ascii") != "kthreadd\n":
            print("SKIP: the kernel's threads can't be seen from this PID namespace")
            sys.exit(SKIP_STATUS)
        netns.execute(["ip", "netns", "exec", bench.netns, "sh", "-c", f"echo 1 >/sys/class/net/{bench.device}/threaded"])
        prefix = f"napi/{bench.device}-"[:15]
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            name = Path(f"/proc/{entry}/comm").read_text(encoding="ascii").strip() if Path(f"/proc/{entry}/comm").exists() else ""
            if name.startswith(prefix):
                os.sched_setaffinity(int(entry), {self._processor})
                os.setpriority(os.PRIO_PROCESS, int(entry), -10)
                bench.threads.append(int(entry))
            elif name == f"ksoftirqd/{self._processor}":
                bench.threads.append(int(entry))
        if len(bench.threads) < 2:
            raise Failed(f"no receiving thread {prefix}*")

    def close(self) -> None:
        for bench in self.benches:
            if bench.daemon:
                bench.daemon.stop()
        netns.delete(name for bench in self.benches for name in (bench.netns, bench.wire_netns))
        self._directory.cleanup()

    def __enter__(self) -> Gateways:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


# ---- the rivals ----------------------------------------------------------------------------------------

def _pod_routes(bench: Bench) -> list[str]:
    def route(node: int) -> str:
        where = f"route add {configs.address(configs.PODS_FIRST + 256 * node)}/24"
        if not bench.variant.tunnel:
            return f"{where} via {configs.ROUTER}"
        return (f"{where} encap ip id 77 src {configs.GATEWAY} dst {configs.address(configs.node_address(node))} ttl 64"
                " via 169.254.64.254 dev egw0 onlink")

    return [route(node) for node in range(configs.NODES)]


def plain(bench: Bench) -> None:
    """Forwards, and nothing else. With the tunnel it has the same device and the same routes as eipgwd makes."""
    bench.sysctl({"net.ipv4.ip_forward": 1})
    if bench.variant.tunnel:
        bench.ip(f"link add egw0 address {TUNNEL_MAC} mtu {TUNNEL_MTU} type vxlan external dstport {VXLAN_PORT} ttl 64",
                 "link set egw0 arp off", "link set egw0 up", "address add 169.254.64.2/32 dev egw0",
                 f"neighbour replace 169.254.64.254 lladdr {NODE_MAC} dev egw0 nud permanent")
    bench.ip(*_pod_routes(bench))


def masquerade(bench: Bench) -> None:
    plain(bench)
    bench.run("iptables-nft", "-t", "nat", "-A", "POSTROUTING", "-o", bench.device, "-j", "MASQUERADE")


def masquerade_notrack(bench: Bench) -> None:
    """What a careful user adds: the tunnel's own packets need no connection."""
    masquerade(bench)
    for chain in ("PREROUTING", "OUTPUT"):
        bench.run("iptables-nft", "-t", "raw", "-A", chain, "-p", "udp", "--dport", str(VXLAN_PORT), "-j", "NOTRACK")


# ---- eipgwd --------------------------------------------------------------------------------------------

EGRESS = configs.address(configs.EGRESS_FIRST)


def eipgwd(bench: Bench) -> None:
    """The real program, which goes on running, with all that it sets."""
    bench.daemon = Gateway(bench.eipgwd, bench.netns, bench.directory)
    bench.config = configs.gateway(bench.variant.pods, uplink=bench.device)
    bench.daemon.configure(bench.config)
    bench.daemon.start()


def _table_of_eipgwd(bench: Bench) -> str:
    """What eipgwd makes of the configuration, from a namespace that is gone again: one in which there ever was a rule of
    ip(8) is slower for good."""
    name = f"{bench.device}-tmp"
    netns.ip_batch([f"netns add {name}"])
    try:
        netns.ip_batch([f"link add {bench.device} type veth peer name {WIRE}", f"link set {WIRE} up", f"link set {bench.device} up",
                        f"address add {configs.GATEWAY}/24 dev {bench.device}", f"route add default via {configs.ROUTER}"], name)
        with Gateway(bench.eipgwd, name, bench.directory) as daemon:
            daemon.configure(configs.gateway(bench.variant.pods, uplink=bench.device))
            daemon.start()
            return netns.execute(["nft", "list", "table", "ip", "eipgw"], netns=name).stdout
    finally:
        netns.delete([name])


def eipgwd_native(bench: Bench) -> None:
    """An estimate: eipgwd takes packets out of its tunnel only, so its table is changed by hand to take them natively, and
    the nodes' marks to what an untunnelled packet has: none. Routes are a plain gateway's."""
    plain(bench)
    text = _table_of_eipgwd(bench)
    the_class = re.search(r"(0x[0-9a-f]+) : goto c_", text)
    if not the_class:
        raise Failed("eipgwd's table doesn't look as expected: no class")
    text = text.replace("meta mark set ip saddr accept", "meta mark set 0x1 accept")
    text = text.replace('iifname "egw0"', f'iifname "{bench.device}"')
    text = re.sub(r"0x[0-9a-f]+ \. (10\.[0-9.]+) : 0x[0-9a-f]+", rf"0x00000000 . \1 : {the_class[1]}", text)
    bench.run("nft", "-f", "-", stdin=text)
    netns.sysctl(bench.netns, {f"net.netfilter.nf_conntrack_{key}": 1 for key in ("acct", "timestamp", "events")})
