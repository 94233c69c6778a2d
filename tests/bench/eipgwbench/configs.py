# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Configurations of a large cluster: nodes with 256 pod addresses each, of which some are in use.

In 10.64.0.0/10 the k-th node has the k-th /24; nodes are in 10.2.0.0/16, the gateway is 10.1.0.200.
"""

from __future__ import annotations

import ipaddress
import random
from typing import Any

GATEWAY = "10.1.0.200"
ROUTER = "10.1.0.1"
EGRESS_FIRST = int(ipaddress.ip_address("10.1.0.201"))
PODS_FIRST = int(ipaddress.ip_address("10.64.0.0"))
NODES_FIRST = int(ipaddress.ip_address("10.2.0.1"))
PODS_PER_NODE = 128  # at most, so that none has a neighbour
NODES = 1000

SHAPES = {
    "apart": "no two pods have neighbouring addresses",
    "dense": "pods are spread at random over their node's /24, as a CNI does it",
    "routes": "as apart, and each pod is a pod_cidrs entry of its node, so has a route of its own",
}


def address(number: int) -> str:
    return str(ipaddress.ip_address(number))


def node_address(node: int) -> int:
    """256 to a step, without the addresses that end in 0 and 255."""
    return NODES_FIRST + (node // 250) * 256 + node % 250


def pod_address(pod: int, pods: int, nodes: int = NODES) -> int:
    """Pods are dealt to the nodes in turn: pod 0 to node 0, pod 1 to node 1. tools/packets.bpf.c does the same."""
    used = min(pods, nodes)
    return PODS_FIRST + (pod % used) * 256 + 2 * (pod // used)


def _pods(count: int, nodes: int, shape: str) -> list[list[int]]:
    """The pods' addresses of each node."""
    chosen: list[list[int]] = [[] for _ in range(nodes)]
    for pod in range(count):
        where = pod_address(pod, count, nodes)
        chosen[(where - PODS_FIRST) // 256].append(where)
    if shape == "dense":
        rand = random.Random(1)
        chosen = [sorted(rand.sample(range(PODS_FIRST + 256 * node, PODS_FIRST + 256 * node + 256), len(pods)))
                  for node, pods in enumerate(chosen)]
    return chosen


def gateway(pods: int, *, uplink: str, nodes: int = NODES, shape: str = "apart", policies: int = 1,
            egress_ips: int = 1) -> dict[str, Any]:
    """A gateway.json. Policies have the pods of neighbouring nodes, so that runs of pods share a class."""
    by_node = _pods(pods, nodes, shape)
    members: list[list[str]] = [[] for _ in range(policies)]
    for node, addresses in enumerate(by_node):
        members[node * policies // nodes] += [f"{address(a)}/32" for a in addresses]

    def ranges(node: int) -> list[str]:
        if shape == "routes":
            return [f"{address(a)}/32" for a in by_node[node]]
        return [f"{address(PODS_FIRST + 256 * node)}/24"]

    return {
        "gateway": {"name": "gw-bench", "address": GATEWAY, "uplink": uplink},
        "always_excluded": ["10.0.0.0/8"],
        "egress_ips": [{"name": f"egress{i}", "public": f"203.0.113.{i + 1}", "private": address(EGRESS_FIRST + i)}
                       for i in range(egress_ips)],
        "nodes": [{"name": f"node{i}", "address": address(node_address(i)), "pod_cidrs": ranges(i)} for i in range(nodes)],
        "policies": [{"name": f"policy{i}", "pod_cidrs": members[i], "egress_ips": [f"egress{i % egress_ips}"]}
                     for i in range(policies)],
    }
