// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What publish.h says of EgressPolicies. */
#include "gateway/tell/publish_internal.h"

#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "daemon/cluster.h"
#include "kube/events.h"
#include "kube/kinds.h"
#include "kube/status.h"
#include "policy/facts.h"

/* Counting pods is no haste, and many of them come at a time. */
enum { POLICIES_MS = 2000 };

/* A problem's text and its identifier. */
enum { MESSAGE_SIZE = 512 + MESSAGE_TAIL_MAX };

/* Whether what is wrong keeps all of the policy's traffic from leaving. */
static bool is_working(const struct inventory_status *status)
{
	for (size_t i = 0; i < status->n_problems; i++) {
		enum inventory_reason reason = status->problems[i].reason;

		if (reason != INVENTORY_HOST_NETWORK && reason != INVENTORY_CONTESTED)
			return false;
	}
	return true;
}

/* `problem` NULL: there is none any more. */
static void note_policy(struct publish *publish, const struct inventory_policy *policy,
			const struct inventory_problem *problem)
{
	const struct kube_event event = {
		.kind = "EgressPolicy",
		.api_version = kube_policies.api_version,
		.name = policy->name,
		.uid = policy->uid,
		.is_warning = problem,
		.reason = problem ? inventory_reason_name(problem->reason) : "Governed",
		.action = problem ? inventory_reason_action(problem->reason) : "Governing",
		.note = problem ? problem->text : "it works",
	};

	kube_events_note(publish->events, &event);
}

/* Ready, and one for each problem. */
struct policy_words {
	const struct inventory_policy *policy;
	struct kube_condition conditions[1 + INVENTORY_REASON_COUNT];
	char messages[1 + INVENTORY_REASON_COUNT][MESSAGE_SIZE]; /* theirs */
	size_t n;
};

static enum told_news add_condition(struct publish *publish, const struct kube_condition *condition,
				    struct policy_words *words)
{
	const struct inventory_policy *policy = words->policy;
	char *const message = words->messages[words->n];
	struct told *told =
		told_find(&publish->policies, policy->uid, policy->name, condition->type);

	if (!told)
		return TOLD_SAME;
	enum told_news news = told_say(told, condition->reason);
	struct kube_condition *added = &words->conditions[words->n++];

	*added = *condition;
	snprintf(message, MESSAGE_SIZE, "%s", condition->message);
	message_append(message_named(condition->reason), message, MESSAGE_SIZE);
	added->message = message;
	added->since = told->since;
	added->observed_generation = policy->generation;
	return news;
}

static void add_policy_ready(struct publish *publish, const struct inventory_status *status,
			     struct policy_words *words)
{
	const struct inventory_problem *first = status->n_problems ? &status->problems[0] : NULL;
	const struct kube_condition ready = {
		.type = "Ready",
		.status = is_working(status) ? "True" : "False",
		.reason = first ? inventory_reason_name(first->reason) : "Governed",
		.message = first ? first->text : "its pods leave by its egress IPs",
	};

	enum told_news news = add_condition(publish, &ready, words);

	if (news == TOLD_FIRST)
		kube_status_forget(publish->writer, &kube_policies, words->policy->name);
	if (news == TOLD_OTHER && !first)
		note_policy(publish, words->policy, NULL);
}

static void add_problem(struct publish *publish, const struct inventory_problem *problem,
			struct policy_words *words)
{
	const char *name = inventory_reason_name(problem->reason);
	const struct kube_condition condition = {
		.type = name,
		.status = "True",
		.reason = name,
		.message = problem->text,
	};

	if (add_condition(publish, &condition, words) != TOLD_SAME)
		note_policy(publish, words->policy, problem);
}

static void publish_policy(const struct inventory_policy *policy, void *data)
{
	const struct kube_target target = { .kind = &kube_policies, .name = policy->name };
	struct publish *publish = data;
	struct policy_words words = { .policy = policy };
	struct inventory_status status;

	/* That of another group is its gateways' to tell of. */
	if (strcmp(policy->gateway, publish->group) != 0 &&
	    groups_find(cluster_groups(publish->cluster), policy->gateway))
		return;
	if (inventory_status(cluster_inventory(publish->cluster), policy->name, &status))
		return;
	add_policy_ready(publish, &status, &words);
	for (size_t i = 0; i < status.n_problems; i++)
		add_problem(publish, &status.problems[i], &words);
	const struct kube_policy_status told = {
		.observed_generation = policy->generation,
		.matched_pods = (int64_t)status.n_pods,
		.conditions = { words.conditions, words.n },
	};

	if (kube_status_set(publish->writer, &target, &kube_policy_status_table, &told))
		log_warning(MSG_STATUS_NO_ROOM, "kubernetes", "status of EgressPolicy %s: no room",
			    policy->name);
}

static void on_policy_gone(const char *name, void *data)
{
	const struct publish *publish = data;

	kube_status_forget(publish->writer, &kube_policies, name);
}

void publish_policies_due(void *data)
{
	struct publish *publish = data;

	told_begin(&publish->policies);
	cluster_each_policy(publish->cluster, publish_policy, publish);
	told_end(&publish->policies, on_policy_gone, publish);
}

void publish_policies_soon(struct publish *publish)
{
	if (!loop_timer_is_armed(publish->timer))
		(void)loop_timer_arm_ms(publish->timer, POLICIES_MS);
}
