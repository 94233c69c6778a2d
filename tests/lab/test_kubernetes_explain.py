# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What `eipgw explain pod` says of pods that really leave, by Kubernetes' objects and by the daemons of the machine."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import Lab, netns
from eipgwlab.build import program
from eipgwlab.daemons import SANITIZER_ENV
from eipgwlab.wait import wait_until
from labkube import GROUP, SOON, Kube, finish, seen, wait_seen

pytestmark = pytest.mark.kube

NOWHERE = "192.0.2.1"  # nobody sends anything there


@pytest.fixture
def kube(start_kube: Callable[[Lab], Kube], make_lab: Callable[..., Lab]) -> Kube:
    kube = start_kube(make_lab("cni-nft"))
    kube.gateway()
    kube.policy()
    kube.configure_nodes()
    kube.configure_gateway()
    kube.lab.start_daemons()
    for name in ("p1", "p4"):
        wait_seen(kube.lab, name, kube.lab.eip("bank"))
    return kube


def explain(kube: Kube, machine: str, pod: str, *destination: str) -> tuple[int, dict[str, Any]]:
    """Run on a machine, which asks its daemon, too. Exit code and answer."""
    socket = kube.lab.daemons[machine].control_path
    argv = [str(program("eipgw")), "explain", "pod", "--json", "--socket", str(socket),
            "--kubeconfig", str(kube.plane.kubeconfig()), f"default/{pod}", *destination]
    done = netns.execute(argv, netns=kube.lab.netns_of(machine), check=False, env=SANITIZER_ENV)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def names(found: dict[str, Any]) -> set[str]:
    return {finding["name"] for finding in found["findings"]}


def test_what_is_said_of_a_pod_is_what_a_server_sees(kube: Kube) -> None:
    lab = kube.lab
    wait_until(lambda: explain(kube, "node1", "p1")[1]["public_ip"], SOON, "the gateway has written its status")

    code, found = explain(kube, "node1", "p1")
    assert (code, found["verdict"], found["wrong"]) == (0, "egress", ""), found
    assert found["public_ip"] == seen(lab, "p1") == lab.eip("bank")
    assert (found["node"], found["member"], found["egress_gateway"]) == ("node1", "gw-a", GROUP)
    assert found["member_address"] == lab.machines["gw-a"].address
    assert found["eipgw-noded"]["verdict"] == "steered" and found["eipgw-noded"]["steps"]
    assert "KernelAgrees" in names(found)

    code, found = explain(kube, "gw-a", "p4")
    assert (code, found["eipgwd"]["verdict"], "KernelAgrees" in names(found)) == (0, "translated", True), found

    code, found = explain(kube, "node1", "p2")
    assert (code, found["verdict"], found["eipgw-noded"]["verdict"]) == (0, "direct", "direct"), found
    assert seen(lab, "p2") in lab.expected("p2")

    # p1 is on node1: what node2's kernel does is nothing to it.
    code, found = explain(kube, "node2", "p1")
    assert (code, found["verdict"]) == (0, "egress") and "eipgw-noded" not in found
    finish(kube)


def test_a_kernel_that_does_otherwise_is_said(kube: Kube) -> None:
    """Only the node's own configuration says that it leaves a range alone."""
    node = kube.lab.daemons["node1"]
    node.config["always_excluded"] = [*node.config.get("always_excluded", []), "192.0.2.0/24"]
    node.write_config()
    node.reload()
    wait_until(lambda: explain(kube, "node1", "p1", NOWHERE)[1]["wrong"] == "KernelDisagrees", SOON, "it says so")
    code, found = explain(kube, "node1", "p1", NOWHERE)
    assert code == 1 and "should be steered, but eipgw-noded on this host says" in found["summary"], found
    assert found["eipgw-noded"]["verdict"] == "direct"
    assert explain(kube, "node1", "p1")[0] == 0
    finish(kube)


def test_a_gateway_that_is_gone_is_not_hidden_by_its_last_words(kube: Kube) -> None:
    """Its object is deleted: what was carried isn't any more, and the pod sends nothing."""
    wait_until(lambda: explain(kube, "node1", "p1")[0] == 0, SOON, "all is well")
    kube.admin.delete("EgressGateway", GROUP)
    wait_until(lambda: explain(kube, "node1", "p1")[1]["wrong"] == "EgressGatewayUnknown", SOON, "it says so")
    wait_until(lambda: seen(kube.lab, "p1") is None, SOON, "nothing leaves")
    code, found = explain(kube, "node1", "p1")
    assert (code, found["verdict"], found["eipgw-noded"]["verdict"]) == (1, "dropped", "dropped"), found
    finish(kube, allow=("^<4>",))


def test_the_gateway_says_which_ports_are_the_pods_own(kube: Kube) -> None:
    lab, gateway = kube.lab, kube.lab.daemons["gw-a"]
    wait_until(lambda: explain(kube, "gw-a", "p1")[0] == 0, SOON, "all is well")
    assert "ports" not in explain(kube, "gw-a", "p1")[1]["eipgwd"]  # any

    gateway.config["limits"] = {"ports_per_pod": 64}
    gateway.write_config()
    gateway.reload()

    wait_until(lambda: "ports" in explain(kube, "gw-a", "p1")[1]["eipgwd"], SOON, "it has a block")
    code, found = explain(kube, "gw-a", "p1")
    ports = found["eipgwd"]["ports"]
    assert (code, ports["own"], ports["last_port"] - ports["first_port"]) == (0, True, 63), found
    said = f"{ports['first_port']}-{ports['last_port']}"
    assert any(f"with the ports {said} of its own" in finding["text"] for finding in found["findings"]), found
    assert f": {said.replace('-', ' . ')}" in lab.run("gw-a", "nft", "list", "map", "ip", "eipgw", "block")
    finish(kube)
