# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Our calls against moto, with signatures and IAM checked, and boto3 as a second client of the same state."""

import base64
import urllib.parse

import pytest

from awspeers import probe

USER = """
key = iam.create_user(UserName="gw") and iam.create_access_key(UserName="gw")["AccessKey"]
iam.put_user_policy(UserName="gw", PolicyName="p", PolicyDocument=json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": %r, "Resource": "*"}]}))
show({"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})
"""
ROLE = """
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="gw", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName="gw", PolicyName="p", PolicyDocument=json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}))
key = sts.assume_role(RoleArn=role, RoleSessionName="i-1")["Credentials"]
show({"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"], "AWS_SESSION_TOKEN": key["SessionToken"]})
"""


def test_what_we_read_is_what_boto3_reads(moto):
    made = moto.made

    [eip] = moto.probe("addresses", tag_key="Name", tag_value="bank")["value"]
    enis = moto.probe("interfaces", vpc_id=made["vpc"])["value"]
    [table] = moto.probe("route-tables", route_table_id=made["table"])["value"]

    assert (eip["allocation_id"], eip["public_ip"], eip["association_id"]) == (made["eip"], "198.51.100.1", "")
    theirs = moto.boto('show(ec2.describe_network_interfaces()["NetworkInterfaces"])')
    assert {e["id"]: (e["mac"], e["primary"], e["subnet_id"], e["source_dest_check"]) for e in enis} == {
        e["NetworkInterfaceId"]: (e["MacAddress"], e["PrivateIpAddress"], e["SubnetId"], e["SourceDestCheck"]) for e in theirs}
    assert table["routes"]["0.0.0.0/0"] == made["enis"][1]


def test_what_we_write_boto3_reads(moto):
    made = moto.made

    answer = moto.probe("associate", allocation_id=made["eip"], network_interface_id=made["enis"][0])
    moto.probe("check", network_interface_id=made["enis"][0], on=False)
    moto.probe("replace-route", route_table_id=made["table"], destination="0.0.0.0/0", network_interface_id=made["enis"][0])
    moto.probe("tag", resource_id=made["eip"], tag_key="ä/ &=+", tag_value="% *~\\")
    new = moto.probe("allocate", tag_key="eipgw", tag_value="egress")["value"]

    assert answer["class"] == "ok", answer
    theirs = moto.boto("""show([ec2.describe_addresses()["Addresses"], ec2.describe_network_interfaces()["NetworkInterfaces"],
                                ec2.describe_route_tables(RouteTableIds=["%s"])["RouteTables"]])""" % made["table"])
    addresses = {a["AllocationId"]: a for a in theirs[0]}
    assert addresses[made["eip"]]["NetworkInterfaceId"] == made["enis"][0]
    assert addresses[made["eip"]]["AssociationId"] == answer["value"]["association_id"]
    assert {"Key": "ä/ &=+", "Value": "% *~\\"} in addresses[made["eip"]]["Tags"]
    assert addresses[new["allocation_id"]]["Tags"] == [{"Key": "eipgw", "Value": "egress"}]
    assert [e["SourceDestCheck"] for e in theirs[1] if e["NetworkInterfaceId"] == made["enis"][0]] == [False]
    assert [r["NetworkInterfaceId"] for r in theirs[2][0]["Routes"] if r["DestinationCidrBlock"] == "0.0.0.0/0"] == [made["enis"][0]]


def test_an_assigned_address_is_seen_by_both(moto):
    eni = moto.made["enis"][0]

    assert moto.probe("assign", network_interface_id=eni, address="10.0.0.50")["class"] == "ok"

    [ours] = moto.probe("interfaces", network_interface_id=eni)["value"]
    theirs = moto.boto(f'show(ec2.describe_network_interfaces(NetworkInterfaceIds=["{eni}"])["NetworkInterfaces"][0]["PrivateIpAddresses"])')
    assert [a["address"] for a in ours["addresses"]] == [a["PrivateIpAddress"] for a in theirs] == ["10.0.0.11", "10.0.0.50"]


def test_an_instance_is_read_with_its_interfaces(moto):
    made = moto.boto(f"""
image = ec2.describe_images()["Images"][0]["ImageId"]
show(ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="c7gn.large", SubnetId="{moto.made['subnet']}")["Instances"][0])""")

    [ours] = moto.probe("instance", instance_id=made["InstanceId"])["value"]

    assert (ours["type"], ours["private_ip"], ours["state"]) == ("c7gn.large", made["PrivateIpAddress"], "running")
    assert ours["interfaces"] == [made["NetworkInterfaces"][0]["NetworkInterfaceId"]]


def test_signatures_are_accepted_with_and_without_a_session_token(moto):
    for make in (USER % "ec2:*", ROLE):
        moto.check_signatures(False)
        keys = moto.boto(make)
        moto.check_signatures(True)
        answer = moto.probe("addresses", keys=keys)
        assert answer["class"] == "ok" and len(answer["value"]) == 1, answer
        assert moto.probe("associate", keys=keys, allocation_id=moto.made["eip"], network_interface_id=moto.made["enis"][0],
                          allow_reassociation=True)["class"] == "ok"


@pytest.mark.parametrize("spoil", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_wrong_credentials_are_told_as_such(moto, spoil):
    keys = moto.boto(ROLE)
    keys[spoil] = keys[spoil][:-1] + ("A" if keys[spoil][-1] != "A" else "B")
    moto.check_signatures(True)

    answer = moto.probe("addresses", keys=keys)

    assert (answer["class"], answer["status"]) == ("credentials", 401)
    assert answer["attempts"] == 1 and answer["value"] is None


def test_a_missing_permission_is_told_and_not_repeated(moto):
    keys = moto.boto(USER % ["ec2:DescribeAddresses"])
    moto.check_signatures(True)

    assert moto.probe("addresses", keys=keys)["class"] == "ok"
    answer = moto.probe("associate", keys=keys, allocation_id=moto.made["eip"], network_interface_id=moto.made["enis"][0])
    assert (answer["class"], answer["status"], answer["attempts"]) == ("permanent", 403, 1)
    assert "AssociateAddress" in answer["text"]


def test_who_we_are_is_told(moto):
    keys = moto.boto(ROLE)
    moto.check_signatures(True)

    answer = moto.probe("identity", keys=keys)

    assert answer["class"] == "ok" and ":assumed-role/gw/i-1" in answer["value"]["arn"], answer


def test_ids_that_do_not_exist_are_told(moto):
    for command, arguments in [("addresses", {"allocation_id": "eipalloc-0000000000000dead"}),
                               ("instance", {"instance_id": "i-0000000000000dead"}),
                               ("interfaces", {"network_interface_id": "eni-0000000000000dead"}),
                               ("route-tables", {"route_table_id": "rtb-0000000000000dead"})]:
        answer = moto.probe(command, **arguments)
        assert answer["class"] == "not found", answer


def test_a_permitted_dry_run_is_told(moto):
    answer = moto.probe("check", network_interface_id=moto.made["enis"][0], on=False, dry_run=True)

    assert (answer["class"], answer["code"]) == ("ok", "DryRunOperation"), answer


SIGN = """
import datetime, botocore.auth, botocore.awsrequest, botocore.credentials
from unittest import mock
keys = botocore.credentials.Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN"))
request = botocore.awsrequest.AWSRequest(method="GET", headers={"x-k8s-aws-id": "%s"},
    url="https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15")
now = datetime.datetime.fromtimestamp(%d, datetime.timezone.utc).replace(tzinfo=None)
with mock.patch("botocore.auth.get_current_datetime", return_value=now):
    botocore.auth.SigV4QueryAuth(keys, "sts", "us-east-1", expires=60).add_auth(request)
show(request.url)
"""


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzE+/==", "x" * 1500], ids=["none", "short", "long"])
@pytest.mark.parametrize("now", [1440938160, 1709164800, 4102444799])
def test_presigned_urls_are_botocores(moto_server, token, now):
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
    if token:
        keys["AWS_SESSION_TOKEN"] = token

    ours = probe("sts.us-east-1.amazonaws.com", "presign", keys=keys, cluster="prod_1-a", now=now)["url"]
    theirs = moto_server.boto(SIGN % ("prod_1-a", now), keys=keys)

    token = probe("sts.us-east-1.amazonaws.com", "presign", keys=keys, cluster="prod_1-a", now=now)["token"].removeprefix("k8s-aws-v1.")
    assert base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode() == ours
    split = [urllib.parse.urlsplit(url) for url in (ours, theirs)]
    assert urllib.parse.parse_qs(split[0].query) == urllib.parse.parse_qs(split[1].query)
    assert split[0][:3] == split[1][:3]

