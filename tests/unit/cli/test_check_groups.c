// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What `eipgw check` says about the security groups of gateways in a group. */
#include "cli/check.h"

#include "base/cleanup.h"
#include "cli/facts.h"
#include "conf/gateway.h"
#include "control/reply.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

static struct aws_id own = { "sg-1" };
static struct gateway_config config = {
	.tunnel = { .device = "egw0", .port = 4789, .vni = 77 },
	.failover = { .secret_file = "/s", .heartbeat_port = 7420, .replication_port = 7421 },
};

/* What is said of members; OUTCOME_COUNT: nothing. */
static enum outcome judge(const struct aws_group *group, char text[static 1024])
{
	static struct facts facts;
	CLEANUP(check_results_done) struct check_results results = { 0 };
	struct aws_group copy = *group;
	enum outcome found = OUTCOME_COUNT;

	facts = (struct facts){
		.gateway = &config,
		.tunnel = &config.tunnel,
		.wants_ec2 = true,
		.ec2_answered = true,
		.interface_state = FACT_KNOWN,
		.interface = { .id = "eni-1", .groups = { &own, 1 } },
		.groups_state = FACT_KNOWN,
		.groups = { &copy, 1, "" },
	};
	judge_groups(&facts, &results);
	for (size_t i = 0; i < results.n; i++) {
		if (!strstr(results.v[i].what, "members"))
			continue;
		assert_int_equal(found, OUTCOME_COUNT);
		found = results.v[i].outcome;
		assert_int_equal(results.v[i].fix[0] != '\0', found != OUTCOME_OK);
		snprintf(text, 1024, "%s", results.v[i].what);
	}
	return found;
}

enum { UDP_IN, TCP_IN, ALL_OUT };

static void members_must_hear_each_other(void **state)
{
	static const struct {
		const char *what;
		int without; /* a rule; -1: all are there */
	} rows[] = {
		{ "can reach each other", -1 },
		{ "udp port 7420 isn't open from gateways", UDP_IN },
		{ "tcp port 7421 isn't open from gateways", TCP_IN },
		{ "udp port 7420 isn't open to gateways", ALL_OUT },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct aws_group_rule in[] = {
			[UDP_IN] = { "udp", "7420", "7420", .groups = { &own, 1 } },
			[TCP_IN] = { "tcp", "7421", "7421", .groups = { &own, 1 } },
		};
		struct aws_group_rule out = { .protocol = "-1", .groups = { &own, 1 } };
		const struct aws_group group = { "sg-1",
						 { in, 2 },
						 { &out, rows[i].without != ALL_OUT } };
		char text[1024] = "";

		if (rows[i].without == UDP_IN || rows[i].without == TCP_IN)
			in[rows[i].without].groups.n = 0;
		assert_int_equal(judge(&group, text),
				 rows[i].without < 0 ? OUTCOME_OK : OUTCOME_WARN);
		assert_non_null(strstr(text, rows[i].what));
	}
}

static void a_gateway_that_is_alone_is_told_nothing_of_members(void **state)
{
	const struct aws_group group = { "sg-1", { NULL, 0 }, { NULL, 0 } };
	char text[1024] = "";
	(void)state;

	config.failover.secret_file[0] = '\0';
	assert_int_equal(judge(&group, text), OUTCOME_COUNT);
	config.failover.secret_file[0] = '/';
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_must_hear_each_other),
		cmocka_unit_test(a_gateway_that_is_alone_is_told_nothing_of_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
