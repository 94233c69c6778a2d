# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Our signatures, verified by botocore within the fake EC2, which unlike moto's also looks at the clock; and what
the fake makes of policies: the judge itself is judged here."""

import time

import pytest

from awspeers import KEYS
from fake_policy import Denied, Request, decide

ROLE = KEYS | {"AWS_SESSION_TOKEN": "FwoGZXIvYXdzE+/=="}


def secrets(token=None, **more):
    return {KEYS["AWS_ACCESS_KEY_ID"]: {"secret": KEYS["AWS_SECRET_ACCESS_KEY"]} | ({"token": token} if token else {}) | more}


@pytest.fixture
def judge(strict_fake):
    strict_fake.control("settings", {"secrets": secrets(ROLE["AWS_SESSION_TOKEN"]), "region": "us-east-1"})
    return strict_fake


def test_what_is_signed_rightly_is_accepted_whoever_signed_it(judge):
    for command, arguments in [("addresses", {}), ("tag", {"resource_id": "eipalloc-1", "tag_key": "ä/ &=+", "tag_value": "% *~\\"}),
                               ("heartbeat", {"hook": "leave", "group": "gateways", "instance_id": "i-1"})]:
        answer = judge.probe(command, keys=ROLE, **arguments)
        assert answer["class"] == "ok", answer
    assert len(judge.cli("ec2", "describe-addresses", keys=ROLE)["Addresses"]) == 1
    judge.control("settings", {"secrets": secrets()})
    assert judge.probe("addresses")["class"] == "ok"
    assert len(judge.cli("ec2", "describe-addresses")["Addresses"]) == 1


@pytest.mark.parametrize("spoil, code", [
    ({"AWS_ACCESS_KEY_ID": "AKIDOTHER"}, "AuthFailure"),
    ({"AWS_SECRET_ACCESS_KEY": "secreu"}, "SignatureDoesNotMatch"),
    ({"AWS_SESSION_TOKEN": "other"}, "AuthFailure"),
    ({"AWS_SESSION_TOKEN": ""}, "AuthFailure"),
])
def test_wrong_keys_are_refused_and_told_as_such(judge, spoil, code):
    answer = judge.probe("addresses", keys=ROLE | spoil)

    assert (answer["class"], answer["code"], answer["attempts"]) == ("credentials", code, 1)
    assert code in judge.cli("ec2", "describe-addresses", keys=ROLE | spoil)


def test_a_body_that_was_changed_on_its_way_is_refused(judge):
    judge.control("faults", [{"kind": "tamper"}])

    assert judge.probe("addresses", keys=ROLE)["code"] == "SignatureDoesNotMatch"
    assert judge.probe("addresses", keys=ROLE)["class"] == "ok"


def test_a_signature_for_another_region_is_refused(judge):
    judge.control("settings", {"region": "eu-central-1"})

    assert judge.probe("addresses", keys=ROLE)["code"] == "SignatureDoesNotMatch"


def test_expired_credentials_are_refused(judge):
    judge.control("settings", {"secrets": secrets(ROLE["AWS_SESSION_TOKEN"], ends_s=time.time() - 1)})

    answer = judge.probe("addresses", keys=ROLE)

    assert (answer["class"], answer["code"]) == ("credentials", "RequestExpired")


@pytest.mark.parametrize("clock_s, code", [(290, ""), (310, "RequestExpired"), (-290, ""), (-310, "AuthFailure")])
def test_a_clock_may_be_wrong_by_five_minutes(judge, clock_s, code):
    judge.control("settings", {"clock_s": clock_s})

    answer = judge.probe("addresses", keys=ROLE)

    assert (answer["class"], answer["code"]) == ("credentials" if code else "ok", code)
    assert abs(answer["date_sec"] - time.time() - clock_s) < 60


EIP = "arn:aws:ec2:eu-central-1:111122223333:elastic-ip/eipalloc-1"
TAGGED = {"aws:ResourceTag/eipgw": "example"}


def statement(**more):
    return {"Effect": "Allow", "Action": ["ec2:AssociateAddress"], "Resource": ["arn:aws:ec2:*:*:elastic-ip/*"]} | more


@pytest.mark.parametrize("statements, request_, reason", [
    ([statement()], Request("ec2:AssociateAddress", EIP), None),
    ([statement(Action="ec2:Associate*", Resource="*")], Request("ec2:AssociateAddress", EIP), None),
    ([statement(Action="EC2:associateaddress")], Request("ec2:AssociateAddress", EIP), None),
    ([statement(Condition={"StringEquals": TAGGED})], Request("ec2:AssociateAddress", EIP, TAGGED), None),
    ([statement(Condition={"StringEquals": {"aws:ResourceTag/eipgw": ["a", "example"]}})], Request("ec2:AssociateAddress", EIP, TAGGED), None),
    ([], Request("ec2:AssociateAddress", EIP), "no identity-based policy allows the ec2:AssociateAddress action"),
    ([statement()], Request("ec2:AssociateAddress", EIP.replace("elastic-ip", "instance")), "no identity-based policy"),
    ([statement()], Request("ec2:AssociateAddresses", EIP), "no identity-based policy"),
    ([statement(Resource=EIP + "2")], Request("ec2:AssociateAddress", EIP), "no identity-based policy"),
    # Describe calls know no resources: an ARN never covers them.
    ([statement(Action="ec2:*")], Request("ec2:DescribeAddresses"), "no identity-based policy"),
    ([statement(Condition={"StringEquals": TAGGED})], Request("ec2:AssociateAddress", EIP), "no identity-based policy"),
    ([statement(Condition={"StringEquals": TAGGED | {"aws:RequestTag/a": "b"}})], Request("ec2:AssociateAddress", EIP, TAGGED),
     "no identity-based policy"),
    ([statement(), statement(Effect="Deny")], Request("ec2:AssociateAddress", EIP), "explicit deny"),
    ([statement(Condition={"StringLike": TAGGED})], Request("ec2:AssociateAddress", EIP, TAGGED), "unknown operator StringLike"),
    ([statement(Condition={"StringEquals": {"aws:SourceIp": "1"}})], Request("ec2:AssociateAddress", EIP), "unknown condition key"),
    ([statement(NotResource="*")], Request("ec2:AssociateAddress", EIP), "unknown element"),
])
def test_a_policy_is_read_as_iam_does_and_what_is_unknown_denies(statements, request_, reason):
    policy = {"Version": "2012-10-17", "Statement": statements}

    if reason is None:
        decide(policy, request_)
    else:
        with pytest.raises(Denied, match=reason):
            decide(policy, request_)
