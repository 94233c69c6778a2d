# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""deploy/ as users apply it: the chart by the real helm, the kustomization by the real kubectl, to a real API server.

No controllers run, so nothing here waits for pods: tests/lab/test_container.py runs the pod.
"""

import copy
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from kubeclient import ApiError, object_of, path_of, unique
from kubeclients import CHART, DEPLOY, REQUIRED, SYSTEM, TOP, Clients, Failed, build_clients, merged, the
from kubepeers import wait_until

VERSION = re.search(r"^project\(eipgw VERSION (\S+)", (TOP / "CMakeLists.txt").read_text(), re.MULTILINE)[1]
IMAGE = f"{REQUIRED['image']['repository']}:{VERSION}"
DIGEST = "sha256:" + "0123456789abcdef" * 4
# What only Helm says about an object.
HELM_LABELS = {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": f"eipgw-{VERSION}"}
NODED = Path(os.environ.get("EIPGW_BUILD", TOP / "build" / "dev")) / "node" / "eipgw-noded"


@pytest.fixture(scope="module")
def place():
    found, why = build_clients()
    if not found:
        pytest.skip(why)
    return found


@pytest.fixture
def clients(place, tmp_path):
    return Clients(place, tmp_path)


@pytest.fixture
def cluster(place, plane, tmp_path):
    """helm and kubectl as the cluster's administrator, with nothing of ours in the cluster."""
    admin = plane.client()
    found = Clients(place, tmp_path, plane.kubeconfig())
    for kind, names in leftovers(admin).items():
        for name in names:
            admin.delete(kind, name)
    wait_until(lambda: not leftovers(admin), 30, "what an earlier test left is gone", 0.05)
    # Its deletion would never end here.
    admin.apply(object_of("Namespace", SYSTEM))
    return found


def leftovers(admin):
    kinds = ("CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding")
    found = {kind: [o["metadata"]["name"] for o in admin.list(kind) if "eipgw" in o["metadata"]["name"]] for kind in kinds}
    return {kind: names for kind, names in found.items() if names}


def pod_of(objects):
    return the(objects, "DaemonSet")["spec"]["template"]


def container_of(objects):
    (found,) = pod_of(objects)["spec"]["containers"]
    return found


def config_of(objects):
    return json.loads(the(objects, "ConfigMap", "eipgw-node")["data"]["node.json"])


# ---- one truth


def overlay(folder):
    """A user's kustomization, as deploy/kustomization.yaml describes it."""
    (folder / "node.json").write_text(json.dumps(REQUIRED["config"] | {"source": "kubernetes"}))
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": ["deploy"],
        "images": [{"name": "eipgw-noded", "newName": REQUIRED["image"]["repository"], "newTag": VERSION}],
        "configMapGenerator": [{"name": "eipgw-node", "namespace": SYSTEM, "files": ["node.json"]}],
    }))
    (folder / "deploy").symlink_to(DEPLOY)  # kustomize wants a relative path
    return folder


def kustomized(clients):
    return [o for o in yaml.safe_load_all(clients.kubectl("kustomize", overlay(clients.folder))) if o]


def plain(found):
    """An object without what Helm and kustomize each have for themselves: labels, and how a new configuration rolls out."""
    found = copy.deepcopy(found)
    metadata = found["metadata"]
    for key, value in HELM_LABELS.items():
        if metadata.get("labels", {}).get(key) == value:
            del metadata["labels"][key]
    if found["kind"] == "CustomResourceDefinition":
        metadata.get("annotations", {}).pop("helm.sh/resource-policy", None)
        assert metadata.pop("labels", None) in (None, {"app.kubernetes.io/part-of": "eipgw"})
    elif found["kind"] == "ConfigMap":
        found["data"] = {name: json.loads(text) for name, text in found["data"].items()}
        metadata["name"] = re.sub(r"^eipgw-node-[a-z0-9]{10}$", "eipgw-node", metadata["name"])
        metadata.pop("labels", None)
    elif found["kind"] == "DaemonSet":
        template = found["spec"]["template"]
        template.get("metadata", {}).get("annotations", {}).pop("checksum/config", None)
        for volume in template["spec"]["volumes"]:
            if "configMap" in volume:
                volume["configMap"]["name"] = re.sub(r"-[a-z0-9]{10}$", "", volume["configMap"]["name"])
        for container in template["spec"]["containers"]:
            if container.get("imagePullPolicy") == "IfNotPresent":  # what it is by default
                del container["imagePullPolicy"]
        if not template["metadata"].get("annotations"):
            template["metadata"].pop("annotations", None)
    if not metadata.get("annotations"):
        metadata.pop("annotations", None)
    return found


def by_name(objects):
    return {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in map(plain, objects)}


def test_the_chart_and_the_kustomization_are_the_same_objects(clients):
    wanted, found = by_name(kustomized(clients)), by_name(clients.render())
    # Helm makes the namespace of a release itself, or not.
    del wanted["Namespace", None, SYSTEM]
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == value, key


def test_a_packed_chart_needs_nothing_of_the_tree(clients, tmp_path):
    clients.helm("package", CHART, "--destination", tmp_path)
    packed = clients.helm("template", "eipgw", tmp_path / f"eipgw-{VERSION}.tgz", values={})
    assert packed == clients.helm("template", "eipgw", CHART, values={})


def test_the_chart_has_the_program_s_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_the_schema_has_exactly_the_keys_of_node_json():
    """Less those that are the chart's, or for files only."""
    said = subprocess.run([NODED, "--help-config"], capture_output=True, text=True, check=True).stdout
    keys = {line.split(":")[0] for line in said.splitlines() if not re.match(r"[^:]+: object;", line)}
    theirs = {key for key in keys if key.startswith(("egress_ips[]", "policies[]", "kubernetes."))} | {"source", "node.name", "node.address"}
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["config"]["properties"]
    ours = {f"{key}.{sub}" if sub else key for key, value in schema.items() for sub in value.get("properties", [None])}
    assert ours == keys - theirs


def test_the_schema_knows_all_values_and_describes_them():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    assert set(values) == set(schema) - {"global"}
    for key, value in values.items():
        inner = schema[key].get("properties")
        if inner and isinstance(value, dict) and key != "config":
            assert set(value) == set(inner), key


# ---- values


def test_lint_has_nothing_to_say(clients):
    said = clients.helm("lint", "--strict", CHART, values={})
    assert "[WARNING]" not in said and "[ERROR]" not in said and "0 chart(s) failed" in said


# Values that are refused, and what the sentence says: where, and what would be right.
REFUSED = [
    ({"image": {"repository": ""}}, "image.repository: name the repository"),
    ({"config": None}, "config.always_excluded: name the ranges"),
    ({"imge": {}}, "additional properties 'imge' not allowed"),
    ({"image": {"repository": "registry.example.org/eipgw-noded:1.0"}}, "'/image/repository'"),
    ({"image": {"tag": "a b"}}, "'/image/tag'"),
    ({"image": {"digest": "sha256:abc"}}, "'/image/digest'"),
    ({"image": {"pullPolicy": "Sometimes"}}, "'/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'"),
    ({"image": {"pullSecrets": ["regcred"]}}, "'/image/pullSecrets/0': got string, want object"),
    ({"image": {"pullSecrets": [{}]}}, "'/image/pullSecrets/0': missing property 'name'"),
    ({"image": {"name": "x"}}, "'/image': additional properties 'name' not allowed"),
    ({"config": {"always_excluded": ["10.0.0.0"]}}, "'/config/always_excluded/0'"),
    ({"config": {"always_excluded": ["10.0.0.0/33"]}}, "'/config/always_excluded/0'"),
    ({"config": {"always_excluded": [], "always_excluded6": ["fd00::"]}}, "'/config/always_excluded6/0'"),
    ({"config": {"always_excluded": [], "always_excluded6": ["fd00::/129"]}}, "'/config/always_excluded6/0'"),
    ({"config": {"always_excluded": [], "always_excluded6": ["10.0.0.0/8"]}}, "'/config/always_excluded6/0'"),
    ({"config": {"always_excluded": [], "metrics": {"listen": "9430"}}}, "'/config/metrics/listen'"),
    ({"config": {"always_excluded": [], "metrics": {"listen": "*:9430"}}}, "'/config/metrics/listen'"),
    ({"config": {"always_excluded": "10.0.0.0/16"}}, "'/config/always_excluded': got string, want array"),
    ({"config": {"alwaysExcluded": []}}, "'/config': additional properties 'alwaysExcluded' not allowed"),
    ({"config": {"source": "static"}}, "'/config': additional properties 'source' not allowed"),
    ({"config": {"policies": []}}, "'/config': additional properties 'policies' not allowed"),
    ({"config": {"node": {"name": "n"}}}, "'/config/node': additional properties 'name' not allowed"),
    ({"config": {"node": {"uplink": "a/b"}}}, "'/config/node/uplink'"),
    ({"config": {"enforcement": "Strict"}}, "'/config/enforcement': value must be one of 'strict', 'best_effort'"),
    ({"config": {"pod_interface_prefix": "longer-than-15-characters"}}, "'/config/pod_interface_prefix'"),
    ({"config": {"tunnel": {"port": 0}}}, "'/config/tunnel/port': minimum: got 0, want 1"),
    ({"config": {"tunnel": {"port": "4789"}}}, "'/config/tunnel/port': got string, want integer"),
    ({"config": {"tunnel": {"vni": 16777216}}}, "'/config/tunnel/vni': maximum"),
    ({"config": {"tunnel": {"mtu": -1}}}, "'/config/tunnel/mtu': minimum"),
    ({"config": {"mark": {"flag": 0}}}, "'/config/mark/flag'"),
    ({"config": {"mark": {"index_mask": 63}}}, "'/config/mark/index_mask'"),
    ({"config": {"rule_priority": 32001}}, "'/config/rule_priority': maximum"),
    ({"config": {"table_base": 255}}, "'/config/table_base': minimum"),
    ({"cleanup": "yes"}, "'/cleanup': got string, want boolean"),
    ({"logLevel": "trace"}, "'/logLevel': value must be one of"),
    ({"crds": {"keep": True}}, "'/crds': additional properties 'keep' not allowed"),
    ({"rbac": {"create": 1}}, "'/rbac/create': got number, want boolean"),
    ({"serviceAccount": {"annotations": {"a": 1}}}, "'/serviceAccount/annotations/a': got number, want string"),
    ({"gateways": {"group": "system:masters"}}, "'/gateways/group'"),
    ({"gateways": {"group": ""}}, "'/gateways/group'"),
    ({"resources": {"request": {}}}, "'/resources': additional properties 'request' not allowed"),
    ({"tolerations": {"operator": "Exists"}}, "'/tolerations': got object, want array"),
    ({"nodeSelector": {"a": True}}, "'/nodeSelector/a': got boolean, want string"),
    ({"maxUnavailable": 0}, "'/maxUnavailable'"),
    ({"maxUnavailable": "0%"}, "'/maxUnavailable'"),
    ({"labels": {"a": 1}}, "'/labels/a': got number, want string"),
]


def test_wrong_values_are_refused_with_a_sentence_that_names_them(clients, row):
    for values, sentence in REFUSED:
        with row(values):
            with pytest.raises(Failed) as error:
                clients.render(values)
            assert sentence in str(error.value)


# Values, and what they make: from the objects, what is asked, and what it should be.
def env_of(objects):
    return {e["name"] for e in container_of(objects)["env"]}


ACCEPTED = [
    ({}, lambda o: container_of(o)["image"], IMAGE),
    ({}, env_of, {"NODE_NAME", "HOST_IP"}),
    ({}, config_of, {"source": "kubernetes", **REQUIRED["config"]}),
    ({"global": {"of": "an umbrella"}}, len, 12),
    ({"image": {"tag": "2.0"}}, lambda o: container_of(o)["image"], "registry.example.org/eipgw-noded:2.0"),
    ({"image": {"tag": "2.0", "digest": DIGEST}}, lambda o: container_of(o)["image"], f"registry.example.org/eipgw-noded@{DIGEST}"),
    ({"image": {"repository": "localhost:5000/a/b"}}, lambda o: container_of(o)["image"], f"localhost:5000/a/b:{VERSION}"),
    ({"image": {"pullPolicy": "Always"}}, lambda o: container_of(o)["imagePullPolicy"], "Always"),
    ({"image": {"pullSecrets": [{"name": "regcred"}]}}, lambda o: pod_of(o)["spec"]["imagePullSecrets"], [{"name": "regcred"}]),
    ({"config": {"always_excluded": []}}, lambda o: config_of(o)["always_excluded"], []),
    ({"config": {"always_excluded": [], "metrics": {"listen": ":9430"}}}, lambda o: config_of(o)["metrics"], {"listen": ":9430"}),
    ({"config": {"always_excluded": [], "always_excluded6": ["2001:db8::/32", "fd00::/8"]}},
     lambda o: config_of(o)["always_excluded6"], ["2001:db8::/32", "fd00::/8"]),
    ({"config": {"enforcement": "best_effort", "pod_interface_prefix": "cali", "tunnel": {"port": 4790, "vni": 7, "mtu": 8951},
                 "mark": {"flag": "0x2000", "index_mask": "0x7f"}, "rule_priority": 5, "table_base": 5000, "node": {"uplink": "ens5"}}},
     lambda o: config_of(o)["tunnel"], {"port": 4790, "vni": 7, "mtu": 8951}),
    ({"config": {"mark": {"flag": 8192}, "table_base": 1000000000}}, lambda o: config_of(o)["table_base"], 1000000000),
    ({"logLevel": "debug"}, lambda o: container_of(o)["args"], ["--config", "/etc/eipgw/node.json", "--log-level", "debug"]),
    ({"crds": {"create": False}}, lambda o: {x["kind"] for x in o} & {"CustomResourceDefinition"}, set()),
    ({"rbac": {"create": False}}, lambda o: {x["kind"] for x in o},
     {"CustomResourceDefinition", "ServiceAccount", "ConfigMap", "DaemonSet"}),
    ({"serviceAccount": {"annotations": {"a": "b"}}}, lambda o: the(o, "ServiceAccount")["metadata"]["annotations"], {"a": "b"}),
    ({"gateways": {"group": "egress:gateways"}}, lambda o: [s["name"] for x in o for s in x.get("subjects", []) if s["kind"] == "Group"],
     ["egress:gateways"] * 2),
    ({"resources": {"limits": {"memory": "128Mi"}}}, lambda o: container_of(o)["resources"]["limits"], {"memory": "128Mi"}),
    ({"priorityClassName": ""}, lambda o: pod_of(o)["spec"].get("priorityClassName"), None),
    ({"tolerations": []}, lambda o: pod_of(o)["spec"].get("tolerations"), None),
    ({"nodeSelector": {"pool": "a"}}, lambda o: pod_of(o)["spec"]["nodeSelector"], {"pool": "a", "kubernetes.io/os": "linux"}),
    ({"maxUnavailable": 3}, lambda o: the(o, "DaemonSet")["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"], 3),
    ({"labels": {"team": "net"}, "annotations": {"a": "b"}},
     lambda o: {(x["metadata"]["labels"]["team"], x["metadata"]["annotations"]["a"]) for x in o}, {("net", "b")}),
    ({"podLabels": {"team": "net"}, "podAnnotations": {"a": "b"}},
     lambda o: (pod_of(o)["metadata"]["labels"]["team"], pod_of(o)["metadata"]["annotations"]["a"]), ("net", "b")),
    # The pods must stay those of the selector.
    ({"podLabels": {"app.kubernetes.io/name": "mine"}}, lambda o: pod_of(o)["metadata"]["labels"]["app.kubernetes.io/name"], "eipgw-noded"),
    ({"cleanup": True}, lambda o: [c["args"] for c in pod_of(o)["spec"]["initContainers"]],
     [["--config", "/etc/eipgw/node.json", "--cleanup"]]),
    ({"cleanup": True}, lambda o: (container_of(o)["args"], "livenessProbe" in container_of(o)),
     (["--config", "/etc/eipgw/node.json", "--cleanup", "--stay"], False)),
]


def check_config(found, path):
    path.write_text(found["data"]["node.json"])
    done = subprocess.run([NODED, "--config", path, "--check-config"], capture_output=True, text=True, check=False,
                          env={"NODE_NAME": "n", "HOST_IP": "10.0.0.1"})
    assert done.returncode == 0, done.stderr


def test_values_go_where_they_belong_and_the_api_server_and_the_daemon_take_them(clients, admin, row):
    if not leftovers(admin):
        admin.apply(object_of("Namespace", SYSTEM))
    for values, ask, wanted in ACCEPTED:
        with row(values):
            objects = clients.render(values)
            assert ask(objects) == wanted
            check_config(the(objects, "ConfigMap", "eipgw-node"), clients.folder / "node.json")
            for found in objects:
                dry = admin.request("PATCH", path_of(found["kind"], found["metadata"]["name"], found["metadata"].get("namespace")), found,
                                    content_type="application/apply-patch+yaml", fieldManager="test", dryRun="All", fieldValidation="Strict")
                assert dry["metadata"]["name"] == found["metadata"]["name"]


def test_a_changed_configuration_and_nothing_else_replaces_the_pods(clients):
    def pods(**values):
        return json.dumps(pod_of(clients.render(values)), sort_keys=True)

    before = pods()
    assert pods(config={"enforcement": "best_effort"}) != before
    for same in ({}, {"labels": {"a": "b"}}, {"gateways": {"group": "x"}}, {"crds": {"create": False}}, {"maxUnavailable": 2}):
        assert pods(**same) == before, same


# ---- a release's life


def user_objects(admin):
    specs = {"EgressGateway": {"egressIPs": [{"name": "bank", "publicIP": "203.0.113.1"}]},
             "EgressPolicy": {"podCIDRs": ["10.0.1.0/24"], "egressGateway": "partners", "egressIPs": ["bank"]}}
    names = {}
    for kind, spec in specs.items():
        wait_until(lambda kind=kind: admin.raw("GET", path_of(kind))[0] == 200, 30, f"{kind} is served", 0.05)
        names[kind] = admin.create(object_of(kind, unique("x"), spec))["metadata"]
    return names


def still_there(admin, names):
    return all(admin.get(kind, metadata["name"])["metadata"]["uid"] == metadata["uid"] for kind, metadata in names.items())


def test_install_upgrade_and_uninstall_keep_what_users_wrote(cluster, admin):
    cluster.helm("install", "eipgw", CHART, values={})
    names = user_objects(admin)
    first = admin.get("DaemonSet", "eipgw-noded", SYSTEM)
    assert first["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE
    # A changed kind is brought back by an upgrade, which a chart's folder crds/ never does.
    admin.patch("CustomResourceDefinition", "egresspolicies.eipgw.io", {"spec": {"names": {"shortNames": ["old"]}}})
    said = cluster.helm("upgrade", "eipgw", CHART, values={"config": {"enforcement": "best_effort"}})
    assert "rollout status daemonset/eipgw-noded" in said
    crd = admin.get("CustomResourceDefinition", "egresspolicies.eipgw.io")
    assert crd["spec"]["names"]["shortNames"] != ["old"] and still_there(admin, names)
    second = admin.get("DaemonSet", "eipgw-noded", SYSTEM)
    assert second["metadata"]["uid"] == first["metadata"]["uid"] and second["metadata"]["generation"] == first["metadata"]["generation"] + 1

    said = cluster.helm("upgrade", "eipgw", CHART, "--reuse-values", "--set", "cleanup=true")
    assert "selected pods are ordinary pods" in said
    assert admin.get("DaemonSet", "eipgw-noded", SYSTEM)["spec"]["template"]["spec"]["initContainers"]

    cluster.helm("uninstall", "eipgw")
    assert still_there(admin, names)
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        assert not [o for o in admin.list(kind) if "eipgw" in o["metadata"]["name"]], kind
    for kind in ("DaemonSet", "ConfigMap", "Role", "RoleBinding", "ServiceAccount"):
        assert not [o for o in admin.list(kind, SYSTEM) if "eipgw" in o["metadata"]["name"]], kind
    # And again, over the kinds that stayed.
    cluster.helm("install", "eipgw", CHART, values={})
    assert still_there(admin, names)
    cluster.helm("uninstall", "eipgw")


def test_a_second_release_is_refused(cluster):
    cluster.helm("install", "eipgw", CHART, values={})
    with pytest.raises(Failed, match="exists and cannot be imported into the current release"):
        cluster.helm("install", "second", CHART, values={})
    cluster.helm("uninstall", "eipgw")


def test_kubectl_applies_the_kustomization_and_helm_can_take_it_over(cluster, admin):
    def apply():
        return cluster.kubectl("apply", "-k", cluster.folder)

    overlay(cluster.folder)
    # The first time as users see it; then nothing changes.
    assert "daemonset.apps/eipgw-noded created" in apply()
    assert {line.split()[-1] for line in apply().splitlines()} == {"unchanged"}
    names = user_objects(admin)
    uid = admin.get("DaemonSet", "eipgw-noded", SYSTEM)["metadata"]["uid"]
    cluster.helm("install", "eipgw", CHART, "--take-ownership", values={})
    assert still_there(admin, names) and admin.get("DaemonSet", "eipgw-noded", SYSTEM)["metadata"]["uid"] == uid
    cluster.helm("uninstall", "eipgw")


def test_pod_security_at_its_usual_level_refuses_the_pod_and_the_namespace_s_label_lets_it(clients, admin):
    """The API server itself judges the pod that the DaemonSet's controller would make."""
    template = pod_of(clients.render())
    for level, taken in (("baseline", False), ("privileged", True)):
        name = admin.make_namespace(**{"pod-security.kubernetes.io/enforce": level})
        admin.create(object_of("ServiceAccount", "eipgw-noded", namespace=name))
        pod = object_of("Pod", "agent", template["spec"], name)
        if taken:
            assert admin.create(pod)["spec"]["priority"] > 2000000000
        else:
            with pytest.raises(ApiError, match="hostNetwork=true"):
                admin.create(pod)
    assert merged(*(o["metadata"]["labels"] for o in yaml.safe_load_all((DEPLOY / "namespace.yaml").read_text()))) == {
        "app.kubernetes.io/part-of": "eipgw", "pod-security.kubernetes.io/enforce": "privileged"}
