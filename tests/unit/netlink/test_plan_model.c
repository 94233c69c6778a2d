// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Random states, planned and applied to a model of the kernel, with promises checked after every single
 * step, since the daemon may die after any: what was safe before and will be safe afterwards is safe in
 * between.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kernel_model.h"
#include "netlink/plan.h"
#include "sample.h"
#include "unit.h"

#define ROUNDS 4000
#define TABLES 3

static uint64_t random_state;

static unsigned random_below(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static bool one_in(unsigned n)
{
	return random_below(n) == 0;
}

/* The promises. */

static bool table_has_default(const struct model *m, uint32_t table)
{
	for (size_t i = 0; i < m->n_routes; i++) {
		if (m->routes[i].table == table && m->routes[i].dst.len == 0)
			return true;
	}
	return false;
}

static bool has_throw(const struct model *m, uint32_t table, uint32_t gateway)
{
	struct rt_route route = sample_throw(table, gateway);
	size_t i = model_find_key(m, &route);

	return i < m->n_routes && m->routes[i].type == RT_THROW;
}

static bool has_rule(const struct model *m, const struct rt_rule *rule)
{
	for (size_t i = 0; i < m->n_rules; i++) {
		if (rt_rule_compare(&m->rules[i], rule) == 0)
			return true;
	}
	return false;
}

/* A packet with the lane's mark never falls through to the main table. */
static bool steers_or_drops(const struct model *m)
{
	for (size_t i = 0; i < m->n_rules; i++) {
		if (m->rules[i].action == RT_RULE_TABLE && !table_has_default(m, m->rules[i].table))
			return false;
	}
	return true;
}

/* The tunnel's own packets don't go into the tunnel. */
static bool has_no_loop(const struct model *m)
{
	for (size_t i = 0; i < m->n_routes; i++) {
		const struct rt_route *route = &m->routes[i];

		if (route->encap.dst.v && route->dst.len == 0 &&
		    !has_throw(m, route->table, route->encap.dst.v))
			return false;
	}
	return true;
}

/* A packet without a mark is never dropped: before each blackhole stands a goto, and its aim. */
static bool spares_the_unmarked(const struct model *m)
{
	for (size_t i = 0; i < m->n_rules; i++) {
		uint32_t base = m->rules[i].priority - 2;
		struct rt_rule jump = sample_goto(base, base + 3);
		struct rt_rule aim = sample_nop(base + 3);

		if (m->rules[i].action == RT_RULE_BLACKHOLE &&
		    !(has_rule(m, &jump) && has_rule(m, &aim)))
			return false;
	}
	return true;
}

typedef bool (*promise_fn)(const struct model *m);

static const promise_fn promises[] = { steers_or_drops, has_no_loop, spares_the_unmarked };
#define PROMISES (sizeof(promises) / sizeof(promises[0]))

struct watch {
	bool kept_before[PROMISES];
	bool rule_before[MODEL_ROOM]; /* of the desired rules */
};

static struct watch watch_start(const struct model *m, const struct net_desired *desired)
{
	struct watch watch = { 0 };

	for (size_t i = 0; i < PROMISES; i++)
		watch.kept_before[i] = promises[i](m);
	for (size_t i = 0; i < desired->rules.n; i++)
		watch.rule_before[i] = has_rule(m, &desired->rules.v[i]);
	return watch;
}

static void watch_check(const struct watch *watch, const struct model *m,
			const struct net_desired *desired, const struct net_op *op)
{
	char text[RT_TEXT_MAX];

	for (size_t i = 0; i < PROMISES; i++) {
		if (watch->kept_before[i] && !promises[i](m))
			fail_msg("promise %zu is broken by: %s", i,
				 net_op_format(op, desired, text));
	}
	for (size_t i = 0; i < desired->rules.n; i++) {
		if (watch->rule_before[i] && !has_rule(m, &desired->rules.v[i]))
			fail_msg("a wanted rule is missing after: %s",
				 net_op_format(op, desired, text));
	}
}

/* Random states. */

static void add_rule(struct net_desired *desired, struct rt_rule rule)
{
	desired->rules.v[desired->rules.n++] = rule;
}

static struct net_desired random_desired(void)
{
	struct net_desired desired = { .tunnel = sample_tunnel(),
				       .tunnel_addr = { SAMPLE_ADDR },
				       .peer = sample_peer() };
	uint32_t base = one_in(3) ? 700 : 600;

	desired.routes.v = calloc(MODEL_ROOM, sizeof(*desired.routes.v));
	desired.rules.v = calloc(MODEL_ROOM, sizeof(*desired.rules.v));
	desired.tunnel.vxlan_port = one_in(8) ? 4790 : 4789;
	for (uint32_t i = 0; i < TABLES; i++) {
		uint32_t table = SAMPLE_TABLE + i, gateway = SAMPLE_GATEWAY + random_below(3);
		struct rt_rule lookup = sample_lookup(base + 1, 0x1000 + i, table);

		if (one_in(3))
			continue;
		desired.routes.v[desired.routes.n++] = sample_default(table, gateway);
		desired.routes.v[desired.routes.n++] = sample_throw(table, gateway);
		desired.routes.v[desired.routes.n++] = sample_blackhole(table);
		if (one_in(4)) /* Rules that a deletion mistakes for each other. */
			lookup.mark_mask = lookup.mark = 0;
		if (one_in(4))
			lookup.src = (struct ip4_prefix){ { 0x0a000000 + (i << 8) }, 24 };
		add_rule(&desired, lookup);
		lookup.mark_mask = lookup.mark = 0;
		if (one_in(4) && desired.rules.v[desired.rules.n - 1].mark_mask)
			add_rule(&desired, lookup);
	}
	add_rule(&desired, sample_goto(base, base + 3));
	add_rule(&desired, sample_blackhole_rule(base + 2));
	add_rule(&desired, sample_nop(base + 3));
	net_desired_sort(&desired);
	return desired;
}

static void damage_tunnel(struct model *m)
{
	switch (random_below(8)) {
	case 0:
		m->has_tunnel = false;
		m->n_addrs = m->n_neighs = 0;
		model_forget_routes_by(m, m->tunnel.ifindex);
		break;
	case 1:
		m->tunnel.up = false;
		m->n_neighs = 0;
		model_forget_routes_by(m, m->tunnel.ifindex);
		break;
	case 2:
		m->tunnel.mac[5] ^= 0x80;
		break;
	case 3:
		m->addrs[0].addr.addr.v++;
		break;
	case 4:
		m->n_neighs = 0;
		break;
	default:
		break;
	}
}

static void add_rules_of(struct model *m, const struct net_desired *former)
{
	for (size_t i = 0; i < former->rules.n; i++) {
		for (unsigned copies = one_in(6) ? random_below(3) : 1; copies > 0; copies--) {
			struct net_op op = { .kind = NET_RULE_ADD, .rule = &former->rules.v[i] };

			model_apply(m, former, &op);
		}
	}
}

/* What other processes, or earlier runs with other configurations, may have left. */
static struct model random_model(void)
{
	struct net_desired former = random_desired(), before = random_desired();
	struct net_observed reached = sample_observed(&former, 5);
	struct model m = { .has_tunnel = true, .tunnel = reached.tunnel, .next_ifindex = 6 };

	m.addrs[m.n_addrs++] = reached.addrs.v[0];
	m.neighs[m.n_neighs++] = reached.neighs.v[0];
	for (size_t i = 0; i < reached.routes.n; i++) {
		if (!one_in(8))
			m.routes[m.n_routes++] = reached.routes.v[i];
	}
	add_rules_of(&m, &former);
	if (one_in(2))
		add_rules_of(&m, &before);
	damage_tunnel(&m);
	net_desired_done(&former);
	net_desired_done(&before);
	net_observed_done(&reached);
	return m;
}

/* Plans and applies once; returns how many steps there were. */
static size_t run_round(struct model *m, const struct net_desired *desired, struct watch *watch)
{
	struct net_observed observed = model_observe(m);
	struct net_plan plan = { 0 };
	struct err err = ERR_NULL;
	size_t n;

	if (net_plan_compute(desired, &observed, &plan, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < plan.n; i++) {
		model_apply(m, desired, &plan.v[i]);
		watch_check(watch, m, desired, &plan.v[i]);
	}
	n = plan.n;
	net_plan_done(&plan);
	net_observed_done(&observed);
	return n;
}

static void assert_reached(const struct model *m, const struct net_desired *desired)
{
	for (size_t i = 0; i < PROMISES; i++)
		assert_true(promises[i](m));
	assert_true(m->has_tunnel && m->tunnel.up);
	assert_int_equal(m->n_addrs, 1);
	assert_int_equal(m->n_routes, desired->routes.n);
	assert_int_equal(m->n_rules, desired->rules.n);
	for (size_t i = 0; i < desired->rules.n; i++)
		assert_true(has_rule(m, &desired->rules.v[i]));
}

static void any_state_becomes_the_desired_one_and_no_step_breaks_a_promise(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct net_desired desired;
		struct model m;
		struct watch watch;

		random_state = i;
		m = random_model();
		desired = random_desired();
		/* Only a device with our MAC or our address is ours. */
		if (memcmp(m.tunnel.mac, desired.tunnel.mac, 6) != 0)
			m.addrs[0].addr.addr.v = SAMPLE_ADDR;
		watch = watch_start(&m, &desired);

		/* At most: the link, then the rest. */
		run_round(&m, &desired, &watch);
		run_round(&m, &desired, &watch);

		assert_int_equal(run_round(&m, &desired, &watch), 0);
		assert_reached(&m, &desired);
		net_desired_done(&desired);
	}
}

/* What was wanted is there, its rules in any order: the kernel has them as they came. */
static struct model exact_model(struct net_desired *former)
{
	struct net_observed reached = sample_observed(former, 5);
	struct model m = { .has_tunnel = true, .tunnel = reached.tunnel, .next_ifindex = 6 };

	m.addrs[m.n_addrs++] = reached.addrs.v[0];
	m.neighs[m.n_neighs++] = reached.neighs.v[0];
	for (size_t i = 0; i < reached.routes.n; i++)
		m.routes[m.n_routes++] = reached.routes.v[i];
	for (size_t i = former->rules.n; i > 1; i--) {
		size_t k = random_below((unsigned)i);
		struct rt_rule last = former->rules.v[i - 1];

		former->rules.v[i - 1] = former->rules.v[k];
		former->rules.v[k] = last;
	}
	for (size_t i = 0; i < former->rules.n; i++) {
		struct net_op op = { .kind = NET_RULE_ADD, .rule = &former->rules.v[i] };

		model_apply(&m, former, &op);
	}
	net_desired_sort(former);
	net_observed_done(&reached);
	return m;
}

/* What is there is no step. */
static void expect_nothing_to_do(const struct net_desired *desired)
{
	struct net_observed assumed;
	struct net_plan plan = { 0 };

	assert_int_equal(net_observed_assume(desired, 5, &assumed), 0);
	assert_int_equal(net_plan_compute(desired, &assumed, &plan, NULL), 0);
	assert_int_equal(plan.n, 0);
	net_observed_done(&assumed);
}

/* Whether the plan was small, and so applied. */
static bool run_without_a_look(struct model *m, const struct net_desired *former,
			       const struct net_desired *desired)
{
	struct watch watch = watch_start(m, desired);
	struct net_observed assumed;
	struct net_plan plan = { 0 };
	struct err err = ERR_NULL;
	bool small;

	assert_int_equal(net_observed_assume(former, 5, &assumed), 0);
	assert_int_equal(net_plan_compute(desired, &assumed, &plan, &err), 0);
	small = net_plan_is_small(&plan, &assumed);
	for (size_t i = 0; small && i < plan.n; i++) {
		model_apply(m, desired, &plan.v[i]);
		watch_check(&watch, m, desired, &plan.v[i]);
	}
	net_plan_done(&plan);
	net_observed_done(&assumed);
	return small;
}

static void a_small_plan_needs_no_look(void **state)
{
	unsigned small = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct net_desired former, desired;
		struct watch watch;
		struct model m;

		random_state = i;
		former = random_desired();
		desired = random_desired();
		m = exact_model(&former);
		watch = watch_start(&m, &desired);
		expect_nothing_to_do(&former);

		if (run_without_a_look(&m, &former, &desired)) {
			small++;
			assert_int_equal(run_round(&m, &desired, &watch), 0);
			assert_reached(&m, &desired);
		}
		net_desired_done(&former);
		net_desired_done(&desired);
	}
	assert_in_range(small, ROUNDS / 4, ROUNDS - 1);
}

static void removal_leaves_nothing_and_drops_no_unmarked_packet_on_the_way(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct net_desired desired, nothing = { 0 };
		struct net_observed observed;
		struct net_plan plan = { 0 };
		struct model m;
		struct watch watch;

		random_state = i;
		m = random_model();
		desired = random_desired();
		observed = model_observe(&m);
		watch = watch_start(&m, &nothing);

		assert_int_equal(net_plan_compute_removal(&desired, &observed, &plan), 0);
		for (size_t k = 0; k < plan.n; k++) {
			model_apply(&m, &desired, &plan.v[k]);
			watch_check(&watch, &m, &nothing, &plan.v[k]);
		}

		assert_int_equal(m.n_routes, 0);
		assert_int_equal(m.n_rules, 0);
		net_plan_done(&plan);
		net_observed_done(&observed);
		net_desired_done(&desired);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_state_becomes_the_desired_one_and_no_step_breaks_a_promise),
		cmocka_unit_test(a_small_plan_needs_no_look),
		cmocka_unit_test(removal_leaves_nothing_and_drops_no_unmarked_packet_on_the_way),
	};

	return cmocka_run_group_tests_name("netlink/plan_model", tests, NULL, NULL);
}
