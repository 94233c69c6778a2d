# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A gateway in route-table mode: cloud.py with a VPC route table and instances of a private subnet. The lab's route
table and its source/dest check follow the fake EC2."""

from typing import Any

from .cloud import ASKED_S, OURS, TAGS, Cloud, cloud_state
from .lab import Lab
from .wait import wait_until

TABLE = "rtb-p"
EVERYTHING = "0.0.0.0/0"
GATEWAYS = {"eni-a": "gw-a", "eni-b": "gw-b"}
VM, OTHER = "10.0.3.20", "10.0.3.21"
MODIFY, REPLACE = "ModifyNetworkInterfaceAttribute", "ReplaceRoute"


class NativeCloud(Cloud):
    """The fake with a route table, and a gateway that shall have its route; vm is selected, other isn't."""

    def __init__(self, lab: Lab, target: str | None, check: bool, where: dict[str, str]):
        self.told: tuple[Any, ...] = ()
        self.vm = lab.add_vm("vm", VM, [lab.eip("bank")])
        self.other = lab.add_vm("other", OTHER)
        super().__init__(lab, where, [OURS])
        state = cloud_state(where, [OURS], 10)
        state["interfaces"]["eni-a"]["check"] = check
        routes = {"10.0.0.0/16": "local"} | ({EVERYTHING: target} if target else {})
        state["route_tables"] = {TABLE: {"vpc": "vpc-1", "tags": TAGS, "subnets": ["subnet-p"], "routes": routes}}
        self.order("state", state)
        config = self.gateway.config
        config["native"] = {"source_cidrs": ["10.0.3.0/24"], "route_tables": [TABLE]}
        config["policies"][0]["pod_cidrs"].append(f"{VM}/32")
        self.gateway.write_config()
        self.follow()

    def follow(self) -> None:
        super().follow()
        state = self.order("state")
        table = state["route_tables"].get(TABLE, {"routes": {}})
        target = GATEWAYS.get(table["routes"].get(EVERYTHING, ""))
        checks = {name: state["interfaces"][eni]["check"] for eni, name in GATEWAYS.items()}
        if self.told != (target, checks):
            for name, on in checks.items():
                self.lab.check_interface(name, on)
            self.lab.route_private(target)
            self.told = (target, checks)

    def disturb(self, route: str | None = None, check: bool | None = None) -> None:
        """Somebody else does, in EC2."""
        state = self.order("state")
        if route is not None:
            state["route_tables"][TABLE]["routes"][EVERYTHING] = route
        if check is not None:
            state["interfaces"]["eni-a"]["check"] = check
        self.order("state", state)
        self.follow()

    def points(self) -> dict[str, tuple[str, str]]:
        """What eipgwd says: {point: (state, reason)}"""
        return {p["name"]: (p["state"], p["reason"]) for p in self.gateway.status().get("native_routing", [])}

    def wait_point(self, name: str, state: str, reason: str = "", deadline: float = 30.0) -> None:
        def reached() -> bool:
            self.follow()
            found = next((v for k, v in self.points().items() if k.startswith(name)), ("", ""))
            return found[0] == state and reason in found[1]

        try:
            wait_until(reached, deadline, f"{name} is {state}: {reason}", every=ASKED_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.points()}; {self.gateway.tail()}") from error

    def start(self, wait_ready: bool = True) -> None:
        super().start(wait_ready=False)
        if wait_ready:
            self.wait_held()
            self.gateway.wait_ready()

    def wait_held(self) -> None:
        self.wait_point("source/dest check", "held")
        self.wait_point("route", "held")

    def is_served(self) -> bool:
        return self.vm.probe(timeout=0.5).seen == self.lab.eip("bank")
