# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# What the gateways' role may. The policies are those of docs/iam, with the deployment's name in them.

resource "aws_iam_role" "gateway" {
  name = "eipgw-${var.name}"
  tags = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

locals {
  policies = {
    tunnel = replace(replace(
      file("${path.module}/../docs/iam/tunnel.json"),
      "arn:aws:", "arn:${data.aws_partition.current.partition}:"),
    "\"example\"", jsonencode(var.name))

    secret = jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid      = "ReadTheSecret"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = aws_ssm_parameter.secret.arn
      }]
    })
  }
}

resource "aws_iam_role_policy" "gateway" {
  for_each = toset(["tunnel", "secret"])

  name   = "eipgw-${each.key}"
  role   = aws_iam_role.gateway.name
  policy = local.policies[each.key]
}

# The account's own key needs no permission: its policy lets everybody of the account use it by Systems Manager.
resource "aws_iam_role_policy" "secret_key" {
  count = var.secret_kms_key_id == null ? 0 : 1

  name = "eipgw-secret-key"
  role = aws_iam_role.gateway.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "DecryptTheSecret"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = var.secret_kms_key_id
    }]
  })
}

resource "aws_iam_role_policy_attachment" "session_manager" {
  count = var.attach_ssm_policy ? 1 : 0

  role       = aws_iam_role.gateway.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "gateway" {
  name = "eipgw-${var.name}"
  role = aws_iam_role.gateway.name
  tags = local.tags
}

# The group's secret: made here, never in the state, never in user data, which everything on an instance may read.

ephemeral "random_password" "secret" {
  length  = 64
  special = false
}

resource "aws_ssm_parameter" "secret" {
  name             = local.secret_parameter
  description      = "By which the gateways of ${var.name} know each other"
  type             = "SecureString"
  key_id           = var.secret_kms_key_id
  value_wo         = ephemeral.random_password.secret.result
  value_wo_version = var.secret_version
  tags             = local.tags
}

# What it may in the cluster is said there, by the group (deploy/rbac-gateway.yaml).
resource "aws_eks_access_entry" "gateway" {
  count = var.create_access_entry ? 1 : 0

  cluster_name      = var.cluster_name
  principal_arn     = aws_iam_role.gateway.arn
  kubernetes_groups = ["eipgw:gateways"]
  type              = "STANDARD"
  tags              = local.tags
}
