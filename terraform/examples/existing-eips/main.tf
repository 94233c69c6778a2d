# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# Elastic IPs that partners have on their lists already, such as those of a NAT gateway that has been deleted. They are
# adopted, and stay when this is destroyed.

provider "aws" {
  region = "eu-central-1"
}

module "eipgw" {
  source = "../.."

  name   = "partners"
  vpc_id = "vpc-0123456789abcdef0"
  subnet_ids = {
    "eu-central-1a" = "subnet-0123456789abcdef0"
    "eu-central-1b" = "subnet-0123456789abcdef1"
  }
  ami_id                  = "ami-0123456789abcdef0"
  cluster_name            = "production"
  create_access_entry     = false
  node_security_group_ids = ["sg-0123456789abcdef0"]
  egress_ips = {
    bank     = { allocation_id = "eipalloc-0123456789abcdef0" }
    clearing = { allocation_id = "eipalloc-0123456789abcdef1" }
  }
  configuration = {
    conntrack_max = 1000000
    self_test     = { urls = ["https://checkip.amazonaws.com"] }
  }
}

output "egress_ips" {
  value = module.eipgw.egress_ips
}

output "user_data" {
  value = module.eipgw.user_data
}
