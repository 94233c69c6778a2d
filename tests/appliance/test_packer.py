# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The template of the image, by Packer itself: well-formed, and its EC2 side against moto. What is in an image is tests/lab/test_image.py's."""

import json
import os
import re
import shutil
import subprocess

import pytest

from awspeers import TOP, clean_env

TEMPLATE = TOP / "packer"


def packer(tmp_path, *words, template=TEMPLATE, **more):
    env = clean_env(CHECKPOINT_DISABLE="1", PACKER_CACHE_DIR=str(tmp_path / "cache"), AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
                    AWS_SECRET_ACCESS_KEY="secret", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null", **more)
    return subprocess.run(["packer", *words, template], capture_output=True, text=True, check=False, timeout=300, env=env, cwd=tmp_path)


@pytest.fixture
def variables(tmp_path):
    (tmp_path / "packages").mkdir()
    return ["-var", f"packages={tmp_path}/packages", "-var", f"output={tmp_path}/image"]


def test_the_template_is_in_packers_own_form(tmp_path):
    done = packer(tmp_path, "fmt", "-check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_template_is_valid_for_both_architectures_and_no_other(tmp_path, variables):
    for architecture in ("arm64", "x86_64"):
        done = packer(tmp_path, "validate", *variables, "-var", f"architecture={architecture}")
        assert done.returncode == 0, done.stdout + done.stderr
    done = packer(tmp_path, "validate", *variables, "-var", "architecture=riscv64")
    assert done.returncode and "arm64 or x86_64" in done.stdout + done.stderr


@pytest.fixture
def unprovisioned(tmp_path):
    """The template without what needs a machine to log in to, which moto hasn't."""
    place = shutil.copytree(TEMPLATE, tmp_path / "template")
    file = place / "eipgw.pkr.hcl"
    text, left_out = re.subn(r'^  provisioner "\w+" \{\n.*?^  \}\n', "", file.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert left_out > 5 and "post-processor" in text
    file.write_text(text, encoding="utf-8")
    return place


@pytest.fixture
def aws_recorder(tmp_path):
    """An `aws` that notes what it's asked for: moto doesn't know imds-support. Its folder, and the notes."""
    folder, notes = tmp_path / "bin", tmp_path / "asked"
    folder.mkdir()
    (folder / "aws").write_text(f'#!/bin/sh\necho "$*" >>{notes}\n', encoding="ascii")
    (folder / "aws").chmod(0o755)
    return folder, notes


def test_an_image_for_ec2_is_tagged_and_wants_imdsv2(tmp_path, variables, moto, aws_recorder, unprovisioned):
    folder, notes = aws_recorder
    base = moto.boto('show(ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"][0]["ImageId"])')
    done = packer(tmp_path, "build", "-only=amazon-ebs.gateway", *variables, "-var", "architecture=x86_64", "-var", "region=us-east-1",
                  "-var", "version=1.2.3", "-var", f"ec2_endpoint={moto.url.rstrip('/')}", "-var", "ec2_communicator=none",
                  "-var", f"source_ami={base}", template=unprovisioned, PATH=f"{folder}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stdout + done.stderr

    [made] = json.loads((tmp_path / "image.json").read_text(encoding="utf-8"))["builds"]
    region, _, image = made["artifact_id"].partition(":")
    assert region == "us-east-1"
    told = moto.boto(f'show(ec2.describe_images(ImageIds=["{image}"])["Images"][0])')
    assert told["Name"].startswith("eipgw-gateway-1.2.3-x86_64-")
    assert {"Key": "eipgw:version", "Value": "1.2.3"} in told["Tags"]
    assert notes.read_text(encoding="ascii") == f"ec2 modify-image-attribute --region us-east-1 --image-id {image} --imds-support v2.0\n"
    states = moto.boto('show([i["State"]["Name"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]])')
    assert set(states) == {"terminated"}
