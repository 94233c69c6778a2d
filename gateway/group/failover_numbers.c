// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/failover_numbers.h"

#include "gateway/group/failover_internal.h"
#include "gateway/group/replica_internal.h"

static void read_replica(const struct replica *replica, struct failover_numbers *ret)
{
	ret->has_replica = true;
	sender_status(replica->sender, &ret->sender);
	receiver_status(replica->receiver, &ret->receiver);
	ret->entries = ct_writer_stats(replica->writer);
}

/* The replica has its own list, by hash. */
static void find_mode(const struct replica *replica, uint64_t hash, enum replica_mode *ret_mode,
		      bool *ret_complete)
{
	for (size_t i = 0; i < replica->n_egresses; i++) {
		if (replica->egresses[i].hash != hash)
			continue;
		*ret_mode = replica->egresses[i].is.mode;
		*ret_complete = *ret_mode == REPLICA_RECEIVE && replica_is_complete(replica, i);
	}
}

void failover_numbers(const struct failover *f, struct failover_numbers *ret)
{
	*ret = (struct failover_numbers){ .n_egress = f->n };
	for (size_t i = 0; i < f->n; i++) {
		const struct charge *const c = f->v[i];

		ret->egress[i].name = c->name;
		ret->egress[i].state = (enum decide_state)c->decide.state;
		ret->egress[i].is_others = c->decide.lease.holder != MEMBERS_SELF &&
					   c->decide.lease.holder != DECIDE_NOBODY;
		ret->egress[i].translates = c->in_kernel && !f->fenced[i];
		if (f->replica)
			find_mode(f->replica, c->hash, &ret->egress[i].mode,
				  &ret->egress[i].is_complete);
	}
	ret->has_heartbeats = f->heartbeat;
	if (f->heartbeat)
		ret->heartbeats = heartbeat_stats(f->heartbeat);
	if (f->replica)
		read_replica(f->replica, ret);
}
