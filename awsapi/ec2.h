// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * EC2 (2016-11-15, query protocol), Auto Scaling (2011-01-01) and STS (2011-06-15) calls: a request is a
 * list of parameters, an answer is XML that is read as a stream into plain values. Unknown elements are
 * passed over; a DOCTYPE, too much depth or too many items are refused.
 *
 * Reads and writes are started on the loop (aws_call) by the daemon; the CLI uses aws_call_sync.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "http/retry.h"

struct err;

#define AWS_ID_MAX 64       /* "eipalloc-0123456789abcdef0" and longer kinds */
#define AWS_CODE_MAX 96
#define AWS_TAGS_MAX 50     /* of one resource, the EC2 limit */
#define AWS_TAG_KEY_MAX 129
#define AWS_TAG_VALUE_MAX 257

struct aws_tag {
	char key[AWS_TAG_KEY_MAX], value[AWS_TAG_VALUE_MAX];
};

struct aws_tags {
	struct aws_tag *v;
	size_t n;
};

/* DescribeAddresses, item of addressesSet. "" or v == 0 = absent. */
struct aws_address {
	char allocation_id[AWS_ID_MAX];
	char association_id[AWS_ID_MAX];
	char network_interface_id[AWS_ID_MAX];
	char instance_id[AWS_ID_MAX];
	struct ip4 public_ip;
	struct ip4 private_ip;
	struct aws_tags tags;
};

struct aws_addresses {
	struct aws_address *v;
	size_t n;
};
void aws_addresses_done(struct aws_addresses *addresses);

/* DescribeNetworkInterfaces, item of networkInterfaceSet. */
struct aws_private_address {
	struct ip4 address;
	bool primary;
	char allocation_id[AWS_ID_MAX]; /* of the associated Elastic IP */
	struct ip4 public_ip;
};

struct aws_interface {
	char id[AWS_ID_MAX], subnet_id[AWS_ID_MAX], vpc_id[AWS_ID_MAX], zone[AWS_ID_MAX];
	char attachment_instance_id[AWS_ID_MAX];
	char interface_type[AWS_ID_MAX];
	char mac[18];
	char status[32];
	bool source_dest_check;
	struct ip4 primary;
	struct aws_private_address *addresses;
	size_t n_addresses;
	struct ip4_prefixes prefixes; /* delegated IPv4 prefixes */
	char (*groups)[AWS_ID_MAX];   /* security groups */
	size_t n_groups;
	struct aws_tags tags;
};

struct aws_interfaces {
	struct aws_interface *v;
	size_t n;
};
void aws_interfaces_done(struct aws_interfaces *interfaces);

/* What a failed call was: from either error grammar, or from the transport. */
struct aws_failure {
	enum http_class class;
	long status;               /* 0: no answer came */
	char code[AWS_CODE_MAX];   /* AWS's, e.g. "InvalidAllocationID.NotFound"; "" if none */
	char text[256];            /* one sentence: action, code, message; never has secrets */
	char request_id[AWS_ID_MAX];
	int64_t retry_after_ms;    /* -1: not asked */
};
