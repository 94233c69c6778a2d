// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside cli/: what a person would look up in the console to follow a packet: whose address it is, which Elastic IP
 * it should leave with, and where that is.
 */
#pragma once

#include <stdbool.h>

#include "awsapi/ec2.h"

struct account;
struct control_out;
struct gateway_egress;

#define WAY_TEXT_MAX 400

struct way {
	struct ip4 source;
	/* Of the source. */
	struct aws_interfaces interfaces; /* that have the address: one for each VPC that we see */
	bool by_prefix;                   /* it's of a delegated prefix of interfaces.v[0] */
	struct aws_instances instances;   /* all that are mentioned, if they may be seen */
	/* Of the egress IP. */
	char egress_name[64]; /* "": none is known to take it */
	const struct gateway_egress
		*egress;            /* NULL: the configuration isn't here, or hasn't that name */
	struct ip4 gateway_address; /* of the configuration; 0: not given */
	bool has_asked_address;
	struct aws_addresses addresses;
	struct aws_interfaces places; /* the interface of addresses.v[0] */
	char failure[WAY_TEXT_MAX];   /* "": EC2 answered all that was asked */
};

/*
 * Asks. `egress_name` is what the daemon says, or NULL: then the configuration's policies do. The account is
 * logged in, and outlives the way.
 */
void way_look(struct account *account, struct ip4 source, struct ip4 destination,
	      const char *egress_name, struct way *ret);
void way_done(struct way *way);

/* Pure: the first place where the way breaks, or "" when nothing is seen that does. Returns `ret`. */
const char *way_break(const struct way *way, char ret[static WAY_TEXT_MAX]);
/* All of it into the open object. */
void way_put(struct control_out *out, const struct way *way);
