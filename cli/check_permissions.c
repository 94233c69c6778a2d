// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: what the policy allows, and what is missing in it. */
#include "cli/check.h"
#include "cli/facts.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const actions[] = {
	[PERMISSION_DESCRIBE_ADDRESSES] = "ec2:DescribeAddresses",
	[PERMISSION_DESCRIBE_INTERFACES] = "ec2:DescribeNetworkInterfaces",
	[PERMISSION_ASSOCIATE] = "ec2:AssociateAddress",
	[PERMISSION_ASSIGN] = "ec2:AssignPrivateIpAddresses",
	[PERMISSION_DESCRIBE_ROUTE_TABLES] = "ec2:DescribeRouteTables",
	[PERMISSION_MODIFY_INTERFACE] = "ec2:ModifyNetworkInterfaceAttribute",
	[PERMISSION_REPLACE_ROUTE] = "ec2:ReplaceRoute",
	[PERMISSION_COMPLETE_LIFECYCLE] = "autoscaling:CompleteLifecycleAction",
	[PERMISSION_RECORD_HEARTBEAT] = "autoscaling:RecordLifecycleActionHeartbeat",
};
static_assert(ARRAY_SIZE(actions) == PERMISSION_COUNT, "each permission has an action");

static const char *find_deployment(const struct facts *facts)
{
	const char *const tag = facts->interface_state == FACT_KNOWN ?
					aws_tags_find(&facts->interface.tags, "eipgw") :
					NULL;

	return tag && *tag ? tag : IAM_EXAMPLE;
}

/* The condition of the statement may be what isn't met: which of ours lack the tag. */
static void list_untagged(const struct facts *facts, char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	if (facts->interface_state == FACT_KNOWN && !aws_tags_find(&facts->interface.tags, "eipgw"))
		used = (size_t)snprintf(ret, size, " %s", facts->interface.id);
	for (size_t i = 0; i < facts->n_egress && used + AWS_ID_MAX + 2 < size; i++) {
		const struct aws_addresses *const found = &facts->egress[i].found;

		if (found->n == 1 && !aws_tags_find(&found->v[0].tags, "eipgw"))
			used += (size_t)snprintf(ret + used, size - used, " %s",
						 found->v[0].allocation_id);
	}
}

static void say_denied(const struct facts *facts, const struct iam_statement *statement,
		       const char *action, const struct aws_failure *failure,
		       struct check_results *results)
{
	struct check_result *const result =
		check_say(results, OUTCOME_FAIL, "%s is denied: %s", action, failure->text);
	char untagged[256];

	check_statement(result, statement, action, find_deployment(facts));
	list_untagged(facts, untagged, sizeof(untagged));
	if (statement->condition[0] && untagged[0])
		check_fix(result,
			  "add the statement to the role's policy, and tag with eipgw=%s what its "
			  "condition asks for:%s",
			  find_deployment(facts), untagged);
	else
		check_fix(result, "add the statement to the role's policy");
}

static void judge_answer(const struct facts *facts, enum permission permission,
			 struct check_results *results)
{
	const enum iam_document document = facts->wants_routes ? IAM_ROUTE_TABLE : IAM_TUNNEL;
	const char *const action = actions[permission];
	const struct iam_statement *const statement = iam_find(document, action);
	const struct permission_fact *const fact = &facts->permissions[permission];
	const struct aws_failure *const failure = &fact->failure;
	struct check_result *result;

	if (!statement)
		return; /* this mode doesn't need it */
	if (fact->state != FACT_KNOWN) {
		result = check_say(results, OUTCOME_UNTRIED, "%s can't be tried: %s", action,
				   fact->state == FACT_FAILED ? fact->why :
								"nothing to try it with");
		check_fix(result, "the statement %s of %s allows it", statement->sid,
			  iam_document_files[document]);
	} else if (aws_failure_is_denied(failure)) {
		say_denied(facts, statement, action, failure, results);
	} else if (failure->class == HTTP_CLASS_OK) {
		check_say(results, OUTCOME_OK, "%s is allowed", action);
	} else if (permission == PERMISSION_ASSIGN && failure->class == HTTP_CLASS_PERMANENT) {
		/* EC2 documents no order of its checks. */
		check_say(
			results, OUTCOME_UNTRIED,
			"%s can't be tried without effect; asked for an address that is there "
			"already, EC2 refused the address (%s), not the permission: it is probably "
			"allowed",
			action, failure->code);
	} else {
		check_say(results, OUTCOME_UNTRIED, "%s: no clear answer: %s", action,
			  failure->text);
	}
}

void judge_permissions(const struct facts *facts, struct check_results *results)
{
	if (!facts->wants_ec2) {
		check_say(results, OUTCOME_OK,
			  "none is needed: \"ownership\" is \"static\", eipgwd doesn't call EC2");
		return;
	}
	for (enum permission i = 0; i < PERMISSION_COUNT; i++)
		judge_answer(facts, i, results);
}
