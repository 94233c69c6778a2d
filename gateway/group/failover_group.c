// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/failover_internal.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/group/heartbeat.h"
#include "gateway/own/cloud.h"
#include "gateway/own/own.h"

struct ip4 group_address(const struct failover *f)
{
	return f->configured.v ? f->configured : cloud_address(f->options.cloud);
}

void group_send_beats(struct failover *f)
{
	struct members_charge charges[BEAT_CLAIMS_MAX];
	const struct mono now = mono_now();
	struct beat beat;

	if (!f->heartbeat)
		return;
	for (size_t i = 0; i < f->n; i++)
		charges[i] = (struct members_charge){ f->v[i]->hash, &f->v[i]->decide };
	members_write_beat(&f->members, charges, f->n, now, &beat);
	beat.boot = f->boot;
	beat.sequence = ++f->sequence;
	beat.place = beat_hash(cloud_own(f->options.cloud)->interface_id);
	heartbeat_write(f->heartbeat, &beat);
	for (int i = MEMBERS_SELF + 1; i < DECIDE_MEMBERS_MAX; i++) {
		const struct member *const member = &f->members.v[i];

		if (member->is_listed && member->address.v)
			heartbeat_send(f->heartbeat, member->address);
	}
	f->beat_at = mono_add_ms(now, DECIDE_BEAT_MS);
}

static void on_beat(const struct beat *beat, void *data)
{
	struct failover *f = data;
	struct decide_event event = { .kind = DECIDE_BEAT };

	event.who = members_take_beat(&f->members, beat, f->boot, mono_now());
	for (size_t i = 0; event.who >= 0 && i < f->n; i++) {
		if (members_read_claim(&f->members, beat, f->v[i]->hash, f->boot, &event.beat))
			charge_tell(f->v[i], &event);
	}
}

void group_begin(struct failover *f)
{
	const struct heartbeat_options options = { .loop = f->options.loop,
						   .address = group_address(f),
						   .port = (uint16_t)f->conf.heartbeat_port,
						   .keys = &f->keys,
						   .on_beat = on_beat,
						   .data = f };
	struct err err = ERR_NULL;

	if (f->heartbeat || !options.address.v)
		return;
	f->heartbeat = heartbeat_new(&options, &err);
	if (!f->heartbeat && !f->is_failing)
		log_error(MSG_HEARTBEAT_PORT, "failover",
			  "%s; trying again, and nothing is taken over meanwhile", err.text);
	f->is_failing = !f->heartbeat;
}

/* ---- who should carry what ------------------------------------------------------------------------------ */

static bool is_ready(const struct charge *c, int i, struct mono now)
{
	const struct decide *const d = &c->decide;
	const struct decide_beat *const beat = &d->peers[i].beat;

	if (i == MEMBERS_SELF)
		return d->kernel_ready && !d->draining;
	if (!decide_hears(d, i, now))
		return false;
	/* Who carries it is ready, whatever he says about taking over. */
	return beat->is_ready ||
	       (beat->role != DECIDE_ROLE_NONE && beat->role != DECIDE_ROLE_HANDING_OVER);
}

static uint32_t list_ready(const struct charge *c, struct mono now)
{
	const struct members *const members = &c->failover->members;
	uint32_t ready = 0;

	for (int i = 0; i < DECIDE_MEMBERS_MAX; i++) {
		if (members->v[i].name[0] && is_ready(c, i, now))
			ready |= UINT32_C(1) << i;
	}
	return ready;
}

static void list_carriers(const struct failover *f, uint8_t ret[static POLICY_EGRESS_MAX],
			  struct mono now)
{
	memset(ret, POLICY_CARRIER_NONE, POLICY_EGRESS_MAX);
	for (size_t i = 0; i < f->n; i++) {
		const int carrier = decide_carrier(&f->v[i]->decide, now);

		if (carrier >= 0)
			ret[i] = (uint8_t)carrier;
	}
}

/* The numbers have holes: whose place is free isn't ready, and has a name that nobody has. */
static void plan(struct charge *c, uint32_t ready, struct mono now)
{
	static const char *const nobody[DECIDE_MEMBERS_MAX] = {
		"?0",  "?1",  "?2",  "?3",  "?4",  "?5",  "?6",  "?7",  "?8",  "?9",  "?10",
		"?11", "?12", "?13", "?14", "?15", "?16", "?17", "?18", "?19", "?20", "?21",
		"?22", "?23", "?24", "?25", "?26", "?27", "?28", "?29", "?30", "?31",
	};
	const struct failover *const f = c->failover;
	struct policy_carrier carriers[DECIDE_MEMBERS_MAX];
	struct policy_carried egress[POLICY_EGRESS_MAX];
	size_t to[POLICY_EGRESS_MAX];

	for (int i = 0; i < DECIDE_MEMBERS_MAX; i++) {
		const char *const name = f->members.v[i].name;

		carriers[i] = (struct policy_carrier){
			.name = name[0] ? name : nobody[i],
			.ready = ready & UINT32_C(1) << i,
			.settled = members_is_settled(&f->members, i, now),
		};
	}
	for (size_t i = 0; i < f->n; i++)
		egress[i] = (struct policy_carried){ f->v[i]->name, f->carriers[i] };
	const struct policy_group group = { carriers, DECIDE_MEMBERS_MAX, egress, f->n };
	const size_t turn = policy_assign_turn(&group, c->index, MEMBERS_SELF);

	policy_assign(&group, to);
	const size_t who = to[c->index];
	const struct decide_event event = {
		.kind = DECIDE_PLAN,
		.who = who == POLICY_CARRIER_NONE ? DECIDE_NOBODY : (int)who,
		.turn = turn == POLICY_CARRIER_NONE ? -1 : (int)turn,
	};

	charge_tell(c, &event);
}

void group_plan(struct failover *f, struct mono now)
{
	uint8_t carriers[POLICY_EGRESS_MAX];
	/* Members settle as time passes. */
	const bool is_due = mono_diff_ms(now, f->planned_at) >= MEMBERS_SETTLED_MS / 10;

	list_carriers(f, carriers, now);
	const bool always = is_due || memcmp(carriers, f->carriers, sizeof(carriers)) != 0;

	memcpy(f->carriers, carriers, sizeof(carriers));
	if (always)
		f->planned_at = now;
	for (size_t i = 0; i < f->n; i++) {
		const uint32_t ready = list_ready(f->v[i], now);

		if (!always && ready == f->v[i]->ready)
			continue;
		f->v[i]->ready = ready;
		plan(f->v[i], ready, now);
	}
}
