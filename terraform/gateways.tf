# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# The instances: one in each zone, replaced by the zone's Auto Scaling group.

locals {
  # eipgw-gateway.json(5). What only the instance knows, it fills in.
  configuration = merge({
    source          = "kubernetes"
    ownership       = "ec2"
    always_excluded = distinct(concat([for range in data.aws_vpc.this.cidr_block_associations : range.cidr_block], var.always_excluded))
    kubernetes = {
      group = var.name
      eks = {
        cluster                    = var.cluster_name
        endpoint                   = data.aws_eks_cluster.this.endpoint
        certificate_authority_data = data.aws_eks_cluster.this.certificate_authority[0].data
      }
    }
    failover = { lifecycle_hook = local.lifecycle_hook }
    },
    var.metrics_port == null ? {} : { metrics = { listen = ":${var.metrics_port}" } },
    var.nat_log ? { log = { file = { path = "/var/log/eipgw/nat.log" } } } : {},
    var.configuration,
  )

  # eipgw-user-data(8)
  user_data = jsonencode(merge({
    eipgw         = 1
    secret        = { parameter = local.secret_parameter }
    configuration = local.configuration
    },
    length(var.metrics_source_cidrs) == 0 ? {} : { host_firewall = { metrics_from = var.metrics_source_cidrs } },
  ))
}

resource "aws_launch_template" "gateway" {
  name_prefix                          = "eipgw-${var.name}-"
  description                          = "Gateways of ${var.name}"
  image_id                             = var.ami_id
  instance_type                        = var.instance_type
  update_default_version               = true
  instance_initiated_shutdown_behavior = "terminate"
  user_data                            = base64encode(local.user_data)
  tags                                 = local.tags

  iam_instance_profile {
    arn = aws_iam_instance_profile.gateway.arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    # By its tag a gateway knows which Auto Scaling group it is in.
    instance_metadata_tags = "enabled"
  }

  # eipgwd assigns the egress IPs' private addresses itself: here EC2 takes their number only for launches of a single instance.
  network_interfaces {
    device_index                = 0
    associate_public_ip_address = var.api_access == "public_ip"
    security_groups             = concat([aws_security_group.gateway.id], var.additional_security_group_ids)
    delete_on_termination       = true
  }

  block_device_mappings {
    device_name = var.ebs_root_device_name

    ebs {
      encrypted             = true
      kms_key_id            = var.kms_key_id
      volume_type           = "gp3"
      volume_size           = var.ebs_root_volume_size == 0 ? null : var.ebs_root_volume_size
      delete_on_termination = true
    }
  }

  dynamic "instance_market_options" {
    for_each = var.use_spot_instances ? [1] : []

    content {
      market_type = "spot"
    }
  }

  # The gateways' rights are bounded by the tag of the network interface.
  dynamic "tag_specifications" {
    for_each = ["instance", "network-interface", "volume"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = "eipgw-${var.name}" })
    }
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = length(local.user_data) <= 16384
      error_message = "The user data have ${length(local.user_data)} bytes, and EC2 takes 16384."
    }
    precondition {
      condition     = length(var.egress_ips) < data.aws_ec2_instance_type.gateway.maximum_ipv4_addresses_per_interface
      error_message = "${length(var.egress_ips)} egress IPs need as many private addresses on a gateway's network interface besides its own; an ${var.instance_type} has ${data.aws_ec2_instance_type.gateway.maximum_ipv4_addresses_per_interface} in all."
    }
  }
}

resource "aws_autoscaling_group" "gateway" {
  for_each = var.subnet_ids

  name                  = "eipgw-${var.name}-${each.key}"
  vpc_zone_identifier   = [each.value]
  min_size              = 1
  max_size              = 1
  desired_capacity      = 1
  health_check_type     = "EC2"
  capacity_rebalance    = var.use_spot_instances
  max_instance_lifetime = var.max_instance_lifetime
  enabled_metrics       = ["GroupInServiceInstances"]

  launch_template {
    id      = aws_launch_template.gateway.id
    version = aws_launch_template.gateway.latest_version
  }

  # From the first instance on. It waits as long as the gateway says that it hands over.
  initial_lifecycle_hook {
    name                 = local.lifecycle_hook
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = var.lifecycle_heartbeat_timeout
    default_result       = "CONTINUE"
  }

  # The new one first.
  instance_maintenance_policy {
    min_healthy_percentage = 100
    max_healthy_percentage = 200
  }

  dynamic "instance_refresh" {
    for_each = var.auto_rollout ? [1] : []

    content {
      strategy = "Rolling"

      preferences {
        min_healthy_percentage = 100
        max_healthy_percentage = 200
        skip_matching          = true
      }
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { Name = "eipgw-${var.name}" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false
    }
  }

  # A gateway asks for each of these in its first seconds.
  depends_on = [
    aws_ec2_tag.existing,
    aws_eks_access_entry.gateway,
    aws_iam_role_policy.gateway,
    aws_iam_role_policy.secret_key,
    aws_ssm_parameter.secret,
    aws_vpc_endpoint.api,
    aws_vpc_security_group_egress_rule.all,
    aws_vpc_security_group_ingress_rule.untracked,
  ]
}

resource "aws_cloudwatch_metric_alarm" "in_service" {
  for_each = length(var.alarm_actions) > 0 ? aws_autoscaling_group.gateway : {}

  alarm_name          = "${each.value.name}-in-service"
  alarm_description   = "No gateway of ${var.name} is in service in ${each.key}"
  namespace           = "AWS/AutoScaling"
  metric_name         = "GroupInServiceInstances"
  dimensions          = { AutoScalingGroupName = each.value.name }
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "status_check" {
  for_each = length(var.alarm_actions) > 0 ? aws_autoscaling_group.gateway : {}

  alarm_name          = "${each.value.name}-status-check"
  alarm_description   = "A gateway of ${var.name} in ${each.key} fails EC2's status checks"
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  dimensions          = { AutoScalingGroupName = each.value.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = local.tags
}
