# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Pods that come and go by the dozen a second: objects that the API server tells of, real devices, routes and rules on the nodes as
the CNI makes them, and frames from the devices' other ends.

The other ends share one namespace that owns all their addresses: a namespace and a helper for each would be more work for the
machine than the pods are for the daemons. So nothing connects; whatever a pod sends, and who answers it, is real."""

import ipaddress
import itertools
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from eipgwlab import netns, packets
from eipgwlab.model import Pod, mac_of, veth_name
from eipgwlab.state import cpu_seconds
from eipgwlab.topology import pod_gone_lines, pod_node_lines
from eipgwlab.wait import wait_until
from labkube import SELECTED, Kube

from kubebulk import Pattern, key_of, write
from kubeclient import ApiError, object_of

# What AWS would call a delegated prefix. Each address comes again after seconds, far sooner than the CNI's 30 s.
RANGES = {"node1": "10.0.1.128/26", "node2": "10.0.2.128/26"}
IP = 0x0800
TICK = 0.1
LIFE, STATUS, AGAIN = 10, 3, 5  # in ticks
TOLD, BEHIND = 5, 60.0  # in so many ticks it's looked how far the API server is; never so many seconds behind


@dataclass
class Fleeting(Pod):
    """One of them. `number` is among all of them."""

    number: int = 0
    born: int = 0
    frames: list[bytes] = field(default_factory=list)

    @property
    def peer(self) -> str:
        return f"c{self.number}"


class Objects:
    """Their objects, as the scheduler and kubelet would write them. One has been through the API server; the others are copies of
    it, written into etcd, each in a transaction of its own. The API server reads and tells them as its own, and has no more to do
    than that: with a request for each write it had some 40 pods a second on two processors, and the daemons the least of them."""

    def __init__(self, kube: Kube):
        self.plane, self.admin = kube.plane, kube.admin
        self.hosts = {name: kube.lab.machines[name].address for name in RANGES}
        spec = {"containers": [{"name": "main", "image": "example.org/main"}], "nodeName": Pattern.NODE}
        found = object_of("Pod", "pattern-pod", spec, "default", labels={"pattern": "pattern"})
        told = {"phase": "Running", "podIP": Pattern.ADDRESS, "podIPs": [{"ip": Pattern.ADDRESS}],
                "hostIP": Pattern.HOST, "hostIPs": [{"ip": Pattern.HOST}]}
        self.pending, self.running = Pattern(self.admin, found, {}), Pattern(self.admin, found, told)

    def _put(self, pattern: Pattern, pods: list[Fleeting]) -> None:
        write(self.plane, (("requestPut", key_of(pod.name), pattern.text_for(
            pod.name, SELECTED if pod.egress else {}, node=pod.node, address=pod.address, host=self.hosts[pod.node]))
            for pod in pods), 1)

    def schedule(self, pods: list[Fleeting]) -> None:
        self._put(self.pending, pods)

    def run(self, pods: list[Fleeting]) -> None:
        self._put(self.running, pods)

    def remove(self, pods: list[Fleeting]) -> None:
        write(self.plane, (("requestDeleteRange", key_of(pod.name), "") for pod in pods), 1)

    def is_told(self, pod: Fleeting) -> bool:
        """Whether what watches get from has come to it."""
        try:
            return bool(self.admin.get("Pod", pod.name, "default", resourceVersion="0"))
        except ApiError as error:
            if error.status == 404:
                return False
            raise


@dataclass
class Churn:
    """selected, plain: the servers that selected pods and others send to; made by Lab.stand_in."""

    kube: Kube
    selected: str
    plain: str
    made: int = 0
    alive: deque[Fleeting] = field(default_factory=deque)

    def __post_init__(self) -> None:
        lab = self.lab = self.kube.lab
        inside = lab.add_namespace("churn")
        for node, prefix in RANGES.items():
            lab.assign_private(node, prefix)
            netns.ip_batch([f"addr add {prefix} dev lo"], inside)
        netns.ip_batch(["link set lo up"], inside)
        netns.sysctl(inside, {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0})
        with netns.entered(inside):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.shells = {name: netns.IpShell(lab.netns_of(name)) for name in (*RANGES, "churn")}
        self.addresses: dict[str, Iterator[str]] = {
            node: itertools.cycle([str(a) for a in ipaddress.IPv4Network(prefix)]) for node, prefix in RANGES.items()}
        self.objects = Objects(self.kube)
        self.writer = ThreadPoolExecutor(1)
        self.writes: deque[Future[None]] = deque()

    # ---- the machines

    def _on_nodes(self, lines: dict[str, list[str]]) -> None:
        for node in RANGES:
            self.shells[node].ask(lines[node])
        for node in RANGES:
            self.shells[node].wait()

    def _plug(self, pods: list[Fleeting]) -> None:
        lines: dict[str, list[str]] = {node: [] for node in RANGES}
        inside = self.shells["churn"].process.pid
        for pod in pods:
            eni = self.lab.machines[pod.node].enis[0]
            peer = f"{pod.peer} netns {inside} group {pod.born + 1}"
            lines[pod.node] += [f"link add {pod.veth} address {self.mac(pod)} type veth peer name {peer}", *pod_node_lines(pod, eni)]
        self._on_nodes(lines)
        self.shells["churn"].ask(f"link set group {born + 1} up" for born in sorted({pod.born for pod in pods}))
        self.shells["churn"].wait()

    def _unplug(self, pods: list[Fleeting]) -> None:
        """Routes and rules are the CNI's to remove. Devices go with the pods' namespaces, of which the kernel takes as many at once
        as it finds; one by one they'd have to wait for all processors several times each."""
        lines: dict[str, list[str]] = {node: [] for node in RANGES}
        for pod in pods:
            lines[pod.node] += [line for line in pod_gone_lines(pod, self.lab.machines[pod.node].enis[0])
                                if " 1536 " not in line and not line.startswith("link ")]
        self._on_nodes(lines)
        self.shells["churn"].ask(f"link del group {born + 1}" for born in sorted({pod.born for pod in pods}))
        self.shells["churn"].wait()

    @staticmethod
    def mac(pod: Fleeting) -> str:
        return mac_of(pod.address).replace("02:00", "02:01", 1)

    def _frames(self, pod: Fleeting) -> list[bytes]:
        """A datagram, the first packet of a connection, and a ping; always from the same ports."""
        to, port = (self.selected if pod.egress else self.plain), 10000
        macs = bytes.fromhex((self.mac(pod) + "020000000001").replace(":", ""))
        return [macs + struct.pack("!H", IP) + packet for packet in (
            packets.udp(pod.address, to, port, 8081), packets.tcp(pod.address, to, port, 8080), packets.icmp_echo(pod.address, to))]

    def _send(self, pod: Fleeting) -> None:
        for frame in pod.frames:
            self.socket.sendto(frame, (pod.peer, IP))

    # ---- time

    def _write(self, what: Callable[[list[Fleeting]], None], pods: list[Fleeting]) -> None:
        """Beside the machines' work, in this order."""
        if pods:
            self.writes.append(self.writer.submit(what, pods))

    def _written(self) -> None:
        while self.writes:
            self.writes.popleft().result()

    def _new(self, tick: int) -> Fleeting:
        number = self.made
        self.made += 1
        node = "node1" if number % 2 else "node2"
        address = next(self.addresses[node])
        # An address's next owner is of the other kind: 64 addresses of a node, an odd number of turns.
        turn = number // 2 // 64
        egress = "bank" if (number // 2 + turn) % 2 else None
        name = f"churn-{number}"
        pod = Fleeting(name, node, address, self.selected, egress, veth=veth_name("eni", "default", name), number=number, born=tick)
        pod.frames = self._frames(pod)
        return pod

    def _step(self, tick: int, n: int) -> None:
        new = [self._new(tick) for _ in range(n)]
        self._write(self.objects.schedule, new)
        self._plug(new)
        for pod in new:
            self._send(pod)
            self.alive.append(pod)
        self._write(self.objects.run, [pod for pod in self.alive if tick - pod.born == STATUS])
        for pod in self.alive:
            if tick - pod.born in (AGAIN, LIFE):
                self._send(pod)
        old = []
        while self.alive and tick - self.alive[0].born >= LIFE:
            old.append(self.alive.popleft())
        self._write(self.objects.remove, old[::2])  # the API may know it before the node does
        self._unplug(old)
        self._write(self.objects.remove, old[1::2])

    def run(self, pods: int, rate: int, patience: float) -> float:
        """So many pods, at this rate or as fast as the machine can, and no longer than `patience` seconds. The rate that it came to."""
        began, tick, n = time.monotonic(), 0, round(rate * TICK)
        while time.monotonic() - began < patience and self.made < pods:
            self._step(tick, n)
            tick += 1
            # The API server may lag behind, but not by more than a busy cluster's.
            if tick % TOLD == 0:
                self._written()
                wait_until(lambda: self.objects.is_told(self.alive[-1]), BEHIND, "the API server tells of the last pod")
            select.select([], [], [], max(0.0, began + tick * TICK - time.monotonic()))
        reached = self.made / (time.monotonic() - began)
        for tick in range(tick, tick + LIFE + 1):
            self._step(tick, 0)
        self._written()
        return reached

    def cpu(self) -> dict[str, float]:
        """What each part has had of the processors."""
        pids = {name: daemon.pid for name, daemon in self.lab.daemons.items() if daemon.pid}
        pids |= {"kube-apiserver": self.kube.plane.server.popen.pid, "etcd": self.kube.plane.etcd.popen.pid}
        pids |= {f"ip in {name}": shell.process.pid for name, shell in self.shells.items()}
        return {name: cpu_seconds(pid) for name, pid in pids.items()} | {"the test": time.process_time()}

    def close(self) -> None:
        self.writer.shutdown()
        for shell in self.shells.values():
            shell.close()
        self.socket.close()


def left_of(text: str) -> list[str]:
    """What a listing has of addresses of the churn."""
    ranges = [ipaddress.IPv4Network(prefix) for prefix in RANGES.values()]
    words = text.replace("/", " ").replace(",", " ").split()
    return [word for word in words if word.count(".") == 3 and word.replace(".", "").isdigit()
            and any(ipaddress.IPv4Address(word) in prefix for prefix in ranges)]
