# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The AWS CLI and our client on the same state, of moto and of the fake: what one does, the other reads."""

import pytest

PEERS = ("moto", "strict_fake")


@pytest.fixture(params=PEERS)
def peer(request):
    """With two interfaces and an Elastic IP in `made`."""
    peer = request.getfixturevalue(request.param)
    if request.param == "strict_fake":
        peer.made = {"vpc": "vpc-1", "enis": ["eni-1", "eni-2"], "eip": "eipalloc-1", "table": "rtb-1"}
    peer.is_strict = request.param == "strict_fake"
    return peer


def test_what_we_do_the_cli_reads(peer):
    eni, eip = peer.made["enis"][0], peer.made["eip"]

    assert peer.probe("assign", network_interface_id=eni, address="10.0.0.50")["class"] == "ok"
    ours = peer.probe("associate", network_interface_id=eni, allocation_id=eip, private_ip="10.0.0.50")
    peer.probe("check", network_interface_id=eni, on=False)
    peer.probe("tag", resource_id=eip, tag_key="ä/ &=+", tag_value="% *~\\")

    [address] = peer.cli("ec2", "describe-addresses", "--allocation-ids", eip)["Addresses"]
    assert (address["AssociationId"], address["NetworkInterfaceId"]) == (ours["value"]["association_id"], eni)
    assert {"Key": "ä/ &=+", "Value": "% *~\\"} in address["Tags"]
    [interface] = peer.cli("ec2", "describe-network-interfaces", "--network-interface-ids", eni)["NetworkInterfaces"]
    assert interface["SourceDestCheck"] is False
    secondary = [a for a in interface["PrivateIpAddresses"] if not a["Primary"]]
    assert [a["PrivateIpAddress"] for a in secondary] == ["10.0.0.50"]
    if peer.is_strict:  # moto puts every Elastic IP on the primary one: test_moto_differs.py
        assert address["PrivateIpAddress"] == "10.0.0.50"
        assert secondary[0]["Association"] == {"AllocationId": eip, "AssociationId": address["AssociationId"], "PublicIp": "198.51.100.1"}


def test_what_the_cli_does_we_read(peer):
    eni, eip = peer.made["enis"][1], peer.made["eip"]

    made = peer.cli("ec2", "associate-address", "--allocation-id", eip, "--network-interface-id", eni, "--allow-reassociation")
    new = peer.cli("ec2", "allocate-address", "--domain", "vpc", "--tag-specifications", "ResourceType=elastic-ip,Tags=[{Key=eipgw,Value=a}]")

    [address] = peer.probe("addresses", tag_key="Name", tag_value="bank")["value"]
    assert (address["association_id"], address["network_interface_id"]) == (made["AssociationId"], eni)
    [other] = peer.probe("addresses", tag_key="eipgw", tag_value="a")["value"]
    assert (other["allocation_id"], other["public_ip"]) == (new["AllocationId"], new["PublicIp"])
    peer.cli("ec2", "disassociate-address", "--association-id", made["AssociationId"])
    assert peer.probe("addresses", allocation_id=eip)["value"][0]["association_id"] == ""


def test_both_are_refused_alike(peer):
    missing = {"allocation_id": "eipalloc-0000000000000dead", "network_interface_id": peer.made["enis"][0]}

    ours = peer.probe("associate", **missing)
    theirs = peer.cli("ec2", "associate-address", "--allocation-id", missing["allocation_id"],
                      "--network-interface-id", missing["network_interface_id"])

    assert ours["code"] == "InvalidAllocationID.NotFound" and ours["code"] in theirs
