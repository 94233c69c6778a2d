# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What two gateways of a group and a node that follows the API server say in numbers, before and after a take-over."""

from collections.abc import Callable

import pytest
from eipgwlab import Lab, wait_until
from eipgwlab.group import Group
from eipgwlab.prometheus import fetch
from labkube import Kube
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from proof import SELECTED, status

pytestmark = pytest.mark.knowing

PORT = 9430
DEADLINE = 90.0
QUIET = (r"^<4>(kubernetes|own|failover|peer|repair|replication)[ :]",)


@pytest.fixture
def group_of_two(make_group: Callable[..., tuple[Kube, Group]]) -> tuple[Kube, Group]:
    kube, group = make_group()
    lab = kube.lab
    for name in ("gw-a", "gw-b", "node1"):
        daemon = lab.daemons[name]
        daemon.config["metrics"] = {"listen": f"127.0.0.1:{PORT}"}
        daemon.write_config()
        daemon.reload()
        wait_until(lambda n=name: answers(lab, n), DEADLINE, f"{name} serves its metrics")
    return kube, group


def answers(lab: Lab, name: str) -> bool:
    try:
        return fetch(lab.netns_of(name), PORT, "/metrics")[0] == 200
    except ConnectionError:
        return False


def samples(lab: Lab, machine: str, metric: str, /, **labels: str) -> list[float]:
    code, text = fetch(lab.netns_of(machine), PORT, "/metrics")
    assert code == 200, text
    return [s.value for family in text_string_to_metric_families(text) for s in family.samples
            if s.name == metric and labels.items() <= s.labels.items()]


def sample(lab: Lab, machine: str, metric: str, /, **labels: str) -> float:
    found = samples(lab, machine, metric, **labels)
    assert len(found) == 1, (machine, metric, labels, found)
    return found[0]


def state_of(lab: Lab, machine: str, metric: str) -> set[str]:
    code, text = fetch(lab.netns_of(machine), PORT, "/metrics")
    assert code == 200, text
    return {s.labels["state"] for family in text_string_to_metric_families(text) for s in family.samples
            if s.name == metric and s.value == 1}


def test_a_take_over_is_counted_with_its_time_and_its_survivors(group_of_two: tuple[Kube, Group]) -> None:
    kube, group = group_of_two
    lab = group.lab
    wait_until(lambda: group.state("gw-b").get("state") == "standby", DEADLINE, "gw-b can take over")
    wait_until(group.is_together, DEADLINE, "the two know each other", every=0.1)
    flows = [lab.pods[pod].flow("tcp") for pod in SELECTED for _ in range(3)]
    for flow in flows:
        wait_until(lambda f=flow: f.stat().received > 5, DEADLINE, "answers")

    wait_until(lambda: sample(lab, "gw-b", "eipgw_replication_complete", egress_ip="bank") == 1, DEADLINE, "gw-b has all connections")
    # Who hears late of the other suspects it for a moment.
    wait_until(lambda: [state_of(lab, name, "eipgw_egress_ip_failover") for name in ("gw-a", "gw-b")] == [{"active"}, {"standby"}],
               DEADLINE, "one is active, the other standby")
    assert [sample(lab, name, "eipgw_egress_ip_serving", egress_ip="bank") for name in ("gw-a", "gw-b")] == [1, 0]
    for name in ("gw-a", "gw-b"):
        assert sample(lab, name, "eipgw_egress_ip_carried", egress_ip="bank", carrier="gw-a") == 1
        assert samples(lab, name, "eipgw_member_heard") == [1, 1]
        assert sample(lab, name, "eipgw_heartbeats_total", outcome="taken") > 0
        assert sample(lab, name, "eipgw_takeovers_total", outcome="done") == 0
    assert sample(lab, "gw-a", "eipgw_replication_peer_linked", peer="gw-b") == 1
    wait_until(lambda: sample(lab, "gw-b", "eipgw_replication_entries_total", outcome="created")
               == status(lab.daemons["gw-b"])["replication"]["entries"]["created"] >= len(flows), DEADLINE, "what status says")
    assert sample(lab, "node1", "eipgw_egress_ip_reachable", gateway=lab.machines["gw-a"].address) == 1

    lab.daemons["gw-a"].kill()
    group.wait_carrier("gw-b")
    sent = [flow.stat().received for flow in flows]
    for flow, before in zip(flows, sent, strict=True):
        wait_until(lambda f=flow, n=before: f.stat().received > n + 5, DEADLINE, "it goes on")

    wait_until(lambda: sample(lab, "gw-b", "eipgw_takeovers_total", outcome="done") == 1, DEADLINE, "the take-over is counted")
    assert sample(lab, "gw-b", "eipgw_takeover_seconds_count") == 1
    assert sample(lab, "gw-b", "eipgw_takeover_seconds_sum") > 0
    wait_until(lambda: sample(lab, "gw-b", "eipgw_takeover_survivors_connections_total") >= len(flows), DEADLINE,
               "the connections that go on are counted")
    assert sample(lab, "gw-b", "eipgw_egress_ip_serving", egress_ip="bank") == 1
    assert sample(lab, "gw-b", "eipgw_egress_ip_carried", egress_ip="bank", carrier="gw-b") == 1
    assert sample(lab, "gw-b", "eipgw_member_heard", member="gw-a") == 0
    assert sample(lab, "gw-b", "eipgw_ec2_calls_total") > 0
    wait_until(lambda: state_of(lab, "gw-b", "eipgw_egress_ip_ownership") == {"standby"}, DEADLINE, "there is nothing more to claim")
    wait_until(lambda: samples(lab, "node1", "eipgw_egress_ip_reachable", gateway=lab.machines["gw-b"].address) == [1], DEADLINE,
               "the node knows")
    kube.stir()
    for name in ("gw-b", "node1"):
        wait_until(lambda n=name: sample(lab, n, "eipgw_event_to_kernel_seconds_count")
                   == status(lab.daemons[n])["kernel"]["event_to_kernel_us"]["count"] > 0, DEADLINE, "what status says")
        assert sample(lab, name, "eipgw_kubernetes_synced") == 1
    for flow in flows:
        report = flow.stop()
        assert (report.state, set(report.seen)) == ("open", {lab.eip("bank")})
    group.stop()
    # What a gateway sends before it has the Elastic IP dies at the internet gateway and never leaves.
    private = set(lab.egress_ips["bank"].private.values())
    assert [row for pod in lab.pods for row in lab.foreign_rows(pod) if row.outside is not None or row.inside not in private] == []
    assert lab.check_logs(allow=QUIET) == []
