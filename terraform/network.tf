# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# Who may send what to whom, and why: docs/HA.md, "Security groups, and why".

resource "aws_security_group" "gateway" {
  name_prefix = "eipgw-${var.name}-"
  description = "Gateways of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(local.tags, { Name = "eipgw-${var.name}" })

  lifecycle {
    create_before_destroy = true
  }
}

# All of it, so that EC2 tracks no connection: those that it tracks don't survive the gateway that they began on. What may
# really come in is up to eipgwd's rules and the image's firewall.
resource "aws_vpc_security_group_ingress_rule" "untracked" {
  for_each = toset(["tcp", "udp"])

  security_group_id = aws_security_group.gateway.id
  description       = "Untracked, so that connections survive a gateway"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = each.key
  from_port         = 0
  to_port           = 65535
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.gateway.id
  description       = "Traffic of pods and of the gateways"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  tags              = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "tunnel_to_gateways" {
  count = length(var.node_security_group_ids)

  security_group_id            = aws_security_group.gateway.id
  description                  = "The tunnel, from the nodes"
  referenced_security_group_id = var.node_security_group_ids[count.index]
  ip_protocol                  = "udp"
  from_port                    = 4789
  to_port                      = 4789
  tags                         = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "group" {
  for_each = { heartbeats = { protocol = "udp", port = 7420 }, connections = { protocol = "tcp", port = 7421 } }

  security_group_id            = aws_security_group.gateway.id
  description                  = "Gateways among themselves: ${each.key}"
  referenced_security_group_id = aws_security_group.gateway.id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
  tags                         = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "metrics" {
  for_each = toset(var.metrics_source_cidrs)

  security_group_id = aws_security_group.gateway.id
  description       = "Metrics"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = var.metrics_port
  to_port           = var.metrics_port
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "tunnel_from_nodes" {
  count = length(var.node_security_group_ids)

  security_group_id            = var.node_security_group_ids[count.index]
  description                  = "eipgw ${var.name}: the tunnel, to the gateways"
  referenced_security_group_id = aws_security_group.gateway.id
  ip_protocol                  = "udp"
  from_port                    = 4789
  to_port                      = 4789
  tags                         = local.tags
}

# For EC2 it's no answer: the port isn't the one that the node sent from.
resource "aws_vpc_security_group_ingress_rule" "tunnel_to_nodes" {
  count = length(var.node_security_group_ids)

  security_group_id            = var.node_security_group_ids[count.index]
  description                  = "eipgw ${var.name}: the tunnel, from the gateways"
  referenced_security_group_id = aws_security_group.gateway.id
  ip_protocol                  = "udp"
  from_port                    = 4789
  to_port                      = 4789
  tags                         = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "cluster" {
  count = var.cluster_security_group_id == null ? 0 : 1

  security_group_id            = var.cluster_security_group_id
  description                  = "eipgw ${var.name}: the gateways to the API server"
  referenced_security_group_id = aws_security_group.gateway.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = local.tags
}

# Ways to AWS' APIs for gateways that have no public address.

locals {
  endpoints = var.api_access == "vpc_endpoints" ? toset(["autoscaling", "ec2", "ssm", "ssmmessages"]) : toset([])
}

resource "aws_security_group" "endpoints" {
  count = length(local.endpoints) > 0 ? 1 : 0

  name_prefix = "eipgw-${var.name}-endpoints-"
  description = "Interface endpoints for the gateways of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(local.tags, { Name = "eipgw-${var.name}-endpoints" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = length(local.endpoints) > 0 ? 1 : 0

  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "APIs of AWS, from the gateways"
  referenced_security_group_id = aws_security_group.gateway.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = local.tags
}

resource "aws_vpc_endpoint" "api" {
  for_each = local.endpoints

  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.${data.aws_region.current.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = values(var.subnet_ids)
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true
  tags                = merge(local.tags, { Name = "eipgw-${var.name}-${each.key}" })
}
