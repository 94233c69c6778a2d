# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""kube/ against a real API server: what its reflector tells, what it asks, what its writers write."""

import contextlib
import itertools
import json
import os
import re
import shutil

import pytest
from kubeclient import object_of, unique
from kubeprobe import Probe
from kubepeers import Authority, deploy_ours, openssl, wait_until

PROGRAM = "eipgw/"


@pytest.fixture(scope="module", autouse=True)
def deployed(control_plane):
    deploy_ours(control_plane, "/api/v1/pods?limit=1", "/apis/eipgw.io/v1alpha1/egresspolicies",
                "/apis/eipgw.io/v1alpha1/egressgateways")


@pytest.fixture
def follow(plane, namespace):
    """follow(): our client follows the pods of this test's namespace, logged in as a gateway."""
    def start(user="gateway", kubeconfig=None, kind="Pod", environment=None, **options):
        if kind == "Pod":
            options.setdefault("fields", f"metadata.namespace={namespace}")
        return Probe(kubeconfig or plane.kubeconfig(user), "follow", environment, kind=kind, **options)
    return start


def requests(plane, namespace, verb):
    """What our client asked about the pods of this namespace, told once for each request."""
    rows = [row for row in plane.audit(verb=verb) if row["agent"].startswith(PROGRAM) and namespace in row["uri"]]
    return [row for row in rows if row["stage"] == ("ResponseStarted" if verb == "watch" else "ResponseComplete")]


def versions(plane, namespace):
    return [re.search(r"[?&]resourceVersion=(\d+)", row["uri"])[1] for row in requests(plane, namespace, "watch")]


def test_a_list_comes_in_pages_and_its_changes_follow(plane, admin, namespace, follow):
    for number in range(7):
        admin.make_pod(namespace, f"p{number}", "node", f"10.0.1.{number}", {"app": "a"})
    with follow(page=3) as probe:
        probe.wait(event="synced")
        admin.patch("Pod", "p1", {"metadata": {"labels": {"app": "b"}}}, namespace)
        admin.remove_pod(namespace, "p2")
        admin.make_pod(namespace, "p7")
        probe.wait(event="added", name="p7")
        status = probe.ask()
    assert probe.story() == "+p0 +p1 +p2 +p3 +p4 +p5 +p6 S ~p1 ~p2 -p2 +p7"
    assert probe.wait(event="changed", name="p1")["object"]["metadata"]["labels"] == {"app": "b"}
    assert probe.wait(event="added", name="p0")["object"]["status"] == {
        "phase": "Running", "podIP": "10.0.1.0", "podIPs": [{"ip": "10.0.1.0"}]}
    lists = requests(plane, namespace, "list")
    # The API server may find out only by another page that there was nothing more.
    assert 3 <= len(lists) <= 4 and all("limit=3" in row["uri"] for row in lists)
    assert ["continue=" in row["uri"] for row in lists] == [False] + [True] * (len(lists) - 1)
    assert not any("resourceVersion" in row["uri"] for row in lists)
    assert len(requests(plane, namespace, "watch")) == 1
    assert (status["state"], status["objects"], status["lists"], status["pages"]) == ("watching", 7, 1, len(lists))


def test_a_watch_that_the_server_ends_goes_on_where_it_was(plane, admin, namespace, follow):
    admin.make_pod(namespace, "a")
    with follow(watch_sec=6) as probe:
        probe.wait(event="synced")
        admin.make_pod(namespace, "b")
        wait_until(lambda: len(requests(plane, namespace, "watch")) == 2, 30, "it watches again")
        admin.make_pod(namespace, "c")
        probe.wait(event="added", name="c")
        assert probe.ask()["failures"] == 0
    assert probe.story() == "+a S +b +c"
    assert len(requests(plane, namespace, "list")) == 1
    first, second = versions(plane, namespace)
    assert int(second) > int(first)


def test_a_server_that_dies_and_comes_back_is_not_asked_for_everything_in_a_storm(plane, admin, namespace, follow):
    admin.make_pod(namespace, "a")
    with follow() as probe:
        probe.wait(event="synced")
        plane.kill()
        probe.wait(event="failed", **{"class": "retry"})
        plane.start()
        admin.make_pod(namespace, "b")
        probe.wait(60, event="added", name="b")
        story = [word for word in probe.story().split() if not word.startswith("!")]
    assert story[:2] == ["+a", "S"] and [word for word in story[2:] if word != "S"] == ["+b"]
    assert len(requests(plane, namespace, "list")) <= 2


def test_after_a_compaction_only_differences_are_told(plane, admin, namespace, follow):
    other = admin.make_namespace()
    for name in ("a", "b", "c"):
        admin.make_pod(namespace, name)
    with follow() as probe:
        probe.wait(event="synced")
        # Its version falls behind: these are nothing that it watches.
        for number in range(3):
            admin.make_pod(other, f"p{number}")
        plane.pause()
        plane.compact()
        probe.wait(60, event="synced", count=2)
        admin.make_pod(namespace, "d")
        probe.wait(event="added", name="d")
        status = probe.ask()
    assert [word for word in probe.story().split() if not word.startswith("!")] == ["+a", "+b", "+c", "S", "S", "+d"]
    assert status["expired"] >= 1
    assert any("Expired" in line["reason"] for line in probe.all("failed"))
    assert len(requests(plane, namespace, "list")) == 2


def test_what_went_while_nobody_watched_is_removed_by_the_next_list(plane, admin, namespace, follow):
    for name in ("a", "b", "c"):
        admin.make_pod(namespace, name)
    binding = admin.get("ClusterRoleBinding", "eipgw-gateway")
    with follow() as probe:
        probe.wait(event="synced")
        admin.delete("ClusterRoleBinding", "eipgw-gateway")
        try:
            plane.restart()  # a watch isn't asked twice whether it may
            probe.wait(60, event="failed", reason="Forbidden")
            admin.remove_pod(namespace, "a")
            admin.remove_pod(namespace, "b")
            admin.make_pod(namespace, "b")
            plane.compact()
            assert [line["name"] for line in probe.all("added", "removed", "changed")] == ["a", "b", "c"]
        finally:
            admin.create(object_of("ClusterRoleBinding", "eipgw-gateway") | {key: binding[key] for key in ("roleRef", "subjects")})
        probe.wait(90, event="synced", count=2)
    words = [word for word in probe.story().split() if not word.startswith("!")]
    assert (words[:4], sorted(words[4:])) == (["+a", "+b", "+c", "S"], ["+b", "-a", "-b", "S"])
    assert words.index("-b") < len(words) - 1 - words[::-1].index("+b")


def test_a_throttling_server_is_obeyed(plane, admin, namespace, follow):
    admin.make_pod(namespace, "a")
    with plane.throttled("gateway"), follow() as probe:
        first = probe.wait(event="failed", **{"class": "throttled"})
        assert first["status"] == 429 and first["again_ms"] >= 1000
        probe.wait(60, event="failed", count=2)
    with follow() as probe:
        probe.wait(event="synced")
    assert probe.story() == "+a S"


def test_a_server_that_hangs_is_noticed_and_nothing_is_lost(plane, admin, namespace, follow):
    admin.make_pod(namespace, "a")
    with follow(quiet_ms=2000, watch_sec=300) as probe:
        probe.wait(event="synced")
        plane.pause()
        probe.wait(10, event="failed", text="Pod: the server has said nothing for too long")
        plane.resume()
        admin.make_pod(namespace, "b")
        probe.wait(60, event="added", name="b")
    assert [word for word in probe.story().split() if not word.startswith("!")] == ["+a", "S", "+b"]
    assert len(requests(plane, namespace, "list")) == 1


def test_an_object_that_is_made_again_under_its_name_is_another_one(admin, namespace, follow):
    admin.make_pod(namespace, "a")
    with follow() as probe:
        probe.wait(event="synced")
        admin.remove_pod(namespace, "a")
        admin.make_pod(namespace, "a")
        probe.wait(event="added", name="a", count=2)
    uids = [line["object"]["metadata"]["uid"] for line in probe.all("added")]
    assert len(set(uids)) == 2
    assert [line["event"] for line in probe.all("added", "removed")] == ["added", "removed", "added"]


def test_labels_and_nodes_select(admin, namespace, follow):
    node = unique("node")
    admin.make_pod(namespace, "a", node, labels={"egress": "bank"})
    admin.make_pod(namespace, "b", node)
    admin.make_pod(namespace, "c", "other", labels={"egress": "bank"})
    with follow(fields=f"spec.nodeName={node}", labels="egress in (bank,tax)") as probe:
        probe.wait(event="synced")
        admin.patch("Pod", "b", {"metadata": {"labels": {"egress": "tax"}}}, namespace)
        probe.wait(event="added", name="b")
        admin.patch("Pod", "a", {"metadata": {"labels": {"egress": None}}}, namespace)
        probe.wait(event="removed", name="a")
    assert probe.story() == "+a S +b -a"


def test_each_kind_is_read_as_it_is_written(admin, namespace, follow):
    node, policy, gateway = unique("node"), unique("policy"), unique("gw")
    admin.make_node(node, "10.0.1.11")
    spec = {"selectors": [{"podSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x", "y"]}]}}],
            "egressGateway": gateway, "egressIPs": ["bank"]}
    admin.create(object_of("EgressPolicy", policy, spec))
    admin.create(object_of("EgressGateway", gateway, {"egressIPs": [{"name": "bank", "publicIP": "203.0.113.7"}]}))
    found = {}
    for kind, name in (("Node", node), ("EgressPolicy", policy), ("EgressGateway", gateway), ("Namespace", namespace)):
        with follow(kind=kind) as probe:
            found[kind] = probe.wait(event="added", name=name)["object"]
    assert found["Node"]["status"]["addresses"][0] == {"type": "InternalIP", "address": "10.0.1.11"}
    # What the schema fills in.
    assert found["EgressPolicy"]["spec"] == {**spec, "connectionsPerPod": 0, "destinationCIDRs": ["0.0.0.0/0"], "enforcement": "Strict", "ipv6": "Drop"}
    assert found["EgressPolicy"]["metadata"]["generation"] == 1
    assert found["EgressGateway"]["spec"] == {"egressIPs": [{"name": "bank", "publicIP": "203.0.113.7"}]}
    assert found["Namespace"]["metadata"]["labels"]["kubernetes.io/metadata.name"] == namespace


# ---- who may, and whom one trusts

def test_who_may_not_list_is_told_so_and_asks_rarely(plane, namespace, follow):
    with follow(user="nobody") as probe:
        failed = probe.wait(event="failed", **{"class": "permanent"})
    assert failed["status"] == 403 and failed["reason"] == "Forbidden"
    assert 'pods is forbidden: User "nobody" cannot list resource "pods"' in failed["text"]
    assert len(requests(plane, namespace, "list")) <= 2


def test_a_pod_logs_in_with_its_files_and_gets_over_a_token_that_is_refused(plane, admin, namespace, follow, tmp_path):
    admin.make_pod(namespace, "a")
    (tmp_path / "ca.crt").write_text(plane.authority.ca_file.read_text())
    (tmp_path / "token").write_text("expired\n")
    environment = {"KUBERNETES_SERVICE_HOST": plane.bind, "KUBERNETES_SERVICE_PORT": str(plane.port)}
    with follow(kubeconfig=f"in-cluster:{tmp_path}", environment=environment) as probe:
        assert probe.wait(event="failed", **{"class": "credentials"})["status"] == 401
        (tmp_path / "token").write_text(plane.tokens["gateway"] + "\n")
        probe.wait(60, event="synced")
    assert probe.story().endswith("+a S")


def test_a_certificate_logs_in(plane, admin, namespace, follow):
    admin.make_pod(namespace, "a")
    with follow(kubeconfig=plane.kubeconfig("gateway", certificate=True)) as probe:
        probe.wait(event="synced")
    assert probe.story() == "+a S"


def changed(plane, name, **cluster):
    """A kubeconfig with something else about the cluster."""
    found = json.loads(plane.kubeconfig("gateway").read_text())
    found["clusters"][0]["cluster"].update(cluster)
    path = plane.folder / name
    path.write_text(json.dumps(found))
    return path


def test_a_server_that_another_authority_vouches_for_is_not_asked(plane, namespace, follow):
    stranger = Authority(plane.folder, "stranger")
    with follow(kubeconfig=changed(plane, "kc-stranger", **{"certificate-authority": str(stranger.ca_file)})) as probe:
        assert "certificate" in probe.wait(event="failed", **{"class": "retry"})["text"]
    assert requests(plane, namespace, "list") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("own", [True, False])
def test_the_systems_authorities_do_not_count_beside_ones_own(plane, admin, namespace, follow, tmp_path, own):
    """The server's authority is one of the system's; that suffices only where the kubeconfig names none."""
    admin.make_pod(namespace, "a")
    stranger = Authority(plane.folder, unique("stranger"))
    system = tmp_path / "certs"
    system.mkdir()
    shutil.copy(plane.authority.ca_file, system / "ca.crt")
    shutil.copy(plane.authority.ca_file, system / "ca-certificates.crt")
    openssl("rehash", system)
    around = ["unshare", "--mount", "sh", "-c", f'mount --bind "{system}" /etc/ssl/certs && exec "$@"', "sh"]
    path = changed(plane, "kc-system", **{"certificate-authority": str(stranger.ca_file) if own else ""})
    with follow(kubeconfig=path, around=around) as probe:
        if own:
            assert "certificate" in probe.wait(event="failed", **{"class": "retry"})["text"]
        else:
            probe.wait(event="synced")
    assert bool(requests(plane, namespace, "list")) != own


@pytest.mark.parametrize("name, good", [("kubernetes.default.svc", True), ("other.example.org", False)])
def test_the_name_in_the_certificate_may_be_given(plane, admin, namespace, follow, name, good):
    admin.make_pod(namespace, "a")
    with follow(kubeconfig=changed(plane, f"kc-{name}", **{"tls-server-name": name})) as probe:
        if good:
            probe.wait(event="synced")
        else:
            assert "certificate" in probe.wait(event="failed", **{"class": "retry"})["text"]
    assert bool(requests(plane, namespace, "list")) == good


# ---- what is written

@pytest.fixture
def policy(admin):
    spec = {"podCIDRs": ["10.9.0.0/24"], "egressGateway": "g", "egressIPs": ["bank"]}
    return admin.create(object_of("EgressPolicy", unique("policy"), spec))


def patches(plane, name):
    return [row for row in plane.audit(verb="patch", stage="ResponseComplete")
            if row["agent"].startswith(PROGRAM) and name in row["uri"]]


@contextlib.contextmanager
def writing(plane, found, **options):
    metadata = found["metadata"]
    with Probe(plane.kubeconfig("gateway"), "status", kind=found["kind"], name=metadata["name"],
               **options) as probe:
        yield probe


def test_of_a_burst_of_statuses_few_are_written_and_the_last_one_stays(plane, admin, policy):
    name = policy["metadata"]["name"]
    with writing(plane, policy, interval_ms=1000) as probe:
        for number in range(200):
            probe.ask(str(number))
        wait_until(lambda: probe.ask()["waiting"] == 0, 30, "all is written", 0.1)
    found = admin.get("EgressPolicy", name)
    assert found["status"]["matchedPods"] == 199
    assert found["status"]["conditions"][0]["message"] == "199"
    assert found["metadata"]["generation"] == 1 and found["spec"] == policy["spec"]
    assert 1 <= len(patches(plane, name)) <= 4
    assert {row["code"] for row in patches(plane, name)} == {200}


def test_an_urgent_status_waits_neither_for_the_interval_nor_for_an_answer(plane, admin, policy):
    name = policy["metadata"]["name"]

    def is_written(number):
        return admin.get("EgressPolicy", name).get("status", {}).get("matchedPods") == number

    with writing(plane, policy, interval_ms=600000) as probe:
        probe.ask("1")
        wait_until(lambda: is_written(1), 10, "the first one", 0.05)
        probe.ask("2")
        for number in range(3, 23):
            probe.ask(f"!{number}")
        wait_until(lambda: is_written(22), 5, "the last of many", 0.05)
        assert len(patches(plane, name)) <= 12
        plane.pause()
        numbers = itertools.count(23)
        wait_until(lambda: probe.ask(f"!{next(numbers)}")["failed"] > 0, 10, "the stalled one is given up", 0.3)
        plane.resume()
        wait_until(lambda: probe.ask()["waiting"] == 0, 20, "nothing waits", 0.1)
        # Which of those that were under way the server has read last, nobody knows.
        assert 23 <= admin.get("EgressPolicy", name)["status"]["matchedPods"] < next(numbers)


def test_a_status_of_what_is_gone_is_left(plane, admin, policy):
    admin.delete("EgressPolicy", policy["metadata"]["name"])
    with writing(plane, policy) as probe:
        probe.ask("7")
        assert probe.wait(event="failed")["class"] == "not found"
        wait_until(lambda: probe.ask()["waiting"] == 0, 30, "nothing waits", 0.1)


def test_two_gateways_write_their_own_part_of_one_status(plane, admin):
    gateway = admin.create(object_of("EgressGateway", unique("gw"), {"egressIPs": [{"name": "bank", "publicIP": "203.0.113.7"}]}))
    name = gateway["metadata"]["name"]
    with writing(plane, gateway, manager="eipgwd/gw1") as first, writing(plane, gateway, manager="eipgwd/gw2") as second:
        first.ask("gw1 10.0.1.200")
        second.ask("gw2 10.0.2.200")
        wait_until(lambda: len(admin.get("EgressGateway", name).get("status", {}).get("members", [])) == 2, 30, "both are there", 0.1)
    members = {m["name"]: (m["address"], m["state"]) for m in admin.get("EgressGateway", name)["status"]["members"]}
    assert members == {"gw1": ("10.0.1.200", "Active"), "gw2": ("10.0.2.200", "Active")}


def test_a_status_waits_for_the_server_to_come_back(plane, admin, policy):
    with writing(plane, policy, interval_ms=100) as probe:
        plane.kill()
        probe.ask("5")
        probe.wait(event="failed", **{"class": "retry"})
        probe.ask("6")
        plane.start()
        wait_until(lambda: admin.get("EgressPolicy", policy["metadata"]["name"]).get("status", {}).get("matchedPods") == 6,
                   60, "it is written", 0.2)


def events_of(admin, name):
    return [e for e in admin.list("Event", "default") if e["regarding"]["name"] == name]


def test_what_happens_again_is_one_event_with_a_count(plane, admin, policy):
    name = policy["metadata"]["name"]
    with Probe(plane.kubeconfig("gateway"), "events", name=name, uid=policy["metadata"]["uid"], again_ms=1000) as probe:
        probe.ask("there is no EgressGateway g")
        (event,) = wait_until(lambda: events_of(admin, name), 30, "there is an Event", 0.1)
        for _ in range(50):
            probe.ask("there is no EgressGateway g")
        wait_until(lambda: events_of(admin, name)[0].get("series", {}).get("count") == 51, 30, "it is counted on", 0.1)
        admin.delete("Event", event["metadata"]["name"], "default")
        probe.ask("there is no EgressGateway g")
        (again,) = wait_until(lambda: events_of(admin, name), 30, "there is one again", 0.1)
        assert probe.ask()["last_failure"] == "" or "NotFound" in probe.ask()["last_failure"]
    assert event["note"] == "there is no EgressGateway g" and event["type"] == "Warning"
    assert (event["reason"], event["action"]) == ("Probed", "Probing")
    assert (event["reportingController"], event["reportingInstance"]) == ("eipgw.io/probe", "probe-1")
    assert event["regarding"] == {"kind": "EgressPolicy", "apiVersion": "eipgw.io/v1alpha1", "name": name, "uid": policy["metadata"]["uid"]}
    assert again["series"]["count"] == 52
    assert len(plane.audit(verb="create", resource="events", stage="ResponseComplete", user="gateway")) == 2
