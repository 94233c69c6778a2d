// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/check.h"

#include "base/cleanup.h"
#include "base/message.h"
#include "cli/facts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const outcome_names[] = {
	[OUTCOME_OK] = "ok",
	[OUTCOME_WARN] = "warn",
	[OUTCOME_FAIL] = "FAIL",
	[OUTCOME_UNTRIED] = "untried",
};
static_assert(ARRAY_SIZE(outcome_names) == OUTCOME_COUNT, "each outcome has a name");

const struct check_row check_rows[] = {
	{ "configuration", MSG_CHECK_CONFIGURATION, 0, judge_config },
	{ "daemon", MSG_CHECK_DAEMON, 0, judge_daemon },
	{ "uplink", MSG_CHECK_UPLINK, NEED_CONFIG, judge_uplink },
	{ "kernel", MSG_CHECK_KERNEL, NEED_ROOT, judge_features },
	{ "kernel parameters", MSG_CHECK_SYSCTLS, NEED_CONFIG, judge_sysctls },
	{ "tunnel port", MSG_CHECK_PORT, NEED_CONFIG, judge_port },
	{ "metadata", MSG_CHECK_METADATA, NEED_GATEWAY, judge_imds },
	{ "credentials", MSG_CHECK_CREDENTIALS, NEED_GATEWAY, judge_credentials },
	{ "EC2 API", MSG_CHECK_EC2, NEED_GATEWAY, judge_ec2 },
	{ "clock", MSG_CHECK_CLOCK, NEED_GATEWAY | NEED_EC2, judge_clock },
	{ "path to EC2", MSG_CHECK_PATH, NEED_GATEWAY, judge_path },
	{ "permission", MSG_CHECK_PERMISSION, NEED_GATEWAY | NEED_CONFIG | NEED_EC2,
	  judge_permissions },
	{ "egress IP", MSG_CHECK_EGRESS, NEED_GATEWAY | NEED_CONFIG | NEED_EC2, judge_egress },
	{ "source/dest check", MSG_CHECK_SOURCE,
	  NEED_GATEWAY | NEED_CONFIG | NEED_EC2 | NEED_INTERFACE, judge_source_check },
	{ "route tables", MSG_CHECK_ROUTES, NEED_GATEWAY | NEED_CONFIG | NEED_EC2 | NEED_INTERFACE,
	  judge_routes },
	{ "security groups", MSG_CHECK_GROUPS,
	  NEED_GATEWAY | NEED_CONFIG | NEED_EC2 | NEED_INTERFACE, judge_groups },
	{ "Kubernetes API", MSG_CHECK_KUBE_API, NEED_GATEWAY | NEED_KUBE, judge_kube_api },
	{ "Kubernetes login", MSG_CHECK_KUBE_LOGIN, NEED_GATEWAY | NEED_KUBE, judge_kube_login },
	{ "Kubernetes rights", MSG_CHECK_KUBE_RIGHTS, NEED_GATEWAY | NEED_KUBE, judge_kube_rights },
	{ "Kubernetes kinds", MSG_CHECK_KUBE_KINDS, NEED_GATEWAY | NEED_KUBE, judge_kube_kinds },
};
const size_t check_rows_count = ARRAY_SIZE(check_rows);

void check_results_done(struct check_results *results)
{
	free(results->v);
	*results = (struct check_results){ 0 };
}

struct check_result *check_say(struct check_results *results, enum outcome outcome,
			       const char *format, ...)
{
	static struct check_result lost;
	struct check_result *const grown = reallocarray(results->v, results->n + 1, sizeof(*grown));
	struct check_result *result = &lost;
	va_list args;

	if (grown) {
		results->v = grown;
		result = &grown[results->n++];
	} else {
		results->failed = 1;
	}
	*result = (struct check_result){ .name = results->name,
					 .id = results->id,
					 .outcome = outcome };
	va_start(args, format);
	vsnprintf(result->what, sizeof(result->what), format, args);
	va_end(args);
	return result;
}

void check_fix(struct check_result *result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(result->fix, sizeof(result->fix), format, args);
	va_end(args);
}

void check_statement(struct check_result *result, const struct iam_statement *statement,
		     const char *action, const char *deployment)
{
	FILE *const out = fmemopen(result->statement, sizeof(result->statement), "w");

	if (!out)
		return;
	iam_write_statement(out, statement, action, deployment, "");
	if (fclose(out) != 0)
		result->statement[0] = '\0';
}

/* Why a row can't be judged, or NULL. */
static const char *find_missing(unsigned needs, const struct facts *facts)
{
	if (needs & NEED_CONFIG && !facts->tunnel)
		return "needs a configuration that is accepted";
	if (needs & NEED_ROOT && !facts->is_root)
		return "needs root";
	if (needs & NEED_EC2 && !facts->ec2_answered)
		return "needs an answer of the EC2 API";
	if (needs & NEED_INTERFACE && facts->interface_state != FACT_KNOWN)
		return facts->identity ? "EC2 doesn't tell about this instance's interface" :
					 "needs the instance metadata: which interface is ours";
	return NULL;
}

static void judge_one(const struct check_row *row, const struct facts *facts,
		      struct check_results *results)
{
	const char *const missing = find_missing(row->needs, facts);

	results->name = row->name;
	results->id = row->id;
	if (row->needs & NEED_GATEWAY && facts->is_node)
		return;
	if (row->needs & NEED_KUBE && !facts->kube.is_wanted)
		return;
	if (missing)
		check_say(results, OUTCOME_UNTRIED, "%s", missing);
	else
		row->judge(facts, results);
}

void check_judge(const struct facts *facts, struct check_results *results)
{
	for (size_t i = 0; i < check_rows_count; i++)
		judge_one(&check_rows[i], facts, results);
}

void check_judge_row(const char *name, const struct facts *facts, struct check_results *results)
{
	for (size_t i = 0; i < check_rows_count; i++)
		if (strcmp(check_rows[i].name, name) == 0)
			judge_one(&check_rows[i], facts, results);
}
