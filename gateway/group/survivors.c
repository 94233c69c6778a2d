// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/survivors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "nat/flow.h"
#include "policy/policy.h"

struct survivors {
	struct loop *loop;
	struct loop_timer *begin; /* walks don't begin or end from inside others' events */
	struct ct_walk *walk;     /* NULL: none is under way */
	/* The first n are counted by the walk; those behind them came later, and are for the next one. */
	struct ip4 addresses[POLICY_EGRESS_MAX];
	size_t n, n_walked;
	uint64_t found, total;
};

static void on_flow(const struct ct_flow *flow, void *data)
{
	struct survivors *s = data;

	for (size_t i = 0; i < s->n_walked; i++)
		s->found += s->addresses[i].v == flow->nat.v;
}

static void on_end(int rc, void *data)
{
	struct survivors *s = data;

	if (rc)
		log_debug("metrics", "connections after a take-over weren't all counted");
	s->total += s->found;
	for (size_t i = s->n_walked; i < s->n; i++)
		s->addresses[i - s->n_walked] = s->addresses[i];
	s->n -= s->n_walked;
	s->n_walked = 0;
	loop_timer_arm_ms(s->begin, 0);
}

static void on_begin(void *data)
{
	static const struct ct_walk_ops ops = { .on_flow = on_flow, .on_end = on_end };
	struct survivors *s = data;
	struct err err = ERR_NULL;

	ct_walk_free(s->walk);
	s->walk = NULL;
	if (!s->n)
		return;
	s->found = 0;
	s->n_walked = s->n;
	s->walk = ct_walk_new(s->loop, &ops, s, &err);
	if (s->walk)
		return;
	log_debug("metrics", "connections after a take-over aren't counted: %s", err.text);
	s->n = s->n_walked = 0;
}

struct survivors *survivors_new(struct loop *loop)
{
	struct survivors *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = loop;
	s->begin = loop_timer_new(loop, on_begin, s);
	if (s->begin)
		return s;
	free(s);
	return NULL;
}

void survivors_free(struct survivors *s)
{
	if (!s)
		return;
	ct_walk_free(s->walk);
	loop_timer_free(s->begin);
	free(s);
}

void survivors_count(struct survivors *s, struct ip4 address)
{
	if (!address.v || s->n == POLICY_EGRESS_MAX)
		return;
	s->addresses[s->n++] = address;
	if (!s->n_walked)
		loop_timer_arm_ms(s->begin, 0);
}

uint64_t survivors_total(const struct survivors *s)
{
	return s->total;
}
