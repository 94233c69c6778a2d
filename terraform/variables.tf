# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors

# Which gateways

variable "name" {
  description = "Name of the deployment and of its EgressGateway; the value of the tag `eipgw` by which the gateways' rights are bounded."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "name: 1 to 32 of a-z, 0-9 and '-', not at either end; names of roles and groups are made of it."
  }
}

variable "vpc_id" {
  description = "The cluster's VPC."
  type        = string

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id: isn't the ID of a VPC (vpc-...)."
  }
}

variable "subnet_ids" {
  description = "A public subnet for each gateway, by availability zone: `{ \"eu-central-1a\" = \"subnet-...\" }`. One gateway stands in each; two or more take over from each other."
  type        = map(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "subnet_ids: at least one zone is needed; two or more, so that one gateway can replace another."
  }
  validation {
    condition     = alltrue([for zone in keys(var.subnet_ids) : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$|^[a-z]{2}(-[a-z]+)+-[0-9](-[a-z]+)+-[0-9][a-z]$", zone))])
    error_message = "subnet_ids: the keys are names of availability zones, such as eu-central-1a."
  }
}

variable "ami_id" {
  description = "The gateways' image, with the package eipgw-gateway in it; for the architecture of `instance_type`."
  type        = string

  validation {
    condition     = can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "ami_id: isn't the ID of an image (ami-...)."
  }
}

variable "instance_type" {
  description = "The gateways' instance type."
  type        = string
  default     = "c7gn.medium"

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.instance_type))
    error_message = "instance_type: isn't of the form FAMILY.SIZE, such as c7gn.medium."
  }
}

variable "use_spot_instances" {
  description = "Spot instances instead of on-demand ones. A gateway that is to be taken back hands over first; if all of them are at once, nobody carries the egress IPs."
  type        = bool
  default     = false
}

variable "max_instance_lifetime" {
  description = "Seconds after which an instance is replaced by a new one; 0: never."
  type        = number
  default     = 0

  validation {
    condition     = var.max_instance_lifetime == 0 || (var.max_instance_lifetime >= 86400 && var.max_instance_lifetime <= 31536000)
    error_message = "max_instance_lifetime: 0, or from a day (86400) to a year (31536000)."
  }
}

variable "auto_rollout" {
  description = "Whether a change of image or configuration replaces the gateways by itself, in all zones at the same time, each by a new one first. Otherwise start an instance refresh zone by zone."
  type        = bool
  default     = false
}

variable "lifecycle_heartbeat_timeout" {
  description = "Seconds for which the Auto Scaling group waits for a gateway that doesn't say that it still hands over; it says so every 15."
  type        = number
  default     = 60

  validation {
    condition     = var.lifecycle_heartbeat_timeout >= 30 && var.lifecycle_heartbeat_timeout <= 7200
    error_message = "lifecycle_heartbeat_timeout: from 30 to 7200."
  }
}

variable "ebs_root_volume_size" {
  description = "GiB of the root volume, with the NAT log on it; 0: the image's own."
  type        = number
  default     = 0

  validation {
    condition     = var.ebs_root_volume_size >= 0 && var.ebs_root_volume_size <= 16384
    error_message = "ebs_root_volume_size: from 0 to 16384."
  }
}

variable "ebs_root_device_name" {
  description = "The image's root device, for its encryption."
  type        = string
  default     = "/dev/xvda"
}

variable "kms_key_id" {
  description = "The key that encrypts the root volume, by ARN; null: the account's own for EBS."
  type        = string
  default     = null
}

# Which addresses

variable "egress_ips" {
  description = "The egress IPs by name. With `allocation_id` it's an Elastic IP that there is already, else a new one is allocated. No Elastic IP is ever released by this module."
  type        = map(object({ allocation_id = optional(string) }))

  validation {
    condition     = length(var.egress_ips) > 0 && length(var.egress_ips) <= 64
    error_message = "egress_ips: from 1 to 64."
  }
  validation {
    condition     = alltrue([for name in keys(var.egress_ips) : can(regex("^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$", name))])
    error_message = "egress_ips: a name consists of a-z, 0-9, '.' and '-', at most 63 of them."
  }
  validation {
    condition     = alltrue([for ip in values(var.egress_ips) : ip.allocation_id == null ? true : can(regex("^eipalloc-[0-9a-f]+$", ip.allocation_id))])
    error_message = "egress_ips: allocation_id isn't one (eipalloc-...)."
  }
}

variable "always_excluded" {
  description = "Ranges that no policy is about, besides the VPC's: those of peered networks and the cluster's services."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.always_excluded : can(cidrnetmask(range)) && try(cidrsubnet(range, 0, 0) == range, false)])
    error_message = "always_excluded: IPv4 ranges such as 172.20.0.0/16, without bits behind the prefix."
  }
}

# The cluster

variable "cluster_name" {
  description = "The EKS cluster. Its endpoint and certificate authority are looked up, and it gets an access entry for the gateways."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$", var.cluster_name))
    error_message = "cluster_name: isn't the name of an EKS cluster."
  }
}

variable "create_access_entry" {
  description = "The access entry of the cluster for the gateways' role; false where somebody else makes it (group `eipgw:gateways`)."
  type        = bool
  default     = true
}

variable "cluster_security_group_id" {
  description = "The security group of a private API endpoint, which then lets the gateways in on TCP 443; null: none needs to."
  type        = string
  default     = null
}

variable "node_security_group_ids" {
  description = "The nodes' security groups: the tunnel, UDP 4789, is opened between them and the gateways, in both directions."
  type        = list(string)

  validation {
    condition     = length(var.node_security_group_ids) > 0
    error_message = "node_security_group_ids: without one, no node's packets reach a gateway."
  }
}

# How AWS is reached

variable "api_access" {
  description = "How a gateway reaches AWS' APIs, which mustn't need an Elastic IP: `public_ip`: by a public address of its own; `vpc_endpoints`: by interface endpoints that are made here; `existing`: somebody else has seen to it."
  type        = string
  default     = "public_ip"

  validation {
    condition     = contains(["public_ip", "vpc_endpoints", "existing"], var.api_access)
    error_message = "api_access: is none of public_ip, vpc_endpoints, existing."
  }
}

variable "secret_kms_key_id" {
  description = "The key that encrypts the group's secret, by ARN; null: the account's own for Systems Manager."
  type        = string
  default     = null
}

variable "secret_version" {
  description = "A number to count up for another group secret. All gateways must be replaced then: one with the old secret and one with the new one don't hear each other."
  type        = number
  default     = 1
}

variable "attach_ssm_policy" {
  description = "Whether people may get onto the gateways by Session Manager. There's no SSH."
  type        = bool
  default     = true
}

# What is told

variable "metrics_port" {
  description = "The TCP port for Prometheus on each gateway's primary address, for `metrics_source_cidrs`; null: none."
  type        = number
  default     = null

  validation {
    condition     = var.metrics_port == null ? true : var.metrics_port >= 1 && var.metrics_port <= 65535
    error_message = "metrics_port: from 1 to 65535."
  }
}

variable "metrics_source_cidrs" {
  description = "Who may read the metrics, by IPv4 range; empty: nobody but the gateway itself."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.metrics_source_cidrs : can(cidrnetmask(range)) && try(cidrsubnet(range, 0, 0) == range, false)])
    error_message = "metrics_source_cidrs: IPv4 ranges such as 10.0.0.0/16, without bits behind the prefix."
  }
  validation {
    condition     = length(var.metrics_source_cidrs) <= 50 && length(distinct(var.metrics_source_cidrs)) == length(var.metrics_source_cidrs)
    error_message = "metrics_source_cidrs: at most 50, each once."
  }
  validation {
    condition     = length(var.metrics_source_cidrs) == 0 || var.metrics_port != null
    error_message = "metrics_source_cidrs: without metrics_port there is nothing to read."
  }
}

variable "nat_log" {
  description = "Whether each translated connection is recorded in /var/log/eipgw/nat.log."
  type        = bool
  default     = false
}

variable "configuration" {
  description = "More of gateway.json, as eipgw-gateway.json(5) has it; its top-level keys replace those that are made here."
  type        = any
  default     = {}
}

variable "alarm_actions" {
  description = "Who is told when a zone has no gateway in service, or one fails its status checks: ARNs, such as an SNS topic's. Empty: there are no alarms."
  type        = list(string)
  default     = []
}

variable "additional_security_group_ids" {
  description = "Security groups of the gateways besides the module's."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}

  validation {
    condition     = !contains(keys(var.tags), "eipgw")
    error_message = "tags: eipgw is the module's own."
  }
  validation {
    condition     = alltrue([for key in keys(var.tags) : can(regex("^[0-9A-Za-z+=.,_:@-]{1,128}$", key)) && !startswith(lower(key), "aws:")])
    error_message = "tags: the instances show theirs in the metadata, where a key has none but letters, digits and +-=.,_:@."
  }
}
