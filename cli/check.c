// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw check: gather, judge, print. */
#include "cli/check.h"

#include "awsapi/session.h"
#include "base/cleanup.h"
#include "base/message.h"
#include "base/options.h"
#include "cli/command.h"
#include "cli/facts.h"
#include "cli/gather.h"
#include "cli/print.h"
#include "conf/gateway.h"
#include "conf/node.h"
#include "control/control.h"
#include "control/out.h"

#include <string.h>

#define WAIT_MS 8000
#define KEY "checks"

struct configs {
	struct gateway_config gateway;
	struct node_config node;
	bool has_gateway, has_node;
};

static void configs_done(struct configs *configs)
{
	if (configs->has_gateway)
		config_done(&gateway_config_table, &configs->gateway);
	if (configs->has_node)
		config_done(&node_config_table, &configs->node);
}

static void take_gateway(struct facts *facts, struct configs *configs)
{
	struct gateway_config *const config = &configs->gateway;

	configs->has_gateway = config_load(&gateway_config_table, facts->config_path, config,
					   &facts->config_error) == 0;
	if (!configs->has_gateway || gateway_config_check(config, &facts->config_error) != 0)
		return;
	facts->gateway = config;
	facts->tunnel = &config->tunnel;
	facts->uplink_name = config->gateway.uplink;
	facts->internet_mtu = config->gateway.internet_mtu;
	facts->wants_ec2 = config->ownership == OWNERSHIP_EC2;
	facts->wants_routes = config->native.source_cidrs.n > 0;
	facts->kube.is_wanted = config->source == SOURCE_KUBERNETES;
}

static void take_node(struct facts *facts, struct configs *configs)
{
	struct node_config *const config = &configs->node;

	configs->has_node = config_load(&node_config_table, facts->config_path, config,
					&facts->config_error) == 0;
	if (!configs->has_node || node_config_check(config, &facts->config_error) != 0)
		return;
	facts->node = config;
	facts->tunnel = &config->tunnel;
	facts->uplink_name = config->node.uplink;
}

/* NULL: out of memory, or a URL in the configuration is none; then AWS isn't asked. */
static struct aws_session *open_session(struct facts *facts)
{
	const struct gateway_aws none = { .region = "" };
	const struct gateway_aws *const aws = facts->gateway ? &facts->gateway->aws : &none;
	const char *const region = aws->region[0] || !facts->gateway ?
					   aws->region :
					   facts->gateway->kubernetes.eks.region;
	const struct aws_session_options options = { .imds_url = aws->imds_url,
						     .ec2_url = aws->ec2_url,
						     .region = region,
						     .ca_file = aws->ca_file,
						     .wait_ms = WAIT_MS };
	struct aws_session *const session = aws_session_new(&options, &facts->imds_error);

	if (!session)
		facts->login_error = facts->imds_error;
	return session;
}

static void put_results(struct control_out *out, const struct check_results *results)
{
	control_array(out, KEY);
	for (size_t i = 0; i < results->n; i++) {
		const struct check_result *const result = &results->v[i];

		char id[MESSAGE_TEXT_MAX];

		control_object(out, NULL);
		control_string(out, "check", result->name);
		control_string(out, "id", message_format(result->id, id));
		control_string(out, "outcome", outcome_names[result->outcome]);
		control_string(out, "what", result->what);
		control_string(out, "fix", result->fix);
		control_string(out, "iam_statement", result->statement);
		control_end(out);
	}
	control_end(out);
}

/* Lines of a text, each masked. */
static void print_lines(FILE *out, const char *text)
{
	while (*text) {
		const size_t length = strcspn(text, "\n");
		char line[CHECK_STATEMENT_MAX];

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		fputs("           ", out);
		print_text(out, line);
		fputc('\n', out);
		text += length + (text[length] == '\n');
	}
}

static void print_checks(FILE *out, const struct control_node *result)
{
	const struct control_node *const list = control_get(result, KEY);
	size_t counts[OUTCOME_COUNT] = { 0 };

	for (size_t i = 0; i < control_size(list); i++) {
		const struct control_node *const one = control_at(list, i);
		const char *const outcome = control_text(one, "outcome");

		fprintf(out, "%-8s %s: ", outcome, control_text(one, "check"));
		print_text(out, control_text(one, "what"));
		if (strcmp(outcome, outcome_names[OUTCOME_OK]) != 0)
			fprintf(out, " [%s]", control_text(one, "id"));
		if (control_text(one, "fix")[0]) {
			fputs("\n         fix: ", out);
			print_text(out, control_text(one, "fix"));
		}
		fputc('\n', out);
		print_lines(out, control_text(one, "iam_statement"));
		for (size_t k = 0; k < OUTCOME_COUNT; k++)
			counts[k] += strcmp(outcome, outcome_names[k]) == 0;
	}
	for (size_t k = 0; k < OUTCOME_COUNT; k++)
		fprintf(out, "%s%zu %s", k ? ", " : "", counts[k], outcome_names[k]);
	fputc('\n', out);
}

static int print_results(const struct cli *cli, const struct cli_options *options,
			 const struct check_results *results)
{
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();

	if (!out || results->failed)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	put_results(out, results);
	const int code = print_own(cli, options, out, print_checks, KEY);
	for (size_t i = 0; code == EXIT_OK && i < results->n; i++)
		if (results->v[i].outcome == OUTCOME_FAIL)
			return EXIT_RUNTIME;
	return code;
}

static void cleanup_session(struct aws_session **session)
{
	aws_session_free(*session);
}

static void cleanup_facts(struct facts **facts)
{
	if (*facts)
		gather_done(*facts);
	free(*facts);
}

int run_check(const struct cli *cli, const struct cli_options *options,
	      const struct words *arguments)
{
	const char *const usual = options->node ? cli->node_config : cli->gateway_config;
	const struct question question = { .command = "status" };
	CLEANUP(cleanup_reply) struct control_reply *status = NULL;
	CLEANUP(configs_done) struct configs configs = { .has_node = false };
	CLEANUP(cleanup_session) struct aws_session *session = NULL;
	CLEANUP(cleanup_facts) struct facts *facts = calloc(1, sizeof(*facts));
	CLEANUP(check_results_done) struct check_results results = { 0 };
	struct err err = ERR_NULL;

	(void)arguments;
	if (!facts)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	facts->is_node = options->node;
	facts->config_path = options->config ? options->config : usual ? usual : "";
	facts->wants_ec2 = true; /* as long as nobody says otherwise */
	facts->uplink_name = "";
	if (facts->is_node)
		take_node(facts, &configs);
	else
		take_gateway(facts, &configs);
	if (ask_chosen(cli, options, &question, &status, &err) == EXIT_OK)
		facts->status = control_reply_result(status);
	gather_host(facts);
	if (!facts->is_node)
		session = open_session(facts);
	if (session)
		gather_aws(session, facts);
	gather_kube(session, facts);
	check_judge(facts, &results);
	return print_results(cli, options, &results);
}
