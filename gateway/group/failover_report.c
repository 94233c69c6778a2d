// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/failover_internal.h"

#include <string.h>

#include "base/mono.h"
#include "control/control.h"
#include "gateway/group/heartbeat.h"
#include "gateway/own/cloud.h"

/* A watch that has come back tells within this what was missed. */
enum { CURRENT_MS = 10000 };

static void list_members(struct failover *f, struct mono now)
{
	size_t n = 0;

	for (int i = 0; i < DECIDE_MEMBERS_MAX; i++) {
		const struct member *const member = &f->members.v[i];
		struct failover_member *const to = &f->facts_members[n];

		if (!member->name[0] || !member->is_listed)
			continue;
		*to = (struct failover_member){
			.address = i == MEMBERS_SELF ? group_address(f) : member->address,
			.zone = i == MEMBERS_SELF ? cloud_zone(f->options.cloud) : member->zone,
			.is_self = i == MEMBERS_SELF,
			.is_heard = members_is_heard(member, now),
			.is_draining = i == MEMBERS_SELF && f->draining,
		};
		memcpy(to->name, member->name, sizeof(to->name));
		n++;
	}
	f->facts.n_members = n;
}

/* Who had the Lease last and let it end carries nothing, as far as is known. */
static int find_carrier(const struct charge *c, struct mono now)
{
	const struct decide *const d = &c->decide;
	const int carrier = decide_carrier(d, now);
	const bool is_known =
		carrier == MEMBERS_SELF ||
		(decide_hears(d, carrier, now) && d->peers[carrier].beat.role != DECIDE_ROLE_NONE);

	return is_known || !d->lease.is_free ? carrier : DECIDE_NOBODY;
}

/* The kernel does it already, but it's still another one's. */
static bool is_preparing(const struct charge *c)
{
	return c->decide.state == DECIDE_PREPARING || c->decide.state == DECIDE_CLAIMING;
}

static void list_egress(struct failover *f, struct mono now)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct charge *const c = f->v[i];
		const int carrier = find_carrier(c, now);
		const int partner = decide_partner(&c->decide, now);
		struct failover_egress *const to = &f->facts_egress[i];

		*to = (struct failover_egress){
			.translates = c->in_kernel && !f->fenced[i] && !is_preparing(c),
			.handing_over = c->decide.state == DECIDE_HANDING_OVER,
			.state = decide_state_names[c->decide.state],
			.reason = c->decide.reason,
			.holder = c->holder,
		};
		if (carrier >= 0)
			memcpy(to->carrier, f->members.v[carrier].name, sizeof(to->carrier));
		if (partner >= 0)
			memcpy(to->partner, f->members.v[partner].name, sizeof(to->partner));
	}
}

const struct failover_facts *failover_facts(struct failover *f)
{
	const struct mono now = mono_now();

	list_members(f, now);
	list_egress(f, now);
	f->facts.members = f->facts_members;
	f->facts.egress = f->facts_egress;
	f->facts.is_draining = f->draining;
	f->facts.is_current = mono_diff_ms(now, f->away_at) >= CURRENT_MS;
	f->facts.is_ready = f->recalled && !f->draining;
	for (size_t i = 0; i < f->n; i++)
		f->facts.is_ready = f->facts.is_ready && f->v[i]->decide.kernel_ready;
	return &f->facts;
}

static void put_members(struct failover *f, const struct failover_facts *facts,
			struct control_out *out)
{
	const struct mono now = mono_now();
	char text[IP4_TEXT_MAX];

	control_array(out, "members");
	for (size_t i = 0; i < facts->n_members; i++) {
		const struct failover_member *const m = &facts->members[i];
		const int number = members_find(&f->members, m->name);

		control_object(out, NULL);
		control_string(out, "name", m->name);
		control_string(out, "zone", m->zone);
		control_string(out, "address", ip4_format(m->address, text));
		control_bool(out, "self", m->is_self);
		control_bool(out, "heard", m->is_self || m->is_heard);
		if (number >= 0 && f->members.v[number].heard_at.ns)
			control_int(out, "heard_ms_ago",
				    mono_diff_ms(now, f->members.v[number].heard_at));
		control_end(out);
	}
	control_end(out);
}

void failover_report(struct failover *f, struct control_out *out)
{
	const struct failover_facts *const facts = failover_facts(f);
	const struct mono now = mono_now();

	control_object(out, "failover");
	control_bool(out, "draining", f->draining);
	put_members(f, facts, out);
	control_array(out, "egress_ips");
	for (size_t i = 0; i < f->n; i++) {
		control_object(out, NULL);
		control_string(out, "name", f->v[i]->name);
		control_string(out, "state", facts->egress[i].state);
		control_string(out, "reason", facts->egress[i].reason);
		control_string(out, "carrier", facts->egress[i].carrier);
		control_string(out, "lease_holder", facts->egress[i].holder);
		control_string(out, "partner", facts->egress[i].partner);
		control_bool(out, "translates", facts->egress[i].translates);
		control_int(out, "for_ms", mono_diff_ms(now, f->v[i]->decide.since));
		control_end(out);
	}
	control_end(out);
	if (f->heartbeat) {
		const struct heartbeat_stats stats = heartbeat_stats(f->heartbeat);

		control_object(out, "heartbeats");
		control_int(out, "sent", (long long)stats.sent);
		control_int(out, "not_sent", (long long)stats.failed);
		control_int(out, "taken", (long long)stats.taken);
		control_int(out, "forged", (long long)stats.forged);
		control_int(out, "malformed", (long long)stats.malformed);
		control_end(out);
	}
	control_end(out);
	if (f->replica)
		replica_report(f->replica, out);
}
