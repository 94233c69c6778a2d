# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Pods that come and go by the dozen a second: real objects in the API, real devices, routes and rules on the nodes as the CNI
makes them, and frames from the devices' other ends.

The other ends share one namespace that owns all their addresses: a namespace and a helper for each would be more work for the
machine than the pods are for the daemons. So nothing connects; whatever a pod sends, and who answers it, is real."""

import ipaddress
import itertools
import queue
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from eipgwlab import netns, packets
from eipgwlab.model import Pod, mac_of, veth_name
from eipgwlab.topology import pod_gone_lines, pod_node_lines
from labkube import SELECTED, Kube

# What AWS would call a delegated prefix. Each address comes again after seconds, far sooner than the CNI's 30 s.
RANGES = {"node1": "10.0.1.128/26", "node2": "10.0.2.128/26"}
IP = 0x0800
TICK = 0.1
LIFE, STATUS, AGAIN = 10, 3, 5  # in ticks


@dataclass
class Fleeting(Pod):
    """One of them. `number` is among all of them."""

    number: int = 0
    born: int = 0

    @property
    def peer(self) -> str:
        return f"c{self.number}"


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
        self.addresses: dict[str, Iterator[str]] = {
            node: itertools.cycle([str(a) for a in ipaddress.IPv4Network(prefix)]) for node, prefix in RANGES.items()}
        self.wrong: list[str] = []
        self.requests: queue.Queue[tuple[str, Fleeting] | None] = queue.Queue()
        self.threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    # ---- the API: kubelet and controllers, beside the machines' work

    def _ask(self) -> None:
        admin = self.kube.plane.client_with(token=self.kube.plane.tokens["admin"])
        while (request := self.requests.get()) is not None:
            what, pod = request
            try:
                if what == "create":
                    admin.make_pod("default", pod.name, pod.node, labels=SELECTED if pod.egress else {})
                elif what == "status":
                    admin.set_pod("default", pod.name, pod.address)
                else:
                    admin.remove_pod("default", pod.name)
            except Exception as error:  # is the test's to tell
                self.wrong.append(f"{what} {pod.name}: {error}")
            self.requests.task_done()
        admin.close()

    # ---- the machines

    def _plug(self, pods: list[Fleeting]) -> None:
        inside = self.lab.netns_of("churn")
        lines: dict[str, list[str]] = {node: [] for node in RANGES}
        for pod in pods:
            eni = self.lab.machines[pod.node].enis[0]
            lines[pod.node] += [f"link add {pod.veth} address {self.mac(pod)} type veth peer name {pod.peer} netns {inside}",
                                *pod_node_lines(pod, eni)]
        for node in RANGES:
            netns.ip_batch(lines[node], self.lab.netns_of(node))
        netns.ip_batch([f"link set {pod.peer} up" for pod in pods], inside)

    def _unplug(self, pods: list[Fleeting]) -> None:
        for node in RANGES:
            lines = [line for pod in pods if pod.node == node
                     for line in pod_gone_lines(pod, self.lab.machines[node].enis[0]) if " 1536 " not in line]
            netns.ip_batch(lines, self.lab.netns_of(node))

    @staticmethod
    def mac(pod: Fleeting) -> str:
        return mac_of(pod.address).replace("02:00", "02:01", 1)

    def _send(self, pod: Fleeting) -> None:
        """A datagram, the first packet of a connection, and a ping; always from the same ports."""
        to, port = (self.selected if pod.egress else self.plain), 10000
        macs = bytes.fromhex((self.mac(pod) + "020000000001").replace(":", ""))
        for packet in (packets.udp(pod.address, to, port, 8081), packets.tcp(pod.address, to, port, 8080),
                       packets.icmp_echo(pod.address, to)):
            self.socket.sendto(macs + struct.pack("!H", IP) + packet, (pod.peer, IP))

    # ---- time

    def _new(self, tick: int) -> Fleeting:
        number = self.made
        self.made += 1
        node = "node1" if number % 2 else "node2"
        address = next(self.addresses[node])
        # An address's next owner is of the other kind: 64 addresses of a node, an odd number of turns.
        turn = number // 2 // 64
        egress = "bank" if (number // 2 + turn) % 2 else None
        name = f"churn-{number}"
        return Fleeting(name, node, address, self.selected, egress, veth=veth_name("eni", "default", name), number=number, born=tick)

    def _step(self, tick: int, n: int) -> None:
        new = [self._new(tick) for _ in range(n)]
        for pod in new:
            self.requests.put(("create", pod))
        if n:
            self._plug(new)
        for pod in new:
            self._send(pod)
            self.alive.append(pod)
        for pod in self.alive:
            if tick - pod.born == STATUS:
                self.requests.put(("status", pod))
            if tick - pod.born in (AGAIN, LIFE):
                self._send(pod)
        old = []
        while self.alive and tick - self.alive[0].born >= LIFE:
            old.append(self.alive.popleft())
        for pod in old[::2]:  # the API may know it before the node does
            self.requests.put(("remove", pod))
        if old:
            self._unplug(old)
        for pod in old[1::2]:
            self.requests.put(("remove", pod))

    def run(self, seconds: float, rate: int) -> float:
        """Pods a second that it came to; `rate` unless the machine is too busy."""
        began, tick, n = time.monotonic(), 0, round(rate * TICK)
        while (late := time.monotonic() - began) < seconds:
            self._step(tick, n)
            tick += 1
            # The API server may lag behind, but not by more than a busy cluster's.
            if self.requests.qsize() > rate:
                self.requests.join()
            threading.Event().wait(max(0.0, began + tick * TICK - time.monotonic()))
        reached = self.made / late
        for tick in range(tick, tick + LIFE + 1):
            self._step(tick, 0)
        self.requests.join()
        return reached

    def close(self) -> None:
        for _ in self.threads:
            self.requests.put(None)
        for thread in self.threads:
            thread.join()
        self.socket.close()


def left_of(text: str) -> list[str]:
    """What a listing has of addresses of the churn."""
    ranges = [ipaddress.IPv4Network(prefix) for prefix in RANGES.values()]
    words = text.replace("/", " ").replace(",", " ").split()
    return [word for word in words if word.count(".") == 3 and word.replace(".", "").isdigit()
            and any(ipaddress.IPv4Address(word) in prefix for prefix in ranges)]
