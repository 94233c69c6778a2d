# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The Terraform module with the real AWS provider, which makes it in moto; what is there then, boto3 tells.

Providers come from the registry, or from EIPGW_TERRAFORM_PROVIDERS, a folder in the layout of Terraform's filesystem mirror. moto has no access
entries of EKS.
"""

import json
import os

import pytest

from awspeers import KEYS
from installing import install
from terraform import TOP, Terraform, provider_mirror

MANAGED_POLICIES = True
REGION = "us-east-1"
ZONES = ("us-east-1a", "us-east-1b")
SERVICES = ("autoscaling", "cloudwatch", "ec2", "eks", "iam", "ssm", "sts")
# What moto tells otherwise than it was told, so that Terraform would change it again: it takes the tags of a launch template for
# tags of what is launched, and forgets the maintenance policy of an Auto Scaling group and descriptions of rules that name a group.
FORGOTTEN = {
    "aws_launch_template": {"tag_specifications", "default_version", "latest_version"},
    "aws_autoscaling_group": {"instance_maintenance_policy", "launch_template"},
    "aws_vpc_security_group_ingress_rule": {"description"},
    "aws_vpc_security_group_egress_rule": {"description"},
}
CLIENTS = """
asg, ssm, eks, cw = client("autoscaling"), client("ssm"), client("eks"), client("cloudwatch")
"""
MAKE = """
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
subnets = {zone: ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
           for i, zone in enumerate(ZONES)}
groups = [ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("nodes", "cluster")]
role = iam.create_role(RoleName="cluster", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
eks.create_cluster(name="production", roleArn=role, resourcesVpcConfig={"subnetIds": list(subnets.values())})
images = [i["ImageId"] for i in ec2.describe_images()["Images"]][:2]
show({"vpc": vpc, "subnets": subnets, "nodes": groups[0], "cluster": groups[1], "images": images})
"""


class Deployment:
    """A root module that uses ours, with what moto has for it."""

    def __init__(self, real, moto, folder):
        self.real, self.moto, self.folder = real, moto, folder
        moto.check_signatures(False)
        moto.post("moto-api/reset")
        self.made = self.boto(f"ZONES = {ZONES!r}\n" + MAKE)
        self.variables = {
            "name": "partners", "vpc_id": self.made["vpc"], "subnet_ids": self.made["subnets"], "ami_id": self.made["images"][0],
            "cluster_name": "production", "create_access_entry": False, "node_security_group_ids": [self.made["nodes"]],
            "cluster_security_group_id": self.made["cluster"], "egress_ips": {"bank": {}, "clearing": {}},
            # moto doesn't take the size from the image, and has no access entries.
            "ebs_root_volume_size": 8, "metrics_port": 9119, "metrics_source_cidrs": ["10.0.9.0/24"],
            "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:on-call"], "tags": {"team": "platform"}}

    def boto(self, code):
        return self.moto.boto(CLIENTS + code)

    def write(self, **variables):
        self.variables |= variables
        url = self.moto.url.rstrip("/")
        provider = {"region": REGION, "access_key": KEYS["AWS_ACCESS_KEY_ID"], "secret_key": KEYS["AWS_SECRET_ACCESS_KEY"],
                    "skip_credentials_validation": True, "skip_metadata_api_check": "true",
                    "endpoints": [dict.fromkeys(SERVICES, url)]}
        self.folder.mkdir(exist_ok=True)
        (self.folder / "main.tf.json").write_text(json.dumps({
            "provider": {"aws": provider},
            "module": {"eipgw": {"source": os.path.relpath(self.real.module, self.folder)} | self.variables},
            "output": {name: {"value": f"${{module.eipgw.{name}}}"} for name in
                       ("egress_ips", "user_data", "security_group_id", "autoscaling_group_names", "secret_parameter")},
        }, indent=1), encoding="utf-8")

    def apply(self, **variables):
        self.write(**variables)
        self.real.good(self.folder, "init", "-input=false")
        self.real.good(self.folder, "apply", "-auto-approve", "-input=false")
        assert self.unsettled() == []
        return {k: v["value"] for k, v in json.loads(self.real.good(self.folder, "output", "-json")).items()}

    def unsettled(self):
        """What another apply would do, besides what moto has forgotten."""
        found = []
        for resource in self.real.planned(self.folder)["resource_changes"]:
            change = resource["change"]
            if change["actions"] in (["no-op"], ["read"]):
                continue
            before, after = change["before"] or {}, change["after"] or {}
            keys = {k for k in before.keys() | after.keys() | change["after_unknown"].keys() if before.get(k) != after.get(k)}
            if change["actions"] != ["update"] or not keys <= FORGOTTEN.get(resource["type"], set()):
                found.append((resource["address"], change["actions"], sorted(keys)))
        return found

    def state(self):
        return (self.folder / "terraform.tfstate").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    place = install(TOP / "tests" / "appliance" / "peers-terraform")
    return Terraform(place, provider_mirror(place / "terraform"), tmp_path_factory.mktemp("real"))


@pytest.fixture
def deployment(real, moto, tmp_path):
    return Deployment(real, moto, tmp_path / "root")


def test_what_is_made_is_there(deployment):
    told = deployment.apply(api_access="vpc_endpoints")
    found = deployment.boto("""
template = ec2.describe_launch_templates()["LaunchTemplates"][0]
show({
    "addresses": ec2.describe_addresses()["Addresses"],
    "template": ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])["LaunchTemplateVersions"],
    "groups": asg.describe_auto_scaling_groups()["AutoScalingGroups"],
    "rules": ec2.describe_security_group_rules()["SecurityGroupRules"],
    "policies": {n: iam.get_role_policy(RoleName="eipgw-partners", PolicyName=n)["PolicyDocument"]
                 for n in iam.list_role_policies(RoleName="eipgw-partners")["PolicyNames"]},
    "attached": iam.list_attached_role_policies(RoleName="eipgw-partners")["AttachedPolicies"],
    "profile": iam.get_instance_profile(InstanceProfileName="eipgw-partners")["InstanceProfile"],
    "secret": ssm.get_parameter(Name="/eipgw/partners/secret", WithDecryption=True)["Parameter"],
    "alarms": cw.describe_alarms()["MetricAlarms"],
    "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
})""")
    assert {a["AllocationId"]: a["PublicIp"] for a in found["addresses"]} == \
        {ip["allocation_id"]: ip["public_ip"] for ip in told["egress_ips"].values()}
    assert all({"Key": "eipgw", "Value": "partners"} in a["Tags"] for a in found["addresses"])

    [version] = found["template"]
    data = version["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required" and data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert data["ImageId"] == deployment.made["images"][0]
    [interface] = data["NetworkInterfaces"]
    assert interface["Groups"] == [told["security_group_id"]]
    assert {tags["ResourceType"] for tags in data["TagSpecifications"]} - {"launch-template"} == {"instance", "network-interface", "volume"}

    groups = {g["AutoScalingGroupName"]: g for g in found["groups"]}
    assert groups.keys() == {f"eipgw-partners-{zone}" for zone in ZONES} == set(told["autoscaling_group_names"].values())
    for zone in ZONES:
        group = groups[f"eipgw-partners-{zone}"]
        assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) == (1, 1, 1)
        assert group["VPCZoneIdentifier"] == deployment.made["subnets"][zone]
        assert [i["AvailabilityZone"] for i in group["Instances"]] == [zone]
        assert {t["Key"]: t["Value"] for t in group["Tags"]}["eipgw"] == "partners"

    own = {(not r["IsEgress"], r["IpProtocol"], r.get("FromPort"), r.get("ToPort"),
            r.get("CidrIpv4") or r["ReferencedGroupInfo"]["GroupId"]) for r in found["rules"] if r["GroupId"] == told["security_group_id"]}
    assert own == {
        (True, "udp", 4789, 4789, deployment.made["nodes"]), (True, "udp", 7420, 7420, told["security_group_id"]),
        (True, "tcp", 7421, 7421, told["security_group_id"]), (True, "tcp", 9119, 9119, "10.0.9.0/24"),
        (True, "tcp", 0, 65535, "0.0.0.0/0"), (True, "udp", 0, 65535, "0.0.0.0/0"), (False, "-1", -1, -1, "0.0.0.0/0")}

    assert found["policies"].keys() == {"eipgw-tunnel", "eipgw-secret"}
    assert [p["PolicyName"] for p in found["attached"]] == ["AmazonSSMManagedInstanceCore"]
    assert [r["RoleName"] for r in found["profile"]["Roles"]] == ["eipgw-partners"]
    assert found["secret"]["Type"] == "SecureString" and len(found["secret"]["Value"]) == 64
    assert found["secret"]["Value"] not in deployment.state() + told["user_data"]
    assert len(found["alarms"]) == 4
    assert {e["ServiceName"].rsplit(".", 1)[1] for e in found["endpoints"]} == {"autoscaling", "ec2", "ssm", "ssmmessages"}


def test_an_image_is_replaced_and_the_addresses_stay(deployment):
    before = deployment.apply()["egress_ips"]
    after = deployment.apply(ami_id=deployment.made["images"][1])["egress_ips"]
    versions = deployment.boto("""
template = ec2.describe_launch_templates()["LaunchTemplates"][0]["LaunchTemplateId"]
show([v["LaunchTemplateData"]["ImageId"] for v in ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]])
""")
    assert before == after
    assert sorted(versions) == sorted(deployment.made["images"])


def test_a_zone_goes_and_the_other_stays(deployment):
    """None comes: moto fails over the user data of a launch template whose version isn't its first."""
    ask = 'show({g["AutoScalingGroupName"]: g["Instances"][0]["InstanceId"] for g in asg.describe_auto_scaling_groups()["AutoScalingGroups"]})'
    deployment.apply()
    both = deployment.boto(ask)
    deployment.apply(subnet_ids={ZONES[0]: deployment.made["subnets"][ZONES[0]]})
    assert deployment.boto(ask) == {f"eipgw-partners-{ZONES[0]}": both[f"eipgw-partners-{ZONES[0]}"]}


def test_destroy_stops_at_addresses_that_it_allocated(deployment):
    told = deployment.apply()
    gone = deployment.real.run(deployment.folder, "destroy", "-auto-approve", "-input=false")
    assert gone.returncode != 0 and "prevent_destroy" in gone.stderr, gone.stdout + gone.stderr
    assert len(deployment.boto('show(ec2.describe_addresses()["Addresses"])')) == 2
    assert len(deployment.boto('show(asg.describe_auto_scaling_groups()["AutoScalingGroups"])')) == 2

    # As terraform/README.md says.
    deployment.real.good(deployment.folder, "state", "rm", "module.eipgw.aws_eip.egress")
    deployment.real.good(deployment.folder, "destroy", "-auto-approve", "-input=false")
    left = deployment.boto('show([a["AllocationId"] for a in ec2.describe_addresses()["Addresses"]])')
    assert sorted(left) == sorted(ip["allocation_id"] for ip in told["egress_ips"].values())


def test_existing_addresses_are_adopted_and_outlive_it(deployment):
    address = deployment.boto("""
show(ec2.allocate_address(Domain="vpc", Address="198.51.100.7", TagSpecifications=[
    {"ResourceType": "elastic-ip", "Tags": [{"Key": "owner", "Value": "finance"}]}]))""")["AllocationId"]
    tags = """
show({t["Key"]: t["Value"] for t in ec2.describe_addresses(AllocationIds=[%r])["Addresses"][0]["Tags"]})""" % address
    told = deployment.apply(egress_ips={"bank": {"allocation_id": address}})
    assert told["egress_ips"] == {"bank": {"allocation_id": address, "public_ip": "198.51.100.7"}}
    assert deployment.boto(tags) == {"owner": "finance", "eipgw": "partners"}

    deployment.real.good(deployment.folder, "destroy", "-auto-approve", "-input=false")
    assert deployment.boto(tags) == {"owner": "finance"}
    assert deployment.boto("""
show([asg.describe_auto_scaling_groups()["AutoScalingGroups"], ec2.describe_launch_templates()["LaunchTemplates"],
      ec2.describe_vpc_endpoints()["VpcEndpoints"], cw.describe_alarms()["MetricAlarms"], ssm.describe_parameters()["Parameters"],
      [r for r in iam.list_roles()["Roles"] if r["RoleName"] != "cluster"],
      [g for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] not in ("nodes", "cluster", "default")]])
""") == [[], [], [], [], [], [], []]
