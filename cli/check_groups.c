// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: whether the tunnel gets through the security groups, and whether EC2 tracks the flows to the internet. */
#include "cli/check.h"

#include "base/cleanup.h"
#include "cli/facts.h"
#include "cli/groups.h"
#include "conf/gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The groups of whoever has the address; NULL: not known. */
static const struct aws_ids *find_groups(const struct facts *facts, struct ip4 address)
{
	for (size_t i = 0; facts->nodes_state == FACT_KNOWN && i < facts->nodes.n; i++) {
		const struct aws_interface *const e = &facts->nodes.v[i];

		for (size_t k = 0; k < e->addresses.n; k++)
			if (e->addresses.v[k].address.v == address.v)
				return &e->groups;
	}
	return NULL;
}

struct tally {
	size_t refused, perhaps;
	const struct gateway_node *refused_node, *perhaps_node; /* the first of each */
};

static struct tally judge_nodes(const struct facts *facts, enum group_direction direction)
{
	const struct gateway_node *const nodes = facts->gateway->nodes.v;
	struct tally tally = { 0 };

	for (size_t i = 0; i < facts->gateway->nodes.n; i++) {
		const struct group_question question = {
			.protocol = "udp",
			.port = facts->tunnel->port,
			.peer = nodes[i].address,
			.peer_groups = find_groups(facts, nodes[i].address),
		};
		const enum group_verdict verdict =
			groups_judge(&facts->groups, direction, &question);

		if (verdict == GROUP_REFUSED && tally.refused++ == 0)
			tally.refused_node = &nodes[i];
		if (verdict == GROUP_PERHAPS && tally.perhaps++ == 0)
			tally.perhaps_node = &nodes[i];
	}
	return tally;
}

static void judge_tunnel(const struct facts *facts, enum group_direction direction,
			 struct check_results *results)
{
	const char *const way = direction == GROUP_IN ? "from" : "to";
	const char *const side = direction == GROUP_IN ? "ingress" : "egress";
	const struct tally tally = judge_nodes(facts, direction);
	const uint32_t port = facts->tunnel->port;
	struct check_result *result;
	char text[IP4_TEXT_MAX];

	if (tally.refused) {
		result = check_say(results, OUTCOME_FAIL,
				   "UDP port %" PRIu32
				   " isn't open %s %zu of %zu nodes, such as %s "
				   "(%s)",
				   port, way, tally.refused, facts->gateway->nodes.n,
				   tally.refused_node->name,
				   ip4_format(tally.refused_node->address, text));
		check_fix(result,
			  "aws ec2 authorize-security-group-%s --group-id %s --ip-permissions "
			  "IpProtocol=udp,FromPort=%" PRIu32 ",ToPort=%" PRIu32
			  ",IpRanges=[{CidrIp=%s/32}], or the nodes' whole range or group",
			  side, facts->groups.n ? facts->groups.v[0].id : "GROUP", port, port,
			  text);
	} else if (tally.perhaps) {
		result = check_say(results, OUTCOME_UNTRIED,
				   "UDP port %" PRIu32 " %s %zu nodes, such as %s, depends on a "
				   "prefix list or on a group whose members aren't seen",
				   port, way, tally.perhaps, tally.perhaps_node->name);
		check_fix(result, "look whether it has the nodes' addresses");
	} else {
		check_say(results, OUTCOME_OK, "UDP port %" PRIu32 " is open %s all %zu nodes",
			  port, way, facts->gateway->nodes.n);
	}
}

/*
 * The members of a group of gateways hear each other. Where they stand isn't known here; they are asked for as one that has
 * the same security groups and an address in the same subnet, which is how groups are made.
 */
static void judge_members(const struct facts *facts, struct check_results *results)
{
	const struct gateway_failover *const failover = &facts->gateway->failover;
	const struct {
		const char *protocol, *what;
		uint32_t port;
	} rows[] = {
		{ "udp", "heartbeats", failover->heartbeat_port },
		{ "tcp", "connections", failover->replication_port },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const enum group_direction direction = i % 2 ? GROUP_OUT : GROUP_IN;
		const struct group_question question = {
			.protocol = rows[i / 2].protocol,
			.port = rows[i / 2].port,
			.peer = facts->interface.primary,
			.peer_groups = &facts->interface.groups,
		};

		if (groups_judge(&facts->groups, direction, &question) == GROUP_ALLOWED)
			continue;
		struct check_result *const result = check_say(
			results, OUTCOME_WARN,
			"%s port %" PRIu32 " isn't open %s gateways with the same security "
			"groups: members of the group can't tell each other of %s",
			question.protocol, question.port, i % 2 ? "to" : "from", rows[i / 2].what);
		check_fix(result, "allow %s port %" PRIu32 " %s the gateways' own security group",
			  question.protocol, question.port, i % 2 ? "to" : "from");
		return;
	}
	check_say(results, OUTCOME_OK, "members of the group can reach each other");
}

/*
 * EC2 doesn't track a flow that a rule allows to everywhere while the other direction allows all ports from
 * everywhere (EC2 User Guide, Security group connection tracking).
 */
static void judge_tracking(const struct facts *facts, struct check_results *results)
{
	static const char *const names[] = { "tcp", "udp" };
	bool is_out = true, is_in = true;
	struct check_result *result;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		is_out = is_out && groups_open(&facts->groups, GROUP_OUT, names[i]);
		is_in = is_in && groups_open(&facts->groups, GROUP_IN, names[i]);
	}
	if (!is_out) {
		result = check_say(results, OUTCOME_WARN,
				   "not all TCP and UDP may leave to 0.0.0.0/0: pods' connections "
				   "beyond the rules are dropped by EC2 without a word");
		check_fix(result, "allow all traffic out to 0.0.0.0/0; policies say who may");
	} else if (!is_in) {
		result = check_say(results, OUTCOME_WARN,
				   "EC2 tracks the pods' flows: each counts against the instance's "
				   "limit (conntrack_allowance_exceeded), idle ones end by EC2's "
				   "timeouts, and none survives a move to another gateway");
		check_fix(result,
			  "allow TCP and UDP, all ports, in from 0.0.0.0/0 too: what may "
			  "come in is then up to eipgwd's forward rules, and to a firewall of "
			  "the host for its own services");
	} else {
		check_say(results, OUTCOME_OK,
			  "flows to the internet aren't tracked by EC2: TCP and "
			  "UDP are open both ways; the host's own services "
			  "need a firewall of their own");
	}
}

void judge_groups(const struct facts *facts, struct check_results *results)
{
	static const char action[] = "ec2:DescribeSecurityGroups";
	struct check_result *result;

	if (facts->groups_state != FACT_KNOWN) {
		result = check_say(results, OUTCOME_UNTRIED, "%s",
				   facts->groups_state == FACT_FAILED ?
					   facts->groups_failure.text :
					   "the interface has none that is known");
		if (facts->groups_state != FACT_FAILED)
			return;
		check_fix(result,
			  "only this check needs %s: run it with credentials that have the policy "
			  "%s, or add the statement to the role's",
			  action, iam_document_files[IAM_CLI]);
		check_statement(result, iam_find(IAM_CLI, action), action, "");
		return;
	}
	if (!facts->wants_routes || facts->gateway->nodes.n > 0) {
		judge_tunnel(facts, GROUP_IN, results);
		judge_tunnel(facts, GROUP_OUT, results);
	}
	if (failover_is_wanted(&facts->gateway->failover))
		judge_members(facts, results);
	judge_tracking(facts, results);
}
