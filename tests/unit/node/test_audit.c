// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/audit.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FLAG 0x1000u

static void only_connections_with_a_wrong_source_are_stale(void **state)
{
	static const struct {
		const char *what;
		const char *orig_src, *orig_dst, *reply_src, *reply_dst;
		uint32_t mark;
		bool stale;
	} rows[] = {
		{ "steered", "10.0.1.50", "198.51.100.10", "198.51.100.10", "10.0.1.50", FLAG,
		  false },
		{ "older than the selection, translated by the CNI", "10.0.1.50", "198.51.100.10",
		  "198.51.100.10", "10.0.1.11", 0x80, true },
		{ "born while the table was flushed", "10.0.1.50", "198.51.100.10", "198.51.100.10",
		  "10.0.1.11", FLAG, true },
		{ "older than the selection, not translated", "10.0.1.50", "198.51.100.10",
		  "198.51.100.10", "10.0.1.50", 0, false },
		{ "service with an external endpoint", "10.0.1.50", "172.20.0.20", "198.51.100.20",
		  "10.0.1.50", FLAG, false },
		{ "service with an external endpoint, translated", "10.0.1.50", "172.20.0.20",
		  "198.51.100.20", "10.0.1.11", 0, true },
		{ "service inside the cluster, masqueraded", "10.0.1.50", "172.20.0.10",
		  "10.0.2.50", "10.0.1.11", 0, false },
		{ "steered, no longer selected", "10.0.1.51", "198.51.100.10", "198.51.100.10",
		  "10.0.1.51", FLAG, true },
		{ "unselected, translated by the CNI", "10.0.1.51", "198.51.100.10",
		  "198.51.100.10", "10.0.1.11", 0x80, false },
		{ "picked up the wrong way round", "198.51.100.10", "10.0.1.50", "10.0.1.50",
		  "198.51.100.10", FLAG | 0x7f, false },
		{ "the same, no longer selected", "198.51.100.10", "10.0.1.51", "10.0.1.51",
		  "198.51.100.10", FLAG | 0x7f, true },
		{ "node port", "198.51.100.10", "10.0.1.11", "10.0.1.50", "198.51.100.10", 0x80,
		  false },
		{ "the node's own", "10.0.1.11", "198.51.100.10", "198.51.100.10", "10.0.1.11", 0,
		  false },
	};
	struct node_fixture f;
	(void)state;

	node_fixture_init(&f, NULL, "strict");
	struct node_audit audit = { .policies = &f.policies, .flag = FLAG };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ct_entry entry = {
			.orig = { .src = ip(rows[i].orig_src), .dst = ip(rows[i].orig_dst) },
			.reply = { .src = ip(rows[i].reply_src), .dst = ip(rows[i].reply_dst) },
			.mark = rows[i].mark,
		};

		if (node_audit_is_stale(&audit, &entry) != rows[i].stale)
			fail_msg("%s: wanted %d", rows[i].what, rows[i].stale);
	}
	node_fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_connections_with_a_wrong_source_are_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
