# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The control plane does what other tests rely on: it is real, and its faults can be provoked."""

import http.client
import os
import socket
import time

import pytest
from eipgwlab import netns
from kubeclient import ApiError, object_of, path_of, unique
from kubepeers import ControlPlane, wait_until


def renewals(admin, namespace, lease):
    try:
        return admin.get("Lease", lease, namespace)["spec"]
    except ApiError as error:
        assert error.status == 404
        return None


def test_pods_have_the_status_that_a_kubelet_would_write(admin, namespace):
    node = unique("node")
    admin.make_node(node, "10.0.1.11")
    admin.make_pod(namespace, "a", node, ["10.0.1.50", "2001:db8::50"], {"app": "a"})
    admin.make_pod(namespace, "b", node)
    found = admin.list("Pod", fieldSelector=f"spec.nodeName={node}")
    assert [(p["metadata"]["name"], p["status"]["phase"], p["status"].get("podIPs")) for p in found] == [
        ("a", "Running", [{"ip": "10.0.1.50"}, {"ip": "2001:db8::50"}]), ("b", "Pending", None)]
    assert admin.get("Node", node)["status"]["addresses"][0] == {"type": "InternalIP", "address": "10.0.1.11"}


def test_a_pod_that_ends_stays_until_it_is_removed(admin, namespace):
    node = unique("node")
    admin.make_pod(namespace, "a", node, "10.0.1.50")
    assert admin.end_pod(namespace, "a")["metadata"]["deletionTimestamp"]
    assert len(admin.list("Pod", namespace)) == 1
    admin.remove_pod(namespace, "a")
    assert admin.list("Pod", namespace) == []


def test_a_watch_tells_each_change(admin, namespace):
    start = admin.request("GET", path_of("Pod", None, namespace))["metadata"]["resourceVersion"]
    admin.make_pod(namespace, "a", "node", "10.0.1.50")
    admin.end_pod(namespace, "a")
    admin.remove_pod(namespace, "a")
    seen = []
    for event in admin.watch("Pod", namespace, resourceVersion=start):
        found = event["object"]
        seen.append((event["type"], found["status"].get("podIP"), "deletionTimestamp" in found["metadata"]))
        if event["type"] == "DELETED":
            break
    # That its time is up is a change of its own.
    assert seen == [("ADDED", None, False), ("MODIFIED", "10.0.1.50", False), ("MODIFIED", "10.0.1.50", True),
                    ("MODIFIED", "10.0.1.50", True), ("DELETED", "10.0.1.50", True)]


def test_a_watch_can_begin_with_a_list(admin, namespace):
    admin.make_pod(namespace, "a", "node", "10.0.1.50")
    events = admin.watch("Pod", namespace, sendInitialEvents="true", resourceVersionMatch="NotOlderThan",
                         allowWatchBookmarks="true")
    assert next(events)["type"] == "ADDED"
    bookmark = next(events)
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_lists_come_in_pages(admin, namespace):
    for number in range(5):
        admin.make_pod(namespace, f"p{number}")
    names, token = [], ""
    while True:
        page = admin.request("GET", path_of("Pod", None, namespace), limit=2, **({"continue": token} if token else {}))
        names.append([p["metadata"]["name"] for p in page["items"]])
        token = page["metadata"].get("continue")
        if not token:
            break
    assert names == [["p0", "p1"], ["p2", "p3"], ["p4"]]


def test_the_api_server_can_be_killed_and_comes_back_on_the_same_port(plane, admin, namespace):
    port = plane.port
    plane.kill()
    with pytest.raises(OSError):
        admin.get("Namespace", namespace)
    plane.start()
    assert plane.port == port
    assert admin.get("Namespace", namespace)["metadata"]["name"] == namespace


def test_the_api_server_can_hang(plane, admin, namespace):
    plane.pause()
    connection = http.client.HTTPSConnection(plane.bind, plane.port, context=admin.tls, timeout=0.5)
    with pytest.raises(socket.timeout):
        connection.request("GET", "/readyz", headers=admin.headers())
        connection.getresponse()
    plane.resume()
    assert admin.get("Namespace", namespace)


def test_after_a_compaction_old_resource_versions_are_gone(plane, admin, namespace):
    path = path_of("Pod", None, namespace)
    for number in range(3):
        admin.make_pod(namespace, f"p{number}")
    page = admin.request("GET", path, limit=1)
    admin.make_pod(namespace, "later")
    plane.compact()
    event = next(admin.watch("Pod", namespace, resourceVersion=page["metadata"]["resourceVersion"]))
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    with pytest.raises(ApiError) as error:
        admin.request("GET", path, limit=1, **{"continue": page["metadata"]["continue"]})
    assert error.value.status == 410


def test_the_server_ends_watches_when_told_to(plane, admin, namespace):
    plane.restart("--min-request-timeout=1")
    began = time.monotonic()
    assert list(admin.watch("Pod", namespace)) == []
    assert time.monotonic() - began < 100  # else after half an hour
    plane.mend()
    assert plane.flags == ()


def test_a_throttled_user_gets_429_with_retry_after_and_others_dont(plane, admin):
    with plane.throttled("nobody"):
        with pytest.raises(ApiError) as error:
            plane.client("nobody").list("Pod")
        assert error.value.status == 429
        assert int(error.value.headers["Retry-After"]) >= 1
        admin.list("Pod", limit=1)
    with pytest.raises(ApiError) as error:
        plane.client("nobody").list("Pod")
    assert error.value.status == 403


def test_the_audit_log_has_what_users_asked(plane, namespace):
    client = plane.client("nobody")
    with pytest.raises(ApiError):
        client.list("ConfigMap", namespace, limit=7)
    rows = [row for row in plane.audit(user="nobody", resource="configmaps") if namespace in row["uri"]]
    assert [(row["verb"], row["code"], row["uri"], row["agent"]) for row in rows] == [
        ("list", 403, f"/api/v1/namespaces/{namespace}/configmaps?limit=7", "kube-tests")]


def test_users_log_in_with_tokens_certificates_and_service_accounts(plane, admin, namespace):
    def who(client):
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        found = client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)["status"]["userInfo"]
        return found["username"], [g for g in found.get("groups", []) if not g.startswith("system:")]

    assert who(plane.client("gateway")) == ("gateway", ["eipgw:gateways"])
    assert who(plane.client_with(certificate=plane.certificate("gateway"))) == ("gateway", ["eipgw:gateways"])
    token = admin.token_for(namespace, "default")
    assert who(plane.client_with(token=token))[0] == f"system:serviceaccount:{namespace}:default"
    with pytest.raises(ApiError) as error:
        plane.client_with(token="wrong").list("Pod")
    assert error.value.status == 401


def test_a_stale_write_is_a_conflict(admin, namespace):
    lease = admin.create(object_of("Lease", "l", {"holderIdentity": "a"}, namespace))
    lease["spec"]["holderIdentity"] = "b"
    admin.replace(lease)
    with pytest.raises(ApiError) as error:
        admin.replace(lease)
    assert error.value.status == 409


def test_a_contender_takes_a_lease_and_renews_it(plane, admin, namespace):
    with plane.contender(namespace, "l"):
        first = wait_until(lambda: renewals(admin, namespace, "l"), 30, "the Lease is taken", 0.1)
        wait_until(lambda: renewals(admin, namespace, "l")["renewTime"] != first["renewTime"], 30, "it is renewed", 0.1)
        assert first["leaseDurationSeconds"] == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_it_runs_in_a_network_namespace_on_an_address_of_its_own(kube_place):
    name = unique("eipgw-kube")
    netns.execute(["ip", "netns", "add", name])
    try:
        netns.ip_batch(["link set lo up", "addr add 10.0.9.1/32 dev lo"], name)
        plane = ControlPlane(kube_place, bind="10.0.9.1", inside=lambda: netns.entered(name))
        try:
            admin = plane.start().client()
            assert admin.list("Pod", admin.make_namespace()) == []
            plane.compact()
            there = os.stat(f"/run/netns/{name}").st_ino
            assert {os.stat(f"/proc/{p.popen.pid}/ns/net").st_ino for p in (plane.etcd, plane.server)} == {there}
        finally:
            plane.stop()
    finally:
        netns.execute(["ip", "netns", "del", name])
