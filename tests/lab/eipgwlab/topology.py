# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The VPC: namespaces, cables, two subnets, the source check, and how a pod is plugged in.

    inet --- igw --- vpc (router) --+-- br-a --- node1 (eth0, eth1), gw-a
                      |             +-- br-b --- node2, gw-b
                      |             +-- br-c --- gw-c (only where a lab has three gateways)
                    natgw           +-- br-p --- instances that a test adds
        (only where the flavour needs it)

A bridge is a subnet. As on AWS it answers ARP itself for every address of every interface, knows
each MAC's port from the start and drops whatever has a source that its interface doesn't own, or a
destination that the interface where it would arrive doesn't own, unless that check is off. The subnet p has
a route table of its own, whose default route leads nowhere until a test says where.
Everything here only makes text for ip(8), bridge(8) and nft(8); Lab runs it.
"""

from collections.abc import Iterable

from . import model
from .model import Eni, Machine, Pod

CORE = ("inet", "igw", "vpc")
PORT_ATTRIBUTES = "type bridge_slave learning off flood off mcast_flood off proxy_arp on"
NATGW_TABLE = 100
PRIVATE_TABLE = 101
CNI_MARK_RULE = "rule add pref 1024 fwmark 0x80/0x80 lookup main"

# What the field has: no IPv6 here; forwarding; systemd's loose reverse path filter by default.
COMMON_SYSCTLS = {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1}
ROUTER_SYSCTLS = {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.rp_filter": 0,
                  "net.ipv4.conf.default.rp_filter": 0, "net.ipv4.conf.all.send_redirects": 0,
                  "net.ipv4.conf.default.send_redirects": 0}
NODE_SYSCTLS = {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.rp_filter": 0,
                "net.ipv4.conf.default.rp_filter": 2}
# DISABLE_TCP_EARLY_DEMUX, without which the node can't talk TCP to strict-mode branch pods: their answer
# would be given to the node's socket while it only passes by, and by the wrong interface.
STRICT_GROUPS_SYSCTLS = {"net.ipv4.tcp_early_demux": 0}
GATEWAY_SYSCTLS = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 2}
# The server answers pings itself, so that it can say whom it saw.
INTERNET_SYSCTLS = {"net.ipv4.icmp_echo_ignore_all": 1, "net.ipv4.icmp_ratelimit": 0}


def branch_eni(vlan: int, address: str, zone: str) -> Eni:
    """The interface of a pod with security groups of its own.

    On a node it is a VLAN of the trunk interface. Here it has a cable of its own under the same
    name: what the node's IP layer sees is the same, and the kernel needs no VLAN support.
    """
    return Eni(f"vlan.eth.{vlan}", address, zone, table=vlan + 100)


def cable(prefix: str, left: tuple[str, str], right: tuple[str, str], mtu: int,
          mac: str | None = None) -> str:
    """Two ends, each (namespace, device); the MAC is the left one's."""
    address = f" address {mac}" if mac else ""
    return (f"link add {left[1]} netns {prefix}-{left[0]} mtu {mtu}{address} type veth"
            f" peer name {right[1]} netns {prefix}-{right[0]} mtu {mtu}")


def cables(prefix: str, machines: Iterable[Machine], nat_gateway: bool) -> list[str]:
    lines = [cable(prefix, ("inet", "eth0"), ("igw", "inet0"), model.MTU_INTERNET),
             cable(prefix, ("igw", "vpc0"), ("vpc", "igw0"), model.MTU_VPC)]
    for machine in machines:
        lines += [cable(prefix, (machine.name, eni.device), ("vpc", machine.port(eni)),
                        model.MTU_VPC, eni.mac) for eni in machine.enis]
    if nat_gateway:
        lines.append(cable(prefix, ("natgw", "eth0"), ("vpc", "natgw0"), model.MTU_VPC))
    return lines


def internet_lines() -> list[str]:
    lines = ["link set lo up", "link set eth0 up"]
    lines += [f"addr add {server}/24 dev eth0" for server in model.SERVERS]
    # The pods' own servers: local without being configured one by one.
    lines += ["route add local 198.51.100.96/27 dev lo", "route add local 198.51.100.128/25 dev lo",
              f"route add default via {model.INTERNET_ROUTER}"]
    return lines


def igw_lines() -> list[str]:
    router, here = model.IGW_LINK
    return ["link set lo up", "link set inet0 up", "link set vpc0 up",
            f"addr add {model.INTERNET_ROUTER}/24 dev inet0", f"addr add {here}/30 dev vpc0",
            f"route add {model.VPC_CIDR} via {router}", f"route add {model.PUBLIC_CIDR} via {router}"]


def natgw_lines() -> list[str]:
    router, here = model.NATGW_LINK
    return ["link set lo up", "link set eth0 up", f"addr add {here}/30 dev eth0",
            f"addr add {model.NATGW_PRIVATE}/32 dev eth0", f"route add default via {router}"]


NATGW_RULES = f"""
table ip natgw {{
    chain source {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "eth0" ip saddr {model.VPC_CIDR} snat to {model.NATGW_PRIVATE}
    }}
}}
"""


def vpc_lines(machines: Iterable[Machine], nat_gateway: bool) -> list[str]:
    machines = list(machines)
    router, igw = model.IGW_LINK
    lines = ["link set lo up", "link set igw0 up", f"addr add {router}/30 dev igw0",
             f"route add default via {igw}"]
    used = {"p", *(machine.zone for machine in machines)}
    for zone, (subnet, gateway) in ((z, model.ZONES[z]) for z in model.ZONES if z in used):
        length = subnet.rpartition("/")[2]
        lines += [f"link add br-{zone} mtu {model.MTU_VPC} address {model.mac_of(gateway)}"
                  " type bridge mcast_snooping 0",
                  f"addr add {gateway}/{length} dev br-{zone}", f"link set br-{zone} up"]
    lines += [f"rule add iif br-p lookup {PRIVATE_TABLE}",
              f"route add throw {model.VPC_CIDR} table {PRIVATE_TABLE}", private_route(None)]
    if nat_gateway:
        link, natgw = model.NATGW_LINK
        lines += ["link set natgw0 up", f"addr add {link}/30 dev natgw0",
                  f"route add {model.NATGW_PRIVATE}/32 via {natgw}",
                  f"route add throw {model.VPC_CIDR} table {NATGW_TABLE}",
                  f"route add default via {natgw} table {NATGW_TABLE}"]
    for machine in machines:
        for eni in machine.enis:
            lines += port_lines(machine, eni)
            if nat_gateway and machine.name in model.NODES:
                lines += [f"rule add from {prefix} lookup {NATGW_TABLE}" for prefix in eni.secondary]
    return lines


def private_route(target: Eni | None) -> str:
    """The default route of the private subnet: an interface, or a blackhole."""
    where = f"default via {target.address} dev br-{target.zone}" if target else "blackhole default"
    return f"route replace {where} table {PRIVATE_TABLE}"


def port_lines(machine: Machine, eni: Eni) -> list[str]:
    """The VPC's side of an interface, with AWS's answers to ARP for all that it owns."""
    port = machine.port(eni)
    return [f"link set {port} master br-{eni.zone}", f"link set {port} {PORT_ATTRIBUTES}",
            f"link set {port} up", *neighbour_lines(eni, eni.addresses())]


def neighbour_lines(eni: Eni, addresses: Iterable[str]) -> list[str]:
    return [f"neigh replace {address} lladdr {eni.mac} dev br-{eni.zone} nud permanent"
            for address in addresses]


def forwarding_lines(machine: Machine, enis: Iterable[Eni]) -> list[str]:
    """For bridge(8): the port of each MAC."""
    return [f"fdb replace {eni.mac} dev {machine.port(eni)} master static" for eni in enis]


def source_elements(machine: Machine, eni: Eni) -> list[str]:
    return [f'"{machine.port(eni)}" . {owned}' for owned in eni.owned()]


def source_check(machines: Iterable[Machine]) -> str:
    """AWS's source/dest check, per interface, gateways included. Denied packets are counted by source
    and interface, or destination and interface."""
    elements = [e for m in machines for eni in m.enis for e in source_elements(m, eni)]
    ports = [f'"{m.port(eni)}"' for m in machines for eni in m.enis]
    return f"""
table bridge vpc {{
    set interface {{ type ifname; elements = {{ {", ".join(ports)} }} }}
    set owned {{ type ifname . ipv4_addr; flags interval; elements = {{ {", ".join(elements)} }} }}
    set unchecked {{ type ifname; }}
    set cut {{ type ifname; }}
    set denied {{ type ifname . ipv4_addr; flags dynamic; size 65535; counter; }}
    set undelivered {{ type ifname . ipv4_addr; flags dynamic; size 65535; counter; }}
    counter denied_total {{ }}
    chain source {{
        type filter hook prerouting priority 0; policy accept;
        iifname @cut drop
        iifname @unchecked accept
        iifname @interface ether type ip iifname . ip saddr != @owned jump deny
    }}
    chain destination {{
        type filter hook postrouting priority 0; policy accept;
        oifname @cut drop
        oifname @unchecked accept
        oifname @interface ether type ip oifname . ip daddr != @owned jump undeliver
    }}
    chain undeliver {{
        update @undelivered {{ oifname . ip daddr }}
        drop
    }}
    chain deny {{
        counter name denied_total
        update @denied {{ iifname . ip saddr }}
        drop
    }}
}}
"""


def machine_lines(machine: Machine) -> list[str]:
    lines = ["link set lo up"]
    for eni in machine.enis:
        lines.append(f"link set {eni.device} up")
        if eni.table is None:
            lines += [f"addr add {eni.address}/24 dev {eni.device}",
                      f"route add default via {eni.gateway} dev {eni.device}"]
            continue
        lines += [f"addr add {eni.address}/24 dev {eni.device} noprefixroute",
                  *eni_table_lines(eni), f"rule add pref 32765 from {eni.address} lookup {eni.table}"]
    return lines


def eni_table_lines(eni: Eni) -> list[str]:
    return [f"route replace {eni.gateway} dev {eni.device} scope link table {eni.table}",
            f"route replace default via {eni.gateway} dev {eni.device} table {eni.table}"]


def strict_groups_lines() -> list[str]:
    """Security groups for pods in strict mode: the local table makes room for the branch rules."""
    return ["rule add pref 20 lookup local", "rule del pref 0 lookup local"]


def pod_cable(prefix: str, pod: Pod) -> str:
    return (f"link add {pod.veth} netns {prefix}-{pod.node} mtu {model.MTU_VPC}"
            f" address {model.mac_of(pod.address).replace('02:00', '02:01')} type veth"
            f" peer name eth0 netns {prefix}-{pod.name} mtu {model.MTU_VPC}")


def pod_lines(pod: Pod) -> list[str]:
    """Inside the pod: a router that exists only as a permanent neighbour."""
    mac = model.mac_of(pod.address).replace("02:00", "02:01")
    return ["link set lo up", "link set eth0 up", "route add 169.254.1.1 dev eth0 scope link",
            "route add default via 169.254.1.1 dev eth0", f"addr add {pod.address}/32 dev eth0",
            f"neigh replace 169.254.1.1 lladdr {mac} dev eth0 nud permanent"]


def pod_node_lines(pod: Pod, eni: Eni) -> list[str]:
    """The node's side of a pod, in the order in which the CNI does it."""
    lines = [f"link set {pod.veth} up"]
    if pod.vlan is not None:
        return [*lines, f"link set {eni.device} up", *eni_table_lines(eni),
                f"route replace {pod.address}/32 dev {pod.veth} scope link table {eni.table}",
                f"rule add pref 10 iif {eni.device} lookup {eni.table}",
                f"rule add pref 10 iif {pod.veth} lookup {eni.table}"]
    lines += [f"route replace {pod.address}/32 dev {pod.veth} scope link",
              f"rule add pref 512 to {pod.address}/32 lookup main"]
    if eni.table is not None:
        lines.append(f"rule add pref 1536 from {pod.address}/32 lookup {eni.table}")
    return lines


def pod_gone_lines(pod: Pod, eni: Eni) -> list[str]:
    """What the CNI does when a pod goes. Some lines may find nothing: run with force."""
    lines = [f"rule del pref 512 to {pod.address}/32 lookup main",
             f"rule del pref 1536 from {pod.address}/32", f"route del {pod.address}/32 dev {pod.veth}"]
    if pod.vlan is not None:
        lines = [f"rule del pref 10 iif {eni.device}", f"rule del pref 10 iif {pod.veth}",
                 f"link del {eni.device}"]
    return [*lines, f"link del {pod.veth}"]
