// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/failover_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/group/replica.h"
#include "gateway/log/flowlog.h"
#include "gateway/own/cloud.h"
#include "gateway/own/own.h"
#include "gateway/table/desired.h"

/* Whether what he tells of it counts. */
static bool is_owner(const char *peer, uint64_t egress, void *data)
{
	const struct failover *f = data;
	const int number = members_find(&f->members, peer);

	for (size_t i = 0; i < f->n && number >= 0; i++) {
		if (f->v[i]->hash == egress)
			return decide_teller(&f->v[i]->decide, mono_now()) == number;
	}
	return false;
}

static void tell_replica(struct charge *c)
{
	const struct failover *f = c->failover;
	const struct decide_event event = { .kind = DECIDE_REPLICA,
					    .on = replica_is_complete(f->replica, c->index) };

	if (event.on != c->decide.replica_ready)
		charge_tell(c, &event);
}

static void on_change(void *data)
{
	struct failover *f = data;

	for (size_t i = 0; i < f->n; i++)
		tell_replica(f->v[i]);
}

void replicate_set_peers(struct failover *f)
{
	struct replica_peer peers[DECIDE_MEMBERS_MAX];
	size_t n = 0;

	for (int i = MEMBERS_SELF + 1; i < DECIDE_MEMBERS_MAX; i++) {
		const struct member *const member = &f->members.v[i];

		if (!member->is_listed || !member->address.v)
			continue;
		memcpy(peers[n].name, member->name, sizeof(peers[n].name));
		peers[n++].address = member->address;
	}
	if (replica_set_peers(f->replica, peers, n))
		log_warning(MSG_REPLICATION_MEMORY, "failover",
			    "no memory to tell %zu others of connections", n);
}

void replicate_begin(struct failover *f)
{
	f->tales = (struct replica_tales){ .tell = { flowlog_tell, flowlog_tell_who,
						     f->options.flowlog },
					   .take = flowlog_take,
					   .data = f->options.flowlog };
	f->blocks = blocks_of(f);
	const struct replica_config config = { .loop = f->options.loop,
					       .name = f->members.v[MEMBERS_SELF].name,
					       .address = group_address(f),
					       .port = (uint16_t)f->conf.replication_port,
					       .boot = f->boot,
					       .keys = &f->keys,
					       .is_owner = is_owner,
					       .on_change = on_change,
					       .tales = &f->tales,
					       .blocks = &f->blocks,
					       .data = f };
	struct err err = ERR_NULL;

	if (f->replica || !config.address.v)
		return;
	f->replica = replica_new(&config, &err);
	if (!f->replica && !f->is_deaf)
		log_error(MSG_REPLICATION_PORT, "failover",
			  "%s; trying again, and connections aren't shared meanwhile", err.text);
	f->is_deaf = !f->replica;
	if (f->replica)
		replicate_set_peers(f);
}

static enum replica_mode mode_of(const struct charge *c)
{
	static const enum replica_mode modes[] = {
		[DECIDE_REPLICATE_NONE] = REPLICA_NONE,
		[DECIDE_REPLICATE_SEND] = REPLICA_SEND,
		[DECIDE_REPLICATE_RECEIVE] = REPLICA_RECEIVE,
	};

	return modes[decide_replicates(&c->decide, mono_now())];
}

void replicate_follow(struct failover *f)
{
	const struct own *own = cloud_own(f->options.cloud);
	struct replica_egress list[POLICY_EGRESS_MAX];

	if (!f->replica)
		return;
	memset(list, 0, sizeof(list)); /* they are compared as bytes */
	for (size_t i = 0; i < f->n; i++) {
		snprintf(list[i].name, sizeof(list[i].name), "%s", f->v[i]->full_name);
		list[i].address = own_private(own, i);
		list[i].mark = gateway_egress_mark(i);
		list[i].mode = mode_of(f->v[i]);
		list[i].is_leaving = f->v[i]->decide.state == DECIDE_HANDING_OVER;
	}
	if (f->n == f->n_replicated && memcmp(list, f->replicated, f->n * sizeof(list[0])) == 0)
		return;
	if (replica_set_egresses(f->replica, list, f->n)) {
		f->n_replicated = 0; /* again with the next tick */
		return;
	}
	memcpy(f->replicated, list, f->n * sizeof(list[0]));
	f->n_replicated = f->n;
}
