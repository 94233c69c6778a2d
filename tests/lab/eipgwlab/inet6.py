# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""IPv6 beside a lab's IPv4: the internet, the VPC's router, the nodes and the pods that are plugged in, with an address
each. No address is translated, as on AWS. What goes to the internet is counted where it leaves the VPC.

    six = Inet6(lab)
    six.plug("p1", "p2")
    assert six.connect("p2") is None              # reached
    assert six.connect("p1") == "ECONNREFUSED"    # why not
    assert six.left("p1") == 0                    # packets at the exit
"""

import contextlib
import errno
import json
import socket
import threading
from collections.abc import Iterator

from . import netns
from .lab import Lab

VPC6 = "2001:db8:aa00::/40"
SERVER6 = "2001:db8:1::10"
PORT = 8086
ROUTER_SYSCTLS = {"net.ipv6.conf.all.forwarding": 1}
# No address that isn't said here, and no waiting until nobody else has it.
ON_SYSCTLS = {"net.ipv6.conf.all.addr_gen_mode": 1, "net.ipv6.conf.default.addr_gen_mode": 1,
              "net.ipv6.conf.all.disable_ipv6": 0, "net.ipv6.conf.default.disable_ipv6": 0,
              "net.ipv6.conf.all.accept_ra": 0}
COUNTER = """
table ip6 exit {
    set left { type ipv6_addr . ipv6_addr; flags dynamic; size 65535; counter; }
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname "vpc0" update @left { ip6 saddr . ip6 daddr }
    }
}
"""


class Inet6:
    """Ends with its lab."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self._listeners: list[socket.socket] = []
        for name in ("inet", "igw", "vpc", "node1", "node2"):
            netns.sysctl(lab.netns_of(name), ON_SYSCTLS | (ROUTER_SYSCTLS if name != "inet" else {}))
        self._local("igw", "inet0", "vpc0")
        self._local("vpc", "igw0")
        self._lines("inet", f"addr add {SERVER6}/64 dev eth0 nodad", "route add default via 2001:db8:1::1")
        self._lines("igw", "addr add 2001:db8:1::1/64 dev inet0 nodad", "addr add 2001:db8:aaff::2/64 dev vpc0 nodad",
                    f"route add {VPC6} via 2001:db8:aaff::1")
        self._lines("vpc", "addr add 2001:db8:aaff::1/64 dev igw0 nodad", "route add default via 2001:db8:aaff::2")
        for zone, name in (("a", "node1"), ("b", "node2")):
            self._join(zone, name)
        lab.nft("igw", COUNTER)
        self.serve("inet", SERVER6)

    def _lines(self, name: str, *lines: str) -> None:
        netns.ip_batch(lines, self.lab.netns_of(name))

    def _local(self, name: str, *devices: str) -> None:
        """A router asks for its neighbours from a link-local address only."""
        self._lines(name, *(f"addr add fe80::{name.encode().hex()[:4]}/64 dev {device} nodad" for device in devices))

    def _join(self, zone: str, name: str) -> None:
        """The subnet as the VPC has it for IPv4: nobody's neighbours are asked for, they are known."""
        number = {"a": 1, "b": 2}[zone]
        router, node = f"2001:db8:aa0{number}::1", self.node_address(name)
        eni = self.lab.machines[name].enis[0]
        mac = json.loads(self.lab.run("vpc", "ip", "-j", "link", "show", f"br-{zone}"))[0]["address"]
        self._lines("vpc", f"addr add {router}/64 dev br-{zone} nodad",
                    f"neigh replace {node} lladdr {eni.mac} dev br-{zone} nud permanent",
                    f"route add 2001:db8:aa0{number}:1::/64 via {node}")
        self._lines(name, f"addr add {node}/64 dev eth0 nodad",
                    f"neigh replace {router} lladdr {mac} dev eth0 nud permanent",
                    f"route add default via {router}")

    def node_address(self, name: str) -> str:
        return {"node1": "2001:db8:aa01::11", "node2": "2001:db8:aa02::11"}[name]

    def address(self, name: str) -> str:
        """Of a pod. Those of node1 are in 2001:db8:aa01:1::/64."""
        pod = self.lab.pods[name].pod
        return f"2001:db8:aa0{pod.node[-1]}:1::{pod.address.rpartition('.')[2]}"

    def plug(self, *names: str) -> None:
        """As CNIs do it: the host's end of the cable is the router, which the pod finds by neighbour discovery."""
        for name in names:
            pod, address = self.lab.pods[name].pod, self.address(name)
            netns.sysctl(self.lab.netns_of(name), ON_SYSCTLS)
            self._lines(pod.node, f"addr add fe80::1/64 dev {pod.veth} nodad",
                        f"route replace {address}/128 dev {pod.veth}")
            self._lines(name, "addr add fe80::2/64 dev eth0 nodad", f"addr add {address}/128 dev eth0 nodad",
                        "route add default via fe80::1 dev eth0")

    def more_address(self, name: str, address: str) -> None:
        """Another source, such as privacy extensions make, that is routed to the pod."""
        pod = self.lab.pods[name].pod
        self._lines(pod.node, f"route replace {address}/128 dev {pod.veth}")
        self._lines(name, f"addr add {address}/128 dev eth0 nodad")

    # ---- traffic

    def make_socket(self, name: str, kind: int = socket.SOCK_STREAM, source: str | None = None) -> socket.socket:
        """In a pod, or another namespace of the lab."""
        with netns.entered(self.lab.netns_of(name)):
            made = socket.socket(socket.AF_INET6, kind)
        made.settimeout(2)
        if source:
            made.bind((source, 0))
        return made

    def serve(self, name: str, address: str) -> None:
        """A TCP server that greets each client with its address, echoes, and closes when the client does."""
        listener = self.make_socket(name)
        listener.settimeout(None)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, PORT))
        listener.listen(64)
        self._listeners.append(listener)
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()

    def open(self, name: str, dst: str = SERVER6, source: str | None = None) -> socket.socket:
        """A connection that was greeted with the address that it has at the pod, since nobody translates."""
        made = self.make_socket(name, source=source)
        try:
            made.connect((dst, PORT))
            assert made.recv(100).decode() == made.getsockname()[0]
        except BaseException:
            made.close()
            raise
        return made

    def connect(self, name: str, dst: str = SERVER6, source: str | None = None) -> str | None:
        """None when it's reached, else the error's name; a silence is ETIMEDOUT."""
        try:
            self.open(name, dst, source).close()
        except TimeoutError:
            return "ETIMEDOUT"
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        return None

    @contextlib.contextmanager
    def datagrams(self, name: str, dst: str = SERVER6) -> Iterator[None]:
        """One each millisecond, whatever comes of it."""
        done = threading.Event()
        sender = self.make_socket(name, socket.SOCK_DGRAM)

        def send() -> None:
            while not done.wait(0.001):
                with contextlib.suppress(OSError):
                    sender.sendto(b"x", (dst, 9))

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            sender.close()

    # ---- what is seen

    def rows(self) -> dict[tuple[str, str], int]:
        """{(source, destination): packets} at the exit."""
        listing = json.loads(self.lab.run("igw", "nft", "-j", "list", "set", "ip6", "exit", "left"))
        return {tuple(element["elem"]["val"]["concat"]): element["elem"]["counter"]["packets"]
                for item in listing["nftables"] for element in item.get("set", {}).get("elem", [])}

    def left(self, name: str) -> int:
        """Packets that left the VPC with the pod's address."""
        return sum(count for (source, _), count in self.rows().items() if source == self.address(name))

    def counter(self, node: str, name: str) -> int:
        """Read from the kernel, so that it needs no daemon."""
        listing = json.loads(self.lab.run(node, "nft", "-j", "list", "counter", "ip6", "eipgw_node", name))
        return sum(item["counter"]["packets"] for item in listing["nftables"] if "counter" in item)


def _accept(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, peer = listener.accept()
            threading.Thread(target=_echo, args=(client, peer[0]), daemon=True).start()


def _echo(client: socket.socket, peer: str) -> None:
    with contextlib.suppress(OSError), client:
        client.sendall(peer.encode())
        while data := client.recv(1000):
            client.sendall(data)
