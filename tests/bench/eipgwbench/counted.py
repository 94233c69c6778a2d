# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Gateways to be compared in a virtual machine whose clock counts instructions, so that the time of the gateway's receiving
thread is a number of instructions, and who else uses the machine doesn't matter."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import configs, gateways
from .command import SKIP_STATUS, Failed
from .lab import smallguest

OBJECT = "/usr/lib/packets.bpf.o"
READY_TRIES = 600  # of 0.1 s each, by the guest's clock
TOOLS = ["ip", "tc", "ethtool", "conntrack", "nft"]


@dataclass
class Bench(gateways.Bench):
    """A variant that stands in the guest."""

    guest: Any = field(default=None)

    def add(self, *names: str) -> None:
        self.guest.run("; ".join(f"ip netns add {name}" for name in names))

    def batch(self, where: str, lines: Iterable[str]) -> None:
        self.guest.put("/tmp/batch", "\n".join(lines) + "\n")
        self.guest.run(f"ip -n {where} -b /tmp/batch")

    def set(self, where: str, values: dict[str, Any]) -> None:
        self.guest.run("\n".join(f"ip netns exec {where} sysctl -qw {key}={value}" for key, value in values.items()))

    def run(self, *argv: str, stdin: str | None = None) -> str:
        assert stdin is None
        return self.guest.run(f"ip netns exec {self.netns} {shlex.join(argv)}")


def _thread(bench: Bench) -> None:
    bench.run("sh", "-c", f"echo 1 >/sys/class/net/{bench.device}/threaded")
    found = bench.guest.run(f"grep -lE '^(napi/{bench.device}|ksoftirqd/0)' /proc/[0-9]*/comm | cut -d / -f 3")
    bench.threads = [int(pid) for pid in found.split()]
    if len(bench.threads) != 2:
        raise Failed(f"no receiving thread of {bench.device}")


def eipgwd(bench: Bench, fast_path: str) -> None:
    """The real program, which goes on running."""
    config = configs.gateway(bench.variant.pods, uplink=bench.device, nodes=bench.variant.pods)
    config["gateway"]["fast_path"] = fast_path
    where = f"/run/{bench.device}"
    bench.guest.run(f"mkdir {where}")
    bench.guest.put(f"{where}/gateway.json", json.dumps(config))
    bench.guest.run(f"ip netns exec {bench.netns} eipgwd --config {where}/gateway.json --control {where}/control.sock"
                    f" >{where}/log 2>&1 &")
    bench.guest.run(f"n=0; until grep -q 'main: ready' {where}/log; do n=$((n + 1)); [ $n -lt {READY_TRIES} ]; sleep 0.1; done")


class Gateways:
    """All variants of one guest."""

    def __init__(self, directory: Path, tool: Path, daemon: Path):
        try:
            self._guest = smallguest.SmallGuest(directory, [*map(smallguest.tool, TOOLS), tool, daemon],
                                                {OBJECT: tool.parent / "packets.bpf.o"}, counted=True)
        except smallguest.Unavailable as error:
            print(f"SKIP: {error}")
            sys.exit(SKIP_STATUS)
        self.kernel = self._guest.run("uname -r").strip()
        self._guest.run("modprobe nf_conntrack; modprobe veth; echo 262144 >/proc/sys/net/netfilter/nf_conntrack_max")
        self.benches: list[Bench] = []

    def add(self, variant: gateways.Variant) -> Bench:
        letter = chr(ord("a") + len(self.benches))
        bench = Bench(variant, f"bp{letter}", f"gw{letter}", f"wire{letter}", Path("/"), Path("/"), guest=self._guest)
        self.benches.append(bench)
        gateways.wire(bench)
        variant.build(bench)
        _thread(bench)
        return bench

    def drive(self, bench: Bench, protocol: str, phases: list[str], warm: int) -> list[dict[str, Any]]:
        """What the C half says of these phases: see tools/bench_packets.c."""
        variant = bench.variant
        argv = ["bench_packets", f"object={OBJECT}", f"device={gateways.WIRE}", f"gateway_netns=/run/netns/{bench.netns}",
                f"gateway_device={bench.device}", f"threads={','.join(map(str, bench.threads))}", f"pods={variant.pods}",
                f"nodes={variant.pods}", f"tunnel={int(variant.tunnel)}", f"gateway={configs.GATEWAY}",
                f"egress={variant.egress or ''}", "processor=0", f"protocol={protocol}", f"warm={warm}", *phases]
        return json.loads(self._guest.run(f"ip netns exec {bench.wire_netns} {shlex.join(argv)}"))

    def carried(self, bench: Bench) -> int:
        """Connections that a flowtable has."""
        return int(self._guest.run(f"ip netns exec {bench.netns} conntrack -L 2>/dev/null | grep -c OFFLOAD || true"))

    def close(self) -> None:
        self._guest.close()

    def __enter__(self) -> Gateways:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self.close()
