# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
#
# A gateway's image, for EC2 and for qemu, by the same provisioning. Packer 1.6.6 (Debian 12's) or later; README.md says how.

packer {
  required_version = ">= 1.6.6"
}

variable "packages" {
  type        = string
  description = "The folder with eipgw-gateway_*.deb and eipgw-cli_*.deb, as tools/package makes them, for this architecture."
}

variable "version" {
  type        = string
  default     = "dev"
  description = "Goes into names and tags."
}

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "arm64 or x86_64, for EC2."
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "ami_users" {
  type        = list(string)
  default     = []
  description = "Accounts that may use the image beside the one that builds it."
}

variable "kms_key_id" {
  type        = string
  default     = ""
  description = "The key of the root volume; empty: the account's default for EBS. Accounts that the image is shared with need it."
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Where the building instance runs; empty: the default VPC."
}

variable "ssh_interface" {
  type        = string
  default     = "public_ip"
  description = "How Packer reaches the building instance: public_ip, private_ip or session_manager."
}

variable "source_ami_owner" {
  type        = string
  default     = "136693071363"
  description = "Debian's account (https://wiki.debian.org/Cloud/AmazonEC2Image/Bookworm)."
}

variable "source_ami" {
  type        = string
  default     = ""
  description = "This image instead of Debian's newest."
}

variable "ssm_agent_key" {
  type        = string
  default     = "/dev/null"
  description = "A file with the key that AWS signs its Systems Manager agent with (provision/ssm.sh). Needed for EC2."
}

variable "ec2_endpoint" {
  type        = string
  default     = ""
  description = "Another EC2, for tests."
}

variable "ec2_communicator" {
  type        = string
  default     = "ssh"
  description = "none: only EC2's side is tried, nothing is provisioned. For tests."
}

variable "base_image" {
  type        = string
  default     = "base.raw"
  description = "What packer/base-image has made, for qemu."
}

variable "output" {
  type        = string
  default     = "build/image"
  description = "The folder for qemu's image; it must not be there yet."
}

variable "compress" {
  type        = bool
  default     = true
  description = "Whether qemu's image is made small, which takes a minute."
}

locals {
  name = "eipgw-gateway-${var.version}-${var.architecture}-${formatdate("YYYYMMDDhhmmss", timestamp())}"
  debian = {
    arm64  = { architecture = "arm64", instance_type = "t4g.small" }
    x86_64 = { architecture = "amd64", instance_type = "t3.small" }
  }[var.architecture]
}

source "amazon-ebs" "gateway" {
  region                      = var.region
  custom_endpoint_ec2         = var.ec2_endpoint
  skip_region_validation      = var.ec2_endpoint != ""
  skip_metadata_api_check     = var.ec2_endpoint != ""
  instance_type               = local.debian.instance_type
  subnet_id                   = var.subnet_id
  associate_public_ip_address = var.ssh_interface == "public_ip"

  source_ami = var.source_ami
  source_ami_filter {
    filters = {
      name                = "debian-12-${local.debian.architecture}-*"
      architecture        = var.architecture
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    owners      = [var.source_ami_owner]
    most_recent = true
  }

  ami_name        = local.name
  ami_description = "eipgw gateway ${var.version}: egress NAT for chosen pods"
  ami_users       = var.ami_users
  ena_support     = true
  encrypt_boot    = true
  kms_key_id      = var.kms_key_id

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_type           = "gp3"
    volume_size           = 8
    iops                  = 3000
    throughput            = 125
    delete_on_termination = true
  }

  communicator  = var.ec2_communicator
  ssh_username  = "admin"
  ssh_interface = var.ssh_interface

  run_tags        = { Name = "building ${local.name}" }
  run_volume_tags = { Name = "building ${local.name}" }
  tags = {
    Name            = local.name
    "eipgw:version" = var.version
    "eipgw:base"    = "{{ .SourceAMIName }}"
  }
}

source "qemu" "gateway" {
  iso_url          = var.base_image
  iso_checksum     = "none"
  disk_image       = true
  format           = "qcow2"
  disk_compression = var.compress
  skip_resize_disk = true
  output_directory = var.output
  vm_name          = "eipgw-gateway.qcow2"

  accelerator  = "tcg"
  machine_type = "q35"
  memory       = 768
  cpus         = 2
  headless     = true
  net_device   = "virtio-net"
  qemuargs     = [["-cpu", "qemu64"], ["-display", "none"]]

  ssh_username     = "root"
  ssh_password     = "packer"
  ssh_timeout      = "10m"
  boot_wait        = "1s"
  shutdown_command = "sh /var/tmp/eipgw/last.sh"
  shutdown_timeout = "5m"
}

build {
  sources = ["source.amazon-ebs.gateway", "source.qemu.gateway"]

  provisioner "shell" {
    inline = ["mkdir -p /var/tmp/eipgw/packages"]
  }
  provisioner "file" {
    source      = "${var.packages}/"
    destination = "/var/tmp/eipgw/packages"
  }
  provisioner "file" {
    source      = "${path.root}/files"
    destination = "/var/tmp/eipgw"
  }
  provisioner "file" {
    sources     = ["${path.root}/packages.txt", "${path.root}/provision/last.sh"]
    destination = "/var/tmp/eipgw/"
  }
  provisioner "shell" {
    scripts         = ["${path.root}/provision/packages.sh", "${path.root}/provision/host.sh"]
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }}"
    only            = ["amazon-ebs.gateway"]
  }
  provisioner "shell" {
    scripts         = ["${path.root}/provision/packages.sh", "${path.root}/provision/host.sh"]
    execute_command = "chmod +x {{ .Path }}; env {{ .Vars }} {{ .Path }}"
    only            = ["qemu.gateway"]
  }
  provisioner "file" {
    source      = var.ssm_agent_key
    destination = "/var/tmp/eipgw/amazon-ssm-agent.gpg"
    only        = ["amazon-ebs.gateway"]
  }
  provisioner "shell" {
    scripts          = ["${path.root}/provision/ssm.sh"]
    environment_vars = ["REGION=${var.region}"]
    execute_command  = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }}"
    only             = ["amazon-ebs.gateway"]
  }
  # EC2 stops the instance by itself; what comes last has to come before.
  provisioner "shell" {
    inline = ["sudo sh /var/tmp/eipgw/last.sh keep-running"]
    only   = ["amazon-ebs.gateway"]
  }

  post-processor "manifest" {
    output     = "${var.output}.json"
    strip_path = true
  }
  # That instances of the image refuse IMDSv1 is an attribute that Packer 1.6 can't set. The module's launch template says so, too.
  post-processor "shell-local" {
    inline = ["${path.root}/require-imdsv2 ${var.output}.json ${var.region}"]
    only   = ["amazon-ebs.gateway"]
  }
}
