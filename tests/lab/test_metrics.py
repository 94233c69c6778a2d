# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What the daemons serve as metrics is what Prometheus reads and what `eipgw status` says."""

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eipgwlab import Lab, netns, wait_until
from eipgwlab.build import ROOT, program
from eipgwlab.daemons import Daemon
from eipgwlab.prometheus import Prometheus, fetch
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from proof import REPAIR, counters, status

pytestmark = pytest.mark.knowing

PORT = 9430
RULES = ROOT / "deploy" / "prometheus-rules.yaml"
PROGRAMS = {"gw-a": "eipgwd", "node1": "eipgw-noded"}
DEADLINE = 60.0


@pytest.fixture
def metered(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """A lab in which each daemon serves its metrics on its own loopback."""
    lab = make_lab()
    for daemon in lab.daemons.values():
        daemon.config["metrics"] = {"listen": f"127.0.0.1:{PORT}"}
        daemon.write_config()
    lab.start_daemons()
    yield lab
    lab.stop_daemons()


def read(lab: Lab, name: str, path: str = "/metrics") -> tuple[int, str]:
    return fetch(lab.netns_of(name), PORT, path)


def families(lab: Lab, name: str) -> dict[str, Any]:
    """What the Prometheus client's own, strict parser makes of it."""
    code, text = read(lab, name)
    assert code == 200, text
    return {family.name: family for family in text_string_to_metric_families(text)}


def sample(lab: Lab, machine: str, metric: str, /, **labels: str) -> float:
    found = [s.value for f in families(lab, machine).values() for s in f.samples
             if s.name == metric and labels.items() <= s.labels.items()]
    assert len(found) == 1, (metric, labels, found)
    return found[0]


def listed(name: str) -> set[str]:
    out = subprocess.run([str(program(PROGRAMS[name])), "--help-metrics"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^(\w+): ", out, re.MULTILINE))


def told(row: str, found: dict[str, Any]) -> Any:
    """"kernel.rules" of a status."""
    for key in row.split("."):
        found = found[key]
    return found


# What Prometheus says -> where status has it.
SAME = {
    "gw-a": {
        "eipgw_kernel_rules": "kernel.rules",
        "eipgw_kernel_elements": "kernel.elements",
        "eipgw_kernel_routes": "kernel.routes",
        "eipgw_kernel_ip_rules": "kernel.ip_rules",
        "eipgw_kernel_repairs_total": "kernel.repairs",
        "eipgw_kernel_reconciles_total": "kernel.reconciles",
        "eipgw_kernel_transactions_total": "kernel.transactions",
        "eipgw_connections_ended_total": "kernel.connections_ended",
        "eipgw_ready": "ready",
    },
    "node1": {
        "eipgw_kernel_rules": "kernel.rules",
        "eipgw_kernel_elements": "kernel.elements",
        "eipgw_kernel_repairs_total": "kernel.repairs",
        "eipgw_kernel_reconciles_total": "kernel.reconciles",
    },
}


@pytest.mark.parametrize("name", list(SAME))
def test_prometheus_reads_what_status_says(metered: Lab, name: str) -> None:
    lab, daemon = metered, metered.daemons[name]
    p1 = lab.pods["p1"]
    for _ in range(3):
        assert p1.probe("tcp").seen == lab.eip("bank")
    lab.run(name, "nft", "delete", "table", "ip", status(daemon)["kernel"]["table"])
    wait_until(lambda: status(daemon)["kernel"]["repairs"] > 0, DEADLINE, "a repair")
    assert p1.probe("tcp").seen == lab.eip("bank")

    with Prometheus(lab.netns_of(name), {"eipgw": PORT}, [RULES]) as prometheus:
        wait_until(lambda: prometheus.value("up") == 1, DEADLINE, "a scrape", every=0.2)
        for query, row in SAME[name].items():
            wait_until(lambda q=query, r=row: prometheus.value(q) == told(r, status(daemon)), DEADLINE,
                       f"{query} is {row}", every=0.2)
        for counter in status(daemon)["counters"]:
            labelled = f'{{__name__=~"eipgw_(dropped|passed)_packets_total",reason="{counter["name"]}"}}'
            labelled = labelled if prometheus.query(labelled) else labelled.replace("reason=", "path=")
            if counter["name"] == "new":
                labelled = "eipgw_connection_attempts_total"
            wait_until(lambda q=labelled, n=counter["name"]: prometheus.value(q) == counters(daemon)[n], DEADLINE,
                       f"{labelled} is the counter", every=0.2)
        sources = {policy["name"]: policy["sources"] for policy in status(daemon)["policies"]}
        assert {m["policy"]: v for m, v in prometheus.query("eipgw_policy_sources")} == sources
        # It knows types and units, and evaluates the rules that we ship.
        known = prometheus.ask("/api/v1/metadata")
        assert known["eipgw_dropped_packets"][0]["type"] == "counter"
        assert known["eipgw_dropped_packets"][0]["unit"] == "packets"
        groups = prometheus.ask("/api/v1/rules")["groups"]
        wait_until(lambda: all(rule["health"] == "ok" for group in prometheus.ask("/api/v1/rules")["groups"] for rule in group["rules"]),
                   DEADLINE, "all rules can be evaluated", every=0.2)
        assert groups
    assert lab.foreign() == {}
    assert lab.check_logs(allow=[REPAIR]) == []


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_the_text_is_openmetrics_and_has_only_what_is_listed(metered: Lab, name: str) -> None:
    lab = metered
    assert lab.pods["p1"].probe("tcp").seen == lab.eip("bank")

    found = families(lab, name)

    names = {s.name for f in found.values() for s in f.samples}
    names = {re.sub(r"_(bucket|count|sum)$", "", n) if n not in listed(name) else n for n in names}
    assert names <= listed(name)
    assert all(f.documentation and f.type != "unknown" for f in found.values())
    # What can't be here: ENA, Kubernetes, EC2, a NAT log and a group of gateways, a policy with a limit, blocks of ports, and a destination
    # with a tenth of all ports.
    missing = {n for n in listed(name) - names
               if not re.search(r"_(ena|kubernetes|ec2|log|takeovers?|replication|heartbeats|member|draining|native|egress_ip|"
                                r"event_to_kernel|pod_events|limited_packets|destination_ports|port_block)", n)}
    assert missing == set()
    assert sample(lab, name, "eipgw_build_info", program=PROGRAMS[name], name=name) == 1
    assert lab.foreign() == {}
    assert lab.check_logs() == []


def test_counters_of_the_kernel_move_with_the_traffic(metered: Lab) -> None:
    lab = metered
    gateway = "gw-a"

    def device(direction: str, role: str, what: str) -> float:
        return sample(lab, gateway, f"eipgw_device_{what}_total", direction=direction, role=role)

    ways = [(d, r, w) for d in ("received", "sent") for r in ("tunnel", "uplink") for w in ("packets", "bytes")]
    before = {way: device(*way) for way in ways}
    attempts = sample(lab, gateway, "eipgw_connection_attempts_total")
    for _ in range(5):
        assert lab.pods["p1"].probe("udp").seen == lab.eip("bank")

    wait_until(lambda: sample(lab, gateway, "eipgw_connection_attempts_total") >= attempts + 5, DEADLINE, "five attempts more")
    wait_until(lambda: all(device(*way) >= before[way] + (5 if way[2] == "packets" else 5 * 28) for way in ways), DEADLINE,
               "devices have counted five packets each way")
    entries = sample(lab, gateway, "eipgw_conntrack_entries")
    maximum = int(lab.run(gateway, "sysctl", "-n", "net.netfilter.nf_conntrack_max"))
    assert 5 <= entries <= maximum == sample(lab, gateway, "eipgw_conntrack_max_entries")
    assert int(lab.run(gateway, "sysctl", "-n", "net.netfilter.nf_conntrack_buckets")) == sample(lab, gateway, "eipgw_conntrack_buckets")
    assert lab.foreign() == {}
    assert lab.check_logs() == []


def is_open(lab: Lab, name: str, address: str, port: int) -> bool:
    try:
        return fetch(lab.netns_of(name), port, "/healthz", address)[0] == 200
    except ConnectionError:
        return False  # also one that ends with the listener


def config_error(daemon: Daemon) -> str:
    return status(daemon)["config"]["last_error"]


def test_a_reload_moves_the_listener_or_keeps_the_old_one(metered: Lab) -> None:
    lab = metered
    daemon, own = lab.daemons["gw-a"], lab.machines["gw-a"].address

    def reload(listen: str) -> None:
        daemon.config["metrics"] = {"listen": listen}
        daemon.write_config()
        daemon.reload()

    assert is_open(lab, "gw-a", "127.0.0.1", PORT)
    assert not is_open(lab, "node1", own, PORT)  # that is only at loopback
    reload(f":{PORT}")
    wait_until(lambda: is_open(lab, "node1", own, PORT), DEADLINE, "it is served at the gateway's own address")
    assert not is_open(lab, "gw-a", "127.0.0.1", PORT)
    reload("203.0.113.77:9430")
    wait_until(lambda: "metrics.listen" in config_error(daemon), DEADLINE, "an address of somebody else is refused")
    assert is_open(lab, "node1", own, PORT)
    reload("0.0.0.0:9430")
    wait_until(lambda: "isn't one host's address" in config_error(daemon), DEADLINE, "all addresses are refused")
    assert is_open(lab, "node1", own, PORT)
    assert sample_at(lab, own, "eipgw_config_reload_ok") == 0
    reload("")
    wait_until(lambda: not is_open(lab, "node1", own, PORT), DEADLINE, "it is served nowhere")
    assert config_error(daemon) == ""
    assert lab.foreign() == {}
    assert lab.check_logs(allow=[r"^<4>config: .*metrics\.listen.*keeping the old configuration"]) == []


def sample_at(lab: Lab, address: str, metric: str) -> float:
    code, text = fetch(lab.netns_of("node1"), PORT, "/metrics", address)
    assert code == 200
    return next(s.value for f in text_string_to_metric_families(text) for s in f.samples if s.name == metric)


def test_a_taken_port_stops_nobody_from_steering(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    with netns.entered(lab.netns_of("gw-a")):
        other = socket.create_server(("127.0.0.1", PORT))
    lab.daemons["gw-a"].config["metrics"] = {"listen": f"127.0.0.1:{PORT}"}
    lab.daemons["gw-a"].write_config()

    lab.start_daemons()
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    other.close()

    wait_until(lambda: is_open(lab, "gw-a", "127.0.0.1", PORT), DEADLINE, "it is served when the port is free")
    assert lab.foreign() == {}
    assert lab.check_logs(allow=[r"^<3>metrics: metrics.listen: can't listen on 127.0.0.1:9430: Address already in use; trying again"]) == []


def test_without_the_key_nothing_listens(start_lab: Callable[..., Lab]) -> None:
    lab = start_lab()

    for name in PROGRAMS:
        assert lab.run(name, "ss", "-Hltn") == ""


def test_the_rules_are_sound() -> None:
    """Beside tests/check/metrics, which tests them: they are what Prometheus itself accepts."""
    out = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stdout + out.stderr
