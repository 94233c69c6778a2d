# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A large cluster for the benchmark: a real API server in a namespace, a gateway and a node in theirs, and their objects.

    api (10.0.0.10) --- gw (10.1.0.200)
                    +-- node (10.2.0.1), the first node, with a device for each of its pods
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from .command import SKIP_STATUS, TOP, Failed
from .configs import GATEWAY, ROUTER
from .lab import netns, wait
from .recorder import end_with_parent

sys.path.insert(0, str(TOP / "tests" / "kube"))

from kubebulk import NAMESPACE, Bulk, Plan, node_address, node_name, pod_name  # noqa: E402
from kubeclient import ApiError, Client, load, object_of  # noqa: E402
from kubepeers import ControlPlane, build_peers  # noqa: E402

__all__ = ["Cluster", "NAMESPACE", "Plan", "pod_name"]

API, NODE_ROUTER, GROUP, SYSTEM = "10.0.0.10", "10.2.0.254", "partners", "eipgw-system"
EGRESS_IPS, POLICIES = 4, 10
WRITERS = 8
EXCLUDED = ["10.0.0.0/8"]


def policy_labels(policy: int) -> dict[str, str]:
    return {"egress": f"partner{policy}"}


class Cluster:
    """Objects of `plan`: pods below plan.pods - spare are selected, the others aren't yet."""

    def __init__(self, plan: Plan, spare: int):
        self.plan, self.spare = plan, spare
        self.prefix = f"eipgw-bench-{os.getpid()}"
        self.names = {name: f"{self.prefix}-{name}" for name in ("api", "gw", "node")}
        self.plane: ControlPlane
        self.bulk: Bulk

    # ---- life

    def start(self) -> None:
        place, why = build_peers()
        if not place:
            print(f"SKIP: {why}")
            sys.exit(SKIP_STATUS)
        api = self.names["api"]
        netns.ip_batch([f"netns add {api}"])
        netns.ip_batch(["link set lo up", f"address add {API}/32 dev lo"], api)
        netns.sysctl(api, {"net.ipv4.ip_forward": 1})
        self.plane = ControlPlane(place, bind=API, inside=lambda: netns.entered(api)).start()
        self._deploy()
        self.bulk = Bulk(self.plane, self.plan)
        self.bulk.make_nodes()
        chosen = self.plan.pods - self.spare
        self.bulk.put_pods({pod: self.selected(pod) if pod < chosen else {} for pod in range(self.plan.pods)})
        wait.wait_until(self._all_told, 600, "the API server knows all pods", 0.5)

    def _all_told(self) -> bool:
        """It hears of what is in etcd, as everybody else; the last pod was written last."""
        try:
            self.admin.get("Pod", pod_name(self.plan.pods - 1), NAMESPACE, resourceVersion=0)
        except ApiError:
            return False
        return True

    def _deploy(self) -> None:
        admin = self.admin
        admin.create(object_of("Namespace", SYSTEM))
        admin.apply(object_of("ServiceAccount", "default", namespace=NAMESPACE))
        files = [*sorted((TOP / "deploy" / "crds").glob("*.yaml")), *(TOP / "deploy" / f"rbac-{who}.yaml" for who in ("noded", "gateway"))]
        for found in load(*files):
            admin.apply(found)
        egress = [{"name": f"egress{i}", "publicIP": f"203.0.113.{i + 1}"} for i in range(EGRESS_IPS)]
        wait.wait_until(lambda: self._is_made(object_of("EgressGateway", GROUP, {"egressIPs": egress})), 30, "the kinds are served", 0.1)
        for i in range(POLICIES):
            selector = {"podSelector": {"matchLabels": policy_labels(i)}}
            policy = {"selectors": [selector], "egressGateway": GROUP, "egressIPs": [f"egress{i % EGRESS_IPS}"]}
            wait.wait_until(lambda i=i, policy=policy: self._is_made(object_of("EgressPolicy", f"policy{i}", policy)), 30, "served", 0.1)

    def _is_made(self, found: dict[str, Any]) -> bool:
        try:
            self.admin.apply(found)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def stop(self) -> None:
        if hasattr(self, "plane"):
            self.plane.stop()
        netns.delete(self.names.values())

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def admin(self) -> Client:
        return self.plane.client()

    def selected(self, pod: int) -> dict[str, str]:
        """The labels with which it is a policy's. On a node, neighbours are of different ones: each is an element."""
        return policy_labels(pod // self.plan.nodes % POLICIES)

    # ---- the gateway and the node

    @contextlib.contextmanager
    def machines(self) -> Iterator[None]:
        """Fresh namespaces for both, with nothing of ours in their kernels."""
        api, names = self.names["api"], {name: self.names[name] for name in ("gw", "node")}
        ends = {"gw": (GATEWAY, ROUTER), "node": (node_address(0), NODE_ROUTER)}
        try:
            netns.ip_batch(f"netns add {name}" for name in names.values())
            for name, (here, router) in ends.items():
                netns.ip_batch([f"link add up0 netns {names[name]} type veth peer name {name} netns {api}"])
                netns.ip_batch([f"address add {router}/24 dev {name}", f"link set {name} up"], api)
                netns.ip_batch(["link set lo up", "link set up0 up", f"address add {here}/24 dev up0",
                                f"route add default via {router}"], names[name])
            netns.ip_batch(self._pod_devices(), names["node"])
            yield
        finally:
            # A namespace's end comes later; its cables would still be there in the next round.
            netns.ip_batch((f"link delete {name}" for name in ends), api, force=True)
            netns.delete(names.values())

    def _pod_devices(self) -> Iterator[str]:
        """What the CNI makes for each pod of the node."""
        for pod in self.pods_of_node():
            device = "eni" + hashlib.sha1(f"{NAMESPACE}.{pod_name(pod)}".encode()).hexdigest()[:11]
            yield f"link add {device} type veth peer name pod{pod}"
            yield f"link set {device} up"
            yield f"link set pod{pod} up"
            yield f"route add {self.plan.address_of(pod)}/32 dev {device}"

    def pods_of_node(self) -> range:
        return range(0, self.plan.pods, self.plan.nodes)

    def spares(self) -> range:
        return range(self.plan.pods - self.spare, self.plan.pods)

    def gateway_config(self) -> dict[str, Any]:
        return {"gateway": {"name": "gw-bench", "address": GATEWAY, "uplink": "up0"}, "always_excluded": EXCLUDED,
                "egress_ips": [{"name": f"egress{i}", "public": f"203.0.113.{i + 1}", "private": f"10.1.0.{201 + i}"}
                               for i in range(EGRESS_IPS)],
                "source": "kubernetes", "kubernetes": {"group": GROUP, "kubeconfig": str(self.plane.kubeconfig("gateway"))}}

    def node_config(self) -> dict[str, Any]:
        return {"node": {"name": node_name(0), "address": node_address(0), "uplink": "up0"}, "always_excluded": EXCLUDED,
                "source": "kubernetes",
                "kubernetes": {"kubeconfig": str(self.plane.account_kubeconfig(SYSTEM, "eipgw-noded"))}}

    # ---- who writes

    def in_parallel(self, work: list[Any], one: Callable[[Any], object]) -> None:
        """one(item) for all of `work`, by processes that each have and keep a connection of their own."""
        context = multiprocessing.get_context("fork")
        ready = context.Barrier(WRITERS + 1)

        def write(first: int) -> None:
            end_with_parent()
            try:
                self.plane.forked()
                ready.wait()
                for item in work[first::WRITERS]:
                    one(item)
            except Exception as error:
                print(f"a writer failed: {error}", file=sys.stderr)
                os._exit(1)
            os._exit(0)

        processes = [context.Process(target=write, args=(i,), daemon=True) for i in range(WRITERS)]
        for process in processes:
            process.start()
        ready.wait()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            raise Failed("not all was written")

    def client_from(self, machine: str) -> Client:
        """The admin's, who asks from there."""
        there = self.names[machine]
        return Client((API, self.plane.port), self.plane.authority.ca_file, token=self.plane.tokens["admin"],
                      inside=lambda: netns.entered(there))

    @contextlib.contextmanager
    def heartbeats(self, every: float) -> Iterator[None]:
        """The kubelets: each node's status is written again every so many seconds, spread over them."""
        ended = threading.Event()

        def beat() -> None:
            client = self.plane.client_with(token=self.plane.tokens["admin"])
            node = 0
            while not ended.wait(every / self.plan.nodes):
                stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                status = {"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "",
                                                     "lastHeartbeatTime": stamp, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}
                client.patch("Node", node_name(node), status, sub="status")
                node = (node + 1) % self.plan.nodes
            client.close()

        thread = threading.Thread(target=beat)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
