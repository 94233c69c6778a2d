# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Where moto differs from EC2: the table of what must not be tested with it, itself tested. The same code, by
boto3, runs against moto and against the fake, which has the documented semantics.

A test here fails when a new moto has mended something: then its row goes, and the tests of test_fake.py that
stand in for it may come to moto, too. Throttling, eventual consistency and torn answers moto doesn't have at all.
"""

import json

import pytest

from awspeers import MAKE, Fake, interface

# In every row: {0} and {1} are interfaces with the primary addresses 10.0.0.11 and 10.0.0.12, {eip} is a free
# Elastic IP; code(f) is the error that f ends with.
BEFORE = """
def code(function):
    try:
        function()
    except botocore.exceptions.ClientError as e:
        return e.response["Error"]["Code"]
    return ""
def take(eni="{0}", eip="{eip}", **more):
    return ec2.associate_address(AllocationId=eip, NetworkInterfaceId=eni, **more)["AssociationId"]
def assign(*ips, eni="{0}", **more):
    return ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=list(ips), **more)
def address():
    return ec2.describe_addresses(AllocationIds=["{eip}"])["Addresses"][0]
def enis(**more):
    return ec2.describe_network_interfaces(**more)["NetworkInterfaces"]
def first_two():
    return sorted(enis(), key=lambda e: e["PrivateIpAddress"])[:2]
def publics():
    return [sorted({{part["Association"]["PublicIp"] for part in [e, *e["PrivateIpAddresses"]] if "Association" in part}})
            for e in first_two()]
"""

# What, as EC2 has it: code, moto's outcome, the documented one.
ROWS = {
    "an Elastic IP goes to the private address that was asked for": (
        'assign("10.0.0.50"); take(PrivateIpAddress="10.0.0.50"); show(address()["PrivateIpAddress"])', "10.0.0.11", "10.0.0.50"),
    "that address must be the interface's": (
        'show(code(lambda: take(PrivateIpAddress="10.0.0.99")))', "", "InvalidParameterValue"),
    "reassociation is the default": (
        'take(); show(code(lambda: take("{1}")))', "Resource.AlreadyAssociated", ""),
    "associating again gives the same association": (
        "show(take() == take(AllowReassociation=True))", False, True),
    "an occupied private address isn't taken against the caller's will": (
        'take(); show(code(lambda: take(eip=ec2.allocate_address(Domain="vpc")["AllocationId"], AllowReassociation=False)))',
        "", "Resource.AlreadyAssociated"),
    "only the interface that has an Elastic IP shows it": (
        'take(); take("{1}", AllowReassociation=True); show(publics())', [["198.51.100.1"], ["198.51.100.1"]], [[], ["198.51.100.1"]]),
    "after a disassociation no interface shows it": (
        'take(); ec2.disassociate_address(AssociationId=take("{1}", AllowReassociation=True)); show(publics())',
        [["198.51.100.1"], []], [[], []]),
    "what is associated can't be released": (
        'take(); show(code(lambda: ec2.release_address(AllocationId="{eip}")))', "", "InvalidIPAddress.InUse"),
    "an address without instance has no element for it": (
        'show("InstanceId" in address())', True, False),
    "the error of a question for several names the unknown one": (
        """
try:
    ec2.describe_addresses(AllocationIds=["{eip}", "eipalloc-0000000000000dead"])
except botocore.exceptions.ClientError as e:
    show("{eip}" in str(e))""", True, False),
    "an address is on one interface, unless reassignment is allowed": (
        'assign("10.0.0.50"); show(code(lambda: assign("10.0.0.50", eni="{1}")))', "", "InvalidParameterValue"),
    "a reassigned address leaves its interface": (
        """
assign("10.0.0.50")
assign("10.0.0.50", eni="{1}", AllowReassignment=True)
show(["10.0.0.50" in [a["PrivateIpAddress"] for a in e["PrivateIpAddresses"]] for e in first_two()])
""", [True, True], [False, True]),
    "an address must be of the subnet": ('show(code(lambda: assign("192.0.2.1")))', "", "InvalidParameterValue"),
    "an interface has a limit": (
        'show(code(lambda: assign(*[f"10.0.0.{{i}}" for i in range(50, 112)])))', "", "PrivateIpAddressLimitExceeded"),
    "the answer to an assignment has the new addresses only": (
        'show([a["PrivateIpAddress"] for a in assign("10.0.0.50")["AssignedPrivateIpAddresses"]])',
        ["10.0.0.11", "10.0.0.50"], ["10.0.0.50"]),
    "a secondary address is found by filter": (
        'assign("10.0.0.50"); show(len(enis(Filters=[{{"Name": "addresses.private-ip-address", "Values": ["10.0.0.50"]}}])))', 0, 1),
    "interfaces come in pages": (
        """
answer = ec2.describe_network_interfaces(MaxResults=5)
show([len(answer["NetworkInterfaces"]), "NextToken" in answer])""", [8, False], [5, True]),
    "five Elastic IPs are the limit": (
        'show([code(lambda: ec2.allocate_address(Domain="vpc")) for _ in range(6)][-1])', "", "AddressLimitExceeded"),
    "the route to an interface that is gone is a blackhole": (
        """
ec2.delete_network_interface(NetworkInterfaceId="{1}")
routes = ec2.describe_route_tables(RouteTableIds=["{table}"])["RouteTables"][0]["Routes"]
show([r["State"] for r in routes if r["DestinationCidrBlock"] == "0.0.0.0/0"])""", ["active"], ["blackhole"]),
}
# Beyond the two: so that there are pages.
SIX_MORE = [f"10.0.0.2{i}" for i in range(6)]
FAKE_MADE = {"vpc": "vpc-1", "subnet": "subnet-1", "enis": ["eni-1", "eni-2"], "eip": "eipalloc-1", "table": "rtb-1"}
FAKE_STATE = {
    "interfaces": {f"eni-{i}": interface(1, primary=ip, instance=None) for i, ip in enumerate(["10.0.0.11", "10.0.0.12", *SIX_MORE], 1)},
    "addresses": {"eipalloc-1": {"public": "198.51.100.1", "tags": {"Name": "bank", "eipgw": "example"}}},
    "route_tables": {"rtb-1": {"vpc": "vpc-1", "routes": {"0.0.0.0/0": "eni-2"}}},
}
MORE = f"""
for ip in {SIX_MORE}:
    ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=ip)
"""
# All rows in one process, each in a fresh state: starting boto3 takes longer than a row.
RUN = """
import urllib.request
def reset(path, body):
    request = urllib.request.Request(os.environ["URL"] + path, body, {"Content-Type": "text/plain"})
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read()
def run(code, **names):
    shown = []
    exec(code, globals() | names | {"show": shown.append})
    return shown[0]
found = {}
for name, code in ROWS.items():
    reset(PATH, BODY)
    made = run(MAKE)
    found[name] = run(code.format(*made["enis"], **made))
show(found)
"""


def outcomes(peer, make, path, body=b""):
    rows = {name: BEFORE + row[0] for name, row in ROWS.items()}
    return peer.boto(f"ROWS, MAKE, PATH, BODY = {rows!r}, {make!r}, {path!r}, {body!r}\n" + RUN)


@pytest.fixture(scope="module")
def moto_outcomes(moto_server):
    moto_server.check_signatures(False)
    return outcomes(moto_server, MAKE + MORE, "moto-api/reset")


@pytest.fixture(scope="module")
def fake_outcomes(moto_place):
    fake = Fake(moto_place)
    yield outcomes(fake, f"show({FAKE_MADE})", "control/state", json.dumps(FAKE_STATE).encode())
    fake.close()


@pytest.mark.parametrize("row", ROWS)
def test_moto_differs(moto_outcomes, row):
    assert ROWS[row][1] != ROWS[row][2]
    assert moto_outcomes[row] == ROWS[row][1]


@pytest.mark.parametrize("row", ROWS)
def test_the_fake_has_what_is_documented(fake_outcomes, row):
    assert fake_outcomes[row] == ROWS[row][2]


# Of who may call: policy, code, moto's outcome, the documented one.
ANY = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
AT = """
import datetime
from unittest import mock
def at(seconds):
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=seconds)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        return code(ec2.describe_addresses)
"""
ACCESS_ROWS = {
    "a request of an hour ago has expired": (ANY, AT + "show(at(-3600))", "", "RequestExpired"),
    "a request of the next hour isn't valid yet": (ANY, AT + "show(at(3600))", "", "AuthFailure"),
    "a signature is for one region": (ANY, """
west = boto3.client("ec2", endpoint_url=os.environ["URL"], region_name="us-west-2")
show(code(west.describe_addresses))""", "", "SignatureDoesNotMatch"),
    "what isn't signed is told so": (ANY, """
import urllib.request, urllib.error
try:
    urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(os.environ["URL"], b"Action=DescribeAddresses&Version=2016-11-15")
except urllib.error.HTTPError as e:
    show([e.code, b"MissingAuthenticationToken" in e.read()])""", [500, False], [403, True]),
    "what is denied is called unauthorized": (
        ANY | {"Action": "ec2:DescribeInstances"}, "show(code(ec2.describe_addresses))", "AccessDenied", "UnauthorizedOperation"),
    "a statement may be about some resources": (
        ANY | {"Action": "ec2:CreateTags", "Resource": "arn:aws:ec2:*:*:elastic-ip/*"},
        'show(code(lambda: ec2.create_tags(Resources=["{eip}"], Tags=[{{"Key": "a", "Value": "b"}}])))', "AccessDenied", ""),
    "a condition must be met": (
        ANY | {"Action": "ec2:CreateTags", "Condition": {"StringEquals": {"aws:ResourceTag/eipgw": "other"}}},
        'show(code(lambda: ec2.create_tags(Resources=["{eip}"], Tags=[{{"Key": "a", "Value": "b"}}])))', "", "UnauthorizedOperation"),
}


def access_outcome(peer, code, keys=None):
    return peer.boto((BEFORE + code).format(*peer.made["enis"], **peer.made), keys)


@pytest.mark.parametrize("row", ACCESS_ROWS)
def test_moto_differs_in_who_may_call(moto, row):
    policy, code, outcome_, documented = ACCESS_ROWS[row]
    keys = moto.boto(f"""
key = iam.create_user(UserName="x") and iam.create_access_key(UserName="x")["AccessKey"]
iam.put_user_policy(UserName="x", PolicyName="p", PolicyDocument=json.dumps({{"Version": "2012-10-17", "Statement": [{policy}]}}))
show({{"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}})
""")
    moto.check_signatures(True)

    assert outcome_ != documented
    assert access_outcome(moto, code, keys) == outcome_


@pytest.mark.parametrize("row", ACCESS_ROWS)
def test_the_fake_lets_call_who_may_by_the_documents(strict_fake, row):
    policy, code, _, documented = ACCESS_ROWS[row]
    strict_fake.made = FAKE_MADE
    strict_fake.control("state", FAKE_STATE)
    strict_fake.control("settings", {"secrets": {"AKIDEXAMPLE": {"secret": "secret"}}, "region": "us-east-1",
                                     "policy": {"Version": "2012-10-17", "Statement": [policy]}})

    assert access_outcome(strict_fake, code) == documented


HOOK = {"budget": "one", "hook": "leave", "group": "gateways", "instance_id": "i-1"}


def test_moto_knows_no_lifecycle_actions_and_answers_in_html(moto, fake):
    """That the 5xx isn't XML is a test of ours."""
    answer = moto.probe("heartbeat", **HOOK)

    assert (answer["class"], answer["code"], answer["status"]) == ("retry", "", 500)
    assert fake.probe("heartbeat", **HOOK)["class"] == "ok"
