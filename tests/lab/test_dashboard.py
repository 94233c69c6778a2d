# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Each panel of the dashboard that we ship has data, from a real Prometheus that scrapes real daemons."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import Lab, wait_until
from eipgwlab.build import ROOT
from eipgwlab.prometheus import Prometheus
from proof import REPAIR, status

pytestmark = pytest.mark.knowing

PORT = 9430
DEADLINE = 120.0
DASHBOARD = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text(encoding="utf-8"))
# What this lab hasn't: panel -> what it needs. tests/check/metrics holds their names and grammar all the same.
ELSEWHERE = {
    "EC2's allowances exceeded": "ENA",
    "Self-test: seen from outside as it should be": "self_test",
    "Ownership: the Elastic IP is associated here": "ownership ec2",
    "Heartbeats that come": "a group", "Take-overs": "a group", "How long they took": "a group", "Replication: behind": "a group",
    "From a pod's event to the kernel": "Kubernetes", "Failures of the APIs": "EC2, Kubernetes",
}


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def filled(expression: str) -> str:
    for name, value in (("$__rate_interval", "1m"), ("$gateway", ".*"), ("$egress_ip", ".*")):
        expression = expression.replace(name, value)
    return expression


def test_each_panel_has_data(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    scraped: dict[str, int | str] = {}
    for name in ("gw-a", "node1"):
        lab.daemons[name].config["metrics"] = {"listen": f":{PORT}"}
        if name == "gw-a":
            lab.daemons[name].config["limits"] = {"ports_per_pod": 64}
        lab.daemons[name].write_config()
        scraped[f"eipgw-{name}"] = f"{lab.machines[name].address}:{PORT}"
    lab.start_daemons()
    flow = lab.pods["p1"].flow("tcp-new", per_sec=20, duration=600)
    lab.run("gw-a", "nft", "delete", "table", "ip", status(lab.daemons["gw-a"])["kernel"]["table"])

    assert set(ELSEWHERE) <= {panel["title"] for panel in panels()}
    with Prometheus(lab.netns_of("gw-a"), scraped) as prometheus:
        def empty() -> list[str]:
            return [f"{panel['title']}: {target['expr']}" for panel in panels() if panel["title"] not in ELSEWHERE for target in panel["targets"]
                    if not prometheus.query(filled(target["expr"]))]

        wait_until(lambda: not empty(), DEADLINE, "each panel has data", every=1.0)
        assert {m["egress_ip"] for m, _ in prometheus.query(filled('eipgw_egress_ip_serving{egress_ip=~"$egress_ip"}'))} == {"bank", "second"}
        gateways = prometheus.query('eipgw_build_info{program="eipgwd"}')
        assert [m["instance"] for m, _ in gateways] == [scraped["eipgw-gw-a"]]
        # Of what the lab hasn't there is nothing; who adds it takes the panel off the list.
        for panel in panels():
            if panel["title"] in ELSEWHERE:
                assert [t["expr"] for t in panel["targets"] if prometheus.query(filled(t["expr"]))] == [], panel["title"]
    flow.stop()
    assert lab.foreign() == {}
    assert lab.check_logs(allow=[REPAIR]) == []
