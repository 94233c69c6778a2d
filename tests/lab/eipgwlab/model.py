# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The addresses of the lab, and what the words mean: zones, nodes, gateways, pods, egress IPs."""

import hashlib
import ipaddress
from dataclasses import dataclass, field

VPC_CIDR = "10.0.0.0/16"
SERVICE_CIDR = "172.20.0.0/16"
MTU_VPC = 9001
MTU_INTERNET = 1500

ZONES = {"a": ("10.0.1.0/24", "10.0.1.1"), "b": ("10.0.2.0/24", "10.0.2.1"),
         # Only where a lab has a third gateway.
         "c": ("10.0.4.0/24", "10.0.4.1"),
         # A private subnet for instances that aren't nodes, with a route table of its own.
         "p": ("10.0.3.0/24", "10.0.3.1")}

# The internet: every address of 198.51.100.0/24 but the router's is a server.
INTERNET_ROUTER = "198.51.100.1"
SERVERS = ("198.51.100.10", "198.51.100.20", "198.51.100.30")
EXTERNAL_ENDPOINT = "198.51.100.20"  # what a ClusterIP with an external endpoint leads to
CLIENT = "198.51.100.30"             # who calls NodePorts from outside

# The link between the VPC's router and the internet gateway, and the NAT gateway's.
IGW_LINK = ("10.255.0.1", "10.255.0.2")
NATGW_LINK = ("10.255.1.1", "10.255.1.2")
NATGW_PRIVATE = "10.0.0.200"
NATGW_PUBLIC = "203.0.113.200"
PUBLIC_CIDR = "203.0.113.0/24"

# Sources of the infrastructure's own ICMP errors; no pod's packet ever has them.
ROUTER_ADDRESSES = frozenset({IGW_LINK[0], *(router for _, router in ZONES.values())})


def mac_of(address: str) -> str:
    """The MAC of the interface whose primary address this is."""
    return "02:00:" + ":".join(f"{byte:02x}" for byte in ipaddress.IPv4Address(address).packed)


@dataclass
class Eni:
    """An elastic network interface: what AWS lets it send from, and where its packets enter."""

    device: str
    address: str
    zone: str
    secondary: list[str] = field(default_factory=list)  # addresses and prefixes
    table: int | None = None                            # the CNI's table of a secondary ENI

    @property
    def mac(self) -> str:
        return mac_of(self.address)

    @property
    def gateway(self) -> str:
        return ZONES[self.zone][1]

    def owned(self) -> list[str]:
        return [self.address, *self.secondary]

    def owns(self, address: str) -> bool:
        wanted = ipaddress.IPv4Address(address)
        return any(wanted in ipaddress.IPv4Network(own) for own in self.owned())

    def addresses(self) -> list[str]:
        """Every single address that leads to this interface."""
        return [str(a) for own in self.owned() for a in ipaddress.IPv4Network(own)]


@dataclass
class Machine:
    """A node or a gateway instance. enis[0] is the primary."""

    name: str
    zone: str
    enis: list[Eni]
    public: str | None = None

    @property
    def address(self) -> str:
        return self.enis[0].address

    def port(self, eni: Eni) -> str:
        """The name of the VPC's end of the interface's cable."""
        return f"{self.name}.{eni.device.replace('vlan.', 'v')}"[:15]

    def eni_of(self, address: str) -> Eni | None:
        return next((eni for eni in self.enis if eni.owns(address)), None)


@dataclass(frozen=True)
class EgressIp:
    name: str
    public: str
    private: dict[str, str]  # gateway name -> the private address that carries it there


@dataclass
class Pod:
    """A pod as the CNI made it. server is the internet address that is only this pod's to call, so
    that each packet at the exit says whose it was."""

    name: str
    node: str
    address: str
    server: str
    egress: str | None = None    # name of the egress IP that it is selected for
    namespace: str = "default"
    veth: str = ""
    vlan: int | None = None      # security groups for pods, strict: number of its branch interface


def veth_name(prefix: str, namespace: str, name: str) -> str:
    """The host's end of a pod's cable: the CNI hashes the pod's name, so that a pod that comes back
    under its name (StatefulSet) has the same interface name with another address."""
    return prefix + hashlib.sha1(f"{namespace}.{name}".encode()).hexdigest()[:11]


def machines(third: bool = False) -> dict[str, Machine]:
    """Nodes and gateways, fresh, so that a lab may change its own. third: with gw-c, in a zone of its own."""
    node1 = Machine("node1", "a", [
        Eni("eth0", "10.0.1.11", "a", ["10.0.1.48/28"]),
        Eni("eth1", "10.0.1.12", "a", ["10.0.1.64/28"], table=2),
    ], public="203.0.113.11")
    node2 = Machine("node2", "b", [Eni("eth0", "10.0.2.11", "b", ["10.0.2.48/28"])],
                    public="203.0.113.12")
    gw_a = Machine("gw-a", "a", [Eni("eth0", "10.0.1.200", "a", ["10.0.1.201", "10.0.1.202"])])
    gw_b = Machine("gw-b", "b", [Eni("eth0", "10.0.2.200", "b", ["10.0.2.201", "10.0.2.202"])])
    gw_c = Machine("gw-c", "c", [Eni("eth0", "10.0.4.200", "c", ["10.0.4.201", "10.0.4.202", "10.0.4.203"])])
    if third:
        for machine, address in ((gw_a, "10.0.1.203"), (gw_b, "10.0.2.203")):
            machine.enis[0].secondary.append(address)
    return {m.name: m for m in (node1, node2, gw_a, gw_b, *([gw_c] if third else []))}


NODES = ("node1", "node2")
GATEWAYS = ("gw-a", "gw-b")

EGRESS_IPS = {
    "bank": EgressIp("bank", "203.0.113.100", {"gw-a": "10.0.1.201", "gw-b": "10.0.2.201"}),
    "second": EgressIp("second", "203.0.113.101", {"gw-a": "10.0.1.202", "gw-b": "10.0.2.202"}),
}

# Of a lab with three gateways.
THREE_GATEWAYS = (*GATEWAYS, "gw-c")
THREE_EGRESS_IPS = {
    name: EgressIp(name, f"203.0.113.{100 + i}", {f"gw-{zone}": f"10.0.{subnet}.{201 + i}"
                                                  for zone, subnet in (("a", 1), ("b", 2), ("c", 4))})
    for i, name in enumerate(("bank", "second", "third"))
}

# What is selected: three pods by address, and a range in each node's prefix for pods that come
# later, so that a re-created pod is selected from birth without anybody touching a file.
SELECTED_CIDRS = (
    "10.0.1.50/32", "10.0.1.66/32", "10.0.2.50/32", "10.0.1.56/29", "10.0.1.72/29", "10.0.2.56/29",
)

DEFAULT_PODS = (
    # name, node, address, selected for
    ("p1", "node1", "10.0.1.50", "bank"),
    ("p2", "node1", "10.0.1.51", None),
    ("p3", "node1", "10.0.1.66", "bank"),
    ("p4", "node2", "10.0.2.50", "bank"),
    ("p5", "node2", "10.0.2.51", None),
)


def server_of(index: int) -> str:
    """The internet address that belongs to the index-th pod that ever lived in a lab."""
    if not 0 <= index < 150:
        raise ValueError("a lab has server addresses for 150 pods")
    return f"198.51.100.{101 + index}"
