// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Values to requests, one function per action. Each fills `ret`, which aws_call_start takes over or
 * aws_request_done frees, and returns 0, or -ENOMEM, -EMSGSIZE, -EINVAL for values that can't be sent; then
 * there is nothing to free. NULL, "" and address 0 mean: not given. Tags are given by key and value.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "awsapi/action.h"
#include "base/ip4.h"

struct aws_ids;
struct aws_tag;

/*
 * By allocation_id or public_ip, an unknown one is an error (InvalidAllocationID.NotFound); the others are
 * filters, and none found is an empty list. All that is given must match. Nothing given: all.
 */
struct ec2_addresses_query {
	const char *allocation_id;
	struct ip4 public_ip;
	const char *network_interface_id;
	struct ip4 private_ip;
	const char *tag_key, *tag_value; /* both or none */
};
int ec2_describe_addresses(const struct ec2_addresses_query *query, struct aws_request *ret);

/* Repeating it changes nothing but may be billed as a remap: look first. */
struct ec2_association {
	const char *allocation_id;
	const char *network_interface_id;
	struct ip4 private_ip;
	bool allow_reassociation; /* false: Resource.AlreadyAssociated when somebody else has it */
};
int ec2_associate_address(const struct ec2_association *association, struct aws_request *ret);

/* Has no client token: tagged at birth, so that a repeat can look for the tag first. */
struct ec2_allocation {
	const char *public_ipv4_pool;
	const struct aws_tag *tags;
	size_t n_tags;
};
int ec2_allocate_address(const struct ec2_allocation *allocation, struct aws_request *ret);

int ec2_create_tags(const char *resource_id, const struct aws_tag *tags, size_t n,
		    struct aws_request *ret);

/*
 * `address` is any private address of an interface; those of delegated prefixes are not found by it. The
 * answer has pages, which aws_call puts together, unless network_interface_id is given.
 */
struct ec2_interfaces_query {
	const char *network_interface_id;
	struct ip4 address;
	const char *instance_id, *subnet_id, *vpc_id;
	const struct aws_ids
		*ids; /* any of them, at most AWS_FILTER_VALUES_MAX; unknown ones are no error */
};
int ec2_describe_interfaces(const struct ec2_interfaces_query *query, struct aws_request *ret);

/*
 * A secondary address. With allow_reassignment it is taken from the interface in the same subnet that has
 * it, and its Elastic IP comes along; the remapping is asynchronous. It knows no DryRun. Address 0: EC2 chooses
 * a free one; then a repeat assigns another.
 */
int ec2_assign_private_address(const char *network_interface_id, struct ip4 address,
			       bool allow_reassignment, struct aws_request *ret);

int ec2_set_source_dest_check(const char *network_interface_id, bool on, struct aws_request *ret);

/* An unknown one is an error. */
int ec2_describe_instance(const char *instance_id, struct aws_request *ret);
/* Unknown ones are left out. 1 to AWS_FILTER_VALUES_MAX. */
int ec2_describe_instances(const struct aws_ids *ids, struct aws_request *ret);

/* At least one; an unknown one is an error. */
int ec2_describe_groups(const struct aws_ids *ids, struct aws_request *ret);

/* By route table, or all of a VPC. */
int ec2_describe_route_tables(const char *route_table_id, const char *vpc_id,
			      struct aws_request *ret);

/* Several, of which those that don't exist are left out; at most 200. -EINVAL for none: it would list all. */
int ec2_list_route_tables(const char *const *route_table_ids, size_t n, struct aws_request *ret);

/* The route must exist. */
int ec2_replace_route(const char *route_table_id, struct ip4_prefix destination,
		      const char *network_interface_id, struct aws_request *ret);

struct asg_lifecycle {
	const char *hook, *group;
	const char *instance_id;
};
/* CONTINUE, or with `abandon` ABANDON. */
int asg_complete_lifecycle(const struct asg_lifecycle *lifecycle, bool abandon,
			   struct aws_request *ret);
int asg_record_heartbeat(const struct asg_lifecycle *lifecycle, struct aws_request *ret);

/* Needs no permission: tells who the credentials belong to, whether they work and what time it is there. */
int sts_get_caller_identity(struct aws_request *ret);
