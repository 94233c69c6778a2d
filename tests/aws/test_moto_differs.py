# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Where moto differs from EC2: the table of what must not be tested with it, itself tested.

A test here fails when a new moto has mended something: then its row goes, and the tests of test_fake.py that
stand in for it may come to moto, too.
"""

TAKE = """
a = ec2.associate_address(AllocationId="{eip}", NetworkInterfaceId="{0}", PrivateIpAddress="10.0.0.99")
"""


def run(moto, code):
    return moto.boto(code.format(*moto.made["enis"], **moto.made))


def test_the_private_address_of_an_association_is_ignored(moto):
    """EC2: must be assigned to the interface, and the Elastic IP goes there."""
    [address] = run(moto, TAKE + 'show(ec2.describe_addresses()["Addresses"])')

    assert address["PrivateIpAddress"] == "10.0.0.11"


def test_reassociation_is_not_the_default(moto):
    """EC2: "reassociation is automatic"."""
    error = run(moto, TAKE + """
try:
    ec2.associate_address(AllocationId="{eip}", NetworkInterfaceId="{1}")
    show("")
except botocore.exceptions.ClientError as e:
    show(e.response["Error"]["Code"])
""")

    assert error == "Resource.AlreadyAssociated"


def test_associating_again_makes_a_new_association(moto):
    """EC2: the same one."""
    first, second = run(moto, TAKE + """
b = ec2.associate_address(AllocationId="{eip}", NetworkInterfaceId="{0}", AllowReassociation=True)
show([a["AssociationId"], b["AssociationId"]])
""")

    assert first != second


def test_the_interface_that_lost_an_elastic_ip_still_shows_it(moto):
    """EC2: only the one that has it."""
    shown = run(moto, TAKE + """
ec2.associate_address(AllocationId="{eip}", NetworkInterfaceId="{1}", AllowReassociation=True)
show([e.get("Association", {{}}).get("PublicIp") for e in ec2.describe_network_interfaces()["NetworkInterfaces"]])
""")

    assert shown == ["198.51.100.1", "198.51.100.1"]


def test_an_address_can_be_on_two_interfaces(moto):
    """EC2: "assigned, but move is not allowed", or it moves."""
    shown = run(moto, """
for eni in ("{0}", "{1}"):
    ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=["10.0.0.50"])
show([[a["PrivateIpAddress"] for a in e["PrivateIpAddresses"]] for e in ec2.describe_network_interfaces()["NetworkInterfaces"]])
""")

    assert all("10.0.0.50" in addresses for addresses in shown)


def test_an_address_of_another_subnet_is_assigned(moto):
    """EC2: "does not fall within the subnet's address range"."""
    run(moto, 'ec2.assign_private_ip_addresses(NetworkInterfaceId="{0}", PrivateIpAddresses=["192.0.2.1"])')


def test_a_secondary_address_is_not_found_by_filter(moto):
    """EC2: addresses.private-ip-address matches all of them."""
    found = run(moto, """
ec2.assign_private_ip_addresses(NetworkInterfaceId="{0}", PrivateIpAddresses=["10.0.0.50"])
show(ec2.describe_network_interfaces(Filters=[{{"Name": "addresses.private-ip-address", "Values": ["10.0.0.50"]}}])["NetworkInterfaces"])
""")

    assert found == []


def test_interfaces_have_no_pages(moto):
    """EC2: MaxResults of them, and a token."""
    answer = run(moto, """
for _ in range(5):
    ec2.create_network_interface(SubnetId="{subnet}")
show(ec2.describe_network_interfaces(MaxResults=5))
""")

    assert len(answer["NetworkInterfaces"]) == 7 and "NextToken" not in answer


def test_addresses_have_no_limit(moto):
    """EC2: AddressLimitExceeded after 5, by default."""
    assert len(run(moto, 'show([ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(10)])')) == 10


def test_lifecycle_actions_are_unknown_and_answered_in_html(moto):
    """Auto Scaling: an empty result. That the 5xx isn't XML is a test of ours."""
    answer = moto.probe("heartbeat", budget="one", hook="h", group="g", instance_id="i-1")

    assert (answer["class"], answer["code"], answer["status"]) == ("retry", "", 500)


def test_a_denied_action_is_called_access_denied(moto):
    """EC2: UnauthorizedOperation."""
    keys = moto.boto("""
key = iam.create_user(UserName="x") and iam.create_access_key(UserName="x")["AccessKey"]
show({"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})
""")
    moto.check_signatures(True)

    assert moto.probe("addresses", keys=keys)["code"] == "AccessDenied"
