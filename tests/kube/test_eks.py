# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The login to an EKS cluster: a gateway's part of eipgw (kubeprobe eks:FILE), a real API server, and before it an
authenticator and STS as EKS has them (eks_peer.py); the credentials are a fake instance's role's."""

import base64
import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from http.server import ThreadingHTTPServer

import pytest
from eks import ARN, ENTRY, ROLE, Eks, PeerMissing
from kubeclient import load
from kubepeers import TOP, ControlPlane, deploy_ours, wait_until
from kubeprobe import Probe

sys.path.insert(0, str(TOP / "tests" / "aws"))

import fake_cloud  # noqa: E402
import fake_ec2  # noqa: E402
from awspeers import BUILD, clean_env  # noqa: E402

WATCH_S = 6  # a shorter one counts as broken
FIRST, SECOND = "ASIAFIRST0000000", "ASIASECOND000000"


def keys(key):
    """What the role gives; the token as long as real ones are, with what must be escaped."""
    return {"key": key, "secret": f"secret/+{key}", "token": f"{key}+/==" + "IQoJb3JpZ2luX2VjE" * 40}


def known(key):
    return {key: {"secret": keys(key)["secret"], "token": keys(key)["token"], "arn": ARN}}


def usual(eks):
    eks.order(cluster="prod", secrets=known(FIRST), entries={ROLE: ENTRY}, age_max_s=900)
    eks.forget()


@pytest.fixture(scope="module")
def eks():
    try:
        peer = Eks()
    except PeerMissing as reason:
        pytest.skip(str(reason))
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def control_plane(kube_place, eks):
    plane = ControlPlane(kube_place)
    try:
        plane.start(*eks.flags(plane.folder))
        deploy_ours(plane, "/apis/eipgw.io/v1alpha1/egresspolicies")
        yield plane
    finally:
        plane.stop()


@pytest.fixture
def plane(control_plane, eks):
    usual(eks)
    return control_plane


@pytest.fixture
def imds():
    """The settings of the metadata service; its URL is in "url"."""
    cloud = fake_ec2.make_server("127.0.0.1", 0).cloud
    cloud.now["interfaces"]["eni-a"] = {"instance": "i-a", "mac": "02:00:00:00:00:0a", "primary": "10.0.0.1", "subnet": "subnet-1",
                                        "vpc": "vpc-1", "cidr": "10.0.0.0/24", "addresses": ["10.0.0.1"]}
    settings = dict(fake_cloud.SETTINGS) | keys(FIRST)
    handler = type("Handler", (fake_cloud.Metadata,), {"cloud": cloud, "interface": "eni-a", "settings": settings})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    settings["url"] = f"http://127.0.0.1:{server.server_address[1]}"
    yield settings
    server.shutdown()
    server.server_close()


@pytest.fixture
def configure(plane, imds, tmp_path):
    """configure(): writes a gateway's configuration; more of kubernetes.eks by keywords, or another `kubernetes`."""
    def write(kubernetes=None, **eks):
        ca = base64.b64encode(plane.authority.ca_file.read_bytes()).decode()
        usual = {"eks": {"cluster": "prod", "endpoint": f"https://{plane.bind}:{plane.port}", "certificate_authority_data": ca} | eks}
        file = tmp_path / "gateway.json"
        file.write_text(json.dumps({
            "gateway": {"name": "gw", "address": "10.0.0.1", "uplink": "lo"}, "source": "kubernetes",
            "aws": {"imds_url": imds["url"]}, "kubernetes": {"group": "partners"} | (kubernetes or usual)}))
        return file
    return write


@pytest.fixture
def follow(imds, namespace, configure):
    """follow(): the pods of this test's namespace, as a gateway with kubernetes.eks would; more of it by keywords."""
    @contextlib.contextmanager
    def start(eks=None, env=None, **options):
        file = configure(**(eks or {}))
        options.setdefault("fields", f"metadata.namespace={namespace}")
        with Probe(f"eks:{file}", "follow", env, kind="Pod", **options) as probe:
            yield probe
        told = json.dumps(probe.told) + "".join(probe.said)
        assert "k8s-aws-v1." not in told and "X-Amz" not in told and imds["secret"] not in told
    return start


def hears(probe, admin, namespace, name, deadline=30):
    admin.make_pod(namespace, name)
    probe.wait(deadline, event="added", name=name)


def test_the_instances_role_logs_in(plane, eks, admin, namespace, follow):
    admin.make_pod(namespace, "a")
    with follow(watch_sec=WATCH_S) as probe:
        probe.wait(event="synced")
        hears(probe, admin, namespace, "b")
        wait_until(lambda: len(plane.audit(user=ARN, verb="watch")) >= 4, 30, "it watches again and again")
    assert probe.story().startswith("+a S +b") and "!" not in probe.story()
    assert {row["why"] for row in eks.reviews()} == {""} and eks.tokens() == 1
    assert plane.audit(user=ARN, verb="list") and not plane.audit(user=ARN, code=403)


def test_keys_of_the_environment_and_a_region_of_the_configuration_need_no_metadata(plane, eks, imds, admin, namespace, follow):
    imds["away"] = True
    environment = {"AWS_ACCESS_KEY_ID": FIRST, "AWS_SECRET_ACCESS_KEY": keys(FIRST)["secret"], "AWS_SESSION_TOKEN": keys(FIRST)["token"]}
    with follow(eks={"region": "eu-central-1"}, env=environment) as probe:
        probe.wait(event="synced")
    assert probe.story() == "S"


def test_a_token_is_renewed_before_it_ends(plane, eks, imds, admin, namespace, follow):
    """The credentials end after 30 s, and so do their tokens; those that come next are others of the same role."""
    imds["lifetime_s"] = 30
    with follow(watch_sec=WATCH_S) as probe:
        probe.wait(event="synced")
        wait_until(lambda: eks.tokens() >= 2, 100, "it has shown another token", 0.5)
        hears(probe, admin, namespace, "a")
    assert "!" not in probe.story()
    assert {row["why"] for row in eks.reviews()} == {""}
    assert max(row["age"] for row in eks.reviews()) < 30 * 4 / 5 + 3


def test_a_refused_token_is_replaced_at_once_but_not_each_time(plane, eks, admin, namespace, follow):
    eks.order(age_max_s=8)
    with follow(watch_sec=WATCH_S) as probe:
        probe.wait(event="synced")
        wait_until(lambda: eks.tokens(ok=True) >= 2, 90, "one was replaced", 0.5)
        hears(probe, admin, namespace, "a")
    failed = probe.all("failed")
    assert {(row["status"], row["class"]) for row in failed} == {(401, "credentials")}
    assert eks.tokens() <= len(failed) + 1


def test_credentials_that_were_revoked_are_fetched_again(plane, eks, imds, admin, namespace, follow):
    with follow(watch_sec=WATCH_S) as probe:
        probe.wait(event="synced")
        imds.update(keys(SECOND))
        eks.order(secrets=known(SECOND))
        probe.wait(event="failed", **{"class": "credentials"})
        wait_until(lambda: eks.reviews(ok=True, key=SECOND), 60, "it logs in with the new ones", 0.2)
        hears(probe, admin, namespace, "a")
    assert [row["why"] for row in eks.reviews(ok=False)][0] == "STS: InvalidClientTokenId"


def test_while_the_metadata_are_away_the_login_goes_on(plane, eks, imds, admin, namespace, follow):
    """Tokens are made of the old credentials, even beyond their end: whether they are still good is AWS's to say."""
    imds["lifetime_s"] = 15
    eks.order(age_max_s=8)
    with follow(watch_sec=WATCH_S) as probe:
        probe.wait(event="synced")
        imds["away"] = True
        end = time.time() + 16
        wait_until(lambda: any(row["made"] > end for row in eks.reviews(ok=True)), 90, "a token is made of keys that have ended", 0.5)
        hears(probe, admin, namespace, "a")
    assert {row["status"] for row in probe.all("failed")} <= {401}


def test_without_credentials_it_says_so_and_waits(plane, eks, imds, admin, namespace, follow):
    imds["away"] = True
    with follow() as probe:
        failed = probe.wait(event="failed", **{"class": "credentials"})
        assert "EKS cluster prod: the region isn't known: " in failed["text"]
        imds["away"] = False
        probe.wait(60, event="synced")
    assert {row["why"] for row in eks.reviews()} == {""}


@pytest.mark.parametrize("fault, why", [("entry", f"{ARN} is not mapped"), ("cluster", "STS: SignatureDoesNotMatch")])
def test_who_has_no_access_entry_or_another_cluster_is_told_so_and_asks_rarely(plane, eks, admin, namespace, follow, fault, why):
    eks.order(**({"entries": {}} if fault == "entry" else {"cluster": "other"}))
    with follow() as probe:
        failed = probe.wait(event="failed", **{"class": "credentials"})
        assert failed["status"] == 401 and failed["reason"] == "Unauthorized"
        wait_until(lambda: len(eks.reviews()) >= 3, 60, "it asks again")
        assert {row["why"] for row in eks.reviews()} == {why}
        assert eks.tokens() <= 2  # of three requests within seconds
        usual(eks)
        probe.wait(90, event="synced")


def test_rights_are_the_groups(plane, eks, follow):
    eks.order(entries={ROLE: ENTRY | {"groups": ["others"]}})
    with follow() as probe:
        failed = probe.wait(event="failed", **{"class": "permanent"})
    assert failed["status"] == 403 and re.search(r'User "arn:aws:sts::\d+:assumed-role/gateways/i-a" cannot list', failed["text"])


# ---- eipgw check

@pytest.fixture
def check(configure, eks, imds):
    """check(): {row: (outcome, what, fix)} of those about Kubernetes; keywords as of configure()."""
    def run(**more):
        done = subprocess.run([BUILD / "cli" / "eipgw", "check", "--json", "--config", configure(**more)], env=clean_env(),
                              capture_output=True, text=True, timeout=120, check=False)
        assert "k8s-aws-v1." not in done.stdout + done.stderr
        assert done.returncode in (0, 1) and not done.stderr, done.stderr
        rows = {row["check"]: (row["outcome"], row["what"], row["fix"]) for row in json.loads(done.stdout)}
        return {name.removeprefix("Kubernetes "): row for name, row in rows.items() if name.startswith("Kubernetes")}
    return run


def outcomes(rows):
    return [rows[name][0] for name in ("API", "login", "rights", "kinds")]


def test_the_check_finds_all_in_order(check):
    rows = check()
    assert outcomes(rows) == ["ok"] * 4, rows
    assert rows["login"][1] == f"as {ARN}, groups: eipgw:gateways, system:authenticated"


def test_the_check_names_what_the_login_misses(plane, eks, imds, check):
    eks.order(entries={})
    rows = check()
    assert outcomes(rows) == ["ok", "FAIL", "untried", "untried"], rows
    assert "create-access-entry --cluster-name prod" in rows["login"][2]
    eks.order(entries={ROLE: ENTRY | {"groups": ["others"]}})
    rows = check()
    assert outcomes(rows) == ["ok", "ok", "FAIL", "ok"], rows
    assert rows["rights"][1].startswith("it may not: list pods, watch pods, ") and "kubernetesGroups" in rows["rights"][2]
    imds["key"] = ""
    rows = check()
    assert outcomes(rows) == ["FAIL", "untried", "untried", "untried"] and "this instance has no role" in rows["API"][1], rows


def test_the_check_names_each_right_that_is_taken_away(admin, check):
    role = admin.get("ClusterRole", "eipgw-gateway")
    less = json.loads(json.dumps(role))
    [pods] = [rule for rule in less["rules"] if "pods" in rule["resources"]]
    pods["verbs"] = ["list"]
    admin.replace(less)
    try:
        rows = wait_until(lambda: (found := check())["rights"][0] == "FAIL" and found, 30, "the right is gone")
        assert rows["rights"][1] == "it may not: watch pods, watch namespaces, watch nodes"
        assert "rbac-gateway.yaml" in rows["rights"][2]
    finally:
        less = admin.get("ClusterRole", "eipgw-gateway")
        admin.replace(less | {"rules": role["rules"]})
    wait_until(lambda: check()["rights"][0] == "ok", 30, "the right is back")


def test_the_check_asks_for_what_deploy_gives(plane, admin, check):
    """Not one right more or less: as somebody who has none, all of them are named."""
    given = set()
    for found in load(TOP / "deploy" / "rbac-gateway.yaml"):
        for rule in found.get("rules", []):
            given |= {f"{verb} {resource}" for verb in rule["verbs"] for resource in rule["resources"]}
    rows = check(kubernetes={"kubeconfig": str(plane.kubeconfig("nobody"))})
    assert set(rows["rights"][1].removeprefix("it may not: ").split(", ")) == given


def test_the_check_works_with_a_kubeconfig_and_without_a_server(plane, check):
    rows = check(kubernetes={"kubeconfig": str(plane.kubeconfig("gateway"))})
    assert outcomes(rows) == ["ok"] * 4 and rows["login"][1].startswith("as gateway, groups: eipgw:gateways"), rows
    rows = check(endpoint="https://127.0.0.1:1")
    assert outcomes(rows) == ["FAIL", "untried", "untried", "untried"] and "gives no answer" in rows["API"][1], rows
