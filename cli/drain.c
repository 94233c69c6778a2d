// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw drain: tells the gateway of this host to hand over, and waits until it has. */
#include "cli/command.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mono.h"
#include "base/options.h"
#include "cli/drain.h"
#include "cli/print.h"
#include "control/control.h"

enum { TIMEOUT_S = 60, TIMEOUT_MAX_S = 86400, AGAIN_MS = 250 };

static const struct control_node *drain_of(const struct control_reply *reply)
{
	return control_get(control_reply_result(reply), "drain");
}

void drain_print(FILE *out, const struct control_node *drain)
{
	const struct control_node *reasons = control_get(drain, "reasons");

	for (size_t i = 0; i < control_size(reasons); i++) {
		fprintf(out, "%-9s", i ? "" : "draining");
		print_text(out, control_text(control_at(reasons, i), "reason"));
		fputc('\n', out);
	}
	if (control_flag(drain, "on")) {
		fprintf(out, "%-9s%s\n", "",
			control_flag(drain, "nothing_carried") ? "nothing is carried any more" :
								 "not everything is handed over");
	}
	if (control_text(drain, "hook_error")[0]) {
		fprintf(out, "%-9s", "");
		print_text(out, control_text(drain, "hook_error"));
		fputc('\n', out);
	}
}

/* "carried  a, b": what an answer names. */
static void print_carried(FILE *out, const struct control_node *result)
{
	const struct control_node *carried = control_get(result, "carried");

	if (control_size(carried) == 0)
		return;
	fprintf(out, "%-9s", "carried");
	for (size_t i = 0; i < control_size(carried); i++) {
		fputs(i ? ", " : "", out);
		print_text(out, control_text(control_at(carried, i), NULL));
	}
	fputc('\n', out);
}

static void print_answer(FILE *out, const struct control_node *result)
{
	const struct control_node *drain = control_get(result, "drain");

	drain_print(out, drain);
	if (!control_flag(drain, "on"))
		fputs("not draining\n", out);
	else
		print_carried(out, result);
}

/* `set`: "on", "off", or NULL to look only. */
static int ask(const struct cli *cli, const struct cli_options *options, const char *set,
	       struct control_reply **ret, struct err *err)
{
	struct control_args args = { .n = set ? 1 : 0 };
	const struct question question = { .command = "drain", .args = &args };

	snprintf(args.v[0].key, sizeof(args.v[0].key), "set");
	snprintf(args.v[0].value, sizeof(args.v[0].value), "%s", set ? set : "");
	return ask_chosen(cli, options, &question, ret, err);
}

static int parse_timeout(const char *text, int64_t *ret_ms)
{
	char *end = NULL;

	*ret_ms = INT64_C(1000) * TIMEOUT_S;
	if (!text)
		return 0;
	errno = 0;
	const long seconds = strtol(text, &end, 10);

	if (errno || end == text || *end || text[0] == '-' || seconds > TIMEOUT_MAX_S)
		return -EINVAL;
	*ret_ms = 1000 * (int64_t)seconds;
	return 0;
}

/* Until nothing is carried any more, or nobody wants that any more; *reply is the last answer. */
static int wait_for_it(const struct cli *cli, const struct cli_options *options, int64_t timeout_ms,
		       struct control_reply **reply, struct err *err)
{
	const struct mono end = mono_add_ms(mono_now(), timeout_ms);

	while (control_flag(drain_of(*reply), "on") &&
	       !control_flag(drain_of(*reply), "nothing_carried")) {
		struct control_reply *next = NULL;

		if (!mono_is_before(mono_now(), end))
			return EXIT_OK;
		(void)poll(NULL, 0, AGAIN_MS); /* the daemon has no way to call us */
		const int code = ask(cli, options, NULL, &next, err);

		if (code != EXIT_OK)
			return code;
		control_reply_free(*reply);
		*reply = next;
	}
	return EXIT_OK;
}

/* What the command was to bring about, or the sentence why it hasn't. */
static const char *find_fault(const struct cli_options *options, const struct control_node *drain)
{
	if (options->undo)
		return control_flag(drain, "on") ? "something else still wants it drained" : NULL;
	if (!control_flag(drain, "on"))
		return "somebody took the command back";
	return control_flag(drain, "nothing_carried") ? NULL : "not everything is handed over yet";
}

int run_drain(const struct cli *cli, const struct cli_options *options,
	      const struct words *arguments)
{
	CLEANUP(cleanup_reply) struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	int64_t timeout_ms;
	int code;

	(void)arguments;
	if (parse_timeout(options->timeout, &timeout_ms))
		return complain_of_usage(cli, "--timeout: seconds from 0 to 86400 are needed");
	code = ask(cli, options, options->undo ? "off" : "on", &reply, &err);
	if (code == EXIT_OK && !options->undo && !options->json) {
		print_carried(cli->out, control_reply_result(reply));
		fflush(cli->out);
	}
	if (code == EXIT_OK && !options->undo)
		code = wait_for_it(cli, options, timeout_ms, &reply, &err);
	if (code != EXIT_OK)
		return complain_of_error(cli, options, code, &err);
	const char *fault = find_fault(options, drain_of(reply));

	code = print_reply(cli, options, reply, print_answer, NULL);
	if (code != EXIT_OK || !fault)
		return code;
	err_mark(&err, MSG_NOT_DRAINED, err_set(&err, 0, "%s", fault));
	return complain_of_error(cli, NULL, EXIT_RUNTIME, &err);
}
