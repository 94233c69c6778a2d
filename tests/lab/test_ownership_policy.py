# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A gateway with the policies of docs/iam, evaluated with their resources and conditions: they suffice, and what is
missing is named. tests/aws/test_iam.py has the same for single calls."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eipgwlab import Lab
from eipgwlab.build import ROOT
from eipgwlab.cloud import AT_THEIRS, BANK, STATE_DEADLINE, Cloud
from eipgwlab.native import TABLE, NativeCloud
from eipgwlab.wait import wait_until

pytestmark = pytest.mark.aws

MakeCloud = Callable[[str], Cloud]
Edit = Callable[[dict[str, Any]], None]
# Document: what of it a gateway calls on its way to be ready, in the mode that it's for.
TUNNEL = ("DescribeNetworkInterfaces", "DescribeAddresses", "AssignPrivateIpAddresses", "AssociateAddress")
DOCUMENTS: dict[str, tuple[str, ...]] = {
    "tunnel": TUNNEL,
    "route-table": (*TUNNEL, "DescribeRouteTables", "ModifyNetworkInterfaceAttribute", "ReplaceRoute"),
}
ARN = "arn:aws:ec2:eu-central-1:111122223333"


def policy(document: str, without: str = "") -> dict[str, Any]:
    text = json.loads((ROOT / "docs" / "iam" / f"{document}.json").read_text(encoding="utf-8"))
    for statement in text["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action != f"ec2:{without}"]
    return text


def no_secondary(state: dict[str, Any]) -> None:
    state["interfaces"]["eni-a"]["addresses"] = []


@pytest.fixture
def make(make_cloud: Callable[..., Cloud], make_lab: Callable[..., Lab]) -> Iterator[MakeCloud]:
    """make(document): a gateway in the document's mode, for which everything has to be done."""
    natives: list[NativeCloud] = []

    def made(document: str) -> Cloud:
        if document == "tunnel":
            return make_cloud(AT_THEIRS, secondary=())
        natives.append(NativeCloud(make_lab("cni-nft"), "eni-b", True, AT_THEIRS))
        natives[-1].change(no_secondary)
        return natives[-1]

    yield made
    for cloud in natives:
        cloud.close()


def blocked(cloud: Cloud) -> list[str]:
    """Why what is blocked is: the egress IP, the source/dest check, a route."""
    done = cloud.gateway.eipgw("status", "--json")
    status = json.loads(done.stdout) if done.returncode == 0 else {}
    rows = status.get("egress_ips", []) + status.get("native_routing", [])
    return [row["reason"] for row in rows if row["state"] == "blocked"]


def wait_blocked(cloud: Cloud, reason: str) -> None:
    """All that is blocked is so for the reason, in one line, of which the log has one as well."""
    def reached() -> bool:
        cloud.follow()
        return any(reason in text for text in blocked(cloud))

    wait_until(reached, STATE_DEADLINE, f"something is blocked: {reason}", every=0.05)
    assert all(reason in text and "\n" not in text for text in blocked(cloud)), blocked(cloud)
    errors = [line for line in cloud.gateway.log() if line.startswith("<3>own: ")]
    assert len(errors) == len(blocked(cloud)), errors


def check_traffic(cloud: Cloud) -> None:
    lab = cloud.lab
    cloud.wait("held", deadline=60)
    if isinstance(cloud, NativeCloud):
        cloud.wait_held()
    cloud.gateway.wait_ready()
    lab.start_daemons(["node1", "node2"])
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    if isinstance(cloud, NativeCloud):
        wait_until(cloud.is_served, 30, "the instance's internet")
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>own: ", "^<3>own: .*: blocked, was .* lacks ec2:"]) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_document_suffices(make: MakeCloud, document: str) -> None:
    cloud = make(document)
    cloud.order("settings", {"policy": policy(document)})
    cloud.start(wait_ready=False)
    check_traffic(cloud)
    assert cloud.gateway.log_count("^<[34]>own: ") == 0
    assert set(cloud.calls()) == set(DOCUMENTS[document])


# What the shorter document has too, is tested with it.
ACTIONS = [("tunnel", action) for action in TUNNEL]
ACTIONS += [("route-table", action) for action in DOCUMENTS["route-table"] if action not in TUNNEL]


@pytest.mark.parametrize("document, action", ACTIONS)
def test_without_one_of_its_actions_the_status_names_it(make: MakeCloud, document: str, action: str) -> None:
    cloud = make(document)
    cloud.order("settings", {"policy": policy(document, without=action)})
    cloud.start(wait_ready=False)
    wait_blocked(cloud, f"the policy of the credentials lacks ec2:{action} on ")
    cloud.order("settings", {"policy": policy(document)})
    check_traffic(cloud)


# What isn't tagged as the document asks, and what that makes impossible.
TAGGED: dict[str, tuple[str, str, str, str]] = {
    "elastic-ip": ("tunnel", "addresses", BANK, f"ec2:AssociateAddress on {ARN}:elastic-ip/{BANK}"),
    "network-interface": ("tunnel", "interfaces", "eni-a", f"ec2:AssignPrivateIpAddresses on {ARN}:network-interface/eni-a"),
    "route-table": ("route-table", "route_tables", TABLE, f"ec2:ReplaceRoute on {ARN}:route-table/{TABLE}"),
}


@pytest.mark.parametrize("kind", TAGGED)
def test_what_is_tagged_otherwise_is_refused_and_named(make: MakeCloud, kind: str) -> None:
    document, table, key, denied = TAGGED[kind]
    cloud = make(document)

    def tag(deployment: str) -> Edit:
        return lambda state: state[table][key]["tags"].update(eipgw=deployment)

    cloud.change(tag("other"))
    cloud.order("settings", {"policy": policy(document)})
    cloud.start(wait_ready=False)
    wait_blocked(cloud, f"lacks {denied}; add it, or the tags that it asks for")
    assert ("eni-b" in [a["network_interface_id"] for a in cloud.order("associations")]) == (kind != "route-table")
    cloud.change(tag("example"))
    check_traffic(cloud)
