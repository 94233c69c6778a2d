# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The policy documents in docs/iam: each suffices, and nothing in them is superfluous.

moto evaluates actions only, so resources and conditions are taken out for it. The fake evaluates the documents as
they stand. tests/lab/test_ownership_policy.py runs a gateway with them.
"""

import copy
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
    "ec2:DescribeSecurityGroups": ("groups", {"group_id": "sg-00000000000000000"}),
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


TAGS = {"eipgw": "example"}
MADE = {"enis": ["eni-1", "eni-2"], "eip": "eipalloc-1", "table": "rtb-1"}
# What is born with tags needs CreateTags, and the document allows it for that only.
STRICT_CALLS = CALLS | {"ec2:CreateTags": CALLS["ec2:AllocateAddress"]}


class Judged:
    """The fake, with a policy."""

    def __init__(self, fake, tags=None):
        self.fake = fake
        state = fake.control("state")
        for table in ("interfaces", "addresses", "route_tables"):
            for thing in state[table].values():
                thing["tags"] = TAGS if tags is None else tags
        fake.control("state", state | {"scaling_groups": {"g": TAGS if tags is None else tags}, "hooks": [["h", "g", "i-1"]] * 99})

    def denied(self, policy, action):
        self.fake.control("settings", {"policy": policy})
        command, arguments = STRICT_CALLS[action]
        filled = {k: v.format(**MADE) if isinstance(v, str) else v for k, v in arguments.items()}
        answer = self.fake.probe(command, budget="one", **filled)
        if answer["status"] == DENIED:
            assert answer["code"] == "UnauthorizedOperation" and answer["class"] == "permanent"
        return answer["status"] == DENIED


def without_action(policy, action):
    policy = copy.deepcopy(policy)
    for statement in policy["Statement"]:
        statement["Action"] = [a for a in statement["Action"] if a != action]
    return policy


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_as_it_stands_suffices_and_each_of_its_actions_is_needed(fake, name):
    judged = Judged(fake)

    for action in actions(POLICIES[name]):
        assert not judged.denied(POLICIES[name], action), action
        assert judged.denied(without_action(POLICIES[name], action), action), action


@pytest.mark.parametrize("tags", [{}, {"eipgw": "other"}, {"Name": "example"}])
@pytest.mark.parametrize("name", POLICIES)
def test_what_is_tagged_otherwise_is_out_of_reach(fake, name, tags):
    judged = Judged(fake, tags)
    born = {"ec2:AllocateAddress", "ec2:CreateTags"}  # with its own tag

    for action in set(actions(POLICIES[name])) - born:
        assert judged.denied(POLICIES[name], action) == (not action.startswith("ec2:Describe")), action


def test_what_is_allocated_must_be_born_with_the_tag_and_nothing_else_can_be_tagged(fake):
    Judged(fake)
    fake.control("settings", {"policy": POLICIES["allocate"]})

    assert fake.probe("allocate", budget="one", tag_key="eipgw", tag_value="other")["status"] == DENIED
    assert fake.probe("tag", budget="one", resource_id="eipalloc-1", tag_key="eipgw", tag_value="example")["status"] == DENIED
