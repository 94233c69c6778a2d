// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/takeovers.h"

#include <stdio.h>
#include <string.h>

const uint32_t takeovers_bounds_us[TAKEOVERS_BOUNDS] = {
	100000,  250000,  500000,  750000,   1000000,  1500000,
	2500000, 5000000, 7500000, 10000000, 15000000, 30000000,
};

/* Names come and go with configurations: a new one may get an old one's place. */
static struct takeovers_egress *find(struct takeovers *t, const char *name)
{
	struct takeovers_egress *e;

	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->v[i].name, name) == 0)
			return &t->v[i];
	}
	if (t->n < POLICY_EGRESS_MAX)
		e = &t->v[t->n++];
	else
		e = &t->v[t->next++ % POLICY_EGRESS_MAX];
	*e = (struct takeovers_egress){ .state = DECIDE_STARTING };
	snprintf(e->name, sizeof(e->name), "%s", name);
	return e;
}

static bool is_on_the_way(enum decide_state state)
{
	return state == DECIDE_SUSPECT || state == DECIDE_CLAIMING || state == DECIDE_TAKING;
}

static void end(struct takeovers *t, struct takeovers_egress *e, struct mono now)
{
	const int64_t us = (now.ns - e->since.ns) / 1000;
	size_t i = 0;

	while (i < TAKEOVERS_BOUNDS && us > takeovers_bounds_us[i])
		i++;
	t->histogram[i]++;
	t->sum_us += us > 0 ? (uint64_t)us : 0;
	t->done++;
	e->runs = false;
	e->was_others = false;
}

bool takeovers_see(struct takeovers *t, const struct takeovers_sight *sight, struct mono now)
{
	struct takeovers_egress *e = find(t, sight->name);
	const enum decide_state state = sight->state;

	e->was_others = e->was_others || sight->is_others;
	if (!e->runs && e->was_others && e->state == DECIDE_STANDBY && is_on_the_way(state)) {
		e->runs = true;
		e->claims = false;
		e->since = now;
	}
	e->claims = e->claims || state == DECIDE_CLAIMING || state == DECIDE_TAKING;
	e->state = state;
	if (!e->runs || is_on_the_way(state))
		return false;
	if (state != DECIDE_ACTIVE && state != DECIDE_ALONE) {
		/* A holder who was only silent is none that was to be taken over. */
		t->given_up += e->claims;
		e->runs = false;
		return false;
	}
	if (sight->translates)
		end(t, e, now);
	return !e->runs;
}
