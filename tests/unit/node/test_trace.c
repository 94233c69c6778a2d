// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What `eipgw explain` is told of a packet's way through a node's description. */
#include "nat/trace.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct nat_trace trace(const struct node_fixture *f, const char *iif, const char *src)
{
	struct nat_packet packet = { .src = ip(src),
				     .dst = ip("198.51.100.10"),
				     .protocol = 6,
				     .tcp_flags = 2,
				     .ct_state = NAT_STATE_NEW };
	struct nat_trace result;

	snprintf(packet.iif, sizeof(packet.iif), "%s", iif);
	assert_int_equal(nat_trace(&f->table, &f->routing, packet, "eth0", &result), 0);
	return result;
}

static bool tells(const struct nat_trace *t, const char *beginning, bool match)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strncmp(t->v[i].where, beginning, strlen(beginning)) == 0 &&
		    t->v[i].match == match)
			return true;
	}
	return false;
}

static void a_steered_packet_is_followed_into_the_tunnel(void **state)
{
	struct node_fixture f;
	struct nat_trace t;
	(void)state;

	node_fixture_init(&f, NULL, "strict");
	t = trace(&f, "eni1", "10.0.1.50");

	assert_false(t.dropped);
	assert_string_equal(t.oif, "egw0");
	assert_int_equal(t.encap.dst.v, ip("10.0.1.200").v);
	assert_int_equal(t.source.v, ip("10.0.1.50").v);
	assert_true(tells(&t, "chain steer: ip saddr vmap @steer_pod", true));
	assert_true(tells(&t, "ip rule: ", true));
	assert_true(tells(&t, "route: default encap", true));
	assert_true(tells(&t, "chain keepsrc: ", true));
	nat_trace_done(&t);
	node_fixture_done(&f);
}

static void an_unselected_packet_goes_the_way_that_others_decide(void **state)
{
	struct node_fixture f;
	struct nat_trace t;
	(void)state;

	node_fixture_init(&f, NULL, "strict");
	t = trace(&f, "eni2", "10.0.1.51");

	assert_false(t.dropped);
	assert_string_equal(t.oif, "eth0");
	assert_int_equal(t.encap.dst.v, 0);
	assert_true(tells(&t, "chain steer: ip saddr vmap @steer_pod", false));
	nat_trace_done(&t);
	node_fixture_done(&f);
}

static void a_drop_names_its_counter(void **state)
{
	struct node_fixture f;
	struct nat_trace t;
	(void)state;

	node_fixture_init(&f, NULL, "strict");
	t = trace(&f, "eni9", "10.0.1.60");

	assert_true(t.dropped);
	assert_string_equal(t.dropped_by, "guard_unclassified");
	nat_trace_done(&t);
	node_fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steered_packet_is_followed_into_the_tunnel),
		cmocka_unit_test(an_unselected_packet_goes_the_way_that_others_decide),
		cmocka_unit_test(a_drop_names_its_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
