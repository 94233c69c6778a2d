# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The CRDs in deploy/crds, as a real API server takes them: what it accepts, fills in, drops, refuses and shows.

A row of REFUSED: the kind, what is changed in a good object, the field that is named, and part of the sentence.
test_every_rule_has_a_row sees to it that no rule of the CRDs is without one.
"""

import copy
import re

import pytest
import yaml
from kubeclient import TABLE, ApiError, load, object_of, path_of, unique
from kubepeers import TOP, wait_until

CRDS = load(*sorted((TOP / "deploy" / "crds").glob("*.yaml")))
GONE = object()

GOOD = {
    "EgressGateway": {"egressIPs": [{"name": "bank", "allocationID": "eipalloc-0123456789abcdef0"}]},
    "EgressPolicy": {
        "selectors": [{"namespaceSelector": {"matchLabels": {"team": "payments"}}, "podSelector": {"matchLabels": {"egress": "bank"}}}],
        "egressGateway": "partners", "egressIPs": ["bank"],
    },
}
VALUE = "must be a label's value"
RANGE = "must be an IPv4 range such as"
NAME_31 = "must be at most 31 of the characters"
GATEWAY, POLICY = "EgressGateway", "EgressPolicy"


def expression(operator, *values, key="app"):
    return [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]


REFUSED = [
    (GATEWAY, {"egressIPs": GONE}, "spec.egressIPs", "Required value"),
    (GATEWAY, {"egressIPs": []}, "spec.egressIPs", "should have at least 1 items"),
    (GATEWAY, {"egressIPs": [{"name": f"n{i}", "publicIP": "203.0.113.1"} for i in range(128)]}, "spec.egressIPs", "must have at most 127 items"),
    (GATEWAY, {"egressIPs.1": {"name": "bank", "publicIP": "203.0.113.1"}}, "spec.egressIPs[1]", "Duplicate value"),
    (GATEWAY, {"egressIPs.0.name": GONE}, "spec.egressIPs[0].name", "Required value"),
    (GATEWAY, {"egressIPs.0.name": ""}, "spec.egressIPs[0].name", "at least 1 chars long"),
    (GATEWAY, {"egressIPs.0.name": "x" * 32}, "spec.egressIPs[0].name", "may not be more than 31"),
    (GATEWAY, {"egressIPs.0.name": "Bank"}, "spec.egressIPs[0].name", "must be of the characters a-z, 0-9 and '-'"),
    (GATEWAY, {"egressIPs.0.name": "a.b"}, "spec.egressIPs[0].name", "must be of the characters a-z, 0-9 and '-'"),
    (GATEWAY, {"egressIPs.0.name": "bank-"}, "spec.egressIPs[0].name", "begin and end with a letter or digit"),
    (GATEWAY, {"egressIPs.0.allocationID": GONE}, "spec.egressIPs[0]", "exactly one of allocationID, publicIP and tag"),
    (GATEWAY, {"egressIPs.0.publicIP": "203.0.113.1"}, "spec.egressIPs[0]", "exactly one of allocationID, publicIP and tag"),
    (GATEWAY, {"egressIPs.0.allocationID": "eipassoc-0123"}, "spec.egressIPs[0].allocationID", "must be an allocation ID such as"),
    (GATEWAY, {"egressIPs.0.allocationID": "eipalloc-" + "0" * 55}, "spec.egressIPs[0].allocationID", "may not be more than 63"),
    (GATEWAY, {"egressIPs.0": {"name": "a", "publicIP": "203.0.113.256"}}, "spec.egressIPs[0].publicIP", "must be an IPv4 address such as"),
    (GATEWAY, {"egressIPs.0": {"name": "a", "publicIP": "2001:db8::1"}}, "spec.egressIPs[0].publicIP", "must be an IPv4 address such as"),
    (GATEWAY, {"egressIPs.0": {"name": "a", "publicIP": "1" * 46}}, "spec.egressIPs[0].publicIP", "may not be more than 45"),
    (GATEWAY, {"egressIPs.0": {"name": "a", "tag": {"key": "Name"}}}, "spec.egressIPs[0].tag.value", "Required value"),
    (GATEWAY, {"egressIPs.0": {"name": "a", "tag": {"value": "x"}}}, "spec.egressIPs[0].tag.key", "Required value"),
    (GATEWAY, {"egressIPs.0": {"name": "a", "tag": {"key": "", "value": "x"}}}, "spec.egressIPs[0].tag.key", "at least 1 chars long"),
    (GATEWAY, {"egressIPs.0": {"name": "a", "tag": {"key": "x" * 129, "value": "x"}}}, "spec.egressIPs[0].tag.key", "may not be more than 128"),
    (GATEWAY, {"egressIPs.0": {"name": "a", "tag": {"key": "x", "value": "x" * 257}}}, "spec.egressIPs[0].tag.value", "may not be more than 256"),
    (POLICY, {"egressGateway": GONE}, "spec.egressGateway", "Required value"),
    (POLICY, {"egressGateway": ""}, "spec.egressGateway", "at least 1 chars long"),
    (POLICY, {"egressGateway": "x" * 32}, "spec.egressGateway", "may not be more than 31"),
    (POLICY, {"egressGateway": "a/b"}, "spec.egressGateway", "must be the name of an EgressGateway"),
    (POLICY, {"egressIPs": GONE}, "spec.egressIPs", "Required value"),
    (POLICY, {"egressIPs": []}, "spec.egressIPs", "should have at least 1 items"),
    (POLICY, {"egressIPs": [f"n{i}" for i in range(128)]}, "spec.egressIPs", "must have at most 127 items"),
    (POLICY, {"egressIPs": ["a", "a"]}, "spec.egressIPs[1]", "Duplicate value"),
    (POLICY, {"egressIPs": [""]}, "spec.egressIPs[0]", "at least 1 chars long"),
    (POLICY, {"egressIPs": ["x" * 32]}, "spec.egressIPs[0]", "may not be more than 31"),
    (POLICY, {"egressIPs": ["203.0.113.1"]}, "spec.egressIPs[0]", "must be the name of an egress IP"),
    (POLICY, {"selectors": GONE}, "spec", "selects no pod: selectors or podCIDRs must have an entry"),
    (POLICY, {"selectors": [], "podCIDRs": []}, "spec", "selects no pod: selectors or podCIDRs must have an entry"),
    (POLICY, {"selectors": [{"podSelector": {}}] * 33}, "spec.selectors", "must have at most 32 items"),
    (POLICY, {"selectors.0": {}}, "spec.selectors[0]", "name a namespaceSelector or a podSelector"),
    (POLICY, {"podCIDRs": ["0.0.0.0/0"], "egressIPs": ["a", "b"]}, "spec", "podCIDRs: with several egressIPs, each must be a /16 or smaller"),
    (POLICY, {"destinationCIDRs": []}, "spec.destinationCIDRs", "should have at least 1 items"),
    (POLICY, {"enforcement": "strict"}, "spec.enforcement", 'supported values: "Strict", "BestEffort"'),
    (POLICY, {"connectionsPerPod": 0}, "spec.connectionsPerPod", "should be greater than or equal to 1"),
    (POLICY, {"connectionsPerPod": 1048577}, "spec.connectionsPerPod", "should be less than or equal to 1048576"),
    (POLICY, {"ipv6": "Nat"}, "spec.ipv6", 'supported values: "Drop", "Allow"'),
]
for _which in ("namespaceSelector", "podSelector"):
    _at = f"selectors.0.{_which}"
    _labels, _expressions, _values = f"{_at}.matchLabels", f"{_at}.matchExpressions", f"spec.{_at}.matchExpressions.0.values"
    REFUSED += [
        (POLICY, {_labels: {f"k{i}": "x" for i in range(17)}}, f"spec.{_labels}", "must have at most 16 items"),
        (POLICY, {_labels: {"a b": "x"}}, f"spec.{_at}", "matchLabels: a key must be a label's name"),
        (POLICY, {_labels: {"/a": "x"}}, f"spec.{_at}", "matchLabels: a key must be a label's name"),
        (POLICY, {_labels: {"a": "x y"}}, f"spec.{_labels}[a]", VALUE),
        (POLICY, {_labels: {"a": "-"}}, f"spec.{_labels}[a]", VALUE),
        (POLICY, {_labels: {"a": "x" * 64}}, f"spec.{_labels}.a", "may not be more than 63"),
        (POLICY, {_expressions: expression("Exists") * 17}, f"spec.{_expressions}", "must have at most 16 items"),
        (POLICY, {_expressions: [{"operator": "Exists"}]}, f"spec.{_expressions}.0.key", "Required value"),
        (POLICY, {_expressions: [{"key": "app"}]}, f"spec.{_expressions}.0.operator", "Required value"),
        (POLICY, {_expressions: expression("Exists", key="")}, f"spec.{_expressions}.0.key", "at least 1 chars long"),
        (POLICY, {_expressions: expression("Exists", key="x" * 318)}, f"spec.{_expressions}.0.key", "may not be more than 317"),
        (POLICY, {_expressions: expression("Exists", key="a/b/c")}, f"spec.{_expressions}.0.key", "must be a label's name"),
        (POLICY, {_expressions: expression("Equals", "x")}, f"spec.{_expressions}.0.operator",
         'supported values: "In", "NotIn", "Exists", "DoesNotExist"'),
        (POLICY, {_expressions: expression("In")}, f"spec.{_expressions}.0", "values: In and NotIn need at least one"),
        (POLICY, {_expressions: expression("NotIn")}, f"spec.{_expressions}.0", "values: In and NotIn need at least one"),
        (POLICY, {_expressions: expression("Exists", "x")}, f"spec.{_expressions}.0", "values: Exists and DoesNotExist take none"),
        (POLICY, {_expressions: expression("DoesNotExist", "x")}, f"spec.{_expressions}.0", "values: Exists and DoesNotExist take none"),
        (POLICY, {_expressions: expression("In", "x y")}, f"{_values}.0", VALUE),
        (POLICY, {_expressions: expression("In", "x" * 64)}, f"{_values}.0", "may not be more than 63"),
        (POLICY, {_expressions: expression("In", "x", "x")}, f"{_values}.1", "Duplicate value"),
        (POLICY, {_expressions: expression("In", *map(str, range(33)))}, _values, "must have at most 32 items"),
    ]
for _list in ("podCIDRs", "excludedCIDRs"):
    REFUSED.append((POLICY, {_list: ["10.0.0.0/8", "10.0.0.0/8"]}, f"spec.{_list}[1]", "Duplicate value"))
for _list in ("podCIDRs", "destinationCIDRs", "excludedCIDRs"):
    REFUSED += [
        (POLICY, {_list: ["198.51.100.0"]}, f"spec.{_list}[0]", RANGE),
        (POLICY, {_list: ["198.51.100.0/33"]}, f"spec.{_list}[0]", RANGE),
        (POLICY, {_list: ["198.051.100.0/24"]}, f"spec.{_list}[0]", RANGE),
        (POLICY, {_list: ["2001:db8::/32"]}, f"spec.{_list}[0]", RANGE),
        (POLICY, {_list: ["example.org"]}, f"spec.{_list}[0]", RANGE),
        (POLICY, {_list: ["198.51.100.7/24"]}, f"spec.{_list}[0]", "has bits beyond its prefix length; write"),
        (POLICY, {_list: ["1" * 50]}, f"spec.{_list}[0]", "may not be more than 49"),
        (POLICY, {_list: [f"10.{i // 256}.{i % 256}.0/24" for i in range(257)]}, f"spec.{_list}", "must have at most 256 items"),
    ]

BAD_NAMES = [
    (GATEWAY, "x" * 32, NAME_31), (GATEWAY, "a.b", NAME_31),
    (POLICY, "x" * 64, "must be at most 63 of the characters"), (POLICY, "a.b", "must be at most 63 of the characters"),
]

ACCEPTED = [
    (GATEWAY, {"egressIPs.0.name": "x" * 31}),
    (GATEWAY, {"egressIPs.0": {"name": "a", "publicIP": "203.0.113.1"}}),
    (GATEWAY, {"egressIPs.0": {"name": "a", "tag": {"key": "Name", "value": "the bank's"}}}),
    (GATEWAY, {"egressIPs.0": {"name": "a", "tag": {"key": "x" * 128, "value": ""}}}),
    (GATEWAY, {"egressIPs": [{"name": f"n{i}", "publicIP": f"203.0.113.{i}"} for i in range(127)]}),
    (POLICY, {}),
    (POLICY, {"selectors": GONE, "podCIDRs": ["10.0.1.0/24"]}),
    (POLICY, {"selectors.0": {"podSelector": {}}}),
    (POLICY, {"selectors.0": {"namespaceSelector": {}}}),
    (POLICY, {"podCIDRs": ["0.0.0.0/0"]}),
    (POLICY, {"podCIDRs": ["10.0.0.0/16"], "egressIPs": ["a", "b"]}),
    (POLICY, {"selectors.0.podSelector.matchLabels": {"example.org/Team_x": "", "a": "x" * 63}}),
    (POLICY, {"selectors.0.podSelector.matchExpressions":
              expression("In", "", "x") + expression("NotIn", "y") + expression("Exists") + expression("DoesNotExist")}),
    (POLICY, {"egressIPs": [f"n{i}" for i in range(127)]}),
    (POLICY, {"destinationCIDRs": [f"10.{i}.0.0/16" for i in range(256)], "excludedCIDRs": ["10.1.2.3/32"]}),
    (POLICY, {"enforcement": "BestEffort", "ipv6": "Allow"}),
    (POLICY, {"connectionsPerPod": 500}),
]


def steps(path):
    return [int(step) if step.isdigit() else step for step in path.split(".")]


def changed(spec, changes):
    spec = copy.deepcopy(spec)
    for path, value in changes.items():
        *above, last = steps(path)
        inner = spec
        for step in above:
            inner = inner[step]
        if value is GONE:
            del inner[last]
        elif isinstance(inner, list) and last == len(inner):
            inner.append(copy.deepcopy(value))
        else:
            inner[last] = copy.deepcopy(value)
    return spec


def bracketed(path):
    """a.0.b -> a[0].b, as the API server writes it."""
    return re.sub(r"\.(\d+)", r"[\1]", path)


def good(kind, **changes):
    return object_of(kind, unique(kind.lower()), changed(GOOD[kind], changes))


@pytest.fixture(scope="module")
def crds(control_plane):
    """The API server with our kinds, served and with their rules in force."""
    admin = control_plane.client()
    for crd in CRDS:
        admin.apply(crd)
    for crd in CRDS:
        name = crd["metadata"]["name"]

        def established(name=name):
            found = admin.get("CustomResourceDefinition", name).get("status", {}).get("conditions", [])
            states = {c["type"]: (c["status"], c.get("message")) for c in found}
            assert "NonStructuralSchema" not in states, states
            return states.get("Established", ("", ""))[0] == "True"

        wait_until(established, 30, f"{name} is established", 0.05)
        kind = crd["spec"]["names"]["kind"]
        wait_until(lambda kind=kind: admin.raw("GET", path_of(kind))[0] == 200, 30, f"{kind} is served", 0.05)
    return control_plane


@pytest.fixture
def admin(crds):
    return crds.client()


def refusal(call, *arguments, **more):
    with pytest.raises(ApiError) as error:
        call(*arguments, **more)
    assert error.value.status == 422, error.value
    return error.value


def test_refused_objects_are_refused_with_a_sentence_at_their_field(admin, row):
    for kind, changes, field, sentence in REFUSED:
        with row(f"{kind} {changes}"):
            error = refusal(admin.create, good(kind, **changes), dryRun="All")
            found = [message for where, message in error.causes if where == bracketed(field)]
            assert any(sentence in message for message in found), error.causes


def test_an_object_without_a_spec_is_refused(admin):
    for kind in GOOD:
        assert ("spec", "Required value") in refusal(admin.create, object_of(kind, unique("x")), dryRun="All").causes


def test_names_that_do_not_fit_into_the_kernels_tables_are_refused(admin):
    for kind, name, sentence in BAD_NAMES:
        error = refusal(admin.create, object_of(kind, name, GOOD[kind]), dryRun="All")
        assert sentence in error.message, name


def test_the_longest_names_are_accepted(admin):
    for kind, name in ((GATEWAY, "x" * 31), (POLICY, "x" * 63)):
        admin.create(object_of(kind, name, GOOD[kind]), dryRun="All")


def test_sound_objects_are_accepted(admin, row):
    for kind, changes in ACCEPTED:
        with row(f"{kind} {changes}"):
            admin.create(good(kind, **changes), dryRun="All")


def rule_messages(schema):
    for rule in schema.get("x-kubernetes-validations", []):
        yield rule["message"]
    inner = [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    for below in [*inner, *schema.get("properties", {}).values()]:
        yield from rule_messages(below)


def test_every_rule_has_a_row():
    sentences = {row[-1] for row in [*REFUSED, *BAD_NAMES, *STATUS_REFUSED, *MOVED]}
    for crd in CRDS:
        for message in set(rule_messages(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])):
            assert any(s in message or s.startswith(message) for s in sentences), message


def test_what_is_left_out_gets_its_default(admin):
    found = admin.create(good(POLICY), dryRun="All")["spec"]
    assert (found["destinationCIDRs"], found["enforcement"], found["ipv6"]) == (["0.0.0.0/0"], "Strict", "Drop")
    found = admin.create(good(POLICY, destinationCIDRs=["198.51.100.0/24"], enforcement="BestEffort", ipv6="Allow"), dryRun="All")["spec"]
    assert (found["destinationCIDRs"], found["enforcement"], found["ipv6"]) == (["198.51.100.0/24"], "BestEffort", "Allow")


def test_what_is_applied_takes_the_default_s_place(admin):
    policy = good(POLICY)
    admin.apply(policy)
    for wanted in (["198.51.100.0/24"], ["198.51.100.0/24", "192.0.2.1/32"], ["192.0.2.1/32"]):
        policy["spec"]["destinationCIDRs"] = wanted
        assert admin.apply(policy)["spec"]["destinationCIDRs"] == wanted
    del policy["spec"]["destinationCIDRs"]
    assert admin.apply(policy)["spec"]["destinationCIDRs"] == ["0.0.0.0/0"]
    admin.delete("EgressPolicy", policy["metadata"]["name"])


def test_unknown_fields_are_dropped_and_refused_where_kubectl_asks_for_that(admin):
    wrong = good(POLICY, egressIP="bank")
    assert "egressIP" not in admin.create(wrong, dryRun="All")["spec"]
    with pytest.raises(ApiError) as error:
        admin.create(wrong, dryRun="All", fieldValidation="Strict")
    assert error.value.status == 400 and 'unknown field "spec.egressIP"' in error.value.message


# What must not change under a name, and what may.
MOVED = [
    (GATEWAY, {"allocationID": "eipalloc-0aaaaaaaaaaaaaaaa"}, "spec.egressIPs[0]", "which Elastic IP a name stands for can't be changed"),
    (GATEWAY, {"allocationID": GONE, "publicIP": "203.0.113.1"}, "spec.egressIPs[0]", "which Elastic IP a name stands for can't be changed"),
]


def test_a_name_goes_on_standing_for_the_same_elastic_ip(admin):
    found = admin.create(good(GATEWAY))
    for _, changes, field, sentence in MOVED:
        error = refusal(admin.replace, {**found, "spec": changed(found["spec"], {f"egressIPs.0.{k}": v for k, v in changes.items()})})
        assert any(where == field and sentence in message for where, message in error.causes), error.causes
    by_tag = admin.create(good(GATEWAY, **{"egressIPs.0": {"name": "bank", "tag": {"key": "Name", "value": "a"}}}))
    by_tag["spec"]["egressIPs"][0]["tag"]["value"] = "b"
    refusal(admin.replace, by_tag)
    by_address = admin.create(good(GATEWAY, **{"egressIPs.0": {"name": "bank", "publicIP": "203.0.113.1"}}))
    by_address["spec"]["egressIPs"][0]["publicIP"] = "203.0.113.2"
    refusal(admin.replace, by_address)


def test_an_elastic_ip_is_replaced_without_deleting_the_object(admin):
    found = admin.create(good(GATEWAY))
    found["spec"]["egressIPs"].insert(0, {"name": "bank2", "publicIP": "203.0.113.2"})
    found = admin.replace(found)
    del found["spec"]["egressIPs"][1]
    found = admin.replace(found)
    found["spec"]["egressIPs"].append({"name": "bank", "publicIP": "203.0.113.3"})
    assert [e["name"] for e in admin.replace(found)["spec"]["egressIPs"]] == ["bank2", "bank"]


def test_every_field_of_a_policy_can_be_edited(admin):
    found = admin.create(good(POLICY))
    found["spec"] = {"podCIDRs": ["10.0.1.0/24"], "destinationCIDRs": ["198.51.100.0/24"], "excludedCIDRs": ["198.51.100.1/32"],
                     "egressGateway": "others", "egressIPs": ["a", "b"], "enforcement": "BestEffort", "ipv6": "Allow"}
    assert admin.replace(found)["spec"] == found["spec"]


NOW = "2026-01-01T00:00:00Z"
CONDITION = {"type": "Ready", "status": "True", "reason": "AllCarried", "message": "", "lastTransitionTime": NOW}
STATUS = {
    GATEWAY: {
        "observedGeneration": 1,
        "members": [{"name": "gw-a", "zone": "eu-west-1a", "address": "10.0.1.200", "state": "Active"},
                    {"name": "gw-b", "zone": "eu-west-1b", "address": "10.0.2.200", "state": "Standby"}],
        "egressIPs": [{"name": "bank", "publicIP": "203.0.113.1", "allocationID": "eipalloc-0123456789abcdef0", "member": "gw-a",
                       "since": NOW, "verified": {"time": NOW, "outside": True}}],
        "publicIPs": ["203.0.113.1"], "activeMembers": ["gw-a"],
        "conditions": [CONDITION],
    },
    POLICY: {"observedGeneration": 1, "matchedPods": 7, "conditions": [CONDITION]},
}
STATUS_REFUSED = [
    (GATEWAY, {"members.0.address": "10.0.1"}, "status.members[0].address", "must be an IPv4 address"),
    (GATEWAY, {"members.0.state": "Away"}, "status.members[0].state", "Unsupported value"),
    (GATEWAY, {"members.0.name": GONE}, "status.members[0].name", "Required value"),
    (GATEWAY, {"members.0.name": ""}, "status.members[0].name", "at least 1 chars long"),
    (GATEWAY, {"members.0.name": "x" * 64}, "status.members[0].name", "may not be more than 63"),
    (GATEWAY, {"members.0.zone": "x" * 64}, "status.members[0].zone", "may not be more than 63"),
    (GATEWAY, {"members.1.name": "gw-a"}, "status.members[1]", "Duplicate value"),
    (GATEWAY, {"members": [{"name": f"m{i}"} for i in range(33)]}, "status.members", "must have at most 32 items"),
    (GATEWAY, {"publicIPs.1": "203.0.113.1"}, "status.publicIPs[1]", "Duplicate value"),
    (GATEWAY, {"publicIPs.0": "1" * 46}, "status.publicIPs[0]", "may not be more than 45"),
    (GATEWAY, {"publicIPs": [f"203.0.113.{i}" for i in range(128)]}, "status.publicIPs", "must have at most 127 items"),
    (GATEWAY, {"activeMembers.1": "gw-a"}, "status.activeMembers[1]", "Duplicate value"),
    (GATEWAY, {"activeMembers.0": "x" * 64}, "status.activeMembers[0]", "may not be more than 63"),
    (GATEWAY, {"activeMembers": [f"m{i}" for i in range(33)]}, "status.activeMembers", "must have at most 32 items"),
    (GATEWAY, {"egressIPs.1": {"name": "bank"}}, "status.egressIPs[1]", "Duplicate value"),
    (GATEWAY, {"egressIPs.0.name": ""}, "status.egressIPs[0].name", "at least 1 chars long"),
    (GATEWAY, {"egressIPs.0.name": "x" * 32}, "status.egressIPs[0].name", "may not be more than 31"),
    (GATEWAY, {"egressIPs.0.publicIP": "eip"}, "status.egressIPs[0].publicIP", "must be an IPv4 address"),
    (GATEWAY, {"egressIPs.0.allocationID": "x" * 64}, "status.egressIPs[0].allocationID", "may not be more than 63"),
    (GATEWAY, {"egressIPs.0.member": "x" * 64}, "status.egressIPs[0].member", "may not be more than 63"),
    (GATEWAY, {"egressIPs.0.secondMember": "x" * 64}, "status.egressIPs[0].secondMember", "may not be more than 63"),
    (GATEWAY, {"egressIPs.0.since": "yesterday"}, "status.egressIPs[0].since", "must be of type date-time"),
    (GATEWAY, {"egressIPs.0.verified.time": "yesterday"}, "status.egressIPs[0].verified.time", "must be of type date-time"),
    (GATEWAY, {"egressIPs.0.verified.time": GONE}, "status.egressIPs[0].verified.time", "Required value"),
    (POLICY, {"matchedPods": -1}, "status.matchedPods", "should be greater than or equal to 0"),
]
for _kind in STATUS:
    _at = "status.conditions[0]"
    STATUS_REFUSED += [
        (_kind, {"conditions.1": CONDITION}, "status.conditions[1]", "Duplicate value"),
        (_kind, {"conditions": [{**CONDITION, "type": f"C{i}"} for i in range(17)]}, "status.conditions", "must have at most 16 items"),
        (_kind, {"conditions.0.type": "x" * 317}, f"{_at}.type", "may not be more than 316"),
        (_kind, {"conditions.0.type": "two words"}, f"{_at}.type", "should match"),
        (_kind, {"conditions.0.status": "Maybe"}, f"{_at}.status", "Unsupported value"),
        (_kind, {"conditions.0.observedGeneration": -1}, f"{_at}.observedGeneration", "should be greater than or equal to 0"),
        (_kind, {"conditions.0.lastTransitionTime": "yesterday"}, f"{_at}.lastTransitionTime", "must be of type date-time"),
        (_kind, {"conditions.0.reason": ""}, f"{_at}.reason", "at least 1 chars long"),
        (_kind, {"conditions.0.reason": "x" * 1025}, f"{_at}.reason", "may not be more than 1024"),
        (_kind, {"conditions.0.reason": "two words"}, f"{_at}.reason", "should match"),
        (_kind, {"conditions.0.message": "x" * 32769}, f"{_at}.message", "may not be more than 32768"),
        *((_kind, {f"conditions.0.{_field}": GONE}, f"{_at}.{_field}", "Required value") for _field in CONDITION),
    ]


def test_the_status_is_written_apart_from_the_spec(admin):
    for kind, status in STATUS.items():
        found = admin.create({**good(kind), "status": status})
        assert "status" not in found
        written = admin.apply({"apiVersion": found["apiVersion"], "kind": kind, "metadata": {"name": found["metadata"]["name"]},
                               "status": status, "spec": {"egressIPs": []}}, sub="status", manager="gw-a")
        assert written["status"] == status and written["spec"] == found["spec"]
        assert written["metadata"]["generation"] == 1
        written["spec"]["egressIPs"] = [{"name": "other", "publicIP": "203.0.113.9"}] if kind == GATEWAY else ["other"]
        del written["status"]
        written = admin.replace(written)
        assert written["status"] == status and written["metadata"]["generation"] == 2


def test_a_wrong_status_is_refused(admin, row):
    names = {kind: admin.create(good(kind))["metadata"]["name"] for kind in STATUS}
    for kind, changes, field, sentence in STATUS_REFUSED:
        with row(f"{kind} {str(changes)[:100]}"):
            error = refusal(admin.patch, kind, names[kind], {"status": changed(STATUS[kind], changes)}, sub="status")
            found = [message for where, message in error.causes if where == field]
            assert any(sentence in message for message in found), error.causes


def test_several_gateways_write_their_own_member_and_condition_of_one_status(admin):
    name = admin.create(good(GATEWAY))["metadata"]["name"]
    for member in STATUS[GATEWAY]["members"]:
        status = {"members": [member], "activeMembers": [member["name"]], "conditions": [{**CONDITION, "type": f"eipgw.io/{member['name']}"}]}
        found = object_of(GATEWAY, name)
        found["status"] = status
        admin.apply(found, sub="status", manager=member["name"], force=False)
    status = admin.get(GATEWAY, name)["status"]
    assert status["members"] == STATUS[GATEWAY]["members"]
    assert status["activeMembers"] == ["gw-a", "gw-b"]
    assert [c["type"] for c in status["conditions"]] == ["eipgw.io/gw-a", "eipgw.io/gw-b"]


def columns(admin, kind, name):
    """What kubectl get prints: ({column: cell}, {column: cell} of -o wide)."""
    table = admin.get(kind, name, accept=TABLE)
    cells = table["rows"][0]["cells"]
    shown, wide = {}, {}
    for column, value in zip(table["columnDefinitions"], cells):
        (wide if column["priority"] else shown)[column["name"]] = value
    return shown, wide


def test_kubectl_get_shows_what_one_looks_for(admin):
    made = {}
    for kind in STATUS:
        made[kind] = admin.create(good(kind, **({"egressIPs": ["bank", "b"]} if kind == POLICY else {})))["metadata"]["name"]
        admin.patch(kind, made[kind], {"status": STATUS[kind]}, sub="status")
    shown, wide = columns(admin, GATEWAY, made[GATEWAY])
    assert shown.pop("Age") and shown == {"Name": made[GATEWAY], "Public IPs": '["203.0.113.1"]', "Active": '["gw-a"]', "Ready": "True"}
    assert wide == {"Reason": "AllCarried"}
    shown, wide = columns(admin, POLICY, made[POLICY])
    assert shown.pop("Age") and shown == {"Name": made[POLICY], "Gateway": "partners", "Egress IPs": '["bank","b"]', "Pods": 7, "Ready": "True"}
    assert wide == {"Reason": "AllCarried", "Enforcement": "Strict"}


def test_both_kinds_have_short_names_and_a_common_category(admin):
    resources = {r["name"]: r for r in admin.request("GET", "/apis/eipgw.io/v1alpha1")["resources"]}
    assert {n: (r.get("shortNames"), r.get("categories"), r["namespaced"]) for n, r in resources.items() if "/" not in n} == {
        "egressgateways": (["egw"], ["eipgw"], False), "egresspolicies": (["egp"], ["eipgw"], False)}
    assert {"egressgateways/status", "egresspolicies/status"} < resources.keys()


def test_the_example_of_the_readme_in_deploy_is_accepted(admin):
    text = (TOP / "deploy" / "README.md").read_text(encoding="utf-8")
    (example,) = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "eipgw.io/" in block]
    found = list(yaml.safe_load_all(example))
    assert [f["kind"] for f in found] == [GATEWAY, POLICY]
    for one in found:
        admin.create(one, dryRun="All", fieldValidation="Strict")
