# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# The Elastic IPs: partners have them on their lists, so nothing here ever releases one.

resource "aws_eip" "egress" {
  for_each = { for name, ip in var.egress_ips : name => ip if ip.allocation_id == null }

  domain = "vpc"
  tags   = merge(local.tags, { Name = "${var.name}-${each.key}" })

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_eip" "existing" {
  for_each = { for name, ip in var.egress_ips : name => ip if ip.allocation_id != null }

  id = each.value.allocation_id
}

# The gateways may touch what has this tag, and nothing else.
resource "aws_ec2_tag" "existing" {
  for_each = data.aws_eip.existing

  resource_id = each.value.id
  key         = "eipgw"
  value       = var.name
}

locals {
  egress_ips = merge(
    { for name, eip in aws_eip.egress : name => { allocation_id = eip.allocation_id, public_ip = eip.public_ip } },
    { for name, eip in data.aws_eip.existing : name => { allocation_id = eip.id, public_ip = eip.public_ip } },
  )
}
