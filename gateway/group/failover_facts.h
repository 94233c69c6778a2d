// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a group of gateways amounts to now, for who tells of it (publish.h, status.h). Plain data. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/ip4.h"

struct failover_member {
	char name[CONFIG_NAME_MAX];
	struct ip4 address; /* 0: not known */
	bool is_self;
	bool is_heard; /* his heartbeats come */
	bool is_draining;
	const char *zone; /* the availability zone; "": not known */
};

struct failover_egress {
	bool translates;               /* here, now */
	bool handing_over;             /* likewise, until another one has it */
	char carrier[CONFIG_NAME_MAX]; /* "": nobody, as far as is known */
	const char *holder; /* of the Lease, as it was last read, member or not; "": nobody */
	char partner[CONFIG_NAME_MAX]; /* who translates it, too, as planned; "": nobody */
	const char *state;             /* decide_state_names */
	const char *reason;
};

struct failover_facts {
	const struct failover_member *members; /* the first one is this gateway */
	size_t n_members;
	const struct failover_egress *egress; /* one for each of config->egress_ips */
	bool is_ready;                        /* could carry any that it doesn't */
	bool is_draining;
	bool is_current; /* the API has answered for a while: what it told isn't old */
};
