# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A gateway that claims its Elastic IP and logs in to an EKS cluster, both with its instance's role."""

import sys
from collections.abc import Callable, Iterator

import pytest
from eipgwlab import Lab
from eipgwlab.build import ROOT
from eipgwlab.cloud import AT_OURS, Cloud
from eipgwlab.wait import wait_until
from labkube import AWAY, GROUP, SOON, Kube, finish, seen, wait_seen

sys.path.insert(0, str(ROOT / "tests" / "kube"))

from eks import ARN, ENTRY, ROLE, Eks  # noqa: E402

pytestmark = pytest.mark.kube

KEYS = {"key": "ASIAFAKE00000000", "secret": "fake/secret+key", "token": "fake/token=="}
NEW = {"key": "ASIAFAKE00000001", "secret": "new/secret+key", "token": "new/token=="}


@pytest.fixture
def start_eks() -> Iterator[Callable[[Lab], Eks]]:
    """start_eks(lab): authenticator and STS where the API server is; they know KEYS."""
    started: list[Eks] = []

    def start(lab: Lab) -> Eks:
        started.append(Eks(["ip", "netns", "exec", lab.netns_of("vpc")]))
        return started[-1]

    yield start
    for eks in started:
        eks.close()


def use_keys(cloud: Cloud, eks: Eks, keys: dict[str, str]) -> None:
    """From now on the role gives these, and neither EC2 nor STS takes others."""
    known = {"secret": keys["secret"], "token": keys["token"]}
    cloud.order("imds", keys)
    cloud.order("settings", {"region": "eu-central-1", "secrets": {keys["key"]: known}})
    eks.order(cluster="prod", entries={ROLE: ENTRY}, secrets={keys["key"]: known | {"arn": ARN}})


def start(cloud: Cloud, kube: Kube) -> None:
    kube.gateway(bank={"tag": {"key": "Name", "value": "bank"}})
    kube.policy()
    kube.configure_nodes()
    kube.configure_gateway(kubernetes={"group": GROUP, "eks": {
        "cluster": "prod", "endpoint": f"https://{kube.plane.bind}:{kube.plane.port}",
        "certificate_authority": str(kube.plane.authority.ca_file)}})
    cloud.gateway.config.pop("egress_ips")
    cloud.gateway.write_config()
    cloud.lab.start_daemons(["node1", "node2"])
    cloud.gateway.start(wait_ready=False)
    cloud.gateway.wait_ready(deadline=60)


def test_one_role_is_enough_for_ec2_and_the_cluster(
    make_cloud: Callable[..., Cloud], start_kube: Callable[..., Kube], start_eks: Callable[[Lab], Eks],
) -> None:
    cloud = make_cloud(AT_OURS, verified=True)
    lab = cloud.lab
    eks = start_eks(lab)
    kube = start_kube(lab, *eks.flags(lab.directory / "etc"))
    use_keys(cloud, eks, KEYS)
    start(cloud, kube)
    wait_seen(lab, "p1", lab.eip("bank"))
    assert cloud.gateway.log_count("<4>") == 0, cloud.gateway.tail()
    assert {row["why"] for row in eks.reviews()} == {""} and kube.plane.audit(user=ARN, verb="patch")

    # Revoked: both notice by themselves, and nothing stops meanwhile.
    flow = lab.pods["p1"].flow("tcp", interval_ms=5)
    use_keys(cloud, eks, NEW)
    kube.plane.restart(*kube.plane.flags)
    wait_until(lambda: eks.reviews(ok=True, key=NEW["key"]), 90, "it logs in with the new keys", every=0.2)
    kube.label("p2", "bank")
    lab.expect("p2", {lab.eip("bank"), *lab.expected("p2")})
    # Each kind that it follows was refused for as long, and comes back at its own time.
    wait_until(lambda: seen(lab, "p2") == lab.eip("bank"), 90, "p2 has the egress IP")
    cloud.wait_rounds()
    cloud.wait("held")
    report = flow.stop()
    assert (report.lost, report.errors) == (0, 0), report

    # And a restart of the daemon while the metadata are away waits, and says for what.
    cloud.gateway.stop()
    cloud.order("imds", {"away": True})
    cloud.gateway.start(wait_ready=False)
    wait_until(lambda: cloud.gateway.log_count("EKS cluster prod: the region isn't known: "), SOON * 2, "it says what it waits for")
    cloud.order("imds", {"away": False})
    cloud.gateway.wait_ready(deadline=90)
    wait_seen(lab, "p1", lab.eip("bank"))
    secrets = ("k8s-aws-v1", "X-Amz", KEYS["secret"], NEW["secret"], NEW["token"])
    assert not [line for line in cloud.gateway.log() if any(word in line for word in secrets)]
    finish(kube, allow=(AWAY, "^<4>own: "))
