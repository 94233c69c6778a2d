# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A gateway of a large cluster: each selected pod is in its kernel, under the node that hosts it, exactly once."""

import json
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from eipgwlab import Lab
from eipgwlab.build import ROOT
from eipgwlab.wait import DeadlineExceeded, wait_until
from labkube import SELECTED, Kube, finish

sys.path.insert(0, str(ROOT / "tests" / "kube"))

from kubebulk import Bulk, Plan, node_address  # noqa: E402

pytestmark = pytest.mark.kube

NODES, PODS, CHOSEN = 300, 2000, 1500
SOON = 60.0  # a sanitizer build on a busy machine
# With sanitizers, which keep freed memory and pad what is allocated; without, it is below 25.
MEMORY_MIB = 600

Pair = tuple[str, str]  # a node's address, a pod's


class Large:
    """The lab's gateway gw-a, and the objects of 300 nodes beside the lab's own."""

    def __init__(self, kube: Kube):
        self.kube, self.lab = kube, kube.lab
        self.plan = Plan(NODES, PODS)
        self.bulk = Bulk(kube.plane, self.plan)
        self.bulk.make_nodes()
        self.bulk.put_pods({pod: SELECTED if pod < CHOSEN else {} for pod in range(PODS)})
        self.labs_own = {(self.lab.machines[station.pod.node].address, station.pod.address)
                         for station in self.lab.pods.values() if station.pod.egress}

    def pairs(self, pods: Iterable[int]) -> set[Pair]:
        """What the kernel should have if these are selected."""
        return self.labs_own | {(node_address(self.plan.node_of(pod)), self.plan.address_of(pod)) for pod in pods}

    def elements(self) -> list[Pair]:
        found: list[Pair] = []
        for name in ("class_pod", "class_range"):
            listed = json.loads(self.lab.run("gw-a", "nft", "-j", "list", "map", "ip", "eipgw", name))
            for key, _ in next(entry["map"] for entry in listed["nftables"] if "map" in entry).get("elem", []):
                mark, address = key["concat"]
                found.append((socket.inet_ntoa(struct.pack("=I", mark)), str(address)))
        return found

    def wait_for(self, pods: Iterable[int], what: str) -> None:
        wanted = sorted(self.pairs(pods))
        try:
            wait_until(lambda: sorted(self.elements()) == wanted, SOON, what, 0.2)
        except DeadlineExceeded:
            found = self.elements()
            missing, foreign = set(wanted) - set(found), set(found) - set(wanted)
            twice = len(found) - len(set(found))
            pytest.fail(f"{what}: {len(missing)} missing {sorted(missing)[:5]}, {len(foreign)} foreign "
                        f"{sorted(foreign)[:5]}, {twice} twice")

    def peak_mib(self) -> float:
        lines = Path(f"/proc/{self.lab.daemons['gw-a'].pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@pytest.fixture
def large(start_kube: Callable[[Lab], Kube], make_lab: Callable[..., Lab]) -> Large:
    kube = start_kube(make_lab("cni-nft"))
    kube.gateway()
    kube.policy()
    kube.configure_gateway()
    return Large(kube)


def test_each_selected_pod_is_in_the_kernel_once_from_the_first_list_to_a_restart(large: Large) -> None:
    gateway, bulk = large.lab.daemons["gw-a"], large.bulk
    gateway.start(wait_ready=False)
    gateway.wait_ready(deadline=SOON)
    # Ready means that all is there; nothing is waited for.
    assert sorted(large.elements()) == sorted(large.pairs(range(CHOSEN)))

    bulk.put_pods({pod: {} for pod in range(300)} | {pod: SELECTED for pod in range(CHOSEN, PODS)}, at_once=1)
    bulk.remove_pods(range(300, 400))
    large.wait_for(range(400, PODS), "a burst of nine hundred events")

    gateway.kill()
    bulk.put_pods({pod: SELECTED for pod in range(300)})
    bulk.remove_pods(range(400, 500))
    gateway.start(wait_ready=False)
    gateway.wait_ready(deadline=SOON)
    assert sorted(large.elements()) == sorted(large.pairs([*range(300), *range(500, PODS)]))
    assert large.peak_mib() < MEMORY_MIB
    finish(large.kube)
