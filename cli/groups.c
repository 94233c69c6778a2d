// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/groups.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define PORT_MAX 65535

/* EC2 shows these three by name, and takes numbers too. */
static const struct {
	const char *name, *number;
} protocols[] = { { "tcp", "6" }, { "udp", "17" }, { "icmp", "1" } };

static bool is_all(const struct aws_group_rule *rule)
{
	return strcmp(rule->protocol, "-1") == 0;
}

static bool is_protocol(const struct aws_group_rule *rule, const char *protocol)
{
	if (is_all(rule) || strcmp(rule->protocol, protocol) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strcmp(protocols[i].name, protocol) == 0)
			return strcmp(rule->protocol, protocols[i].number) == 0;
	return false;
}

static bool has_port(const struct aws_group_rule *rule, uint32_t port)
{
	const long from = strtol(rule->from_port, NULL, 10);
	const long to = strtol(rule->to_port, NULL, 10);

	if (is_all(rule) || !rule->from_port[0] || from < 0)
		return true;
	return from <= (long)port && (long)port <= to;
}

static bool has_id(const struct aws_ids *ids, const char *id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (strcmp(ids->v[i].text, id) == 0)
			return true;
	return false;
}

static enum group_verdict judge_peer(const struct aws_group_rule *rule,
				     const struct group_question *question)
{
	for (size_t i = 0; i < rule->cidrs.n; i++)
		if (ip4_prefix_contains(rule->cidrs.v[i], question->peer))
			return GROUP_ALLOWED;
	for (size_t i = 0; question->peer_groups && i < rule->groups.n; i++)
		if (has_id(question->peer_groups, rule->groups.v[i].text))
			return GROUP_ALLOWED;
	if (rule->prefix_lists.n > 0 || (rule->groups.n > 0 && !question->peer_groups))
		return GROUP_PERHAPS;
	return GROUP_REFUSED;
}

static const struct aws_group_rules *rules_of(const struct aws_group *group,
					      enum group_direction direction)
{
	return direction == GROUP_IN ? &group->inbound : &group->outbound;
}

enum group_verdict groups_judge(const struct aws_groups *groups, enum group_direction direction,
				const struct group_question *question)
{
	enum group_verdict best = GROUP_REFUSED;

	for (size_t i = 0; i < groups->n; i++) {
		const struct aws_group_rules *const rules = rules_of(&groups->v[i], direction);

		for (size_t k = 0; k < rules->n; k++) {
			const struct aws_group_rule *const rule = &rules->v[k];
			enum group_verdict verdict = GROUP_REFUSED;

			if (is_protocol(rule, question->protocol) && has_port(rule, question->port))
				verdict = judge_peer(rule, question);
			if (verdict > best)
				best = verdict;
		}
	}
	return best;
}

static bool is_open(const struct aws_group_rule *rule, const char *protocol)
{
	if (!is_protocol(rule, protocol) || !has_port(rule, 0) || !has_port(rule, PORT_MAX))
		return false;
	for (size_t i = 0; i < rule->cidrs.n; i++)
		if (rule->cidrs.v[i].len == 0)
			return true;
	return false;
}

bool groups_open(const struct aws_groups *groups, enum group_direction direction,
		 const char *protocol)
{
	for (size_t i = 0; i < groups->n; i++) {
		const struct aws_group_rules *const rules = rules_of(&groups->v[i], direction);

		for (size_t k = 0; k < rules->n; k++)
			if (is_open(&rules->v[k], protocol))
				return true;
	}
	return false;
}

bool groups_refer(const struct aws_groups *groups)
{
	for (size_t i = 0; i < groups->n; i++) {
		for (size_t k = 0; k < groups->v[i].inbound.n; k++)
			if (groups->v[i].inbound.v[k].groups.n > 0)
				return true;
		for (size_t k = 0; k < groups->v[i].outbound.n; k++)
			if (groups->v[i].outbound.v[k].groups.n > 0)
				return true;
	}
	return false;
}
