# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A Kubernetes client for tests: HTTP and JSON, and the few objects that tests make.

It shares no code with our own client in C, so that one's mistake isn't the other's.
"""

import contextlib
import copy
import http.client
import itertools
import json
import os
import ssl
import urllib.parse
from pathlib import Path

import yaml

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
NO_ANSWER = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)

# kind: (path of its group and version, plural, whether it lives in a namespace)
KINDS = {
    "Namespace": ("/api/v1", "namespaces", False),
    "Node": ("/api/v1", "nodes", False),
    "Pod": ("/api/v1", "pods", True),
    "ServiceAccount": ("/api/v1", "serviceaccounts", True),
    "ConfigMap": ("/api/v1", "configmaps", True),
    "Secret": ("/api/v1", "secrets", True),
    "Event": ("/apis/events.k8s.io/v1", "events", True),
    "DaemonSet": ("/apis/apps/v1", "daemonsets", True),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases", True),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", True),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "PriorityLevelConfiguration": ("/apis/flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations", False),
    "FlowSchema": ("/apis/flowcontrol.apiserver.k8s.io/v1", "flowschemas", False),
    "EgressGateway": ("/apis/eipgw.io/v1alpha1", "egressgateways", False),
    "EgressPolicy": ("/apis/eipgw.io/v1alpha1", "egresspolicies", False),
}
_numbers = itertools.count(1)


def unique(stem):
    """A name that no other test of this run has, in this process or another."""
    return f"{stem}-{os.getpid():x}-{next(_numbers)}"


def path_of(kind, name=None, namespace=None, sub=None):
    """The path of an object, or of a collection: without a namespace that of the whole cluster."""
    base, plural, _ = KINDS[kind]
    words = [base, *(["namespaces", namespace] if namespace else []), plural, name, sub]
    return "/".join(word for word in words if word)


def object_of(kind, name, spec=None, namespace=None, **metadata):
    base = KINDS[kind][0]
    found = {"apiVersion": base.split("/", 2)[2], "kind": kind, "metadata": {"name": name, **metadata}}
    if namespace:
        found["metadata"]["namespace"] = namespace
    if spec is not None:
        found["spec"] = copy.deepcopy(spec)
    return found


def load(*paths):
    """All objects of YAML files."""
    return [found for path in paths for found in yaml.safe_load_all(Path(path).read_text(encoding="utf-8")) if found]


class ApiError(Exception):
    """An answer other than 2xx."""

    def __init__(self, status, body, headers):
        super().__init__(f"{status}: {body.get('message') if isinstance(body, dict) else body}")
        self.status, self.body, self.headers = status, body, headers

    @property
    def message(self):
        return self.body.get("message", "")

    @property
    def causes(self):
        """[(field, message)] of what was wrong with an object."""
        return [(c.get("field", ""), c.get("message", "")) for c in self.body.get("details", {}).get("causes", [])]


class Watch:
    """Events, until the server ends the stream."""

    def __init__(self, connection, answer):
        self.connection, self.answer = connection, answer

    def __iter__(self):
        return self

    def __next__(self):
        line = self.answer.readline()
        if not line:
            self.close()
            raise StopIteration
        return json.loads(line)

    def close(self):
        self.answer.close()
        self.connection.close()


class Client:
    """Talks to `host:port` as whom the token or the certificate says. Not for several threads.

    `inside()` is a context in which the socket is made, such as "in that network namespace".
    """

    def __init__(self, address, ca_file, *, token=None, certificate=None, inside=contextlib.nullcontext, agent="kube-tests"):
        self.address, self.token, self.inside, self.agent = address, token, inside, agent
        self.tls = ssl.create_default_context(cafile=str(ca_file))
        if certificate:
            self.tls.load_cert_chain(*map(str, certificate))
        self._kept = None

    # ---- requests

    def connect(self, timeout=30):
        connection = http.client.HTTPSConnection(*self.address, context=self.tls, timeout=timeout)
        with self.inside():
            connection.connect()
        return connection

    def headers(self, **more):
        found = {"Accept": "application/json", "User-Agent": self.agent, **more}
        if self.token:
            found["Authorization"] = f"Bearer {self.token}"
        return found

    def raw(self, method, path, body=None, content_type="application/json", accept="application/json", **query):
        """(status, headers, bytes)"""
        data = json.dumps(body).encode() if body is not None else None
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = self.headers(Accept=accept, **({"Content-Type": content_type} if data else {}))
        for fresh in (self._kept is None, True):
            connection = self._kept or self.connect()
            self._kept = None
            try:
                connection.request(method, target, data, headers)
                answer = connection.getresponse()
                content = answer.read()
            except NO_ANSWER:
                # A kept connection may have ended meanwhile, with the server or for idleness.
                connection.close()
                if fresh:
                    raise
                continue
            self._kept = connection
            return answer.status, answer.headers, content

    def request(self, method, path, body=None, **more):
        status, headers, content = self.raw(method, path, body, **more)
        try:
            found = json.loads(content)
        except ValueError:
            found = content.decode(errors="replace")
        if not 200 <= status < 300:
            raise ApiError(status, found, headers)
        return found

    def close(self):
        if self._kept:
            self._kept.close()
            self._kept = None

    def get(self, kind, name=None, namespace=None, sub=None, **more):
        return self.request("GET", path_of(kind, name, namespace, sub), **more)

    def list(self, kind, namespace=None, **query):
        return self.request("GET", path_of(kind, None, namespace), **query)["items"]

    def create(self, found, **query):
        metadata = found["metadata"]
        return self.request("POST", path_of(found["kind"], None, metadata.get("namespace")), found, **query)

    def replace(self, found, sub=None):
        metadata = found["metadata"]
        return self.request("PUT", path_of(found["kind"], metadata["name"], metadata.get("namespace"), sub), found)

    def patch(self, kind, name, patch, namespace=None, sub=None):
        return self.request("PATCH", path_of(kind, name, namespace, sub), patch, content_type=MERGE)

    def apply(self, found, sub=None, manager="kube-tests", force=True):
        """Server-side apply."""
        metadata = found["metadata"]
        path = path_of(found["kind"], metadata["name"], metadata.get("namespace"), sub)
        return self.request("PATCH", path, found, content_type=APPLY, fieldManager=manager, force=str(force).lower())

    def delete(self, kind, name, namespace=None, **options):
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **options} if options else None
        return self.request("DELETE", path_of(kind, name, namespace), body)

    def watch(self, kind, namespace=None, timeout=30, **query):
        """A Watch, which has begun when this returns; TimeoutError after so many seconds without a byte."""
        connection = self.connect(timeout)
        query = {"watch": "1", **query}
        connection.request("GET", path_of(kind, None, namespace) + "?" + urllib.parse.urlencode(query), None, self.headers())
        answer = connection.getresponse()
        if answer.status != 200:
            with contextlib.closing(connection):
                raise ApiError(answer.status, json.loads(answer.read()), answer.headers)
        return Watch(connection, answer)

    # ---- what tests make

    def make_namespace(self, stem="test", **labels):
        """A namespace with a service account for its pods, which a controller would make. Its name.

        Nothing ever finishes a namespace's deletion here, so names aren't used again.
        """
        name = unique(stem)
        self.create(object_of("Namespace", name, labels=labels))
        self.create(object_of("ServiceAccount", "default", namespace=name))
        return name

    def make_node(self, name, address, zone="zone-a", **labels):
        self.create(object_of("Node", name, {}, labels={"topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": name, **labels}))
        return self.patch("Node", name, {"status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "",
                            "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}, sub="status")

    def make_pod(self, namespace, name, node=None, addresses=(), labels=None, **spec):
        """A pod as a node's kubelet would tell it: running where there is an address, pending otherwise."""
        spec = {"containers": [{"name": "main", "image": "example.org/main"}], "terminationGracePeriodSeconds": 30, **spec}
        if node:
            spec["nodeName"] = node
        pod = self.create(object_of("Pod", name, spec, namespace, labels=labels or {}))
        return self.set_pod(namespace, name, addresses) if addresses else pod

    def set_pod(self, namespace, name, addresses=(), phase="Running", host="10.0.0.1", **status):
        """Writes a pod's status, as its kubelet would."""
        addresses = [addresses] if isinstance(addresses, str) else list(addresses)
        status = {"phase": phase, "podIP": addresses[0] if addresses else None,
                  "podIPs": [{"ip": a} for a in addresses] or None, "hostIP": host, "hostIPs": [{"ip": host}], **status}
        return self.patch("Pod", name, {"status": status}, namespace, sub="status")

    def end_pod(self, namespace, name):
        """Begins a pod's deletion: it stays, with a deletionTimestamp, until remove_pod."""
        return self.delete("Pod", name, namespace)

    def remove_pod(self, namespace, name):
        return self.delete("Pod", name, namespace, gracePeriodSeconds=0)

    def token_for(self, namespace, account, seconds=3600):
        """A service account's token, such as kubelet mounts."""
        path = path_of("ServiceAccount", account, namespace, "token")
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
        return self.request("POST", path, body)["status"]["token"]
