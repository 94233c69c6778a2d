# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""eipgw check, eips, allocate and explain against the fake EC2 and the metadata of one of its instances."""

import copy
import json
import os
import subprocess
import threading
from http.server import ThreadingHTTPServer

import fake_cloud
import pytest

from awspeers import BUILD, TOP, clean_env, interface

IDLE = {"metadata", "credentials", "EC2 API", "clock", "path to EC2", "permission", "egress IP", "source/dest check", "security groups"}
ALL = [{"protocol": "-1", "cidrs": ["0.0.0.0/0"]}]
GATEWAY = {"groups": ["sg-1"], "addresses": ["10.0.0.50"], "tags": {"eipgw": "prod"}}
EVERYTHING = {
    "interfaces": {"eni-1": interface(1, **GATEWAY), "eni-2": interface(2, groups=["sg-2"]),
                   "eni-3": interface(3, groups=["sg-2"], prefixes=["10.0.0.64/28"])},
    "addresses": {"eipalloc-1": {"public": "198.51.100.1", "tags": {"Name": "bank", "eipgw": "prod"}, "interface": "eni-1",
                                 "private": "10.0.0.50", "association": "eipassoc-1"}},
    "groups": {"sg-1": {"inbound": ALL, "outbound": ALL}, "sg-2": {"inbound": [], "outbound": ALL}},
}


class Cloud:
    """The fake EC2 and the metadata of eni-1's instance; a configuration that leads there."""

    def __init__(self, fake, place):
        self.fake, self.place = fake, place
        self.settings = dict(fake_cloud.SETTINGS)
        handler = type("Handler", (fake_cloud.Metadata,),
                       {"cloud": fake.server.cloud, "interface": "eni-1", "settings": self.settings})
        self.imds = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.imds.daemon_threads = True
        threading.Thread(target=self.imds.serve_forever, args=(0.05,), daemon=True).start()
        self.state(EVERYTHING)
        self.aws = {"imds_url": f"http://127.0.0.1:{self.imds.server_address[1]}", "ec2_url": fake.url}
        self.config()

    def state(self, state):
        self.fake.control("state", copy.deepcopy(state))

    def config(self, **changes):
        config = {"gateway": {"name": "gw", "address": "10.0.0.1", "uplink": "lo"}, "ownership": "ec2", "aws": self.aws,
                  "egress_ips": [{"name": "bank", "allocation_id": "eipalloc-1", "private": "10.0.0.50"}],
                  "nodes": [{"name": "node-a", "address": "10.0.0.2", "pod_cidrs": ["10.0.0.2/32"]},
                            {"name": "node-b", "address": "10.0.0.3", "pod_cidrs": ["10.0.0.64/28"]}],
                  "policies": [{"name": "pay", "pod_cidrs": ["10.0.0.64/28"], "egress_ips": ["bank"]}]} | changes
        (self.place / "gateway.json").write_text(json.dumps(config), encoding="utf-8")

    def eipgw(self, *words, config=True, env=None):
        more = ["--config", str(self.place / "gateway.json")] if config else []
        return subprocess.run([BUILD / "cli" / "eipgw", *words, *more], env=clean_env(**(env or {})), capture_output=True,
                              text=True, timeout=120, check=False)

    def json(self, *words, status=0, **more):
        done = self.eipgw(*words, "--json", **more)
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)

    def check(self, status=0, **more):
        """What each row says: {name: [(outcome, what, fix, statement)]}."""
        rows = {}
        for row in self.json("check", status=status, **more):
            rows.setdefault(row["check"], []).append((row["outcome"], row["what"], row["fix"], row["iam_statement"]))
        return rows


@pytest.fixture
def cloud(fake, tmp_path):
    cloud = Cloud(fake, tmp_path)
    yield cloud
    cloud.imds.shutdown()
    cloud.imds.server_close()


def outcomes(rows, name):
    return [row[0] for row in rows[name]]


def statement_of(document, action, deployment="prod"):
    """The statement of docs/iam, for one action."""
    text = (TOP / "docs" / "iam" / document).read_text(encoding="utf-8").replace('"example"', json.dumps(deployment))
    [found] = [s for s in json.loads(text)["Statement"] if action in s["Action"]]
    return found | {"Action": [action]}


# check


def test_where_everything_is_there_nothing_fails(cloud):
    rows = cloud.check()

    for name in IDLE - {"permission"}:
        assert set(outcomes(rows, name)) == {"ok"}, rows[name]
    assert [row[0] for row in rows["permission"]] == ["ok"] * 4 + ["untried"] * 2
    assert "10.0.0.50" in rows["egress IP"][0][1] and "i-1" in rows["metadata"][0][1]
    assert "AKIDFAKE" in rows["credentials"][0][1] and "instance role" in rows["credentials"][0][1]


def test_checking_changes_nothing(cloud):
    before = cloud.fake.control("state")
    cloud.eipgw("check")

    assert cloud.fake.control("state") == before
    changing = [r for r in cloud.fake.control("requests") if not r["Action"].startswith("Describe")]
    assert {r["Action"] for r in changing} == {"AssociateAddress", "AssignPrivateIpAddresses"}
    assert all(r.get("DryRun") == "true" or r.get("PrivateIpAddress.1") == "10.0.0.1" for r in changing)


@pytest.mark.parametrize("action", ["DescribeAddresses", "DescribeNetworkInterfaces", "AssociateAddress", "AssignPrivateIpAddresses"])
def test_a_missing_permission_fails_with_the_statement_to_add(cloud, action):
    cloud.fake.control("settings", {"denied": [action]})

    [row] = [row for row in cloud.check(status=1)["permission"] if row[0] == "FAIL"]

    deployment = "example" if action == "DescribeNetworkInterfaces" else "prod"
    assert json.loads(row[3]) == statement_of("tunnel.json", f"ec2:{action}", deployment)
    assert f"ec2:{action} is denied" in row[1]
    text = cloud.eipgw("check").stdout
    assert f"FAIL     permission: ec2:{action} is denied" in text and f'"ec2:{action}"' in text


def test_what_the_condition_asks_for_and_is_not_tagged_is_told(cloud):
    state = copy.deepcopy(EVERYTHING)
    state["interfaces"]["eni-1"]["tags"] = {}
    cloud.state(state)
    cloud.fake.control("settings", {"denied": ["AssociateAddress"]})

    [row] = [row for row in cloud.check(status=1)["permission"] if row[0] == "FAIL"]

    assert "tag with eipgw=example" in row[2] and row[2].endswith("asks for: eni-1")


def test_permissions_of_the_check_alone_are_no_failure(cloud):
    cloud.fake.control("settings", {"denied": ["DescribeSecurityGroups"]})

    [row] = cloud.check()["security groups"]

    assert row[0] == "untried" and "docs/iam/cli.json" in row[2]
    assert json.loads(row[3]) == statement_of("cli.json", "ec2:DescribeSecurityGroups")


@pytest.mark.parametrize("ahead_s, clock, status", [(20, "ok", 0), (-120, "warn", 0), (120, "warn", 0), (900, "FAIL", 1)])
def test_a_wrong_clock_is_told(cloud, ahead_s, clock, status):
    cloud.fake.control("settings", {"clock_s": ahead_s})

    rows = cloud.check(status=status)

    assert outcomes(rows, "clock") == [clock], rows["clock"]
    assert (outcomes(rows, "EC2 API") == ["FAIL"]) == (clock == "FAIL")


def test_without_metadata_the_rest_is_said_to_be_unknown(cloud):
    cloud.settings["away"] = True

    rows = cloud.check(status=1)

    assert outcomes(rows, "metadata") == ["FAIL"] and outcomes(rows, "credentials") == ["FAIL"]
    assert outcomes(rows, "permission") == outcomes(rows, "egress IP") == ["untried"]


def test_without_an_answer_of_ec2_that_is_said_once(cloud):
    cloud.fake.server.shutdown()
    cloud.fake.server.server_close()

    rows = cloud.check(status=1)

    assert outcomes(rows, "EC2 API") == ["FAIL"] and outcomes(rows, "permission") == ["untried"]


def test_a_gateway_that_owns_nothing_needs_no_aws(cloud):
    cloud.settings["away"] = True
    cloud.config(ownership="static", egress_ips=[{"name": "bank", "public": "198.51.100.1", "private": "10.0.0.50"}])

    rows = cloud.check()

    assert set(sum((outcomes(rows, name) for name in IDLE), [])) == {"untried"}


def test_a_throttled_answer_is_asked_for_again(cloud):
    cloud.fake.control("faults", [{"kind": "throttle", "times": 3}])

    assert outcomes(cloud.check(), "EC2 API") == ["ok"]


def test_a_configuration_with_a_mistake_is_a_failure_with_its_place(cloud):
    cloud.config(nodes=[{"name": "a", "address": "10.0.0.2", "pod_cidrs": ["10.0.0.2/33"]}])

    rows = cloud.check(status=1, env={"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": ""})

    assert rows["configuration"][0][0] == "FAIL" and "nodes[0].pod_cidrs[0]" in rows["configuration"][0][1]


EGRESS = [
    ({"eipalloc-1": {"public": "198.51.100.1"}}, {}, "ok", "is free: eipgwd takes it"),
    ({"eipalloc-1": {"public": "198.51.100.1", "interface": "eni-2", "private": "10.0.0.2", "association": "a"}}, {}, "warn", "i-2"),
    ({}, {}, "FAIL", "there is no bank: Elastic IP eipalloc-1"),
    (None, {"private": "10.0.0.1"}, "FAIL", "is the primary address of eni-1"),
    (None, {"private": "10.0.0.3"}, "FAIL", "is on another interface, eni-3"),
    (None, {"private": "10.9.0.3"}, "FAIL", "isn't in the subnet"),
]


@pytest.mark.parametrize("addresses, egress, outcome, what", EGRESS)
def test_where_an_egress_ip_is_or_why_it_cant_be_here_is_told(cloud, addresses, egress, outcome, what):
    state = copy.deepcopy(EVERYTHING)
    if addresses is not None:
        state["addresses"] = addresses
    cloud.state(state)
    cloud.config(gateway={"name": "gw", "uplink": "lo"},
                 egress_ips=[{"name": "bank", "allocation_id": "eipalloc-1", "private": "10.0.0.50"} | egress])

    [row] = cloud.check(status=int(outcome == "FAIL"))["egress IP"]

    assert row[0] == outcome and what in row[1], row


GROUPS = [
    ([{"protocol": "udp", "from": 4789, "to": 4789, "cidrs": ["10.0.0.0/24"]}], ["ok", "ok", "warn"]),
    ([{"protocol": "udp", "from": 4789, "to": 4789, "groups": ["sg-2"]}], ["ok", "ok", "warn"]),
    ([{"protocol": "udp", "from": 4789, "to": 4789, "groups": ["sg-9"]}], ["FAIL", "ok", "warn"]),
    ([{"protocol": "udp", "from": 4789, "to": 4789, "cidrs": ["10.0.0.2/32"]}], ["FAIL", "ok", "warn"]),
    ([{"protocol": "tcp", "from": 0, "to": 65535, "cidrs": ["0.0.0.0/0"]}], ["FAIL", "ok", "warn"]),
    ([{"protocol": "17", "from": 4000, "to": 5000, "lists": ["pl-1"]}], ["untried", "ok", "warn"]),
    ([{"protocol": p, "from": 0, "to": 65535, "cidrs": ["0.0.0.0/0"]} for p in ("tcp", "udp")], ["ok", "ok", "ok"]),
]


@pytest.mark.parametrize("inbound, wanted", GROUPS)
def test_security_groups_are_judged_by_the_nodes_addresses_and_groups(cloud, inbound, wanted):
    state = copy.deepcopy(EVERYTHING)
    state["groups"]["sg-1"]["inbound"] = inbound
    cloud.state(state)

    rows = cloud.check(status=int("FAIL" in wanted))

    assert outcomes(rows, "security groups") == wanted, rows["security groups"]


# eips


def test_each_elastic_ip_is_shown_with_its_use(cloud):
    state = copy.deepcopy(EVERYTHING)
    state["interfaces"] |= {"eni-4": interface(4, instance_state="stopped"), "eni-5": interface(5, instance=None),
                            "eni-6": interface(6, instance=None, status="in-use", type="nat_gateway")}
    for i in (4, 5, 6):
        state["addresses"][f"eipalloc-{i}"] = {"public": f"198.51.100.{i}", "interface": f"eni-{i}", "private": f"10.0.0.{i}",
                                               "association": f"eipassoc-{i}"}
    state["addresses"]["eipalloc-7"] = {"public": "198.51.100.7", "tags": {"Name": "\x9b31mred", "team": "x"}}
    cloud.state(state)

    shown = {a["allocation_id"]: a for a in cloud.json("eips")}
    text = cloud.eipgw("eips").stdout

    assert {k: (a["use"], a["reason"]) for k, a in shown.items()} == {
        "eipalloc-1": ("in use", "i-1 is running"), "eipalloc-4": ("idle", "i-4 is stopped"),
        "eipalloc-5": ("idle", "eni-5 is attached to nothing"), "eipalloc-6": ("in use", "eni-6 is in-use (type nat_gateway)"),
        "eipalloc-7": ("idle", "not associated")}
    assert (shown["eipalloc-1"]["egress_ip"], shown["eipalloc-1"]["eipgw"]) == ("bank", "prod")
    assert shown["eipalloc-7"]["tags"] == [{"key": "Name", "value": "\x9b31mred"}, {"key": "team", "value": "x"}]
    assert "5 Elastic IPs in eu-central-1, 3 of them idle" in text and "\x9b" not in text
    assert "bills every public IPv4 address" in text


def test_what_may_not_be_seen_is_unknown_and_told(cloud):
    cloud.fake.control("settings", {"denied": ["DescribeInstances"]})

    done = cloud.eipgw("eips", "--json")

    assert done.returncode == 0 and "DescribeInstances" in done.stderr
    assert [(a["use"], a["reason"]) for a in json.loads(done.stdout)] == [("unknown", "the state of i-1 can't be seen")]


def test_many_elastic_ips_are_asked_about_in_parts(cloud):
    state = copy.deepcopy(EVERYTHING)
    for i in range(250):
        state["interfaces"][f"eni-x{i}"] = interface(9, primary=f"10.1.{i}.1", instance=f"i-x{i}")
        state["addresses"][f"eipalloc-x{i}"] = {"public": f"203.0.113.{i}", "interface": f"eni-x{i}", "private": f"10.1.{i}.1",
                                                "association": f"eipassoc-x{i}"}
    cloud.state(state)

    shown = cloud.json("eips")

    assert len(shown) == 251 and {a["use"] for a in shown} == {"in use"}
    assert cloud.fake.actions().count("DescribeInstances") == 3


# allocate


def test_an_address_is_allocated_once_and_found_afterwards(cloud):
    first = cloud.json("allocate", "new one")
    again = cloud.json("allocate", "new one")
    other = cloud.json("allocate", "new one", "--deployment", "test")

    assert first["allocated"] and not again["allocated"] and other["allocated"]
    assert first | {"allocated": False} == again and first["deployment"] == "prod"
    made = cloud.fake.control("state")["addresses"]
    assert made[first["allocation_id"]]["tags"] == {"Name": "new one", "eipgw": "prod"}
    assert made[other["allocation_id"]]["tags"] == {"Name": "new one", "eipgw": "test"}
    assert cloud.eipgw("allocate", "new one").stdout == \
        f"{first['allocation_id']} {first['public']} was there already, with the tags Name=new one and eipgw=prod\n"


def test_two_of_one_name_are_an_error_that_lists_both(cloud):
    state = copy.deepcopy(EVERYTHING)
    state["addresses"]["eipalloc-2"] = {"public": "198.51.100.2", "tags": {"Name": "bank", "eipgw": "prod"}}
    cloud.state(state)

    done = cloud.eipgw("allocate", "bank")

    assert done.returncode == 1 and all(word in done.stderr for word in ("eipalloc-1", "198.51.100.1", "eipalloc-2", "198.51.100.2"))
    assert "AllocateAddress" not in cloud.fake.actions()


def test_an_answer_that_was_lost_is_looked_for(cloud):
    cloud.fake.control("faults", [{"action": "AllocateAddress", "kind": "done-reset", "times": 1}])

    made = cloud.json("allocate", "lost")

    assert made["allocated"] and cloud.fake.actions().count("AllocateAddress") == 1
    assert [k for k, a in cloud.fake.control("state")["addresses"].items() if a["tags"].get("Name") == "lost"] == [made["allocation_id"]]


def test_the_limit_of_the_account_is_explained(cloud):
    cloud.fake.control("settings", {"address_limit": 1})

    done = cloud.eipgw("allocate", "one-too-many")

    assert done.returncode == 1 and "Service Quotas" in done.stderr and "AddressLimitExceeded" in done.stderr


def test_whoever_may_not_allocate_is_told_what_allows_it(cloud):
    cloud.fake.control("settings", {"denied": ["AllocateAddress"]})

    done = cloud.eipgw("allocate", "new")

    begin, end = done.stderr.index("{"), done.stderr.rindex("}")
    allowed = json.loads(f"[{done.stderr[begin:end + 1]}]")
    assert allowed == [statement_of("allocate.json", "ec2:AllocateAddress"), statement_of("allocate.json", "ec2:CreateTags")]


def test_without_a_deployment_nothing_is_allocated(cloud):
    state = copy.deepcopy(EVERYTHING)
    state["interfaces"]["eni-1"]["tags"] = {}
    cloud.state(state)

    done = cloud.eipgw("allocate", "new")

    assert done.returncode == 2 and "--deployment NAME" in done.stderr
    assert cloud.eipgw("allocate", "").returncode == cloud.eipgw("allocate", "a\nb").returncode == 2
    assert "AllocateAddress" not in cloud.fake.actions()


# explain; there is no daemon, so its part is missing


def explain(cloud, address, *words):
    return cloud.json("explain", address, *words, "--socket", "/nowhere/x", status=5)["aws"]


def test_the_way_of_a_pod_of_a_delegated_prefix_is_followed_to_the_elastic_ip(cloud):
    way = explain(cloud, "10.0.0.70")

    assert way["source"]["network_interface_id"] == "eni-3" and way["source"]["instance_id"] == "i-3"
    assert (way["source"]["subnet_id"], way["delegated_prefix"]) == ("subnet-1", "10.0.0.64/28")
    assert way["egress_ip"] == "bank" and way["elastic_ip"]["public"] == "198.51.100.1"
    assert (way["gateway"]["network_interface_id"], way["gateway"]["instance_id"]) == ("eni-1", "i-1")
    assert way["breaks_at"] == way["error"] == ""


def test_the_way_of_an_address_is_shown_without_an_egress_ip_where_no_policy_takes_it(cloud):
    way = explain(cloud, "10.0.0.2")

    assert way["source"]["network_interface_id"] == "eni-2" and "delegated_prefix" not in way
    assert way["egress_ip"] == way["breaks_at"] == "" and "elastic_ip" not in way


BREAKS = [
    ("10.0.0.200", lambda s: None, "no network interface that can be seen has 10.0.0.200"),
    ("10.0.0.70", lambda s: s["interfaces"]["eni-3"].update(instance_state="stopped"), "on i-3, which is stopped"),
    ("10.0.0.70", lambda s: s["addresses"].clear(), "there is no Elastic IP as the configuration of bank says"),
    ("10.0.0.70", lambda s: s["addresses"]["eipalloc-1"].update(interface=None, private=None, association=None), "isn't associated"),
    ("10.0.0.70", lambda s: s["addresses"]["eipalloc-1"].update(private="10.0.0.1"), "but the configuration says 10.0.0.50"),
    ("10.0.0.70", lambda s: s["interfaces"]["eni-1"].update(instance_state="stopped"), "of i-1, which is stopped"),
    ("10.0.0.70", lambda s: (s["addresses"]["eipalloc-1"].update(interface="eni-2"), s["interfaces"]["eni-2"].update(addresses=["10.0.0.50"])),
     "isn't the gateway's"),
]


@pytest.mark.parametrize("address, change, what", BREAKS)
def test_the_first_place_where_the_way_breaks_is_told(cloud, address, change, what):
    state = copy.deepcopy(EVERYTHING)
    change(state)
    cloud.state(state)

    assert what in explain(cloud, address)["breaks_at"]


def test_what_aws_does_not_tell_is_an_error_beside_the_rest(cloud):
    cloud.fake.control("settings", {"denied": ["DescribeInstances"]})

    way = explain(cloud, "10.0.0.70")

    assert "DescribeInstances" in way["error"] and way["source"]["network_interface_id"] == "eni-3"


def test_without_aws_only_the_daemon_counts(cloud):
    done = cloud.eipgw("explain", "10.0.0.70", "--no-aws", "--socket", "/nowhere/x")

    assert done.returncode == 5 and done.stdout == "" and cloud.fake.actions() == []


def test_an_option_that_a_command_does_not_know_is_an_error(cloud):
    for words in (["eips", "--node"], ["check", "--socket", "x"], ["explain", "10.0.0.1", "--deployment", "x"], ["status"]):
        done = cloud.eipgw(*words)
        assert done.returncode == 2 and "doesn't know the option --" in done.stderr


def test_a_node_is_checked_without_aws(cloud):
    path = cloud.place / "node.json"
    path.write_text(json.dumps({"node": {"name": "n", "address": "10.0.0.2", "uplink": "lo"}, "egress_ips": [], "policies": []}),
                    encoding="utf-8")

    rows = cloud.json("check", "--node", "--config", str(path), config=False)

    names = {row["check"] for row in rows}
    assert names == {"configuration", "daemon", "uplink", "kernel", "kernel parameters", "tunnel port"} and cloud.fake.actions() == []
    assert [r["outcome"] for r in rows if r["check"] == "kernel"] == ["ok" if os.geteuid() == 0 else "untried"]


NATIVE = {"native": {"source_cidrs": ["10.0.0.128/25"], "route_tables": ["rtb-1"]}}


def test_route_table_mode_is_checked_with_its_permissions_and_routes(cloud):
    state = EVERYTHING | {"route_tables": {"rtb-1": {"vpc": "vpc-1", "routes": {"0.0.0.0/0": "eni-2"}}}}
    cloud.config(**NATIVE)
    cloud.state(state)
    rows = cloud.check()
    [(outcome, what, _, _)] = rows["source/dest check"]
    assert outcome == "warn" and "until eipgwd turns it off" in what
    assert rows["route tables"][0][:2] == ("ok", "rtb-1 leads 0.0.0.0/0 to eni-2 now; the gateway takes it when it starts")
    allowed = {what for outcome, what, _, _ in rows["permission"] if outcome == "ok"}
    assert {f"ec2:{action} is allowed" for action in
            ("DescribeRouteTables", "ModifyNetworkInterfaceAttribute", "ReplaceRoute")} <= allowed

    cloud.fake.control("settings", {"denied": ["ReplaceRoute", "ModifyNetworkInterfaceAttribute"]})
    denied = {what.split()[0]: statement for outcome, what, _, statement in cloud.check(status=1)["permission"]
              if outcome == "FAIL"}
    assert {action: json.loads(text)["Sid"] for action, text in denied.items()} == {
        "ec2:ModifyNetworkInterfaceAttribute": "ForwardForOthers", "ec2:ReplaceRoute": "BeTheRoute"}
    assert [r["Action"] for r in cloud.fake.control("requests") if r["Action"] == "ReplaceRoute" and r.get("DryRun") != "true"] == []

    state["route_tables"]["rtb-1"]["routes"] = {}
    cloud.state(state)
    [(outcome, what, fix, _)] = cloud.check(status=1)["route tables"]
    assert (outcome, what) == ("FAIL", "rtb-1 has no route 0.0.0.0/0, and the gateway only replaces one")
    assert "create-route --route-table-id rtb-1" in fix
