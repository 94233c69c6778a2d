# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# Two gateways that take over from each other, without public addresses of their own, with metrics, log and alarms.

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
  ami_id                    = "ami-0123456789abcdef0"
  instance_type             = "c7gn.large"
  cluster_name              = "production"
  cluster_security_group_id = "sg-0123456789abcdef1"
  node_security_group_ids   = ["sg-0123456789abcdef0"]
  api_access                = "vpc_endpoints"
  egress_ips                = { bank = {}, clearing = {} }
  always_excluded           = ["172.20.0.0/16"]
  metrics_port              = 9119
  nat_log                   = true
  alarm_actions             = ["arn:aws:sns:eu-central-1:123456789012:on-call"]
  max_instance_lifetime     = 1209600
  tags                      = { team = "platform" }
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
