# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# What all files of the module use, and what is looked up.

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_vpc" "this" {
  id = var.vpc_id
}

data "aws_eks_cluster" "this" {
  name = var.cluster_name
}

data "aws_ec2_instance_type" "gateway" {
  instance_type = var.instance_type
}

locals {
  tags = merge(var.tags, { eipgw = var.name })

  # The hook by which a gateway that is to go hands over first.
  lifecycle_hook = "leave"

  secret_parameter = "/eipgw/${var.name}/secret"
}
