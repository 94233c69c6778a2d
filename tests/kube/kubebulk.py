# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A large cluster's objects, of the size that they have in real ones, written past the API server into etcd.

The API server makes some hundred objects a second where it has two processors for itself and etcd. What was written into
etcd it serves and tells as if it had made it: it decodes JSON as well as its own encoding. So ten thousand pods are there in
seconds, and five thousand events come as fast as it can tell them.
"""

import base64
import ipaddress
import json
import uuid

from kubeclient import object_of

NAMESPACE = "default"
SELECTED = {"egress": "bank"}
PODS_FIRST = int(ipaddress.ip_address("10.64.0.0"))  # the k-th node has the k-th /24
NODES_FIRST = int(ipaddress.ip_address("10.2.0.1"))
PODS_PER_NODE = 250
TXN_OPS, TXN_BYTES = 100, 600_000  # etcd takes 128 operations and 1.5 MB
NODE_IMAGES = 50  # kubelet's own limit
STAMP = "2026-01-01T00:00:00Z"


def text_of(number):
    return str(ipaddress.ip_address(number))


def node_name(node):
    return f"ip-10-2-{node // 250}-{node % 250 + 1}.example.internal"


def node_address(node):
    """250 to a /24, without the addresses that end in 0 and 255."""
    return text_of(NODES_FIRST + (node // 250) * 256 + node % 250)


def pod_name(number):
    return f"worker-5d8f7c9b64-{number:06d}"


def key_of(name):
    """Where etcd has a pod."""
    return f"/registry/pods/{NAMESPACE}/{name}"


def pod_key(number):
    return key_of(pod_name(number))


class Plan:
    """Where pods are: pod k on node k % nodes, the next address there each time round."""

    def __init__(self, nodes, pods):
        assert pods <= nodes * PODS_PER_NODE
        self.nodes, self.pods = nodes, pods

    def node_of(self, pod):
        return pod % self.nodes

    def address_of(self, pod):
        return text_of(PODS_FIRST + self.node_of(pod) * 256 + 1 + pod // self.nodes)


def conditions(*types):
    return [{"type": kind, "status": "True", "reason": "", "message": "", "lastHeartbeatTime": STAMP, "lastTransitionTime": STAMP}
            for kind in types]


def node_status(address, name):
    images = [{"names": [f"registry.example.internal/team/application-{i}@sha256:{i:064x}",
                         f"registry.example.internal/team/application-{i}:v1.{i}.0"], "sizeBytes": 123456789 + i}
              for i in range(NODE_IMAGES)]
    return {"addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "capacity": {"cpu": "8", "memory": "32Gi", "pods": "250"}, "allocatable": {"cpu": "7", "memory": "30Gi", "pods": "250"},
            "conditions": conditions("MemoryPressure", "DiskPressure", "PIDPressure", "Ready"), "images": images,
            "nodeInfo": {"kubeletVersion": "v1.36.3", "osImage": "Linux", "architecture": "amd64", "kernelVersion": "6.12",
                         "operatingSystem": "linux", "bootID": "", "machineID": "", "systemUUID": "",
                         "containerRuntimeVersion": "containerd://2.1.0", "kubeProxyVersion": ""}}


def containers():
    """Two, as with a proxy or a log shipper beside the application."""
    return [{"name": name, "image": f"registry.example.internal/team/{name}:v1.2.3", "ports": [{"containerPort": 8080}],
             "env": [{"name": f"SETTING_{i}", "value": f"https://service-{i}.example.internal:8443/path"} for i in range(8)],
             "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}}
            for name in ("application", "sidecar")]


def pod_status(address, host):
    running = [{"name": c["name"], "image": c["image"], "imageID": f"sha256:{0:064x}", "containerID": f"containerd://{0:064x}",
                "ready": True, "started": True, "restartCount": 0, "state": {"running": {"startedAt": STAMP}}}
               for c in containers()]
    return {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": host, "hostIPs": [{"ip": host}],
            "startTime": STAMP, "qosClass": "Burstable", "containerStatuses": running,
            "conditions": conditions("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")}


class Pattern:
    """One object as the API server made it, as text with places for what differs."""

    # A label, whose place others take; "nodeName" and addresses are words that stand nowhere else.
    LABEL, NODE, ADDRESS, HOST = '"pattern":"pattern"', "pattern-node", "192.0.2.201", "192.0.2.202"

    def __init__(self, admin, found, status):
        metadata = found["metadata"]
        namespace = metadata.get("namespace")
        admin.create(found)
        made = admin.patch(found["kind"], metadata["name"], {"status": status}, namespace, "status")
        admin.delete(found["kind"], metadata["name"], namespace, gracePeriodSeconds=0)
        self.name, self.uid = metadata["name"], made["metadata"]["uid"]
        del made["metadata"]["resourceVersion"]
        self.text = json.dumps(made, separators=(",", ":"))

    def text_for(self, name, labels, **places):
        text = self.text.replace(self.name, name).replace(self.uid, str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))
        text = text.replace(self.LABEL, json.dumps(labels, separators=(",", ":"))[1:-1])
        for place, value in places.items():
            text = text.replace(getattr(self, place.upper()), value)
        return text


def write(plane, operations, at_once=TXN_OPS):
    """Operations (what, key, text) in transactions of a size that etcd takes.

    What one transaction writes has one resource version. A watch that ended in between would miss the rest of it, so
    where somebody watches, at_once is 1.
    """
    batch, size = [], 0
    for what, key, text in operations:
        one = {"key": base64.b64encode(key.encode()).decode()}
        if text:
            one["value"] = base64.b64encode(text.encode()).decode()
        batch.append({what: one})
        size += len(text)
        if len(batch) == at_once or size > TXN_BYTES:
            plane.etcd_txn(batch)
            batch, size = [], 0
    if batch:
        plane.etcd_txn(batch)


class Bulk:
    """Makes nodes and pods of one control plane (kubepeers.ControlPlane) by the hundred, along a Plan.

    One of each goes through the API server, which adds what it adds to each object; the others are copies.
    """

    def __init__(self, plane, plan):
        self.plane, self.plan, admin = plane, plan, plane.client()
        labels = {"pattern": "pattern"}
        self.node_pattern = Pattern(admin, object_of("Node", Pattern.NODE, {}, labels=labels), node_status(Pattern.ADDRESS, Pattern.NODE))
        spec = {"containers": containers(), "nodeName": Pattern.NODE}
        self.pod_pattern = Pattern(admin, object_of("Pod", "pattern-pod", spec, NAMESPACE, labels=labels),
                                   pod_status(Pattern.ADDRESS, Pattern.HOST))

    def node_text(self, node):
        name = node_name(node)
        labels = {"topology.kubernetes.io/zone": f"zone-{'abc'[node % 3]}", "kubernetes.io/hostname": name}
        return self.node_pattern.text_for(name, labels, address=node_address(node))

    def pod_text(self, number, labels):
        """As its kubelet would have it."""
        node = self.plan.node_of(number)
        return self.pod_pattern.text_for(pod_name(number), {"app": "worker", **labels}, node=node_name(node),
                                         address=self.plan.address_of(number), host=node_address(node))

    def pod_object(self, number, labels):
        """The same for who writes it through the API server."""
        made = json.loads(self.pod_text(number, labels))
        made["metadata"] = {key: made["metadata"][key] for key in ("name", "namespace", "labels")}
        return made

    def make_nodes(self):
        write(self.plane, (("requestPut", f"/registry/minions/{node_name(node)}", self.node_text(node)) for node in range(self.plan.nodes)))

    def put_pods(self, pods, at_once=TXN_OPS):
        """{number: labels beside those that all have}, made or replaced: so many events."""
        write(self.plane, (("requestPut", pod_key(number), self.pod_text(number, labels)) for number, labels in pods.items()), at_once)

    def remove_pods(self, numbers):
        write(self.plane, (("requestDeleteRange", pod_key(number), "") for number in numbers), 1)
