# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""kube-proxy in iptables mode: services of the lab and the rules that a node has for them."""

import base64
import hashlib
from dataclasses import dataclass

from .agent import ECHO_PORT, UDP_PORT
from .model import CLIENT, EXTERNAL_ENDPOINT, Pod

NODE_PORT_P1 = 30080        # -> p1, masqueraded (externalTrafficPolicy Cluster)
NODE_PORT_P2 = 30081        # -> p2, masqueraded
NODE_PORT_P1_LOCAL = 30082  # -> p1, the client's address kept (externalTrafficPolicy Local)
CLUSTER_IP_PODS = "172.20.0.10"      # port 80 -> p2 and p5
CLUSTER_IP_EXTERNAL = "172.20.0.20"  # port 8080 -> the external endpoint

NODE_PORTS = (NODE_PORT_P1, NODE_PORT_P2, NODE_PORT_P1_LOCAL)
__all__ = ["CLIENT", "CLUSTER_IP_EXTERNAL", "CLUSTER_IP_PODS", "NODE_PORTS", "NODE_PORT_P1",
           "NODE_PORT_P1_LOCAL", "NODE_PORT_P2", "Service", "external_service_of", "services"]


@dataclass(frozen=True)
class Endpoint:
    address: str
    port: int
    node: str | None = None  # None: outside the cluster


@dataclass(frozen=True)
class Service:
    name: str
    cluster_ip: str
    port: int
    proto: str
    endpoints: tuple[Endpoint, ...]
    node_port: int | None = None
    local_only: bool = False

    def chain(self, kind: str) -> str:
        return _chain(f"KUBE-{kind}-", self.name + self.proto)

    def endpoint_chain(self, endpoint: Endpoint) -> str:
        return _chain("KUBE-SEP-", f"{self.name}{self.proto}{endpoint.address}:{endpoint.port}")


def _chain(prefix: str, key: str) -> str:
    digest = base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()
    return prefix + digest[:16]


def external_service_of(pod_server: str) -> str:
    """The ClusterIP whose external endpoint is a pod's own server (TCP 8080 and UDP 8081): what is
    counted behind it belongs to that pod."""
    return "172.20.1." + pod_server.rpartition(".")[2]


def services(pods: dict[str, Pod], servers: list[str]) -> list[Service]:
    """The lab's services, with the endpoints that live now."""

    def of(*names: str) -> tuple[Endpoint, ...]:
        return tuple(Endpoint(pods[n].address, ECHO_PORT, pods[n].node) for n in names if n in pods)

    outside = (Endpoint(EXTERNAL_ENDPOINT, ECHO_PORT),)
    found = [
        Service("default/pods", CLUSTER_IP_PODS, 80, "tcp", of("p2", "p5")),
        Service("default/outside", CLUSTER_IP_EXTERNAL, 8080, "tcp", outside),
        Service("default/p1", "172.20.0.30", 80, "tcp", of("p1"), NODE_PORT_P1),
        Service("default/p2", "172.20.0.31", 80, "tcp", of("p2"), NODE_PORT_P2),
        Service("default/p1-local", "172.20.0.32", 80, "tcp", of("p1"), NODE_PORT_P1_LOCAL, True),
    ]
    for server in servers:
        address = external_service_of(server)
        for proto, port in (("tcp", ECHO_PORT), ("udp", UDP_PORT)):
            name = f"default/outside-{server}"
            found.append(Service(name, address, port, proto, (Endpoint(server, port),)))
    return found


def _balance(service: Service, chain: str, endpoints: tuple[Endpoint, ...]) -> list[str]:
    rules = []
    for index, endpoint in enumerate(endpoints):
        left = len(endpoints) - index
        share = f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else ""
        rules.append(
            f'-A {chain} -m comment --comment "{service.name} -> {endpoint.address}:{endpoint.port}"'
            f"{share} -j {service.endpoint_chain(endpoint)}"
        )
    return rules


def _service_nat(service: Service, node: str) -> tuple[set[str], list[str]]:
    named = f'-m comment --comment "{service.name}"'
    match = f"-p {service.proto} -m {service.proto}"
    if not service.endpoints:
        return set(), []
    chain = service.chain("SVC")
    chains = {chain}
    rules = [f"-A KUBE-SERVICES -d {service.cluster_ip}/32 {match} --dport {service.port} {named}"
             f" -j {chain}"]
    rules += _balance(service, chain, service.endpoints)
    for endpoint in service.endpoints:
        sep = service.endpoint_chain(endpoint)
        chains.add(sep)
        rules += [f"-A {sep} -s {endpoint.address}/32 {named} -j KUBE-MARK-MASQ",
                  f"-A {sep} {match} {named} -j DNAT --to-destination"
                  f" {endpoint.address}:{endpoint.port}"]
    if service.node_port is None:
        return chains, rules
    external = service.chain("EXT")
    chains.add(external)
    rules.append(f"-A KUBE-NODEPORTS {match} --dport {service.node_port} {named} -j {external}")
    if not service.local_only:
        rules += [f"-A {external} {named} -j KUBE-MARK-MASQ", f"-A {external} -j {chain}"]
        return chains, rules
    here = tuple(e for e in service.endpoints if e.node == node)
    local = service.chain("SVL")
    chains.add(local)
    rules += [f"-A {external} {named} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ",
              f"-A {external} {named} -m addrtype --src-type LOCAL -j {chain}",
              f"-A {external} -j {local}", *_balance(service, local, here)]
    return chains, rules


def nat_lines(found: list[Service], node: str) -> tuple[list[str], list[str]]:
    """The chains to declare and the rules of the nat table."""
    chains = {"KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"}
    portals = '-m comment --comment "kubernetes service portals"'
    rules = [
        f"-A PREROUTING {portals} -j KUBE-SERVICES",
        f"-A OUTPUT {portals} -j KUBE-SERVICES",
        '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
        "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000",
        "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000",
        '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT"'
        " -j MASQUERADE --random-fully",
    ]
    for service in found:
        more_chains, more_rules = _service_nat(service, node)
        chains |= more_chains
        rules += more_rules
    rules.append('-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this'
                 ' must be the last rule in this chain" -m addrtype --dst-type LOCAL'
                 " -j KUBE-NODEPORTS")
    return [f":{chain} - [0:0]" for chain in sorted(chains)], rules


def filter_lines(found: list[Service], node: str) -> list[str]:
    lines = [
        "*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]",
        ":KUBE-FIREWALL - [0:0]", ":KUBE-FORWARD - [0:0]", ":KUBE-SERVICES - [0:0]",
        ":KUBE-EXTERNAL-SERVICES - [0:0]",
    ]
    portals = "-m conntrack --ctstate NEW -m comment --comment"
    lines += [
        f'-A INPUT {portals} "kubernetes externally-visible service portals"'
        " -j KUBE-EXTERNAL-SERVICES",
        "-A INPUT -j KUBE-FIREWALL",
        '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
        f'-A FORWARD {portals} "kubernetes service portals" -j KUBE-SERVICES',
        f'-A FORWARD {portals} "kubernetes externally-visible service portals"'
        " -j KUBE-EXTERNAL-SERVICES",
        f'-A OUTPUT {portals} "kubernetes service portals" -j KUBE-SERVICES',
        "-A OUTPUT -j KUBE-FIREWALL",
        '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming'
        ' localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
        "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
        '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules"'
        " -m mark --mark 0x4000/0x4000 -j ACCEPT",
        '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule"'
        " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]
    for service in found:
        match = f'-p {service.proto} -m {service.proto} -m comment --comment "{service.name} has no'
        if not service.endpoints:
            lines.append(f'-A KUBE-SERVICES -d {service.cluster_ip}/32 {match} endpoints"'
                         f" --dport {service.port} -j REJECT")
        if service.node_port and not any(
            not service.local_only or e.node == node for e in service.endpoints
        ):
            lines.append(f'-A KUBE-EXTERNAL-SERVICES -m addrtype --dst-type LOCAL {match} local'
                         f' endpoints" --dport {service.node_port} -j DROP')
    return [*lines, "COMMIT"]
