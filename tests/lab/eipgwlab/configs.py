# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The configuration that a lab gives its daemons at first; tests change the dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import model

if TYPE_CHECKING:
    from .lab import Lab

EXCLUDED = [model.VPC_CIDR, model.SERVICE_CIDR]


def policies() -> list[dict[str, Any]]:
    return [{"name": "payments", "pod_cidrs": list(model.SELECTED_CIDRS), "egress_ips": ["bank"]}]


def node(lab: Lab, name: str) -> dict[str, Any]:
    machine = lab.machines[name]
    return {
        "node": {"name": name, "address": machine.address, "uplink": "eth0"},
        "always_excluded": list(EXCLUDED),
        "rule_priority": lab.flavour.rule_priority,
        "egress_ips": [
            {"name": ip.name, "gateway": lab.machines[lab.carriers[ip.name]].address}
            for ip in lab.egress_ips.values()
        ],
        "policies": policies(),
    }


def gateway(lab: Lab, name: str) -> dict[str, Any]:
    machine = lab.machines[name]
    nodes = [lab.machines[node_name] for node_name in model.NODES]
    return {
        "gateway": {"name": name, "address": machine.address, "uplink": "eth0",
                    "internet_mtu": model.MTU_INTERNET},
        "always_excluded": list(EXCLUDED),
        "egress_ips": [
            {"name": ip.name, "public": ip.public, "private": ip.private[name]}
            for ip in lab.egress_ips.values()
        ],
        "nodes": [
            {"name": m.name, "address": m.address,
             "pod_cidrs": [c for eni in m.enis for c in eni.secondary if "/" in c]}
            for m in nodes
        ],
        "policies": policies(),
    }
