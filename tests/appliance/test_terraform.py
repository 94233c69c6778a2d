# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The Terraform module: Terraform itself reads, checks, plans and applies it, against the AWS provider's schema.

What AWS would say to it isn't seen here: the providers are stand-ins that make nothing. test_terraform_moto.py has the real ones.
"""

import json
import re
import shutil
import subprocess

import pytest

from awspeers import BUILD
from installing import install
from terraform import TOP, StandIn, run

EXAMPLES = sorted(path.name for path in (TOP / "terraform" / "examples").iterdir())
GOOD = {
    "name": "partners", "vpc_id": "vpc-0123456789abcdef0", "subnet_ids": {"eu-central-1a": "subnet-0123456789abcdef0"},
    "ami_id": "ami-0123456789abcdef0", "cluster_name": "production", "node_security_group_ids": ["sg-0123456789abcdef0"],
    "egress_ips": {"bank": {}},
}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    return StandIn(install(TOP / "tests" / "appliance" / "peers-terraform"), tmp_path_factory.mktemp("terraform"))


def resources(plan):
    """All that the plan has, by address."""
    def walk(module):
        yield from module.get("resources", [])
        for child in module.get("child_modules", []):
            yield from walk(child)
    return {r["address"].removeprefix("module.eipgw."): r["values"] for r in walk(plan["planned_values"]["root_module"])}


@pytest.fixture(scope="module")
def plan_of(terraform):
    """plan_of(variables): the module's plan with these besides GOOD."""
    terraform.good(terraform.module, "init", "-input=false")

    def plan(**variables):
        (terraform.module / "terraform.tfvars.json").write_text(json.dumps(GOOD | variables), encoding="utf-8")
        return terraform.planned(terraform.module)

    return plan


def test_it_is_formatted(terraform):
    done = run([terraform.program, "fmt", "-check", "-recursive", "-diff", "."], TOP / "terraform", TF_CLI_CONFIG_FILE="/dev/null")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_applied_once_and_its_user_data_are_accepted(terraform, tmp_path, name):
    source = tmp_path / "source"
    shutil.copytree(terraform.module.parent, source, ignore=shutil.ignore_patterns(".terraform*", "terraform.tfvars.json", "plan"))
    folder = source / "terraform" / "examples" / name
    terraform.good(folder, "init", "-input=false")
    terraform.good(folder, "validate")
    terraform.good(folder, "apply", "-auto-approve", "-input=false")
    again = terraform.run(folder, "plan", "-detailed-exitcode", "-input=false")
    assert again.returncode == 0, again.stdout + again.stderr

    outputs = {k: v["value"] for k, v in json.loads(terraform.good(folder, "output", "-json")).items()}
    data = tmp_path / "user-data"
    data.write_text(outputs["user_data"], encoding="utf-8")
    checked = subprocess.run([BUILD / "gateway" / "eipgw-user-data", "--check", data], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    # The stand-in's secrets begin so.
    assert "made-result-" not in (folder / "terraform.tfstate").read_text(encoding="utf-8") + outputs["user_data"]

    allocates = '"aws_eip"' in (folder / "terraform.tfstate").read_text(encoding="utf-8").replace('"mode": "data",\n      "type": "aws_eip"', "")
    gone = terraform.run(folder, "destroy", "-auto-approve", "-input=false")
    if allocates:
        assert gone.returncode != 0 and "prevent_destroy" in gone.stderr, gone.stdout + gone.stderr
    else:
        assert gone.returncode == 0, gone.stderr


@pytest.mark.parametrize("variables, reason", [
    ({"name": "Partners"}, "name: 1 to 32 of a-z"),
    ({"vpc_id": "10.0.0.0/16"}, "vpc_id: isn't the ID"),
    ({"subnet_ids": {}}, "subnet_ids: at least one zone"),
    ({"subnet_ids": {"a": "subnet-1"}}, "subnet_ids: the keys are names of availability zones"),
    ({"ami_id": "debian"}, "ami_id: isn't the ID"),
    ({"instance_type": "large"}, "instance_type: isn't of the form"),
    ({"max_instance_lifetime": 60}, "max_instance_lifetime: 0, or"),
    ({"lifecycle_heartbeat_timeout": 10}, "lifecycle_heartbeat_timeout: from 30"),
    ({"egress_ips": {}}, "egress_ips: from 1 to 64"),
    ({"egress_ips": {"Bank": {}}}, "egress_ips: a name consists of"),
    ({"egress_ips": {"bank": {"allocation_id": "203.0.113.1"}}}, "egress_ips: allocation_id isn't one"),
    ({"egress_ips": {"a": {}, "b": {}, "c": {}, "d": {}}}, "4 egress IPs need as many private addresses"),
    ({"always_excluded": ["10.0.0.1/16"]}, "always_excluded: IPv4 ranges"),
    ({"always_excluded": ["fd00::/8"]}, "always_excluded: IPv4 ranges"),
    ({"cluster_name": ""}, "cluster_name: isn't the name"),
    ({"node_security_group_ids": []}, "node_security_group_ids: without one"),
    ({"api_access": "nat"}, "api_access: is none of"),
    ({"metrics_port": 0}, "metrics_port: from 1"),
    ({"metrics_port": 9440, "metrics_source_cidrs": ["10.0.0.1/16"]}, "metrics_source_cidrs: IPv4 ranges"),
    ({"metrics_source_cidrs": ["10.0.0.0/16"]}, "metrics_source_cidrs: without metrics_port"),
    ({"metrics_port": 9440, "metrics_source_cidrs": ["10.0.0.0/16"] * 2}, "metrics_source_cidrs: at most 50, each once"),
    ({"tags": {"eipgw": "x"}}, "tags: eipgw is the module's own"),
    ({"tags": {"kubernetes.io/cluster/production": "owned"}}, "tags: the instances show theirs in the metadata"),
    ({"configuration": {"always_excluded": ["10.0.0.0/16"] * 1200}}, "The user data have"),
])
def test_a_wrong_variable_is_refused_with_a_sentence(terraform, plan_of, variables, reason):
    del plan_of  # has initialized
    (terraform.module / "terraform.tfvars.json").write_text(json.dumps(GOOD | variables), encoding="utf-8")
    done = terraform.run(terraform.module, "plan", "-input=false")
    assert done.returncode == 1
    assert reason in re.sub(r"\s+", " ", done.stderr), done.stderr


@pytest.mark.parametrize("zone", ["us-east-1a", "eu-central-1c", "us-gov-west-1b", "us-west-2-lax-1a", "ap-southeast-1b"])
def test_names_of_zones_are_accepted(plan_of, zone):
    plan_of(subnet_ids={zone: "subnet-1"})


def test_what_a_gateway_is(plan_of):
    found = resources(plan_of())
    template = found["aws_launch_template.gateway"]
    [metadata], [interface], [root] = template["metadata_options"], template["network_interfaces"], template["block_device_mappings"]
    assert (metadata["http_tokens"], metadata["http_put_response_hop_limit"]) == ("required", 1)
    assert metadata["instance_metadata_tags"] == "enabled"
    assert root["ebs"][0]["encrypted"] == "true"
    assert not template.get("key_name") and not template["instance_market_options"]
    assert not interface["network_interface_id"] and not interface["private_ip_address"]
    assert {"resource_type": "network-interface", "tags": {"Name": "eipgw-partners", "eipgw": "partners"}} in template["tag_specifications"]
    [hook] = found['aws_autoscaling_group.gateway["eu-central-1a"]']["initial_lifecycle_hook"]
    assert (hook["lifecycle_transition"], hook["default_result"]) == ("autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE")
    assert json.loads(plan_of()["planned_values"]["outputs"]["user_data"]["value"])["configuration"]["failover"] == {"lifecycle_hook": hook["name"]}


@pytest.mark.parametrize("access, public, endpoints", [("public_ip", "true", 0), ("vpc_endpoints", "false", 4), ("existing", "false", 0)])
def test_a_gateway_reaches_the_apis_as_it_was_said(plan_of, access, public, endpoints):
    found = resources(plan_of(api_access=access))
    [interface] = found["aws_launch_template.gateway"]["network_interfaces"]
    assert interface["associate_public_ip_address"] == public
    assert len([a for a in found if a.startswith("aws_vpc_endpoint.")]) == endpoints


def test_the_policy_is_the_one_of_the_documents(plan_of):
    found = resources(plan_of(name="shop"))
    want = (TOP / "docs" / "iam" / "tunnel.json").read_text(encoding="utf-8").replace('"example"', '"shop"')
    assert json.loads(found['aws_iam_role_policy.gateway["tunnel"]']["policy"]) == json.loads(want)
    assert found['aws_autoscaling_group.gateway["eu-central-1a"]']["tag"], "its tag is in the policy's condition"


def test_the_security_groups_are_those_of_the_document(plan_of):
    """docs/HA.md, Security groups, and why."""
    found = resources(plan_of(cluster_security_group_id="sg-0123456789abcdef1", metrics_port=9440, metrics_source_cidrs=["10.0.7.0/24"]))
    rules = {(address.split(".")[0].split("_")[4], r["ip_protocol"], r.get("from_port"), r.get("to_port"), r.get("cidr_ipv4"))
             for address, r in found.items() if address.startswith("aws_vpc_security_group_")}
    assert rules == {
        ("ingress", "udp", 4789, 4789, None), ("egress", "udp", 4789, 4789, None), ("ingress", "udp", 7420, 7420, None),
        ("ingress", "tcp", 7421, 7421, None), ("ingress", "tcp", 443, 443, None), ("egress", "-1", None, None, "0.0.0.0/0"),
        ("ingress", "tcp", 9440, 9440, "10.0.7.0/24"), ("ingress", "tcp", 0, 65535, "0.0.0.0/0"), ("ingress", "udp", 0, 65535, "0.0.0.0/0")}


def test_ec2_takes_the_descriptions_of_security_groups(plan_of):
    """EC2 API Reference, CreateSecurityGroup and IpRange: letters, digits, blanks and ._-:/()#,@[]+=&;{}!$*."""
    found = resources(plan_of(api_access="vpc_endpoints", cluster_security_group_id="sg-0123456789abcdef1"))
    texts = [r["description"] for a, r in found.items() if "security_group" in a]
    assert len(texts) >= 10
    assert [t for t in texts if not re.fullmatch(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}", t)] == []


def test_who_reads_the_metrics_is_in_the_user_data(plan_of, tmp_path):
    data = tmp_path / "user-data"
    data.write_text(plan_of(metrics_port=9555, metrics_source_cidrs=["10.0.7.0/24"])["planned_values"]["outputs"]["user_data"]["value"])
    told = json.loads(data.read_text())
    assert told["host_firewall"] == {"metrics_from": ["10.0.7.0/24"]} and told["configuration"]["metrics"] == {"listen": ":9555"}
    checked = subprocess.run([BUILD / "gateway" / "eipgw-user-data", "--check", data], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "host_firewall" not in json.loads(plan_of(metrics_port=9555)["planned_values"]["outputs"]["user_data"]["value"])


def test_a_misspelt_argument_would_be_found(terraform, tmp_path):
    """Else the stand-in's schema would say nothing."""
    copy = tmp_path / "source"
    shutil.copytree(terraform.module.parent, copy, ignore=shutil.ignore_patterns(".terraform*", "terraform.tfvars.json", "plan"))
    gateways = copy / "terraform" / "gateways.tf"
    gateways.write_text(gateways.read_text(encoding="utf-8").replace("http_tokens ", "http_token "), encoding="utf-8")
    terraform.good(copy / "terraform", "init", "-input=false")
    done = terraform.run(copy / "terraform", "validate")
    assert done.returncode == 1 and 'An argument named "http_token" is not expected here' in done.stderr


def declared(kind):
    """Name and description of the module's variables or outputs."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((TOP / "terraform").glob("*.tf")))
    return {name: json.loads(f'"{description}"') for name, description in
            re.findall(rf'^{kind} "(\w+)" \{{\n  description = "(.*)"$', text, re.MULTILINE)}


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_the_readme_lists_what_there_is(kind):
    text = (TOP / "terraform" / "README.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {kind.capitalize()}s\n", 1)[1].split("\n## ", 1)[0]
    rows = {m[1]: m[2] for m in re.finditer(r"^\| `(\w+)` \|(?: .*? \|)? (.+?) \|$", section, re.MULTILINE)}
    # A row's default is in a column of its own.
    assert {name: rows.get(name) for name in declared(kind)} == declared(kind)
    assert rows.keys() == declared(kind).keys()
