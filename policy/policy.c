// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One sweep over the address space. Each policy contributes intervals of sources; walking over
 * their ends in the order of addresses we know at each place which policies are open, and between
 * two ends that set is the class. Nothing is ever compared pod by pod, so the cost is that of
 * sorting.
 */
#include "policy/policy.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/check.h"
#include "policy/classes.h"
#include "policy/events.h"
#include "policy/overlap.h"
#include "policy/spread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * 0.0.0.0/8 and 127.0.0.0/8: RFC 1122; 169.254.0.0/16: RFC 3927, on EC2 also IMDS, DNS, NTP and the
 * pods' gateway; 224.0.0.0/4: RFC 1112; 240.0.0.0/4: reserved, with the limited broadcast at its end.
 */
const struct ip4_prefix policy_builtin_excluded[] = {
	{ .addr = { 0x00000000 }, .len = 8 },  { .addr = { 0x7f000000 }, .len = 8 },
	{ .addr = { 0xa9fe0000 }, .len = 16 }, { .addr = { 0xe0000000 }, .len = 4 },
	{ .addr = { 0xf0000000 }, .len = 4 },
};
const size_t policy_builtin_excluded_count = ARRAY_SIZE(policy_builtin_excluded);

struct compile {
	const struct policy_input *input;
	struct err *err;
	uint16_t policy_at[POLICY_MAX]; /* rank -> index of the policy */
	struct policy_result result;
	struct policy_overlap overlap;
	struct policy_events events;
	struct policy_classes classes;
	struct policy_open open;
	struct policy_bits open_bits; /* the ranks in `open` */
};

static void compile_done(struct compile *c)
{
	policy_result_done(&c->result);
	policy_overlap_done(&c->overlap);
	policy_events_done(&c->events);
	policy_classes_done(&c->classes);
}

static int always_excluded(const struct policy_input *input, struct ip4_set *ret)
{
	CLEANUP(ip4_set_done) struct ip4_set builtin = { .v = NULL };
	CLEANUP(ip4_set_done) struct ip4_set configured = { .v = NULL };

	int r = ip4_set_from_prefixes(&builtin, policy_builtin_excluded,
				      policy_builtin_excluded_count);
	if (r == 0)
		r = ip4_set_from_prefixes(&configured, input->always_excluded,
					  input->n_always_excluded);
	return r < 0 ? r : ip4_set_union(&builtin, &configured, ret);
}

static int effective(const struct policy_spec *spec, const struct ip4_set *always,
		     struct ip4_set *ret)
{
	CLEANUP(ip4_set_done) struct ip4_set wanted = { .v = NULL };
	CLEANUP(ip4_set_done) struct ip4_set excluded = { .v = NULL };
	CLEANUP(ip4_set_done) struct ip4_set allowed = { .v = NULL };

	int r = ip4_set_from_prefixes(&wanted, spec->destinations, spec->n_destinations);
	if (r == 0)
		r = ip4_set_from_prefixes(&excluded, spec->excluded, spec->n_excluded);
	if (r == 0)
		r = ip4_set_subtract(&wanted, always, &allowed);
	return r < 0 ? r : ip4_set_subtract(&allowed, &excluded, ret);
}

static int compute_destinations(struct compile *c)
{
	CLEANUP(ip4_set_done) struct ip4_set always = { .v = NULL };

	int r = always_excluded(c->input, &always);
	for (size_t i = 0; r == 0 && i < c->input->n_specs; i++) {
		struct ip4_set *set = &c->result.destinations[i];

		r = effective(&c->input->specs[i], &always, set);
		if (r == 0 && !set->n && !c->input->lenient)
			return err_set(c->err, -EINVAL,
				       "policies[%zu].destination_cidrs: nothing is left after the "
				       "excluded ranges",
				       i);
	}
	return r;
}

static int compute_overlap(struct compile *c)
{
	size_t n = c->input->n_specs;
	CLEANUP(cleanup_free) const struct ip4_set **at_rank = calloc(n ? n : 1, sizeof(*at_rank));

	if (!at_rank)
		return -ENOMEM;
	for (size_t rank = 0; rank < n; rank++)
		at_rank[rank] = &c->result.destinations[c->policy_at[rank]];
	return policy_overlap_init(&c->overlap, at_rank, n);
}

static int check_spread(struct compile *c, size_t index, uint64_t *total)
{
	const struct policy_spec *spec = &c->input->specs[index];
	uint64_t count = 0;

	if (spec->n_egress <= 1)
		return 0;

	int r = policy_spread_ranges(spec->pods, spec->n_pods, &count);
	if (r < 0)
		return r;
	if (count > POLICY_SPREAD_MAX)
		return err_set(
			c->err, -EINVAL,
			"policies[%zu].pod_cidrs: has %llu addresses; at most %d can be spread "
			"over several egress IPs",
			index, (unsigned long long)count, POLICY_SPREAD_MAX);
	*total += count;
	if (*total > POLICY_SPREAD_TOTAL_MAX)
		return err_set(
			c->err, -EINVAL,
			"policies[%zu].pod_cidrs: more than %u addresses to spread over several "
			"egress IPs in all policies together",
			index, POLICY_SPREAD_TOTAL_MAX);
	return 0;
}

static int collect_policy(struct compile *c, uint16_t rank)
{
	CLEANUP(ip4_set_done) struct ip4_set pods = { .v = NULL };
	CLEANUP(ip4_set_done) struct ip4_set blocked = { .v = NULL };
	CLEANUP(ip4_set_done) struct ip4_set open = { .v = NULL };
	const struct policy_spec *spec = &c->input->specs[c->policy_at[rank]];
	const struct policy_spec nowhere = { .n_egress = 0 };

	int r = ip4_set_from_prefixes(&pods, spec->pods, spec->n_pods);
	if (r == 0)
		r = ip4_set_from_prefixes(&blocked, spec->blocked, spec->n_blocked);
	if (r < 0)
		return r;
	if (!spec->n_egress) {
		r = ip4_set_union(&pods, &blocked, &open);
		return r < 0 ? r : policy_spread(c->input, &nowhere, &open, rank, &c->events);
	}
	r = ip4_set_subtract(&pods, &blocked, &open);
	if (r == 0)
		r = policy_spread(c->input, spec, &open, rank, &c->events);
	return r < 0 ? r : policy_spread(c->input, &nowhere, &blocked, rank, &c->events);
}

static int collect_sources(struct compile *c)
{
	uint64_t total = 0;

	for (size_t rank = 0; rank < c->input->n_specs; rank++) {
		int r = check_spread(c, c->policy_at[rank], &total);
		if (r == 0)
			r = collect_policy(c, (uint16_t)rank);
		if (r < 0)
			return r;
	}
	policy_events_sort(&c->events);
	return 0;
}

static int report_overlap(const struct compile *c, uint16_t rank, uint16_t other, uint32_t source)
{
	unsigned a = c->policy_at[rank];
	unsigned b = c->policy_at[other];
	unsigned first = a < b ? a : b;
	unsigned second = a < b ? b : a;
	struct ip4 destination = { 0 };
	char source_text[IP4_TEXT_MAX];
	char destination_text[IP4_TEXT_MAX];

	ip4_set_intersects(&c->result.destinations[a], &c->result.destinations[b], &destination);
	return err_set(
		c->err, -EINVAL,
		"policies[%u].destination_cidrs: overlaps policies[%u] (\"%s\") for source %s "
		"and destination %s",
		second, first, c->input->specs[first].name,
		ip4_format((struct ip4){ source }, source_text),
		ip4_format(destination, destination_text));
}

static int open_policy(struct compile *c, struct policy_event e)
{
	uint16_t other = policy_overlap_find(&c->overlap, e.rank, &c->open_bits);

	if (other != POLICY_RANK_NONE && !c->input->lenient)
		return report_overlap(c, e.rank, other, (uint32_t)e.at);
	policy_open_add(&c->open, e.rank, e.egress);
	policy_bits_set(&c->open_bits, e.rank);
	return 0;
}

static void close_policy(struct compile *c, struct policy_event e)
{
	policy_open_remove(&c->open, e.rank);
	policy_bits_clear(&c->open_bits, e.rank);
}

/*
 * Two neighbours are never of one class: an interval's end lies between them, and no policy has two
 * intervals that touch and have the same egress IP.
 */
static int add_member(struct compile *c, uint64_t first, uint64_t last)
{
	struct policy_member *member = &c->result.members[c->result.n_members];

	int r = policy_classes_get(&c->classes, &c->open, &member->class_index);
	if (r == -ENOSPC)
		return err_set(
			c->err, -EINVAL,
			"policies: the pods fall into too many different combinations of policies "
			"and egress IPs (more than %d, or more than %u rules in them)",
			POLICY_CLASS_MAX, POLICY_RULES_MAX);
	if (r < 0)
		return r;
	member->range = (struct ip4_range){ .first = (uint32_t)first, .last = (uint32_t)last };
	c->result.n_members++;
	return 0;
}

static int sweep(struct compile *c)
{
	uint64_t from = 0;

	for (size_t i = 0; i < c->events.n; i++) {
		struct policy_event e = policy_events_at(&c->events, i);
		int r = 0;

		if (c->open.n && e.at > from)
			r = add_member(c, from, e.at - 1);
		from = e.at;
		if (!e.open)
			close_policy(c, e);
		else if (r == 0)
			r = open_policy(c, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* At most one member begins at each event; what is too much is given back. */
static int compute_members(struct compile *c)
{
	size_t room = c->events.n ? c->events.n : 1;

	c->result.members = calloc(room, sizeof(*c->result.members));
	if (!c->result.members)
		return -ENOMEM;

	int r = sweep(c);
	if (r < 0)
		return r;

	size_t n = c->result.n_members ? c->result.n_members : 1;
	struct policy_member *trimmed =
		reallocarray(c->result.members, n, sizeof(*c->result.members));
	if (trimmed)
		c->result.members = trimmed;
	return 0;
}

static int allocate_policies(struct compile *c)
{
	size_t n = c->input->n_specs;
	size_t room = n ? n : 1;

	c->result.names = calloc(room, sizeof(*c->result.names));
	c->result.destinations = calloc(room, sizeof(*c->result.destinations));
	c->result.connections = calloc(room, sizeof(*c->result.connections));
	if (!c->result.names || !c->result.destinations || !c->result.connections)
		return -ENOMEM;
	c->result.n_policies = n;
	for (size_t i = 0; i < n; i++) {
		strncpy(c->result.names[i], c->input->specs[i].name, POLICY_NAME_MAX - 1);
		c->result.connections[i] = c->input->specs[i].connections;
	}
	return 0;
}

int policy_compile(const struct policy_input *input, struct policy_result *ret, struct err *err)
{
	CLEANUP(compile_done) struct compile c = { .input = input, .err = err };

	int r = policy_check(input, err);
	if (r == 0)
		r = policy_rank(input, c.policy_at, err);
	if (r == 0)
		r = allocate_policies(&c);
	if (r == 0)
		r = compute_destinations(&c);
	if (r == 0)
		r = compute_overlap(&c);
	if (r == 0)
		r = collect_sources(&c);
	if (r == 0)
		r = compute_members(&c);
	if (r == 0)
		r = policy_classes_finish(&c.classes, input, c.policy_at, &c.result, err);
	if (r < 0)
		return r == -ENOMEM ? err_set(err, r, "policies: out of memory") : r;

	*ret = c.result;
	c.result = (struct policy_result){ .n_policies = 0 };
	return 0;
}

void policy_result_done(struct policy_result *result)
{
	for (size_t i = 0; i < result->n_policies; i++)
		ip4_set_done(&result->destinations[i]);
	free(result->destinations);
	free(result->names);
	free(result->connections);
	free(result->classes);
	free(result->rules);
	free(result->members);
	*result = (struct policy_result){ .n_policies = 0 };
}

const struct policy_class *policy_class_of(const struct policy_result *result, struct ip4 source)
{
	size_t low = 0;
	size_t high = result->n_members;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct policy_member *member = &result->members[middle];

		if (source.v < member->range.first)
			high = middle;
		else if (source.v > member->range.last)
			low = middle + 1;
		else
			return &result->classes[member->class_index];
	}
	return NULL;
}

const struct policy_class *policy_class_find(const struct policy_result *result, uint64_t key)
{
	for (size_t i = 0; i < result->n_classes; i++)
		if (result->classes[i].key == key)
			return &result->classes[i];
	return NULL;
}

const struct policy_rule *policy_rule_of(const struct policy_result *result, struct ip4 source,
					 struct ip4 destination)
{
	return policy_class_rule(result, policy_class_of(result, source), destination);
}

const struct policy_rule *policy_class_rule(const struct policy_result *result,
					    const struct policy_class *class,
					    struct ip4 destination)
{
	for (size_t i = 0; class && i < class->n_rules; i++)
		if (ip4_set_contains(&result->destinations[class->rules[i].policy], destination))
			return &class->rules[i];
	return NULL;
}
