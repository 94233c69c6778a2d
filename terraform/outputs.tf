# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

output "name" {
  description = "Name of the deployment and of its EgressGateway."
  value       = var.name
}

output "egress_ips" {
  description = "The egress IPs by name, each with allocation_id and public_ip: what partners allow-list."
  value       = local.egress_ips
}

output "egress_gateway" {
  description = "The EgressGateway, for `kubectl apply -f -`."
  value = yamlencode({
    apiVersion = "eipgw.io/v1alpha1"
    kind       = "EgressGateway"
    metadata   = { name = var.name }
    spec       = { egressIPs = [for name, ip in local.egress_ips : { name = name, allocationID = ip.allocation_id }] }
  })
}

output "user_data" {
  description = "What a gateway is given as user data; it has no secret in it."
  value       = local.user_data
}

output "security_group_id" {
  description = "The gateways' security group."
  value       = aws_security_group.gateway.id
}

output "role_arn" {
  description = "The gateways' role."
  value       = aws_iam_role.gateway.arn
}

output "role_name" {
  description = "The gateways' role, by name."
  value       = aws_iam_role.gateway.name
}

output "instance_profile_arn" {
  description = "The gateways' instance profile."
  value       = aws_iam_instance_profile.gateway.arn
}

output "launch_template_id" {
  description = "The gateways' launch template."
  value       = aws_launch_template.gateway.id
}

output "autoscaling_group_names" {
  description = "The Auto Scaling groups, by availability zone."
  value       = { for zone, group in aws_autoscaling_group.gateway : zone => group.name }
}

output "secret_parameter" {
  description = "The Systems Manager parameter that has the group's secret."
  value       = aws_ssm_parameter.secret.name
}
