// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Written from what is promised, and by what the servers answered, not by what decide.c remembers.
 */
#include "decide_promises.h"

#include <stdio.h>
#include <string.h>

#include "decide_world.h"

/* Whose daemon died or sleeps believes nothing. */
static bool is_awake(const struct world_member *m)
{
	return m->is_running && !m->is_asleep;
}

enum {
	NOTICE_MS = 1000, /* with everything at work */
	NOTICE_LEASE_MS = DECIDE_DURATION_MS,
	NOTICE_EC2_MS = 10000 + 100, /* EC2 is asked so often in peace */
	NOTICE_ALONE_MS = DECIDE_VERIFIED_MS + 100,
};

void promise_broken(struct world *w, const char *what)
{
	if (!w->broken[0])
		snprintf(w->broken, sizeof(w->broken), "at %lld ms: %s", (long long)w->now_ms,
			 what);
}

static bool is_calm(const struct world *w, int64_t ms)
{
	return w->now_ms - w->calm_since_ms > ms && w->api_ms == 0 && w->ec2_ms == 0;
}

/* Only heal ends it. */
static void find_calm(struct world *w)
{
	for (int i = 0; i < w->n; i++) {
		bool is_broken = !w->api[i] || !w->ec2[i] || w->refuses[i] || w->m[i].is_asleep ||
				 w->eip == DECIDE_STRANGER;

		for (int j = 0; j < w->n; j++)
			is_broken = is_broken || !w->link[i][j];
		if (is_broken)
			w->calm_since_ms = w->now_ms;
	}
}

static bool believes(const struct world_member *m)
{
	return is_awake(m) && (m->d.state == DECIDE_ACTIVE || m->d.state == DECIDE_ALONE);
}

static bool holds(const struct world *w, const struct world_member *m)
{
	return is_awake(m) && strcmp(m->seen.record.holder, m->name) == 0 &&
	       w->now_ms - m->slept_ms < m->held_until_ms;
}

static void check_two(struct world *w, int i, int j)
{
	struct world_pair *const pair = &w->pairs[i][j];
	const bool are_active = believes(&w->m[i]) && believes(&w->m[j]);
	const bool both_hold = holds(w, &w->m[i]) && holds(w, &w->m[j]);

	pair->active_ms = are_active ? pair->active_ms + WORLD_STEP_MS : 0;
	pair->hold_ms = both_hold ? pair->hold_ms + WORLD_STEP_MS : 0;
	if (pair->active_ms > NOTICE_LEASE_MS)
		promise_broken(w, "two have been active for longer than a Lease");
	if (pair->hold_ms > NOTICE_LEASE_MS)
		promise_broken(w, "two have held the Lease for longer than it lasts");
	if (is_calm(w, NOTICE_MS) && are_active)
		promise_broken(w, "two are active although everything works");
}

/* Each two of them: one may be replaced by a second one who can't renew either, and he by a third. */
static void check_pairs(struct world *w)
{
	for (int i = 0; i < w->n; i++)
		for (int j = 0; j < i; j++)
			check_two(w, i, j);
}

/* Somebody hands over to him. */
static bool is_asked(const struct world *w, int i)
{
	for (int j = 0; j < w->n; j++) {
		const struct world_member *const m = &w->m[j];

		if (is_awake(m) && m->d.state == DECIDE_HANDING_OVER && m->d.to == i &&
		    w->link[j][i])
			return true;
	}
	return false;
}

/* Two translate only as long as the one that gives it away is there, and hears so. */
static void check_preparing(struct world *w, int i)
{
	const struct world_member *const m = &w->m[i];
	const bool prepares = m->d.state == DECIDE_PREPARING || m->d.state == DECIDE_CLAIMING;

	w->unasked_ms[i] = m->translating && is_awake(m) && prepares && !is_asked(w, i) ?
				   w->unasked_ms[i] + WORLD_STEP_MS :
				   0;
	if (w->unasked_ms[i] > DECIDE_LOST_MS + 2 * WORLD_STEP_MS)
		promise_broken(w, "who prepares translates although nobody hands over to him");
}

/* Who translates may. */
static void check_right(struct world *w, const struct world_member *m)
{
	const enum decide_state state = (enum decide_state)m->d.state;
	const int64_t now_ms = w->now_ms - m->slept_ms;

	if (!m->translating || !is_awake(m))
		return;
	if (state == DECIDE_STANDBY || state == DECIDE_SUSPECT)
		promise_broken(w, "who isn't it translates");
	/* The kernel is a step behind. */
	if ((state == DECIDE_TAKING || state == DECIDE_ACTIVE) &&
	    now_ms > m->held_until_ms - DECIDE_MARGIN_MS + WORLD_STEP_MS)
		promise_broken(w, "who translates has no Lease");
	if (state == DECIDE_ALONE && m->d.ec2 != DECIDE_EC2_MINE)
		promise_broken(w, "who translates alone has no Elastic IP");
}

/* A belief in an Elastic IP that is elsewhere ends. */
static void check_stray(struct world *w, int i)
{
	const struct world_member *const m = &w->m[i];
	const bool is_stray = m->translating && believes(m) && w->eip != i;

	w->stray_ms[i] = is_stray ? w->stray_ms[i] + WORLD_STEP_MS : 0;
	/* Who holds the Lease and can't ask EC2 may: only a person can have moved it. */
	w->known_ms[i] = is_stray && w->ec2[i] ? w->known_ms[i] + WORLD_STEP_MS : 0;
	if (w->known_ms[i] > NOTICE_EC2_MS)
		promise_broken(w, "who hasn't the Elastic IP goes on believing that he has");
	if (m->d.state == DECIDE_ALONE && w->stray_ms[i] > NOTICE_ALONE_MS &&
	    w->now_ms - m->slept_ms - m->d.since.ns / 1000000 > NOTICE_ALONE_MS)
		promise_broken(w, "who is alone goes on without the Elastic IP");
}

void promises_check(struct world *w)
{
	find_calm(w);
	check_pairs(w);
	for (int i = 0; i < w->n; i++) {
		check_right(w, &w->m[i]);
		check_preparing(w, i);
		check_stray(w, i);
	}
}
