// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What can break in a world, and that all is whole again. */
#include <stdio.h>

#include "decide_world.h"

const char *const world_fault_names[WORLD_FAULT_COUNT] = {
	"cut",           "cut one way", "API away",    "API gone", "API slow",
	"EC2 away",      "EC2 slow",    "EC2 refuses", "kill",     "restart",
	"power off",     "sleep",       "drain",       "kernel",   "plan",
	"Lease deleted", "Lease taken", "EIP taken",   "heal",
};

static void start(struct world *w, struct world_member *m)
{
	const int i = (int)(m - w->m);
	const struct decide_event replica = { .kind = DECIDE_REPLICA, .on = true };
	const struct decide_event drain = { .kind = DECIDE_DRAIN, .on = m->draining };

	decide_init(&m->d, i, w->n, world_clock(w, m));
	m->is_running = true;
	m->boot++;
	m->seq = 0;
	m->call.is_busy = false;
	m->verify_at_ms = 0;
	m->held_until_ms = 0;
	m->at_hand = false;
	m->seen = (struct kube_lease_seen){ .identity = m->name,
					    .duration_sec = DECIDE_DURATION_MS / 1000 };
	world_tell(w, m, &replica);
	world_tell(w, m, &drain);
}

static void wake(struct world *w, struct world_member *m)
{
	static const struct decide_event suspended = { .kind = DECIDE_SUSPENDED };

	m->is_asleep = false;
	if (m->is_running)
		world_tell(w, m, &suspended);
}

void world_init(struct world *w, int n, uint64_t seed)
{
	*w = (struct world){ .n = n, .now_ms = 1000, .random = seed * 2 + 1, .eip = DECIDE_NOBODY };
	for (int i = 0; i < 20; i++)
		world_random(w, 2);
	for (int i = 0; i < n; i++) {
		snprintf(w->m[i].name, sizeof(w->m[i].name), "gw-%d", i);
		w->m[i].kernel_ready = true;
		w->m[i].beat_at_ms = w->now_ms + (int64_t)world_random(w, 4) * WORLD_STEP_MS;
	}
	world_break(w, WORLD_HEAL, 0);
}

static void heal(struct world *w)
{
	static const struct decide_event claim = { .kind = DECIDE_CLAIM };
	static const struct decide_event stay = { .kind = DECIDE_DRAIN };

	w->plan = DECIDE_NOBODY;
	w->api_ms = w->ec2_ms = 0;
	for (int i = 0; i < w->n; i++) {
		struct world_member *const m = &w->m[i];

		for (int j = 0; j < w->n; j++)
			w->link[i][j] = true;
		w->api[i] = w->ec2[i] = m->kernel_ready = true;
		w->refuses[i] = m->draining = false;
		if (m->is_asleep)
			wake(w, m);
		if (!m->is_running)
			start(w, m);
		world_tell(w, m, &stay);
		world_tell(w, m, &claim);
	}
}

static void take_lease(struct world *w)
{
	w->exists = true;
	w->version++;
	w->lease = (struct kube_lease_record){ .holder = "stranger",
					       .duration_sec = 3,
					       .transitions = w->lease.transitions + 1 };
}

static void break_member(struct world *w, enum world_fault fault, struct world_member *m)
{
	const struct decide_event drain = { .kind = DECIDE_DRAIN, .on = true };

	switch (fault) {
	case WORLD_RESTART:
		if (!m->is_asleep)
			start(w, m);
		break;
	case WORLD_POWER_OFF:
		m->translating = m->told_translating = m->is_asleep = false;
		m->is_running = false;
		break;
	case WORLD_KILL:
		m->is_running = false;
		break;
	case WORLD_SLEEP:
		m->is_asleep = true;
		break;
	case WORLD_DRAIN:
		m->draining = true;
		if ((m->is_running && !m->is_asleep))
			world_tell(w, m, &drain);
		break;
	default:
		m->kernel_ready = false;
		break;
	}
}

static void break_network(struct world *w, enum world_fault fault, int i, int j)
{
	switch (fault) {
	case WORLD_CUT:
		w->link[j][i] = false;
		w->link[i][j] = false;
		break;
	case WORLD_CUT_ONE:
		w->link[i][j] = false;
		break;
	case WORLD_API_AWAY:
		w->api[i] = false;
		break;
	case WORLD_API_GONE:
		for (int k = 0; k < w->n; k++)
			w->api[k] = false;
		break;
	default:
		w->api_ms = (int64_t)world_random(w, 40) * WORLD_STEP_MS;
		break;
	}
}

static void break_server(struct world *w, enum world_fault fault, int i)
{
	switch (fault) {
	case WORLD_EC2_AWAY:
		w->ec2[i] = false;
		break;
	case WORLD_EC2_SLOW:
		w->ec2_ms = 6000;
		break;
	case WORLD_EC2_REFUSES:
		w->refuses[i] = true;
		break;
	case WORLD_PLAN:
		w->plan = i;
		break;
	case WORLD_LEASE_DELETED:
		w->exists = false;
		break;
	case WORLD_LEASE_TAKEN:
		take_lease(w);
		break;
	default:
		w->eip = DECIDE_STRANGER;
		break;
	}
}

void world_break(struct world *w, enum world_fault fault, int member)
{
	const int i = member % w->n;

	w->calm_since_ms = w->now_ms;
	if (w->tells)
		fprintf(stderr, "%lld %s gw-%d\n", (long long)w->now_ms, world_fault_names[fault],
			i);
	if (fault == WORLD_HEAL)
		heal(w);
	else if (fault <= WORLD_API_SLOW)
		break_network(w, fault, i, (member + 1) % w->n);
	else if (fault >= WORLD_KILL && fault <= WORLD_KERNEL)
		break_member(w, fault, &w->m[i]);
	else
		break_server(w, fault, i);
}
