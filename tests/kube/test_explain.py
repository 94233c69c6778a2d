# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""eipgw explain pod against a real API server: one situation after the other, each made as users and kubelets make it."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kubeclient import ApiError, load, object_of, unique
from kubepeers import TOP, wait_until

BUILD = Path(os.environ.get("EIPGW_BUILD", TOP / "build" / "dev"))
EIPGW = BUILD / "cli" / "eipgw"
DEPLOY = TOP / "deploy"
VIEW = load(DEPLOY / "rbac-view.yaml")[0]
TO = "198.51.100.10"
NODE, NODE_ADDRESS = "node-1", "10.0.8.1"
_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def deployed(control_plane):
    admin = control_plane.client()
    admin.create(object_of("Namespace", "eipgw-system"))
    admin.create(object_of("ServiceAccount", "default", namespace="eipgw-system"))
    for found in [*load(*sorted((DEPLOY / "crds").glob("*.yaml"))), VIEW]:
        admin.create(found)
    admin.create(object_of("ServiceAccount", "person", namespace="eipgw-system"))
    admin.create({**object_of("ClusterRoleBinding", "view"), "subjects": [
        {"kind": "ServiceAccount", "name": "person", "namespace": "eipgw-system"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "eipgw-view"}})
    admin.make_node(NODE, NODE_ADDRESS)
    admin.make_pod("eipgw-system", "noded-1", NODE, NODE_ADDRESS, {"app.kubernetes.io/name": "eipgw-noded"}, hostNetwork=True)
    wait_served(admin)


def wait_served(admin):
    def served():
        with contextlib.suppress(ApiError):
            return [admin.list(kind) for kind in ("EgressGateway", "EgressPolicy")]

    wait_until(served, 30, "the kinds are served")


class Shop:
    """A namespace with a pod that leaves by an egress IP that a gateway carries, unless the situation says otherwise."""

    def __init__(self, plane, admin):
        self.plane, self.admin = plane, admin
        self.label = unique("team")
        self.namespace = admin.make_namespace(team=self.label)
        self.group, self.policy_name = unique("gw"), unique("web")
        self.address = f"10.{10 + os.getpid() % 200}.{next(_numbers)}.1"
        self.asked = f"{self.namespace}/p"
        self.to = TO

    def pod(self, name="p", address=True, namespace=None, labels=None, **spec):
        self.admin.make_pod(namespace or self.namespace, name, NODE, self.address if address else (),
                            labels if labels is not None else {"app": "web"}, **spec)

    def gateway(self):
        self.admin.create(object_of("EgressGateway", self.group, {"egressIPs": [{"name": "bank", "publicIP": "203.0.113.7"}]}))

    def status(self, verified=True, carried=True, ready=("True", "Carried", "1 of 1 egress IPs are carried")):
        row = {"name": "bank", "publicIP": "203.0.113.7", "member": "gw-a", "since": "2026-01-01T00:00:00Z"}
        if verified:
            row["verified"] = {"time": "2026-01-02T00:00:00Z", "outside": True}
        self.write_status("EgressGateway", self.group, {
            "members": [{"name": "gw-a", "address": "10.0.9.9", "state": "Active" if carried else "NotReady"}],
            "egressIPs": [row] if carried else [],
            "conditions": [{"type": "Ready", "status": ready[0], "reason": ready[1], "message": ready[2],
                            "lastTransitionTime": "2026-01-01T00:00:00Z"}]})

    def write_status(self, kind, name, status):
        found = self.admin.get(kind, name)
        self.admin.apply({**object_of(kind, name), "status": {"observedGeneration": found["metadata"]["generation"], **status}},
                         sub="status")

    def policy(self, name=None, space=None, **spec):
        name = name or self.policy_name
        selector = {"namespaceSelector": {"matchLabels": {"team": space or self.label}},
                    "podSelector": {"matchLabels": {"app": "web"}}}
        self.admin.create(object_of("EgressPolicy", name, {
            "selectors": [selector], "egressGateway": self.group, "egressIPs": ["bank"], **spec}))
        self.write_status("EgressPolicy", name, {"matchedPods": 1})

    def policy_of_others(self, name):
        self.admin.create(object_of("EgressPolicy", name, {
            "podCIDRs": ["10.255.0.0/24"], "egressGateway": self.group, "egressIPs": ["bank"]}))

    def usual(self):
        self.pod()
        self.gateway()
        self.status()
        self.policy()

    def run(self, *words, kubeconfig=None, program=EIPGW, env=None, json_output=True):
        argv = [program, "explain", "pod", *(["--json"] if json_output else []), *map(str, words)]
        if kubeconfig:
            argv += ["--kubeconfig", str(kubeconfig)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=100,
                              env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(env or {})})
        assert "Sanitizer" not in done.stderr, done.stderr
        return done

    def explain(self, **more):
        done = self.run(self.asked, self.to, kubeconfig=more.pop("kubeconfig", self.plane.kubeconfig()), **more)
        return done.returncode, json.loads(done.stdout)

    def close(self):
        for kind, name in (("EgressPolicy", None), ("EgressGateway", self.group)):
            for found in [name] if name else [p["metadata"]["name"] for p in self.admin.list(kind)]:
                with contextlib.suppress(ApiError):
                    self.admin.delete(kind, found)
        for pod in self.admin.list("Pod", self.namespace):
            self.admin.remove_pod(self.namespace, pod["metadata"]["name"])


@pytest.fixture
def shop(plane, admin):
    made = Shop(plane, admin)
    yield made
    made.close()


def well(shop):
    shop.usual()


def no_policy(shop):
    shop.pod()


def label_missing(shop):
    shop.usual()
    shop.admin.patch("Pod", "p", {"metadata": {"labels": {"app": None}}}, shop.namespace)


def namespace_label_missing(shop):
    shop.usual()
    shop.admin.patch("Namespace", shop.namespace, {"metadata": {"labels": {"team": None}}})


def host_network(shop):
    shop.usual()
    shop.admin.remove_pod(shop.namespace, "p")
    shop.pod(hostNetwork=True)


def pending(shop):
    shop.usual()
    shop.admin.remove_pod(shop.namespace, "p")
    shop.pod(address=False)


def succeeded(shop):
    shop.usual()
    shop.admin.set_pod(shop.namespace, "p", shop.address, phase="Succeeded")


def terminating(shop):
    shop.usual()
    shop.admin.end_pod(shop.namespace, "p")


def contested(shop):
    shop.usual()
    shop.pod("other", labels={"app": "mail"})


def excluded(shop):
    shop.usual()
    shop.admin.patch("EgressPolicy", shop.policy_name, {"spec": {"excludedCIDRs": ["198.51.100.0/24"]}})


def elsewhere(shop):
    shop.usual()
    shop.to = "169.254.169.254"


def older_policy(shop):
    """Of the same second the name decides."""
    shop.usual()
    shop.policy(shop.policy_name + "-z")


def unknown_gateway(shop):
    shop.pod()
    shop.policy()


def without_carrier(shop):
    shop.pod()
    shop.gateway()
    shop.policy()


def unready(shop):
    shop.usual()
    shop.status(carried=False, ready=("False", "NotCarried", "0 of 1 egress IPs are carried; bank: somebody moved it"))


def not_verified(shop):
    shop.usual()
    shop.status(verified=False)


def no_node(shop):
    shop.usual()
    shop.admin.remove_pod(shop.namespace, "p")
    shop.admin.make_pod(shop.namespace, "p", "node-gone", shop.address, {"app": "web"})


def no_pod(shop):
    shop.usual()
    shop.asked = f"{shop.namespace}/nobody"


def no_namespace(shop):
    shop.asked = "nowhere/p"


# situation: exit code, verdict, the name of what is wrong, a finding that there is, words of the summary or that finding
SITUATIONS = {
    well: (0, "egress", "", "Verified", "by a server on the internet"),
    no_policy: (0, "direct", "", "NoPolicy", "no EgressPolicy"),
    label_missing: (0, "direct", "", "DoesNotSelect", 'the pod has no label app, which should be "web"'),
    namespace_label_missing: (0, "direct", "", "DoesNotSelect", "the namespace has no label team"),
    host_network: (1, "direct", "HostNetwork", "HostNetwork", "its node's address"),
    pending: (1, "nothing", "NoAddress", "NoAddress", "has no address yet"),
    succeeded: (0, "nothing", "", "Finished", "ended (Succeeded)"),
    terminating: (0, "egress", "", "Terminating", "to its end"),
    contested: (1, "dropped", "AddressContested", "AddressContested", "other has the address"),
    excluded: (0, "direct", "", "DestinationExcluded", "198.51.100.0/24 of its excludedCIDRs"),
    elsewhere: (0, "direct", "", "DestinationExcluded", "169.254.0.0/16"),
    older_policy: (0, "egress", "", "OlderPolicyGoverns", "is older"),
    unknown_gateway: (1, "dropped", "EgressGatewayUnknown", "EgressGatewayUnknown", "no egress IP of an EgressGateway"),
    without_carrier: (1, "dropped", "NotCarried", "NotCarried", "none has told of itself"),
    unready: (1, "dropped", "NotCarried", "NotCarried", "bank: somebody moved it"),
    not_verified: (0, "egress", "", "NotVerified", "nobody has verified"),
    no_node: (1, "dropped", "NoNode", "NoNode", "there is no Node node-gone"),
    no_pod: (1, "unknown", "NoPod", "NoPod", "there is no pod nobody"),
    no_namespace: (1, "unknown", "NoNamespace", "NoNamespace", "there is no namespace nowhere"),
}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda made: made.__name__)
def test_each_situation_is_named(shop, situation):
    code, verdict, wrong, name, words = SITUATIONS[situation]
    situation(shop)
    status, found = shop.explain()
    assert (status, found["verdict"], found["wrong"]) == (code, verdict, wrong), found
    said = [f["text"] for f in found["findings"] if f["name"] == name]
    assert any(words in text for text in said), found
    if wrong:
        assert found["summary"] in said and found["fix"]


def test_the_whole_way_of_a_pod_is_told(shop):
    shop.usual()
    _, found = shop.explain()
    assert {key: found[key] for key in ("policy", "egress_gateway", "egress_ip", "public_ip", "member", "member_address", "node",
                                        "node_address", "address")} == {
        "policy": shop.policy_name, "egress_gateway": shop.group, "egress_ip": "bank", "public_ip": "203.0.113.7",
        "member": "gw-a", "member_address": "10.0.9.9", "node": NODE, "node_address": NODE_ADDRESS, "address": shop.address}
    assert found["summary"] == f"leaves with 203.0.113.7 (bank of {shop.group})"
    (agent,) = (f["text"] for f in found["findings"] if f["about"] == "agent")
    assert f"kubectl -n eipgw-system exec noded-1 -- eipgw explain {shop.address} {TO}" in agent
    text = shop.run(shop.asked, TO, kubeconfig=shop.plane.kubeconfig(), json_output=False).stdout
    assert text.startswith(f"{shop.asked} -> {TO}: leaves with 203.0.113.7")


def person(shop):
    """A kubeconfig of somebody with the role eipgw-view and no other right."""
    path = shop.plane.folder / "kubeconfig-person"
    found = json.loads(shop.plane.kubeconfig("nobody").read_text())
    found["users"][0]["user"] = {"token": shop.admin.token_for("eipgw-system", "person")}
    path.write_text(json.dumps(found))
    return path


# What is wrong, or what can't be known, without one right of the role.
WITHOUT = {
    ("get", "pods"): (1, "Forbidden"), ("get", "namespaces"): (1, "Forbidden"), ("list", "egresspolicies"): (1, "Forbidden"),
    ("list", "egressgateways"): (1, "Forbidden"), ("list", "pods"): (0, "NotReadable"), ("get", "nodes"): (0, "NotReadable"),
}


def test_the_role_is_enough_and_without_a_verb_something_is_missed_and_said(shop, row):
    shop.usual()
    kubeconfig = person(shop)
    assert {(verb, one) for rule in VIEW["rules"] for one in rule["resources"] for verb in rule["verbs"]} == WITHOUT.keys()

    def names():
        status, found = shop.explain(kubeconfig=kubeconfig)
        return status, {f["name"] for f in found["findings"]}

    missing = {"Forbidden", "NotReadable"}
    wait_until(lambda: not names()[1] & missing, 30, "the role is enough")
    for (verb, resource), (status, name) in WITHOUT.items():
        rules = [{**rule, "resources": [one], "verbs": [v for v in rule["verbs"] if (v, one) != (verb, resource)] or ["watch"]}
                 for rule in VIEW["rules"] for one in rule["resources"]]
        with row(f"{verb} {resource}"):
            shop.admin.replace({**{k: VIEW[k] for k in ("apiVersion", "kind", "metadata")}, "rules": rules})
            wait_until(lambda: names()[1] & missing, 30, "it is missed")
            found = names()
            assert (found[0], found[1] & missing) == (status, {name}), found
    shop.admin.replace({k: VIEW[k] for k in ("apiVersion", "kind", "metadata", "rules")})


def test_somebody_without_rights_is_told_what_to_ask_for(shop):
    shop.usual()
    status, found = shop.explain(kubeconfig=shop.plane.kubeconfig("nobody"))
    assert (status, found["wrong"], found["verdict"]) == (1, "Forbidden", "unknown")
    assert "nobody" in found["summary"] and "eipgw-view" in found["fix"]


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_a_server_that_is_away_is_said(shop, how):
    shop.usual()
    getattr(shop.plane, how)()
    status, found = shop.explain()
    assert (status, found["wrong"], found["verdict"]) == (1, "NoAnswer", "unknown")
    assert f"https://{shop.plane.bind}:{shop.plane.port}" in found["fix"]
    shop.plane.mend()
    wait_served(shop.admin)


def test_a_server_that_throttles_is_not_mistaken_for_another(shop):
    with shop.plane.throttled("nobody"):
        status, found = shop.explain(kubeconfig=shop.plane.kubeconfig("nobody"))
    assert (status, found["wrong"]) == (1, "Busy") and "try again" in found["fix"], found


def test_a_login_that_is_not_taken_is_said(shop):
    status, found = shop.explain(env={"EIPGW_TOKEN": "nonsense"})
    assert (status, found["wrong"]) == (1, "NotLoggedIn")


# ---- where kubectl works


def exec_kubeconfig(shop):
    """As `aws eks update-kubeconfig` leaves it."""
    path = shop.plane.folder / "kubeconfig-exec"
    found = json.loads(shop.plane.kubeconfig().read_text())
    found["users"][0]["user"] = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws",
                                          "args": ["eks", "get-token", "--cluster-name", "x"]}}
    path.write_text(json.dumps(found))
    return path


def test_a_kubeconfig_that_names_a_program_says_what_to_do_instead(shop):
    done = shop.run(shop.asked, kubeconfig=exec_kubeconfig(shop))
    assert done.returncode == 3
    assert "kubectl proxy" in done.stderr and "--server http://127.0.0.1:8001" in done.stderr and "EIPGW_TOKEN" in done.stderr
    assert json.loads(done.stdout)["error"] in done.stderr


def test_and_a_token_does_it(shop):
    shop.usual()
    status, found = shop.explain(kubeconfig=exec_kubeconfig(shop), env={"EIPGW_TOKEN": shop.plane.tokens["admin"]})
    assert (status, found["verdict"]) == (0, "egress")


@pytest.fixture
def proxy(plane):
    """What `kubectl proxy` is: plain http on loopback, which logs in for who asks. Its URL."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            seen.append(self.headers.get("Authorization"))
            client = plane.client_with(token=plane.tokens["admin"])
            status, headers, content = client.raw("GET", self.path)
            client.close()
            self.send_response(status)
            self.send_header("Content-Type", headers["Content-Type"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_a_proxy_does_it_without_a_kubeconfig_and_hears_no_token(shop, proxy):
    shop.usual()
    url, seen = proxy
    done = shop.run("--server", url, shop.asked, env={"EIPGW_TOKEN": "secret"})
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "egress"), done
    assert seen and set(seen) == {None}


def test_plain_http_goes_to_this_host_alone(shop):
    for url in ("http://203.0.113.1:8001", f"https://{shop.plane.bind}:{shop.plane.port}"):
        done = shop.run("--server", url, shop.asked)
        assert done.returncode == 2 and "kubectl proxy" in done.stderr


def test_kubeconfigs_are_found_as_kubectl_finds_them(shop, tmp_path, row):
    shop.usual()
    usual = shop.plane.kubeconfig()
    (tmp_path / ".kube").mkdir()
    parts = {key: {"apiVersion": "v1", "kind": "Config", **{k: v for k, v in json.loads(usual.read_text()).items() if k in wanted}}
             for key, wanted in {"a": ("contexts", "current-context"), "b": ("clusters", "users")}.items()}
    for name, part in parts.items():
        (tmp_path / name).write_text(json.dumps(part))
    rows = {"KUBECONFIG": {"KUBECONFIG": str(usual)},
            "several files": {"KUBECONFIG": f"{tmp_path / 'a'}:/nowhere:{tmp_path / 'b'}"},
            "at home": {"HOME": str(tmp_path)}}
    shutil.copy(usual, tmp_path / ".kube" / "config")
    for what, env in rows.items():
        with row(what):
            done = shop.run(shop.asked, env=env)
            assert done.returncode == 0 and json.loads(done.stdout)["verdict"] == "egress", done
    assert shop.run(shop.asked).returncode == 3
    done = shop.run("--context", "other", shop.asked, kubeconfig=usual)
    assert done.returncode == 3 and 'contexts "other"' in done.stderr


def test_a_name_without_a_namespace_is_in_the_context_s(shop):
    shop.usual()
    found = json.loads(shop.plane.kubeconfig().read_text())
    found["contexts"][0]["context"]["namespace"] = shop.namespace
    path = shop.plane.folder / "kubeconfig-space"
    path.write_text(json.dumps(found))
    done = shop.run("p", kubeconfig=path)
    assert (done.returncode, json.loads(done.stdout)["namespace"]) == (0, shop.namespace)
    assert json.loads(shop.run("p", kubeconfig=shop.plane.kubeconfig()).stdout)["namespace"] == "default"


def test_it_is_kubectl_s_plugin(shop):
    """kubectl runs the first program of the PATH that is called kubectl-NAME, with the words behind NAME."""
    shop.usual()
    done = shop.run(shop.asked, kubeconfig=shop.plane.kubeconfig(), program=BUILD / "cli" / "kubectl-eipgw")
    assert json.loads(done.stdout)["verdict"] == "egress"
    said = subprocess.run([BUILD / "cli" / "kubectl-eipgw", "--help"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("Usage: kubectl eipgw COMMAND")


def test_all_pages_of_a_list_are_read(shop):
    shop.usual()
    for number in range(510):
        shop.policy_of_others(f"other-{number}")
    _, found = shop.explain()
    said = [f["text"] for f in found["findings"] if f["name"] == "DoesNotSelect"]
    assert (found["verdict"], len(said), said[-1]) == ("egress", 21, "490 more don't select it")
