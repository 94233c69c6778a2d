// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One constant per action that is ever called: how it is named and what its answer looks like. A request is
 * an action with parameters. Both directions are pure: values to a form, XML to values; aws_call carries them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "awsapi/params.h"

struct aws_ids;
struct err;
struct xml_table;

enum aws_service { AWS_EC2, AWS_AUTOSCALING, AWS_STS, AWS_SSM, AWS_SERVICE_COUNT };
/* As in host names, credential scopes and policies: "ec2". */
extern const char *const aws_service_names[AWS_SERVICE_COUNT];

enum aws_action_flags {
	/* A repeat does it twice: not repeated unless AWS certainly did nothing. */
	AWS_ACTION_ONCE = 1,
	/* It knows DryRun. */
	AWS_ACTION_DRY_RUN = 2,
	/* Everybody may; no policy needs to name it. */
	AWS_ACTION_FREE = 4,
};

struct aws_action {
	const char *name; /* "DescribeAddresses" */
	enum aws_service service;
	unsigned flags;
	const struct xml_table *answer; /* of the struct that aws_action_read fills */
	size_t next_token; /* where in it char[AWS_TOKEN_MAX] is; 0: the answer has no pages */
};

extern const struct aws_action ec2_action_describe_addresses;     /* struct aws_addresses */
extern const struct aws_action ec2_action_associate_address;      /* struct aws_association */
extern const struct aws_action ec2_action_allocate_address;       /* struct aws_allocation */
extern const struct aws_action ec2_action_create_tags;            /* struct aws_nothing */
extern const struct aws_action ec2_action_describe_interfaces;    /* struct aws_interfaces */
extern const struct aws_action ec2_action_assign_private_address; /* struct aws_assigned */
extern const struct aws_action ec2_action_modify_interface;       /* struct aws_nothing */
extern const struct aws_action ec2_action_describe_instances;     /* struct aws_instances */
extern const struct aws_action ec2_action_describe_groups;        /* struct aws_groups */
extern const struct aws_action ec2_action_describe_route_tables;  /* struct aws_route_tables */
extern const struct aws_action ec2_action_replace_route;          /* struct aws_nothing */
extern const struct aws_action asg_action_complete_lifecycle;     /* struct aws_nothing */
extern const struct aws_action asg_action_record_heartbeat;       /* struct aws_nothing */
extern const struct aws_action sts_action_get_caller_identity;    /* struct aws_identity */

/* All of the above, ended by NULL: policies are checked against it. */
extern const struct aws_action *const aws_actions[];

/* The answer of an action that says no more than that it was done. */
struct aws_nothing {
	char unused;
};
extern const struct xml_table aws_nothing_table;

struct aws_request {
	const struct aws_action *action;
	struct aws_params params; /* with the first failure, if any */
	unsigned filters;         /* so many were added */
};

void aws_request_begin(struct aws_request *ret, const struct aws_action *action);
/* EC2: one more filter, with one value, which is matched literally. Nothing for an empty value. */
void aws_request_filter(struct aws_request *request, const char *name, const char *value);
/* The same with any of several values, at most AWS_FILTER_VALUES_MAX of them. Nothing for none. */
#define AWS_FILTER_VALUES_MAX 200 /* EC2 API Reference, Filtering */
void aws_request_filter_ids(struct aws_request *request, const char *name,
			    const struct aws_ids *ids);
/* Asks whether it would be permitted, and does nothing. -ENOTSUP: the action doesn't know it. */
int aws_request_set_dry_run(struct aws_request *request);
void aws_request_done(struct aws_request *request);

/* See xml_read for `value` and the return value. */
int aws_action_read(const struct aws_action *action, const char *text, size_t length, void *value,
		    struct err *err);
/* Frees what is inside the struct, and zeroes it. */
void aws_action_done(const struct aws_action *action, void *value);
