# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Our calls against the fake EC2: the documented semantics, and each fault."""

import time

import pytest

MINE = {"allocation_id": "eipalloc-1", "network_interface_id": "eni-1"}


def test_an_elastic_ip_goes_to_the_secondary_address_that_it_was_asked_for(fake):
    assert fake.probe("assign", network_interface_id="eni-1", address="10.0.0.50")["class"] == "ok"
    answer = fake.probe("associate", private_ip="10.0.0.50", **MINE)

    assert answer["class"] == "ok"
    [seen] = fake.probe("addresses", tag_key="Name", tag_value="bank")["value"]
    assert seen["private_ip"] == "10.0.0.50" and seen["network_interface_id"] == "eni-1"
    assert seen["association_id"] == answer["value"]["association_id"] != ""
    [eni] = fake.probe("interfaces", address="10.0.0.50")["value"]
    assert [(a["address"], a["public_ip"]) for a in eni["addresses"]] == [("10.0.0.1", ""), ("10.0.0.50", "198.51.100.1")]
    assert fake.control("associations") == [{"public": "198.51.100.1", "private": "10.0.0.50", "allocation_id": "eipalloc-1",
                                             "network_interface_id": "eni-1", "instance_id": "i-1"}]


def test_what_somebody_else_has_is_taken_only_if_that_is_allowed(fake):
    fake.control("associate", {"allocation_id": "eipalloc-1", "network_interface_id": "eni-2", "private_ip": "10.0.0.2"})

    refused = fake.probe("associate", **MINE)
    assert (refused["class"], refused["code"]) == ("conflict", "Resource.AlreadyAssociated")
    assert fake.control("associations")[0]["network_interface_id"] == "eni-2"
    assert fake.probe("associate", allow_reassociation=True, **MINE)["class"] == "ok"
    assert fake.control("associations")[0]["network_interface_id"] == "eni-1"


def test_associating_again_changes_nothing(fake):
    first = fake.probe("associate", **MINE)
    again = fake.probe("associate", **MINE)

    assert first["value"] == again["value"] and again["class"] == "ok"


def test_a_moved_secondary_address_takes_its_elastic_ip_along(fake):
    fake.probe("assign", network_interface_id="eni-1", address="10.0.0.50")
    fake.probe("associate", private_ip="10.0.0.50", **MINE)

    refused = fake.probe("assign", network_interface_id="eni-2", address="10.0.0.50")
    assert (refused["class"], refused["code"]) == ("permanent", "InvalidParameterValue")
    assert fake.probe("assign", network_interface_id="eni-2", address="10.0.0.50", allow_reassignment=True)["class"] == "ok"
    assert fake.control("associations")[0]["network_interface_id"] == "eni-2"
    [one, two] = fake.probe("interfaces", vpc_id="vpc-1")["value"]
    assert [a["address"] for a in one["addresses"]] == ["10.0.0.1"]
    assert [a["address"] for a in two["addresses"]] == ["10.0.0.2", "10.0.0.50"]


@pytest.mark.parametrize("address, code", [("10.0.0.2", "InvalidParameterValue"), ("10.0.9.9", "InvalidParameterValue")])
def test_a_primary_address_or_one_of_another_subnet_is_never_assigned(fake, address, code):
    answer = fake.probe("assign", network_interface_id="eni-1", address=address, allow_reassignment=True)

    assert (answer["class"], answer["code"]) == ("permanent", code)


def test_the_limit_of_an_interface_is_told(fake):
    state = fake.control("state")
    state["interfaces"]["eni-1"]["limit"] = 1
    fake.control("state", state)

    answer = fake.probe("assign", network_interface_id="eni-1", address="10.0.0.50")

    assert (answer["class"], answer["code"]) == ("permanent", "PrivateIpAddressLimitExceeded")


def test_an_allocated_address_is_found_by_the_tag_that_it_was_born_with(fake):
    made = fake.probe("allocate", tag_key="eipgw", tag_value="a*b")["value"]

    assert [a["allocation_id"] for a in fake.probe("addresses", tag_key="eipgw", tag_value="a*b")["value"]] == [made["allocation_id"]]
    assert fake.probe("addresses", tag_key="eipgw", tag_value="a")["value"] == []
    assert fake.probe("tag", resource_id="eipalloc-1", tag_key="eipgw", tag_value="")["class"] == "ok"
    assert fake.probe("addresses", allocation_id="eipalloc-1")["value"][0]["tags"] == {"Name": "bank", "eipgw": ""}


def test_source_check_and_routes_are_changed_and_read_back(fake):
    assert fake.probe("check", network_interface_id="eni-1", on=False)["class"] == "ok"
    assert fake.probe("replace-route", route_table_id="rtb-1", destination="0.0.0.0/0", network_interface_id="eni-1")["class"] == "ok"

    assert fake.probe("interfaces", network_interface_id="eni-1")["value"][0]["source_dest_check"] is False
    assert fake.probe("route-tables", route_table_id="rtb-1")["value"] == [{"id": "rtb-1", "routes": {"0.0.0.0/0": "eni-1"}}]
    missing = fake.probe("replace-route", route_table_id="rtb-1", destination="192.0.2.0/24", network_interface_id="eni-1")
    assert (missing["class"], missing["code"]) == ("not found", "InvalidRoute.NotFound")


def test_a_lifecycle_hook_is_kept_waiting_and_completed_once(fake):
    hook = {"hook": "leave", "group": "gateways", "instance_id": "i-1"}

    assert fake.probe("heartbeat", **hook)["class"] == "ok"
    assert fake.probe("complete", **hook)["class"] == "ok"
    assert fake.probe("complete", **hook)["code"] == "ValidationError"


def test_a_dry_run_changes_nothing(fake):
    assert fake.probe("associate", dry_run=True, **MINE)["code"] == "DryRunOperation"
    fake.control("settings", {"denied": ["AssociateAddress"]})
    denied = fake.probe("associate", dry_run=True, **MINE)

    assert (denied["class"], denied["code"]) == ("permanent", "UnauthorizedOperation")
    assert fake.control("associations") == []


def test_many_interfaces_come_in_pages(fake):
    state = fake.control("state")
    for i in range(1200):
        state["interfaces"][f"eni-{i:04}"] = dict(state["interfaces"]["eni-1"], primary=f"10.1.{i // 250}.{i % 250 + 1}", addresses=[])
    fake.control("state", state)

    found = fake.probe("interfaces", vpc_id="vpc-1")["value"]

    assert len({eni["id"] for eni in found}) == len(found) == 1202
    assert fake.actions() == ["DescribeNetworkInterfaces"] * 3


def test_reads_lag_behind_writes_as_long_as_they_are_told_to(fake):
    fake.control("settings", {"delay_s": 1.5})
    fake.probe("associate", **MINE)

    assert fake.probe("addresses", allocation_id="eipalloc-1")["value"][0]["association_id"] == ""
    assert fake.control("associations")[0]["network_interface_id"] == "eni-1"
    deadline = time.monotonic() + 10
    while fake.probe("addresses", allocation_id="eipalloc-1")["value"][0]["association_id"] == "":
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["throttle", "500", "html", "truncate", "reset", "done-500", "done-reset"])
def test_a_passing_fault_is_outlived(fake, kind):
    fake.control("faults", [{"action": "AssociateAddress", "kind": kind, "times": 2}])

    answer = fake.probe("associate", budget="failover", **MINE)

    assert answer["class"] == "ok" and answer["attempts"] == 3
    assert fake.control("associations")[0]["network_interface_id"] == "eni-1"


@pytest.mark.parametrize("kind, class_, text", [
    ("throttle", "throttled", "RequestLimitExceeded"),
    ("500", "retry", "InternalError"),
    ("html", "retry", "HTTP status 502 without an AWS error code"),
    ("truncate", "retry", "DescribeAddresses: "),
    ("reset", "retry", "DescribeAddresses: "),
])
def test_a_lasting_fault_is_told(fake, kind, class_, text):
    fake.control("faults", [{"kind": kind, "times": 99}])

    answer = fake.probe("addresses", budget="one")

    assert answer["class"] == class_ and text in answer["text"] and answer["attempts"] == 1


def test_a_slow_answer_is_given_up_and_asked_for_again_in_a_failover(fake):
    fake.control("faults", [{"kind": "slow", "seconds": 60, "times": 1}])
    began = time.monotonic()

    answer = fake.probe("addresses", budget="failover")

    assert answer["class"] == "ok" and answer["attempts"] == 2
    assert time.monotonic() - began < 50


def test_an_asked_delay_is_kept(fake):
    fake.control("faults", [{"kind": "throttle", "seconds": 2, "times": 1}])
    began = time.monotonic()

    assert fake.probe("addresses", budget="failover")["class"] == "ok"
    assert time.monotonic() - began >= 2


@pytest.mark.parametrize("kind", ["done-500", "done-reset"])
def test_an_allocation_whose_answer_is_lost_is_not_repeated(fake, kind):
    fake.control("faults", [{"action": "AllocateAddress", "kind": kind, "times": 1}])

    answer = fake.probe("allocate", tag_key="eipgw", tag_value="x")

    assert answer["class"] == "retry" and answer["attempts"] == 1
    assert fake.actions() == ["AllocateAddress"]
    assert len(fake.probe("addresses", tag_key="eipgw", tag_value="x")["value"]) == 1


def test_wrong_credentials_and_a_wrong_clock_are_told_apart_from_denial(fake):
    fake.control("settings", {"keys": ["AKIDOTHER"]})
    assert (answer := fake.probe("addresses"))["class"] == "credentials" and answer["code"] == "AuthFailure"
    fake.control("settings", {"keys": None, "clock_s": 3600})
    answer = fake.probe("addresses")
    assert answer["class"] == "credentials" and answer["code"] == "RequestExpired"
    assert 3500 < answer["date_sec"] - time.time() < 3700
    fake.control("settings", {"clock_s": 0, "denied": ["DescribeAddresses"]})
    assert fake.probe("addresses")["class"] == "permanent"


def test_what_does_not_exist_is_told(fake):
    for command, arguments in [("addresses", {"allocation_id": "eipalloc-9"}), ("addresses", {"public_ip": "192.0.2.9"}),
                               ("interfaces", {"network_interface_id": "eni-9"}), ("instance", {"instance_id": "i-9"}),
                               ("route-tables", {"route_table_id": "rtb-9"})]:
        answer = fake.probe(command, **arguments)
        assert answer["class"] == "not found" and answer["code"].endswith(".NotFound"), command


def test_without_an_answering_peer_the_sentence_says_so(fake):
    fake.close()

    answer = fake.probe("addresses", budget="one")

    assert answer["class"] == "retry" and answer["status"] == 0
    assert "DescribeAddresses: " in answer["text"] and len(answer["text"]) > 25
