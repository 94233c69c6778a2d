# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The policy documents in docs/iam: each suffices, and nothing in them is superfluous.

moto evaluates actions only. So resources and conditions are taken out for it, and looked at here as text.
"""

import json

import pytest

from awspeers import TOP, probe

POLICIES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((TOP / "docs" / "iam").glob("*.json"))}
HOOK = {"hook": "h", "group": "g", "instance_id": "i-1"}

# How each action is called by awsprobe; {} of what the fixture made.
CALLS = {
    "ec2:DescribeAddresses": ("addresses", {}),
    "ec2:AssociateAddress": ("associate", {"allocation_id": "{eip}", "network_interface_id": "{enis[0]}", "allow_reassociation": True}),
    "ec2:AllocateAddress": ("allocate", {"tag_key": "eipgw", "tag_value": "example"}),
    "ec2:CreateTags": ("tag", {"resource_id": "{eip}", "tag_key": "a", "tag_value": "b"}),
    "ec2:DescribeNetworkInterfaces": ("interfaces", {}),
    "ec2:AssignPrivateIpAddresses": ("assign", {"network_interface_id": "{enis[0]}", "address": "10.0.0.77"}),
    "ec2:ModifyNetworkInterfaceAttribute": ("check", {"network_interface_id": "{enis[0]}", "on": False}),
    "ec2:DescribeInstances": ("instance", {"instance_id": "i-00000000000000000"}),
    "ec2:DescribeRouteTables": ("route-tables", {}),
    "ec2:ReplaceRoute": ("replace-route", {"route_table_id": "{table}", "destination": "0.0.0.0/0", "network_interface_id": "{enis[0]}"}),
    "autoscaling:CompleteLifecycleAction": ("complete", HOOK),
    "autoscaling:RecordLifecycleActionHeartbeat": ("heartbeat", HOOK),
}
DENIED = 403


def actions(policy):
    return [action for statement in policy["Statement"] for action in statement["Action"]]


def test_each_action_that_the_code_can_call_is_in_a_policy_and_the_other_way_round():
    callable_ = {action["name"] for action in probe("-", "actions") if not action["free"]}

    assert callable_ == {action for policy in POLICIES.values() for action in actions(policy)} == CALLS.keys()


@pytest.mark.parametrize("name", POLICIES)
def test_what_changes_something_is_scoped_by_tag(name):
    for statement in POLICIES[name]["Statement"]:
        assert not any("*" in action for action in statement["Action"])
        if any(not action.startswith("ec2:Describe") for action in statement["Action"]):
            assert "*" not in statement["Resource"] and all(r.startswith("arn:") for r in statement["Resource"])
            [condition] = statement["Condition"]["StringEquals"].items()
            assert condition in [("aws:ResourceTag/eipgw", "example"), ("aws:RequestTag/eipgw", "example"),
                                 ("ec2:CreateAction", "AllocateAddress")]
        else:
            assert statement["Resource"] == "*"


def test_gateways_can_neither_release_nor_disassociate():
    for name in POLICIES:
        assert not any("Release" in action or "Disassociate" in action for action in actions(POLICIES[name]))


USER = """
key = iam.create_user(UserName="gw") and iam.create_access_key(UserName="gw")["AccessKey"]
show({"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})
"""
ALLOW = """
iam.put_user_policy(UserName="gw", PolicyName="p", PolicyDocument=json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": %r, "Resource": "*"}]}))
"""


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_suffices_and_each_of_its_actions_is_needed(moto, name):
    allowed = actions(POLICIES[name])
    keys = moto.boto(USER)

    def status(action):
        command, arguments = CALLS[action]
        filled = {k: v.format(**moto.made) if isinstance(v, str) else v for k, v in arguments.items()}
        return moto.probe(command, keys=keys, budget="one", **filled)["status"]

    for without in [None, *allowed]:
        moto.check_signatures(False)
        moto.boto(ALLOW % ([a for a in allowed if a != without] or ["ec2:None"]))
        moto.check_signatures(True)
        for action in allowed if without is None else [without]:
            assert (status(action) == DENIED) == (action == without), f"{action}, without {without}"
