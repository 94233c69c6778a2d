# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The rules that the AWS VPC CNI and kube-proxy have on a node, per flavour of installation.

A flavour is a row of FLAVOURS. The rules are those of amazon-vpc-cni-k8s with the default settings
(NodePort support on, random source ports) in the order in which a node has them: kube-proxy's first.
"""

from dataclasses import dataclass

from .model import VPC_CIDR
from .services import Service, filter_lines, nat_lines

CNI_MARK = "0x80/0x80"


@dataclass(frozen=True)
class Flavour:
    """How a node's packet rules are installed."""

    name: str
    backend: str                       # iptables-nft | iptables-legacy, for the CNI and kube-proxy
    connmark: str                      # "iptables" | "nft" (CNI >= 1.23 on an nft host) | "none"
    snat: bool = True                  # False: AWS_VPC_K8S_CNI_EXTERNALSNAT=true
    branch_pods: tuple[str, ...] = ()  # pods with security groups of their own, strict mode
    rule_priority: int = 600           # for the node daemon: below 10 where branch pods are

    @property
    def nat_gateway(self) -> bool:
        """Pods reach the internet through the VPC's NAT gateway instead of the node's address."""
        return not self.snat


FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        Flavour("cni-nft", "iptables-nft", "nft"),
        Flavour("iptables-nft", "iptables-nft", "iptables"),
        Flavour("iptables-legacy", "iptables-legacy", "iptables"),
        Flavour("external-snat", "iptables-nft", "none", snat=False),
        Flavour("sgp-strict", "iptables-nft", "nft", branch_pods=("p1",), rule_priority=5),
    )
}


def _mangle() -> list[str]:
    primary = '-m comment --comment "AWS, primary ENI"'
    return [
        "*mangle",
        ":PREROUTING ACCEPT [0:0]",
        f"-A PREROUTING -i eth0 {primary} -m addrtype --dst-type LOCAL --limit-iface-in"
        f" -j CONNMARK --set-xmark {CNI_MARK}",
        f"-A PREROUTING -i eni+ {primary} -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80",
        f"-A PREROUTING -i vlan+ {primary} -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80",
        "COMMIT",
    ]


def _nat(flavour: Flavour, node_address: str, services: list[Service], node: str) -> list[str]:
    chains: list[str] = []
    rules: list[str] = []
    if flavour.connmark == "iptables":
        chains.append(":AWS-CONNMARK-CHAIN-0 - [0:0]")
        rules += [
            '-A PREROUTING -i eni+ -m comment --comment "AWS, outbound connections"'
            " -j AWS-CONNMARK-CHAIN-0",
            '-A PREROUTING -m comment --comment "AWS, CONNMARK"'
            " -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80",
            f"-A AWS-CONNMARK-CHAIN-0 -d {VPC_CIDR}"
            ' -m comment --comment "AWS CONNMARK CHAIN, VPC CIDR" -j RETURN',
            '-A AWS-CONNMARK-CHAIN-0 -m comment --comment "AWS, CONNMARK"'
            f" -j CONNMARK --set-xmark {CNI_MARK}",
        ]
    if flavour.snat:
        chains.append(":AWS-SNAT-CHAIN-0 - [0:0]")
        rules += [
            '-A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0',
            f'-A AWS-SNAT-CHAIN-0 -d {VPC_CIDR} -m comment --comment "AWS SNAT CHAIN" -j RETURN',
            '-A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment "AWS, SNAT"'
            f" -m addrtype ! --dst-type LOCAL -j SNAT --to-source {node_address} --random-fully",
        ]
    kube_chains, kube_rules = nat_lines(services, node)
    return ["*nat", ":PREROUTING ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]",
            ":POSTROUTING ACCEPT [0:0]", *kube_chains, *chains, *kube_rules, *rules, "COMMIT"]


def restore_input(flavour: Flavour, node: str, node_address: str, services: list[Service]) -> str:
    """The whole of nat, mangle and filter for iptables-restore: replacing them is idempotent."""
    lines = [*_mangle(), *_nat(flavour, node_address, services, node), *filter_lines(services, node)]
    return "\n".join(lines) + "\n"


def nft_connmark(flavour: Flavour) -> str:
    """The table that the CNI makes itself on nft hosts since 1.23, or nothing.

    Its restore rule writes the whole packet mark on the first packet of each connection.
    """
    if flavour.connmark != "nft":
        return ""
    return f"""
table ip aws-cni
delete table ip aws-cni
table ip aws-cni {{
    chain snat-mark {{
        counter ip daddr {VPC_CIDR} return comment "AWS CONNMARK CHAIN, VPC CIDR"
        counter ct mark set ct mark or 0x80 comment "AWS, CONNMARK"
    }}
    chain nat-prerouting {{
        type nat hook prerouting priority -90; policy accept;
        fib daddr type local return
        iifname "eni*" counter jump snat-mark comment "AWS, outbound connections"
        counter meta mark set ct mark and 0x80 comment "AWS, CONNMARK"
    }}
}}
"""
