// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw top: who uses most of this gateway's egress IPs now; on a terminal again and again. */
#include "cli/command.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/print.h"
#include "cli/top.h"
#include "control/control.h"

enum { AGAIN_MS = 2000 };

static const struct print_column egress_columns[] = {
	{ "NAME", "name", PRINT_TEXT },
	{ "PUBLIC", "public", PRINT_TEXT },
	{ "CONNECTIONS", "connections", PRINT_NUMBER },
	{ "PORTS TO THE HOTTEST", "ports", PRINT_NUMBER },
	{ "OF", "capacity_per_destination", PRINT_NUMBER },
	{ "SHARE", "hottest_share", PRINT_PERCENT },
	{ "NO PORT LEFT", "refused", PRINT_NUMBER },
};

static const struct print_column block_columns[] = {
	{ "EGRESS IP", "egress_ip", PRINT_TEXT }, { "EACH", "size", PRINT_NUMBER },
	{ "GIVEN", "given", PRINT_NUMBER },       { "RESTING", "resting", PRINT_NUMBER },
	{ "FREE", "free", PRINT_NUMBER },         { "FULL", "full", PRINT_NUMBER },
	{ "WAITING", "waiting", PRINT_NUMBER },   { "SHARED", "shared_connections", PRINT_NUMBER },
	{ "OF", "shared_ports", PRINT_NUMBER },
};

static const struct print_column destination_columns[] = {
	{ "EGRESS IP", "egress_ip", PRINT_TEXT },
	{ "PROTOCOL", "protocol", PRINT_TEXT },
	{ "ADDRESS", "address", PRINT_TEXT },
	{ "PORT", "port", PRINT_NUMBER },
	{ "CONNECTIONS", "connections", PRINT_NUMBER },
	{ "PORTS", "ports", PRINT_NUMBER },
	{ "OF", "capacity", PRINT_NUMBER },
	{ "SHARE", "share", PRINT_PERCENT },
};

static const struct print_column pod_columns[] = {
	{ "NAMESPACE", "namespace", PRINT_TEXT },
	{ "POD", "name", PRINT_TEXT },
	{ "ADDRESS", "address", PRINT_TEXT },
	{ "NODE", "node", PRINT_TEXT },
	{ "POLICY", "policy", PRINT_TEXT },
	{ "EGRESS IP", "egress_ip", PRINT_TEXT },
	{ "BLOCK", "block", PRINT_PORTS },
	{ "CONNECTIONS", "connections", PRINT_NUMBER },
	{ "OF", "limit", PRINT_NUMBER },
	{ "AT LIMIT", "limited", PRINT_FLAG },
	{ "NEW/S", "new_per_s", PRINT_NUMBER },
	{ "SENT/S", "sent_bytes_per_s", PRINT_BYTES },
	{ "RECEIVED/S", "received_bytes_per_s", PRINT_BYTES },
};

/* Narrow enough for a terminal, which the table of pods isn't any more. */
static const struct print_column holder_columns[] = {
	{ "NAMESPACE", "namespace", PRINT_TEXT }, { "POD", "name", PRINT_TEXT },
	{ "ADDRESS", "address", PRINT_TEXT },     { "EGRESS IP", "egress_ip", PRINT_TEXT },
	{ "BLOCK", "block", PRINT_PORTS },        { "USED", "connections", PRINT_NUMBER },
};

static const struct part {
	const char *name, *heading, *key;
	const struct print_column *columns;
	size_t n_columns;
	bool is_for_name; /* shown to who asks for the name, not among all */
} parts[] = {
	{ "egress-ips", "egress IPs", "egress_ips", egress_columns, ARRAY_SIZE(egress_columns) },
	{ "blocks", "blocks of ports", "port_blocks", block_columns, ARRAY_SIZE(block_columns) },
	{ "blocks", "who has them", "pods", holder_columns, ARRAY_SIZE(holder_columns), true },
	{ "destinations", "destinations", "destinations", destination_columns,
	  ARRAY_SIZE(destination_columns) },
	{ "pods", "pods", "pods", pod_columns, ARRAY_SIZE(pod_columns) },
};

/* The first of that name. NULL: there is none. */
static const struct part *find_part(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	}
	return NULL;
}

static void print_head(FILE *out, const struct control_node *result)
{
	const long long interval = control_number(result, "interval_s");

	print_text(out, control_text(result, "time"));
	if (interval)
		fprintf(out, ", rates over the last %lld s\n", interval);
	else
		fputs(", no rates yet\n", out);
}

static void print_part(FILE *out, const struct control_node *result, const struct part *part)
{
	print_table(out, part->heading, control_get(result, part->key), part->columns,
		    part->n_columns);
}

void top_print(FILE *out, const struct control_node *result)
{
	print_head(out, result);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!parts[i].is_for_name)
			print_part(out, result, &parts[i]);
	}
}

/* Its parts, up to the first one that is empty. */
static void print_named(FILE *out, const struct control_node *result, const char *name)
{
	print_head(out, result);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (strcmp(parts[i].name, name) != 0)
			continue;
		print_part(out, result, &parts[i]);
		if (control_size(control_get(result, parts[i].key)) == 0)
			return;
	}
}

static int print_answer(const struct cli *cli, const struct cli_options *options,
			const struct part *part, const struct control_reply *reply)
{
	if (options->json)
		return print_reply(cli, options, reply, top_print, part ? part->key : NULL);
	if (!part)
		return print_reply(cli, options, reply, top_print, NULL);
	print_named(cli->out, control_reply_result(reply), part->name);
	return EXIT_OK;
}

static void add_argument(struct control_args *args, const char *key, const char *value)
{
	if (!value)
		return;
	snprintf(args->v[args->n].key, sizeof(args->v[args->n].key), "%s", key);
	snprintf(args->v[args->n].value, sizeof(args->v[args->n].value), "%s", value);
	args->n++;
}

static int show(const struct cli *cli, const struct cli_options *options, const struct part *part,
		const char *before)
{
	CLEANUP(cleanup_reply) struct control_reply *reply = NULL;
	struct control_args args = { .n = 0 };
	const struct question question = { .command = "top", .args = &args };
	struct err err = ERR_NULL;
	int code;

	add_argument(&args, "sort", options->sort);
	add_argument(&args, "limit", options->limit);
	code = ask_chosen(cli, options, &question, &reply, &err);
	if (code != EXIT_OK)
		return complain_of_error(cli, options, code, &err);
	fputs(before, cli->out);
	return print_answer(cli, options, part, reply);
}

int run_top(const struct cli *cli, const struct cli_options *options, const struct words *arguments)
{
	const struct part *part = arguments->n ? find_part(arguments->v[0]) : NULL;
	const bool is_terminal = isatty(fileno(cli->out)) && !options->json;
	int code;

	if (arguments->n && !part)
		return complain_of_usage(cli,
					 "top: pods, destinations, egress-ips or blocks are known");
	if (options->once && options->watch)
		return complain_of_usage(cli, "--once, --watch: only one of them");
	if (!options->watch && (options->once || !is_terminal))
		return show(cli, options, part, "");
	do {
		/* From the upper left corner on, all anew. */
		code = show(cli, options, part, is_terminal ? "\033[H\033[J" : "");
		if (fflush(cli->out) != 0)
			return complain(cli, EXIT_RUNTIME, "the answer can't be written");
		(void)poll(NULL, 0, code == EXIT_OK ? AGAIN_MS : 0);
	} while (code == EXIT_OK);
	return code;
}
