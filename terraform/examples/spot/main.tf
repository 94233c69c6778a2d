# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# Spot instances in two zones: a gateway that EC2 takes back hands over within its two minutes.

provider "aws" {
  region = "eu-central-1"
}

module "eipgw" {
  source = "../.."

  name   = "crawler"
  vpc_id = "vpc-0123456789abcdef0"
  subnet_ids = {
    "eu-central-1a" = "subnet-0123456789abcdef0"
    "eu-central-1b" = "subnet-0123456789abcdef1"
  }
  ami_id                  = "ami-0123456789abcdef0"
  instance_type           = "t4g.small"
  use_spot_instances      = true
  auto_rollout            = true
  cluster_name            = "staging"
  node_security_group_ids = ["sg-0123456789abcdef0"]
  egress_ips              = { crawler = {} }
}

output "user_data" {
  value = module.eipgw.user_data
}
