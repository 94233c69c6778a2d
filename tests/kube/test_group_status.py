# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What gateway/tell/publish_plan.h relies on in the API server: several gateways write one status, each its own part, and what
one of them leaves out or is written in his place takes nothing away from the others."""

import pytest
from kubeclient import ApiError, object_of, unique
from kubepeers import deploy_ours, wait_until
from kubeprobe import Probe

PUBLIC = "203.0.113.7"


@pytest.fixture(scope="module", autouse=True)
def deployed(control_plane):
    deploy_ours(control_plane, "/apis/eipgw.io/v1alpha1/egressgateways")


@pytest.fixture
def gateway(admin):
    spec = {"egressIPs": [{"name": "bank", "publicIP": PUBLIC}]}
    return admin.create(object_of("EgressGateway", unique("gw"), spec))["metadata"]["name"]


@pytest.fixture
def write(admin, gateway):
    """write(manager, ...): the whole of his part; the status that comes of it."""

    def apply(manager, **status):
        found = {"apiVersion": "eipgw.io/v1alpha1", "kind": "EgressGateway", "metadata": {"name": gateway}, "status": status}
        return admin.apply(found, sub="status", manager=manager)["status"]

    return apply


def member(name, state):
    return {"name": name, "address": f"10.0.{1 + 'abc'.index(name[-1])}.200", "state": state}


def active(name, **more):
    """What a member writes that carries bank."""
    return {"members": [member(name, "Active")], "egressIPs": [{"name": "bank", "publicIP": PUBLIC, "member": name} | more],
            "publicIPs": [PUBLIC], "activeMembers": [name]}


def test_an_egress_ip_is_never_without_a_gateway_while_it_is_handed_over(write):
    write("gw-a", **active("gw-a", since="2026-01-01T00:00:00Z"))
    write("gw-b", members=[member("gw-b", "Standby")])
    # The one who takes it writes, or the one who gives it: in either order each status has the one member.
    for first, second in (("gw-b", "gw-a"), ("gw-a", "gw-b")):
        parts = {"gw-b": active("gw-b"), "gw-a": {"members": [member("gw-a", "Standby")],
                                                   "egressIPs": [{"name": "bank", "publicIP": PUBLIC, "member": "gw-b"}]}}
        for who in (first, second):
            [bank] = write(who, **parts[who])["egressIPs"]
            assert bank == {"name": "bank", "publicIP": PUBLIC, "member": "gw-b"} | ({"since": bank["since"]} if "since" in bank else {})
        found = write("gw-a", members=[member("gw-a", "Standby")])
        assert [bank["member"] for bank in found["egressIPs"]] == ["gw-b"] and "since" not in found["egressIPs"][0]
        assert (found["publicIPs"], found["activeMembers"]) == ([PUBLIC], ["gw-b"])
        write("gw-a", **active("gw-a", since="2026-01-01T00:00:00Z"))
        write("gw-b", members=[member("gw-b", "Standby")])


def test_who_writes_last_wins_and_a_late_write_of_another_one_shows(write):
    write("gw-a", **active("gw-a"))
    write("gw-b", **active("gw-b"))
    assert write("gw-a", **active("gw-a"))["egressIPs"][0]["member"] == "gw-a"
    assert write("gw-b", **active("gw-b"))["egressIPs"][0]["member"] == "gw-b"


def test_a_dead_member_s_part_can_be_written_in_its_place(write):
    write("gw-a", **active("gw-a"), conditions=[{"type": "Ready", "status": "True", "reason": "Carried", "message": "",
                                                 "lastTransitionTime": "2026-01-01T00:00:00Z"}])
    write("gw-b", **active("gw-b"))
    found = write("gw-a", members=[member("gw-a", "NotReady")])
    assert found["members"] == [member("gw-a", "NotReady"), member("gw-b", "Active")]
    assert found["activeMembers"] == ["gw-b"] and found["egressIPs"][0]["member"] == "gw-b" and "conditions" not in found
    found = write("gw-a")
    assert found["members"] == [member("gw-b", "Active")] and found["egressIPs"][0]["member"] == "gw-b"
    # It's back, and nobody else need do anything.
    found = write("gw-a", members=[member("gw-a", "Standby")])
    assert {m["name"]: m["state"] for m in found["members"]} == {"gw-a": "Standby", "gw-b": "Active"}


def test_a_condition_that_two_members_write_stays_whole_as_a_part_of_its_own(write):
    def ready(time):
        return {"conditions": [{"type": "Ready", "status": "True", "reason": "Carried", "message": "", "lastTransitionTime": time}]}

    write("gw-a", **ready("2026-01-01T00:00:00Z"))
    write("gw-b", **ready("2026-01-02T00:00:00Z"))
    with pytest.raises(ApiError, match="lastTransitionTime"):
        write("gw-b", members=[member("gw-b", "Standby")])
    write("group", **ready("2026-01-03T00:00:00Z"))
    for name in ("gw-b", "gw-a"):
        found = write(name, members=[member(name, "Standby")])
    assert found["conditions"] == ready("2026-01-03T00:00:00Z")["conditions"]


def test_what_is_written_again_and_is_the_same_is_no_news(admin, gateway, write):
    write("gw-a", **active("gw-a"))
    before = admin.get("EgressGateway", gateway)["metadata"]["resourceVersion"]
    write("gw-a", **active("gw-a"))
    assert admin.get("EgressGateway", gateway)["metadata"]["resourceVersion"] == before


def test_our_client_writes_in_another_one_s_place_at_once(plane, admin, gateway, write):
    write("gw-a", **active("gw-a"))
    with Probe(plane.kubeconfig("gateway"), "status", kind="EgressGateway", name=gateway, manager="gw-b", interval_ms=600000) as probe:
        probe.ask("gw-b 10.0.2.200")
        probe.ask("!gw-c 10.0.3.200 gw-a")

        def names():
            return {m["name"] for m in admin.get("EgressGateway", gateway)["status"]["members"]}

        wait_until(lambda: names() == {"gw-b", "gw-c"}, 10, "gw-a's part is another one's", 0.05)
        assert "activeMembers" not in admin.get("EgressGateway", gateway)["status"]
