// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * eipgw explain: what the daemon says, and beside it what EC2 says. Neither hides the other: where one is missing
 * the other is shown alone.
 */
#include "cli/explain.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/account.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/way.h"
#include "control/control.h"
#include "control/out.h"
#include "netlink/sysctl.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_MS 1500 /* the metadata service answers at once, or isn't there */

static const struct ip4 default_destination = { 0xc6336401 }; /* 198.51.100.1, as the daemons' */

static void print_step(FILE *out, size_t number, const struct control_node *step)
{
	const char *effect = control_text(step, "effect");

	fprintf(out, "%c %3zu. ", control_flag(step, "match") ? '*' : ' ', number);
	print_text(out, control_text(step, "where"));
	if (effect[0]) {
		fputs(": ", out);
		print_text(out, effect);
	}
	fputc('\n', out);
}

static void print_verdict(FILE *out, const struct control_node *explanation)
{
	const struct control_node *steps = control_get(explanation, "steps");
	const char *egress = control_text(explanation, "egress_ip");

	print_text(out, control_text(explanation, "source"));
	fputs(" -> ", out);
	print_text(out, control_text(explanation, "destination"));
	fputs(": ", out);
	print_text(out, control_text(explanation, "summary"));
	fputs("\nverdict: ", out);
	print_text(out, control_text(explanation, "verdict"));
	if (egress[0]) {
		fputs(", egress IP ", out);
		print_text(out, egress);
	}
	fputc('\n', out);

	if (control_size(steps) == 0)
		return;
	fputs("\nThe way of a first packet (* = matches):\n", out);
	for (size_t i = 0; i < control_size(steps); i++)
		print_step(out, i + 1, control_at(steps, i));
}

/* "  label       a, b c, d" of the members that aren't empty. */
static void print_members(FILE *out, const char *label, const struct control_node *node,
			  const char *const *keys)
{
	const char *separator = "";

	if (!node)
		return;
	fprintf(out, "  %-11s", label);
	for (; *keys; keys++) {
		const char *const text = control_text(node, *keys);

		if (!text[0])
			continue;
		fputs(separator, out);
		print_text(out, text);
		separator = ", ";
	}
	fputc('\n', out);
}

static void print_sentence(FILE *out, const char *label, const char *text)
{
	if (!text[0])
		return;
	fprintf(out, "  %-11s", label);
	print_text(out, text);
	fputc('\n', out);
}

static void print_way(FILE *out, const struct control_node *aws)
{
	static const char *const interface_keys[] = {
		"network_interface_id", "type",           "status", "subnet_id", "zone",
		"instance_id",          "instance_state", NULL
	};
	static const char *const address_keys[] = { "public", "allocation_id", "private",
						    "association_id", NULL };

	if (!aws)
		return;
	fputc('\n', out);
	fputs("In AWS:\n", out);
	print_members(out, "source", control_get(aws, "source"), interface_keys);
	print_sentence(out, "prefix", control_text(aws, "delegated_prefix"));
	print_sentence(out, "egress IP", control_text(aws, "egress_ip"));
	print_members(out, "Elastic IP", control_get(aws, "elastic_ip"), address_keys);
	print_members(out, "gateway", control_get(aws, "gateway"), interface_keys);
	print_sentence(out, "breaks at", control_text(aws, "breaks_at"));
	print_sentence(out, "error", control_text(aws, "error"));
}

void explain_print(FILE *out, const struct control_node *explanation)
{
	if (control_get(explanation, "verdict") || !control_get(explanation, "aws"))
		print_verdict(out, explanation);
	print_way(out, control_get(explanation, "aws"));
}

/* Elsewhere asking for metadata would only be waiting. */
static bool is_on_ec2(void)
{
	static const char *const files[] = { "/sys/class/dmi/id/sys_vendor",
					     "/sys/class/dmi/id/bios_version" };
	char text[SYSCTL_VALUE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (sysctl_read(files[i], text, sizeof(text)) == 0 &&
		    (strstr(text, "Amazon EC2") || strstr(text, "amazon")))
			return true;
	return false;
}

/* Whether there is hope to reach AWS without making anybody wait who has nothing to do with it. */
static bool is_worth_asking(const struct account *account)
{
	static const char *const names[] = { "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE",
					     "AWS_CONTAINER_CREDENTIALS_FULL_URI",
					     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *const value = getenv(names[i]);

		if (value && *value)
			return true;
	}
	return account->config.aws.imds_url[0] || is_on_ec2();
}

struct explained {
	struct ip4 source, destination;
	struct control_reply *reply; /* the daemon's; NULL: it gave none */
};

static void put_way(struct control_out *out, struct account *account,
		    const struct explained *explained)
{
	const struct control_node *const said =
		explained->reply ? control_reply_result(explained->reply) : NULL;
	CLEANUP(way_done) struct way way = { .by_prefix = false };
	struct err err = ERR_NULL;

	/* Not needed with keys and a region; but then the search is in our own VPC. */
	if (account->config.aws.imds_url[0] || is_on_ec2())
		(void)aws_session_identify(account->session, &err);
	if (aws_session_login(account->session, &err) != 0) {
		control_string(out, "error", err.text);
		return;
	}
	way_look(account, explained->source, explained->destination,
		 said ? control_text(said, "egress_ip") : NULL, &way);
	way_put(out, &way);
}

/* What AWS says, or NULL when it isn't asked or memory is short. */
static struct control_reply *ask_aws(const struct cli *cli, const struct cli_options *options,
				     const struct explained *explained)
{
	CLEANUP(account_done) struct account account = { .session = NULL };
	CLEANUP(cleanup_control_out) struct control_out *out = NULL;
	struct err err = ERR_NULL;
	const int code = account_open(cli, options, WAIT_MS, &account, &err);

	/* A file that nobody pointed to may be somebody else's to read. */
	if (code == EXIT_OK ? !is_worth_asking(&account) : !options->config)
		return NULL;
	out = control_out_new_answer();
	if (!out)
		return NULL;
	if (code == EXIT_OK)
		put_way(out, &account, explained);
	else
		control_string(out, "error", err.text);
	return read_own(out, &err);
}

/* What ip4_parse accepts is shorter than the value of an argument. */
static int add_address(struct control_args *args, const char *key, const char *text,
		       struct ip4 *ret, struct err *err)
{
	int r = ip4_parse(text, ret, err);

	if (r < 0 && strchr(text, ':'))
		return err_set(
			err, r,
			"%s: only IPv4 is explained; the IPv6 of a pod is dropped, beyond the "
			"excluded ranges, if a policy that selects it says so (ipv6)",
			key);
	if (r < 0)
		return err_prefix(err, r, "%s", key);
	stpcpy(args->v[args->n].key, key);
	ip4_format(*ret, args->v[args->n].value);
	args->n++;
	return 0;
}

/* The daemon's answer with that of AWS in it; without the daemon's, one that has nothing else. */
static struct control_reply *put_together(struct control_reply *daemon,
					  const struct control_reply *aws)
{
	struct err err = ERR_NULL;

	if (!daemon) {
		CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();

		daemon = read_own(out, &err);
	}
	if (daemon)
		(void)control_reply_put(daemon, "aws", aws);
	return daemon;
}

int run_explain(const struct cli *cli, const struct cli_options *options,
		const struct words *arguments)
{
	struct explained explained = { .destination = default_destination };
	struct control_args args = { .n = 0 };
	struct err err = ERR_NULL;

	if (options->list || (arguments->n == 1 && explain_is_message(arguments->v[0])))
		return explain_message(cli, options, arguments->n ? arguments->v[0] : "");
	if (arguments->n == 0)
		return complain_of_usage(cli, "explain: an address or an identifier is missing");
	if (add_address(&args, "source", arguments->v[0], &explained.source, &err) < 0 ||
	    (arguments->n > 1 &&
	     add_address(&args, "destination", arguments->v[1], &explained.destination, &err) < 0))
		return complain_of_usage(cli, err.text);
	const struct question question = { .command = "explain", .args = &args };
	CLEANUP(cleanup_reply) struct control_reply *reply = NULL;
	const int code = ask_chosen(cli, options, &question, &reply, &err);
	explained.reply = reply;
	CLEANUP(cleanup_reply)
	struct control_reply *aws = options->no_aws ? NULL : ask_aws(cli, options, &explained);
	if (aws)
		reply = put_together(reply, aws);
	if (!reply)
		return complain_of_error(cli, options, code, &err);
	const int printed = print_reply(cli, options, reply, explain_print, NULL);
	return code == EXIT_OK ? printed : complain(cli, code, err.text);
}
