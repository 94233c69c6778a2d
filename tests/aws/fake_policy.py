# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What an identity policy allows, with resources and conditions, which moto doesn't look at (test_moto_differs.py).

IAM's rules: an explicit Deny wins, else one statement must allow each resource of the call. Which resources and
condition keys a call has, is in the Service Authorization Reference. Strict where IAM would be lenient or where
this doesn't know enough: an unknown element, operator or condition key is a mistake in the document, and denies.
"""

import re
from dataclasses import dataclass, field

ACCOUNT = "111122223333"
PLACE = f"aws:{{service}}:eu-central-1:{ACCOUNT}"
KEYS = ("aws:ResourceTag/", "aws:RequestTag/", "ec2:CreateAction")
ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Condition"}


class Denied(Exception):
    pass


@dataclass
class Request:
    """One resource of a call; "*": the action knows none."""

    action: str
    resource: str = "*"
    facts: dict = field(default_factory=dict)  # condition keys and their values


def arn(service, kind_and_name):
    return f"arn:{PLACE.format(service=service)}:{kind_and_name}"


def tag_facts(name, tags):
    return {f"aws:{name}/{key}": value for key, value in tags.items()}


def existing(state, action, kind, key):
    """An EC2 resource with its tags; what doesn't exist has none."""
    table = {"elastic-ip": "addresses", "network-interface": "interfaces", "route-table": "route_tables"}[kind]
    tags = state[table].get(key, {}).get("tags", {})
    return Request(action, arn("ec2", f"{kind}/{key}"), tag_facts("ResourceTag", tags))


# Action: which parameters name which resources.
RESOURCES = {
    "AssociateAddress": (("elastic-ip", "AllocationId"), ("network-interface", "NetworkInterfaceId")),
    "AssignPrivateIpAddresses": (("network-interface", "NetworkInterfaceId"),),
    "ModifyNetworkInterfaceAttribute": (("network-interface", "NetworkInterfaceId"),),
    "ReplaceRoute": (("route-table", "RouteTableId"),),
}


def born_with(params):
    """AllocateAddress with tags needs CreateTags too, which knows for what."""
    tags = {params[k]: params.get(k.removesuffix("Key") + "Value", "") for k in params
            if re.fullmatch(r"TagSpecification\.\d+\.Tag\.\d+\.Key", k)}
    facts = tag_facts("RequestTag", tags)
    yield Request("ec2:AllocateAddress", arn("ec2", "elastic-ip/*"), facts)
    if tags:
        yield Request("ec2:CreateTags", arn("ec2", "elastic-ip/*"), facts | {"ec2:CreateAction": "AllocateAddress"})


def of_create_tags(state, params):
    tags = {params[k]: params.get(f"{k.removesuffix('Key')}Value", "") for k in params if re.fullmatch(r"Tag\.\d+\.Key", k)}
    for name, key in params.items():
        if name.startswith("ResourceId."):
            request = existing(state, "ec2:CreateTags", "elastic-ip" if key.startswith("eipalloc-") else "network-interface", key)
            request.facts |= tag_facts("RequestTag", tags)
            yield request


def requests_of(state, params):
    """What a policy has to allow for a call."""
    action = params.get("Action", "")
    if action == "AllocateAddress":
        yield from born_with(params)
    elif action == "CreateTags":
        yield from of_create_tags(state, params)
    elif action.endswith(("LifecycleAction", "LifecycleActionHeartbeat")):
        group = params.get("AutoScalingGroupName", "")
        yield Request(f"autoscaling:{action}", arn("autoscaling", f"autoScalingGroup:0:autoScalingGroupName/{group}"),
                      tag_facts("ResourceTag", state.get("scaling_groups", {}).get(group, {})))
    elif action in RESOURCES:
        for kind, parameter in RESOURCES[action]:
            yield existing(state, f"ec2:{action}", kind, params.get(parameter, ""))
    else:
        yield Request(f"ec2:{action}")


def fits(pattern, text):
    """* and ? as in policies."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None


def listed(value):
    return value if isinstance(value, list) else [value]


def meets(condition, request):
    for operator, block in condition.items():
        if operator != "StringEquals":
            raise Denied(f"the policy has the unknown operator {operator}")
        for key, values in block.items():
            if not key.startswith(KEYS):
                raise Denied(f"the policy has the unknown condition key {key}")
            if request.facts.get(key) not in listed(values):
                return False
    return True


def covers(statement, request):
    if not statement.keys() <= ELEMENTS or statement["Effect"] not in ("Allow", "Deny"):
        raise Denied(f"the policy has an unknown element in {sorted(statement)}")
    is_met = meets(statement.get("Condition", {}), request)
    return (is_met and any(fits(a.lower(), request.action.lower()) for a in listed(statement["Action"]))
            and any(fits(r, request.resource) for r in listed(statement["Resource"])))


def decide(policy, request):
    """Denied, or nothing."""
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/role/i-a"
    sentence = f"User: {who} is not authorized to perform: {request.action} on resource: {request.resource} because "
    if policy["Version"] != "2012-10-17":
        raise Denied(f"the policy has the unknown version {policy['Version']}")
    effects = {statement["Effect"] for statement in policy["Statement"] if covers(statement, request)}
    if "Deny" in effects:
        raise Denied(f"{sentence}of an explicit deny in an identity-based policy")
    if "Allow" not in effects:
        raise Denied(f"{sentence}no identity-based policy allows the {request.action} action")
