# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# One gateway, one new Elastic IP. When the gateway is replaced, connections wait until the new one is there.

provider "aws" {
  region = "eu-central-1"
}

module "eipgw" {
  source = "../.."

  name                    = "partners"
  vpc_id                  = "vpc-0123456789abcdef0"
  subnet_ids              = { "eu-central-1a" = "subnet-0123456789abcdef0" }
  ami_id                  = "ami-0123456789abcdef0"
  cluster_name            = "production"
  node_security_group_ids = ["sg-0123456789abcdef0"]
  egress_ips              = { bank = {} }
  always_excluded         = ["172.20.0.0/16"]
}

output "egress_ips" {
  value = module.eipgw.egress_ips
}

output "egress_gateway" {
  value = module.eipgw.egress_gateway
}

output "user_data" {
  value = module.eipgw.user_data
}
