// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* In a group of gateways: what leaves with an egress IP that another one has, and what happens to connections. */
#include "desired_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "gateway/audit.h"
#include "gateway/own/own.h"
#include "gateway/table/delta.h"
#include "nat/delta.h"

enum { SYN = 2, ACK = 16 };

static const char *const bank_pod = "10.0.1.50", *const mail_pod = "10.0.1.51";

static void describe(struct fixture *f, const bool *fenced)
{
	nat_ruleset_done(&f->table);
	f->table = (struct nat_ruleset){ 0 };
	f->view.fenced = fenced;
	assert_int_equal(gateway_describe_table(&f->view, &f->table), 0);
}

static void fixture_init(struct fixture *f, const bool *fenced)
{
	fixture_init_with(f, two_pods_text);
	describe(f, fenced);
}

static struct nat_packet packet_of(const char *pod, uint8_t protocol, uint8_t flags)
{
	return (struct nat_packet){ .iif = "egw0",
				    .oif = "eth0",
				    .src = ip(pod),
				    .dst = ip("198.51.100.10"),
				    .protocol = protocol,
				    .tcp_flags = flags,
				    .mark = gateway_node_mark(ip("10.0.2.11")),
				    .ct_state = NAT_STATE_NEW };
}

static void each_packet_meets_its_fate(void **state)
{
	static const bool fenced[] = { true, false }, none[] = { false, false };
	static const bool shared[] = { false, true };
	static const struct {
		const char *what;
		const bool *fenced;
		const char *const *pod;
		uint8_t protocol, flags;
		enum nat_eval_verdict verdict;
		const char *counter;
	} rows[] = {
		{ "SYN", fenced, &mail_pod, IPPROTO_TCP, SYN, NAT_EVAL_ACCEPT, "new" },
		{ "mid-stream", fenced, &mail_pod, IPPROTO_TCP, ACK, NAT_EVAL_REJECT,
		  "unknown_reset" },
		{ "UDP", fenced, &mail_pod, IPPROTO_UDP, 0, NAT_EVAL_ACCEPT, "new" },
		{ "ping", fenced, &mail_pod, IPPROTO_ICMP, 0, NAT_EVAL_ACCEPT, "new" },
		{ "fenced, SYN", fenced, &bank_pod, IPPROTO_TCP, SYN, NAT_EVAL_DROP, "fenced" },
		{ "fenced, mid-stream", fenced, &bank_pod, IPPROTO_TCP, ACK, NAT_EVAL_DROP,
		  "fenced" },
		{ "fenced, UDP", fenced, &bank_pod, IPPROTO_UDP, 0, NAT_EVAL_DROP, "fenced" },
		{ "nothing fenced, SYN", none, &bank_pod, IPPROTO_TCP, SYN, NAT_EVAL_ACCEPT,
		  "new" },
		{ "nothing fenced, mid-stream", none, &bank_pod, IPPROTO_TCP, ACK, NAT_EVAL_REJECT,
		  "unknown_reset" },
		{ "on its way, SYN", none, &mail_pod, IPPROTO_TCP, SYN, NAT_EVAL_ACCEPT, "new" },
		{ "on its way, mid-stream", none, &mail_pod, IPPROTO_TCP, ACK, NAT_EVAL_DROP,
		  "fenced" },
		{ "on its way, UDP", none, &mail_pod, IPPROTO_UDP, 0, NAT_EVAL_ACCEPT, "new" },
		{ "alone, mid-stream", NULL, &bank_pod, IPPROTO_TCP, ACK, NAT_EVAL_ACCEPT, "new" },
	};
	struct fixture f;
	(void)state;

	fixture_init(&f, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nat_packet packet = packet_of(*rows[i].pod, rows[i].protocol, rows[i].flags);
		struct nat_eval_result r;

		f.view.shared = strncmp(rows[i].what, "on its way", 10) == 0 ? shared : NULL;
		describe(&f, rows[i].fenced);
		r = nat_eval_hook(&f.table, NAT_HOOK_FORWARD, &packet, NULL, NULL);
		if (r.verdict != rows[i].verdict || r.n_counters != 1 ||
		    strcmp(r.counters[0], rows[i].counter) != 0)
			fail_msg("%s: verdict %d", rows[i].what, r.verdict);
		if (r.verdict != NAT_EVAL_ACCEPT)
			continue;
		r = nat_eval_hook(&f.table, NAT_HOOK_POSTROUTING, &packet, NULL, NULL);
		assert_int_equal(r.verdict, NAT_EVAL_ACCEPT);
		assert_true(r.snat);
	}
	fixture_done(&f);
}

/* Behind the translation, whoever made it: by its source alone. */
static void nothing_passes_the_fence(void **state)
{
	static const bool fenced[] = { true, false };
	static const struct {
		const char *what, *src, *oif;
		uint32_t state, mark;
		bool drop;
	} rows[] = {
		{ "a known connection, translated by its entry", "10.0.1.201", "eth0",
		  NAT_STATE_ESTABLISHED, 0, true },
		{ "an error about one", "10.0.1.201", "eth0", NAT_STATE_RELATED, 0, true },
		{ "the self-test's", "10.0.1.200", "eth0", NAT_STATE_NEW, 1, true },
		{ "the self-test's, not fenced", "10.0.1.200", "eth0", NAT_STATE_NEW, 2, false },
		{ "a known one, not fenced", "10.0.1.202", "eth0", NAT_STATE_ESTABLISHED, 0,
		  false },
		{ "the host's own", "10.0.1.200", "eth0", NAT_STATE_NEW, 0, false },
		{ "an answer to a pod", "198.51.100.10", "egw0", NAT_STATE_ESTABLISHED, 0, false },
	};
	struct fixture f;
	(void)state;

	fixture_init(&f, fenced);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nat_packet packet = { .src = ip(rows[i].src),
					     .dst = ip("198.51.100.10"),
					     .protocol = IPPROTO_TCP,
					     .tcp_flags = ACK,
					     .mark = rows[i].mark,
					     .ct_state = rows[i].state };
		struct nat_eval_result r;

		snprintf(packet.oif, sizeof(packet.oif), "%s", rows[i].oif);
		r = nat_eval_hook(&f.table, NAT_HOOK_POSTROUTING, &packet, NULL, NULL);
		if ((r.verdict == NAT_EVAL_DROP) != rows[i].drop)
			fail_msg("%s: %d", rows[i].what, r.verdict);
		assert_int_equal(r.n_counters, rows[i].drop);
	}
	fixture_done(&f);
}

/* So that it is one element less or more, and nothing else, that makes the difference. */
static void the_fence_is_there_before_it_is_needed(void **state)
{
	static const bool none[] = { false, false };
	struct fixture f;
	(void)state;

	fixture_init(&f, none);
	assert_non_null(nat_chain_find(&f.table, "fence"));
	assert_int_equal(nat_set_find(&f.table, GATEWAY_FENCED_SET)->n, 0);
	assert_int_equal(nat_set_find(&f.table, GATEWAY_FENCED_MARK_SET)->n, 0);
	describe(&f, NULL);
	assert_null(nat_chain_find(&f.table, "fence"));
	assert_null(nat_set_find(&f.table, GATEWAY_FENCED_SET));
	fixture_done(&f);
}

static void who_is_fenced_does_not_serve_but_has_all(void **state)
{
	static const bool fenced[] = { true, false };
	struct fixture f;
	(void)state;

	fixture_init(&f, fenced);
	assert_false(gateway_serves(&f.view, 0));
	assert_true(gateway_serves(&f.view, 1));
	assert_int_equal(gateway_private(&f.view, 0).v, ip("10.0.1.201").v);
	assert_int_equal(nat_set_find(&f.table, "egress")->n, 2);
	fixture_done(&f);
}

static void the_audit_leaves_the_other_gateway_s_connections(void **state)
{
	static const bool fenced[] = { true, false };
	static const struct {
		const char *what, *src, *leaves_as;
		uint32_t mark;
		bool stale, stale_alone;
	} rows[] = {
		{ "replicated", "10.0.1.50", "10.0.1.201", 1, false, false },
		{ "of a pod that we know nothing of", "10.0.1.59", "10.0.1.201", 1, false, true },
		{ "of the other pod, from before", "10.0.1.51", "10.0.1.201", 1, false, false },
		{ "ours", "10.0.1.51", "10.0.1.202", 2, false, false },
		{ "ours, of nobody", "10.0.1.59", "10.0.1.202", 2, true, true },
		{ "untranslated", "10.0.1.50", "10.0.1.50", 0, true, true },
	};
	struct fixture f;
	(void)state;

	fixture_init(&f, fenced);
	struct gateway_view alone = f.view;

	alone.fenced = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ct_entry entry = { .orig = { .src = ip(rows[i].src),
							  .dst = ip("198.51.100.10"),
							  .protocol = IPPROTO_TCP },
						.reply = { .dst = ip(rows[i].leaves_as) },
						.mark = rows[i].mark };

		if (gateway_audit_is_stale(&f.view, &entry) != rows[i].stale ||
		    gateway_audit_is_stale(&alone, &entry) != rows[i].stale_alone)
			fail_msg("%s", rows[i].what);
	}
	fixture_done(&f);
}

static void take(struct fixture *f, struct gateway_delta *delta)
{
	for (size_t k = 0; k < delta->delta.n_sets; k++) {
		const struct keeper_elems *elems = &delta->delta.sets[k];
		const struct nat_change change = { .set = nat_set_find(&f->table, elems->set),
						   .del = elems->del,
						   .add = elems->add };

		assert_int_equal(nat_ruleset_change(&f->table, &change), 0);
	}
	gateway_delta_done(delta);
}

/* One step after the other makes what would be described. */
static void a_step_over_the_fence_makes_what_would_be_described(void **state)
{
	static const struct {
		size_t egress;
		bool fenced, shared;
	} steps[] = { { 0, true, false },  { 1, true, false }, { 0, true, true },
		      { 0, false, true },  { 1, false, true }, { 0, false, false },
		      { 1, false, false }, { 1, true, false } };
	bool fenced[] = { false, false }, shared[] = { false, false };
	struct fixture f;
	(void)state;

	fixture_init(&f, fenced);
	f.view.shared = shared;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const size_t egress = steps[i].egress;
		struct gateway_delta delta;
		struct nat_ruleset wanted = { 0 };

		if (fenced[egress] != steps[i].fenced) {
			assert_int_equal(
				gateway_delta_fence(&f.view, egress, steps[i].fenced, &delta), 0);
			take(&f, &delta);
		}
		if (shared[egress] != steps[i].shared) {
			assert_int_equal(
				gateway_delta_share(&f.view, egress, steps[i].shared, &delta), 0);
			take(&f, &delta);
		}
		fenced[egress] = steps[i].fenced;
		shared[egress] = steps[i].shared;
		assert_int_equal(gateway_describe_table(&f.view, &wanted), 0);
		assert_true(nat_ruleset_equal(&wanted, &f.table));
		nat_ruleset_done(&wanted);
	}
	fixture_done(&f);
}

static void what_is_not_available_is_not_fenced(void **state)
{
	struct own_egress egress[2] = { { .state = OWN_LOST, .private_ip = ip("10.0.1.201") },
					{ .state = OWN_HELD, .private_ip = ip("10.0.1.202") } };
	const struct own own = { .v = egress, .n = 2 };
	static const bool fenced[] = { true, true };
	struct gateway_delta delta;
	struct fixture f;
	(void)state;

	fixture_init(&f, fenced);
	f.view.own = &own;
	describe(&f, fenced);
	assert_int_equal(nat_set_find(&f.table, GATEWAY_FENCED_SET)->n, 1);
	assert_int_equal(nat_set_find(&f.table, GATEWAY_FENCED_MARK_SET)->n, 1);
	assert_int_equal(gateway_delta_fence(&f.view, 0, false, &delta), -ENOENT);
	assert_int_equal(gateway_delta_share(&f.view, 0, true, &delta), -ENOENT);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_packet_meets_its_fate),
		cmocka_unit_test(nothing_passes_the_fence),
		cmocka_unit_test(the_fence_is_there_before_it_is_needed),
		cmocka_unit_test(who_is_fenced_does_not_serve_but_has_all),
		cmocka_unit_test(the_audit_leaves_the_other_gateway_s_connections),
		cmocka_unit_test(a_step_over_the_fence_makes_what_would_be_described),
		cmocka_unit_test(what_is_not_available_is_not_fenced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
