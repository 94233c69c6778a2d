# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The rights in deploy/: each daemon, and each viewer, may do what it does, needs each verb for it, and may do nothing else.

What it does stands in REQUESTS, as requests of the tests' own client.
"""

import copy

import pytest
import yaml
from kubeclient import APPLY, ApiError, load, object_of, path_of, unique
from kubepeers import TOP, wait_until

DEPLOY = TOP / "deploy"
MANIFESTS = load(*(DEPLOY / name for name in yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["resources"]))
SYSTEM = "eipgw-system"
ROLES = {("ClusterRole", "eipgw-noded"): "noded", ("ClusterRole", "eipgw-gateway"): "gateway", ("Role", "eipgw-gateway"): "gateway",
         ("ClusterRole", "eipgw-view"): "viewer"}
EVENT = {"eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "eipgw.io/noded", "reportingInstance": "node-1",
         "action": "Select", "reason": "NoGateway", "type": "Warning", "note": "There is no EgressGateway \"partners\".",
         "regarding": {"apiVersion": "eipgw.io/v1alpha1", "kind": "EgressPolicy", "name": "payments"}}


def lists(kind, **query):
    return lambda client, names: client.request("GET", path_of(kind), limit=1, **query)


def gets(kind, name, namespace=None):
    def request(client, names):
        status = client.raw("GET", path_of(kind, name, namespace))[0]
        if status == 403:
            raise ApiError(status, {}, {})
        assert status in (200, 404), status

    return request


def watches(kind, **query):
    return lambda client, names: client.watch(kind, **query).close()


def creates_event(client, names):
    return client.create({**object_of("Event", unique("e"), None, "default"), **EVENT})


def counts_event(client, names):
    series = {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}}
    return client.patch("Event", names["event"], series, "default")


def writes_status(kind, status):
    def request(client, names):
        found = object_of(kind, names[kind])
        found["status"] = status
        return client.apply(found, sub="status", manager="gw-a")

    return request


def gets_lease(client, names):
    return client.get("Lease", names["lease"], SYSTEM)


def creates_lease(client, names):
    return client.create(object_of("Lease", unique("l"), {"holderIdentity": "gw-a"}, SYSTEM))


def updates_lease(client, names):
    return client.replace(gets_lease(client, names))


EVENTS = {("create", "events"): creates_event, ("patch", "events"): counts_event}
FOLLOWED = {("list", "namespaces"): lists("Namespace"), ("watch", "namespaces"): watches("Namespace"),
            ("list", "egresspolicies"): lists("EgressPolicy"), ("watch", "egresspolicies"): watches("EgressPolicy"),
            ("list", "egressgateways"): lists("EgressGateway"), ("watch", "egressgateways"): watches("EgressGateway")}
REQUESTS = {
    ("ClusterRole", "eipgw-noded"): FOLLOWED | EVENTS | {
        ("list", "pods"): lists("Pod", fieldSelector="spec.nodeName=node-1"),
        ("watch", "pods"): watches("Pod", fieldSelector="spec.nodeName=node-1"),
    },
    ("ClusterRole", "eipgw-gateway"): FOLLOWED | EVENTS | {
        ("list", "pods"): lists("Pod"), ("watch", "pods"): watches("Pod"),
        ("list", "nodes"): lists("Node"), ("watch", "nodes"): watches("Node"),
        ("patch", "egresspolicies/status"): writes_status("EgressPolicy", {"matchedPods": 1}),
        ("patch", "egressgateways/status"): writes_status("EgressGateway", {"members": [{"name": "gw-a", "state": "Standby"}]}),
    },
    ("ClusterRole", "eipgw-view"): {
        ("get", "pods"): gets("Pod", "p", "default"), ("list", "pods"): lists("Pod", fieldSelector="status.podIP=10.0.0.1"),
        ("get", "namespaces"): gets("Namespace", "default"), ("get", "nodes"): gets("Node", "node-1"),
        ("list", "egresspolicies"): lists("EgressPolicy"), ("list", "egressgateways"): lists("EgressGateway"),
    },
    ("Role", "eipgw-gateway"): {
        ("get", "leases"): gets_lease, ("create", "leases"): creates_lease, ("update", "leases"): updates_lease,
    },
}

# What would be a hole, though some of it would be handy.
FORBIDDEN = {
    "noded": [("GET", path_of("Secret", None, "kube-system")), ("GET", path_of("Node")), ("GET", path_of("Pod", "p", "default")),
              ("PATCH", path_of("EgressPolicy", "payments", sub="status")), ("PATCH", path_of("EgressGateway", "partners")),
              ("DELETE", path_of("Pod", "p", "default")), ("GET", path_of("Lease", None, SYSTEM)), ("GET", path_of("ConfigMap", None, SYSTEM))],
    "gateway": [("GET", path_of("Secret", None, "kube-system")), ("PATCH", path_of("EgressGateway", "partners")),
                ("PATCH", path_of("EgressPolicy", "payments")), ("DELETE", path_of("EgressPolicy", "payments")),
                ("PATCH", path_of("Node", "n")), ("PATCH", path_of("Pod", "p", "default", "status")),
                ("DELETE", path_of("Lease", "l", SYSTEM)), ("GET", path_of("Lease", "l", "kube-system")),
                ("GET", path_of("Lease", None, SYSTEM))],
    "viewer": [("GET", path_of("Secret", None, "kube-system")), ("GET", path_of("ConfigMap", None, SYSTEM)),
               ("GET", path_of("Node")), ("DELETE", path_of("Pod", "p", "default")),
               ("PATCH", path_of("EgressPolicy", "payments")), ("PATCH", path_of("EgressGateway", "partners")),
               ("PATCH", path_of("EgressGateway", "partners", sub="status")), ("GET", path_of("Lease", None, SYSTEM))],
}


def namespaced(found):
    return (found["kind"] == "CustomResourceDefinition", found["kind"] == "Namespace")


def viewer(plane):
    """A person to whom the role is bound, as its file says."""
    admin = plane.client()
    admin.create(object_of("ServiceAccount", "person", namespace="default"))
    admin.create({**object_of("ClusterRoleBinding", "eipgw-view-person"),
                  "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "eipgw-view"},
                  "subjects": [{"kind": "ServiceAccount", "name": "person", "namespace": "default"}]})
    return plane.client_with(token=admin.token_for("default", "person"))


@pytest.fixture(scope="module")
def deployed(control_plane):
    """The API server with all of deploy/ applied as kubectl -k would, and each daemon's client."""
    admin = control_plane.client()
    for found in sorted(MANIFESTS, key=namespaced, reverse=True):
        admin.apply(found)
    names = {"event": creates_event(admin, {})["metadata"]["name"], "lease": creates_lease(admin, {})["metadata"]["name"]}
    specs = {"EgressGateway": {"egressIPs": [{"name": "bank", "publicIP": "203.0.113.1"}]},
             "EgressPolicy": {"podCIDRs": ["10.0.1.0/24"], "egressGateway": "partners", "egressIPs": ["bank"]}}
    for kind, spec in specs.items():
        wait_until(lambda kind=kind: admin.raw("GET", path_of(kind))[0] == 200, 30, f"{kind} is served", 0.05)
        names[kind] = admin.create(object_of(kind, unique("x"), spec))["metadata"]["name"]
    clients = {"noded": control_plane.client_with(token=admin.token_for(SYSTEM, "eipgw-noded")),
               "gateway": control_plane.client("gateway"), "viewer": viewer(control_plane)}
    return admin, clients, names


def is_forbidden(request, client, names):
    try:
        request(client, names)
    except ApiError as error:
        assert error.status == 403, error
        return True
    return False


def without(role, verb, resource):
    """A role less one verb of one resource."""
    found = {key: copy.deepcopy(role[key]) for key in ("apiVersion", "kind", "metadata", "rules")}
    rules = []
    for rule in found["rules"]:
        for one in rule["resources"]:
            verbs = [v for v in rule["verbs"] if (v, one) != (verb, resource)]
            if verbs:
                rules.append({**rule, "resources": [one], "verbs": verbs})
    found["rules"] = rules
    return found


def role_of(kind, name):
    (found,) = (m for m in MANIFESTS if m["kind"] == kind and m["metadata"]["name"] == name)
    return found


def test_each_verb_in_the_roles_has_a_request_that_needs_it():
    for (kind, name), requests in REQUESTS.items():
        granted = {(verb, resource) for rule in role_of(kind, name)["rules"]
                   for verb in rule["verbs"] for resource in rule["resources"]}
        assert granted == requests.keys(), f"{kind} {name}"
    assert {(m["kind"], m["metadata"]["name"]) for m in MANIFESTS if m["kind"].endswith("Role")} == REQUESTS.keys()


def test_the_rights_suffice_and_without_any_one_verb_its_request_is_forbidden(deployed, row):
    admin, clients, names = deployed
    for role, requests in REQUESTS.items():
        client = clients[ROLES[role]]
        for (verb, resource), request in requests.items():
            with row(f"{role[0]} {role[1]}: {verb} {resource}"):
                wait_until(lambda: not is_forbidden(request, client, names), 30, "it is allowed", 0.02)
                admin.replace(without(role_of(*role), verb, resource))
                wait_until(lambda: is_forbidden(request, client, names), 30, "it is forbidden without the verb", 0.02)
            admin.replace({k: role_of(*role)[k] for k in ("apiVersion", "kind", "metadata", "rules")})


def test_nothing_else_is_allowed(deployed, row):
    for daemon, requests in FORBIDDEN.items():
        for method, path in requests:
            with row(f"{daemon}: {method} {path}"):
                body, query = ({}, {"fieldManager": "x"}) if method == "PATCH" else (None, {})
                assert deployed[1][daemon].raw(method, path, body, content_type=APPLY, **query)[0] == 403


def test_somebody_in_no_group_may_not_even_list(control_plane, deployed):
    for kind in ("Pod", "EgressPolicy", "EgressGateway"):
        assert control_plane.client("nobody").raw("GET", path_of(kind))[0] == 403


def test_the_node_agent_runs_with_no_more_than_it_needs(deployed):
    """The API server took the DaemonSet, and these of its fields mean what we think."""
    pod = deployed[0].get("DaemonSet", "eipgw-noded", SYSTEM)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] and not container["securityContext"]["allowPrivilegeEscalation"]
    assert "privileged" not in container["securityContext"]
    assert pod["hostNetwork"] and pod["tolerations"] == [{"operator": "Exists"}] and pod["priorityClassName"] == "system-node-critical"
    assert not any("hostPath" in volume for volume in pod["volumes"])


def test_a_pod_made_from_the_daemonset_is_admitted(deployed):
    admin = deployed[0]
    template = admin.get("DaemonSet", "eipgw-noded", SYSTEM)["spec"]["template"]
    made = admin.create({**object_of("Pod", unique("p"), {**template["spec"], "nodeName": "node-1"}, SYSTEM)})
    assert made["spec"]["priority"] == 2000001000


def test_the_files_of_deploy_are_all_in_the_kustomization():
    listed = set(yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["resources"])
    found = {str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*.yaml")} - {"kustomization.yaml", "prometheus-rules.yaml"}  # that is for Prometheus, not for the API server
    assert listed == {path for path in found if not path.startswith("chart/")}  # test_chart.py compares that
