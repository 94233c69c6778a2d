// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What there is to count in a group of gateways: read for metrics. Plain data, valid until the next event. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/group/decide.h"
#include "gateway/group/heartbeat.h"
#include "gateway/group/replica.h"
#include "nat/flow.h"
#include "peer/receiver.h"
#include "peer/sender.h"
#include "policy/policy.h"

struct failover;

struct failover_numbers {
	struct {
		const char *name; /* of the configuration's egress IPs, in their order */
		enum decide_state state;
		bool is_others; /* the Lease, as last read, is or was another one's */
		bool translates;
		enum replica_mode mode;
		bool is_complete; /* RECEIVE: what replica_is_complete says */
	} egress[POLICY_EGRESS_MAX];
	size_t n_egress;
	bool has_heartbeats, has_replica;
	struct heartbeat_stats heartbeats;
	struct sender_status sender;
	struct receiver_status receiver;
	struct ct_writer_stats entries;
};
void failover_numbers(const struct failover *failover, struct failover_numbers *ret);
