// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/status.h"
#include "control/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct option_row option_rows[] = {
	{ "json", NULL, offsetof(struct cli_options, json), "print JSON instead of text" },
	{ "config", "PATH", offsetof(struct cli_options, config),
	  "the configuration file to look at" },
	{ "node", NULL, offsetof(struct cli_options, node), "check a node, not a gateway" },
	{ "deployment", "NAME", offsetof(struct cli_options, deployment),
	  "value of the tag eipgw; else that of this gateway" },
	{ "no-aws", NULL, offsetof(struct cli_options, no_aws), "ask the daemon only, not AWS" },
	{ "ready", NULL, offsetof(struct cli_options, ready),
	  "fail unless the daemon has become ready" },
	{ "socket", "PATH", offsetof(struct cli_options, socket), "ask the daemon at this socket" },
	{ "kubeconfig", "PATH", offsetof(struct cli_options, kubeconfig),
	  "how to reach the API server; else as kubectl" },
	{ "context", "NAME", offsetof(struct cli_options, context),
	  "the kubeconfig's context, instead of its current one" },
	{ "server", "URL", offsetof(struct cli_options, server),
	  "ask the API server by 'kubectl proxy' at this URL" },
	{ "list", NULL, offsetof(struct cli_options, list), "list the messages that have a page" },
	{ "undo", NULL, offsetof(struct cli_options, undo), "take the command back" },
	{ "timeout", "SECONDS", offsetof(struct cli_options, timeout),
	  "so long at most it is waited for; else 60" },
	{ "at", "TIME", offsetof(struct cli_options, at),
	  "when: a time of any usual form, UTC if it has no zone, or -5m; else now" },
	{ "log", "PATH", offsetof(struct cli_options, log),
	  "look into this log, or several with commas between, and don't ask a daemon" },
	{ "pod", "[NAMESPACE/]NAME", offsetof(struct cli_options, pod), "of this pod only" },
	{ "namespace", "NAME", offsetof(struct cli_options, namespace), "of its pods only" },
	{ "policy", "NAME", offsetof(struct cli_options, policy), "governed by this policy only" },
	{ "egress-ip", "NAME|ADDRESS[:PORT]", offsetof(struct cli_options, egress_ip),
	  "with this egress IP only, public or private" },
	{ "destination", "ADDRESS[:PORT]", offsetof(struct cli_options, destination),
	  "to this destination only; flows: also to a prefix" },
	{ "protocol", "NAME", offsetof(struct cli_options, protocol), "tcp, udp, icmp or sctp" },
	{ "state", "NAME", offsetof(struct cli_options, state),
	  "in this state only, such as established, time_wait, unreplied" },
	{ "limit", "N", offsetof(struct cli_options, limit),
	  "so many rows at most; flows: else 1000; top: else 20; whois: so many of before, else 3" },
	{ "watch", NULL, offsetof(struct cli_options, watch),
	  "again every two seconds; top: as on a terminal" },
	{ "sort", "KEY", offsetof(struct cli_options, sort),
	  "pods by connections, bytes or new; else connections" },
	{ "once", NULL, offsetof(struct cli_options, once), "on a terminal, too, only once" },
	{ "version", NULL, offsetof(struct cli_options, version), "print the version and exit" },
	{ "help", NULL, offsetof(struct cli_options, help), "print this and exit" },
};
static const struct option_table option_table = { option_rows, ARRAY_SIZE(option_rows) };

static const struct err *say(struct err *err, int id, const char *sentence)
{
	err_set(err, 0, "%s", sentence);
	err_mark(err, id, 0);
	return err;
}

static int run_status(const struct cli *cli, const struct cli_options *options,
		      const struct words *arguments)
{
	CLEANUP(cleanup_reply) struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	const struct question question = { .command = "status" };
	const int code = ask_chosen(cli, options, &question, &reply, &err);

	(void)arguments;
	if (code == EXIT_OK && options->ready &&
	    !control_flag(control_reply_result(reply), "ready"))
		return complain_of_error(cli, options, EXIT_RUNTIME,
					 say(&err, MSG_NOT_READY, "it isn't ready yet"));
	if (code == EXIT_OK)
		return print_reply(cli, options, reply, status_print, NULL);
	return complain_of_error(cli, options, code, &err);
}

static int run_version(const struct cli *cli, const struct cli_options *options,
		       const struct words *arguments)
{
	(void)options;
	(void)arguments;
	fputs("eipgw " EIPGW_VERSION "\n", cli->out);
	return EXIT_OK;
}

static int run_help(const struct cli *cli, const struct cli_options *options,
		    const struct words *arguments);

static const struct command commands[] = {
	{ "check", "", "whether everything is there that a gateway or node needs, and what to fix",
	  0, 0, " json config node ", run_check },
	{ "status", "", "what the daemon wants, found, repaired and dropped", 0, 0,
	  " json ready socket ", run_status },
	{ "explain", " SOURCE [DESTINATION] | IDENTIFIER | --list",
	  "what happens to a packet from one IPv4 address to another; or what a message means and what to do",
	  0, 2, " json socket config no-aws list ", run_explain },
	{ "explain pod", " [NAMESPACE/]NAME [DESTINATION]",
	  "by Kubernetes' objects: which policy takes a pod, why, and what is wrong first", 1, 2,
	  " json socket kubeconfig context server ", run_explain_pod },
	{ "drain", "",
	  "have other gateways take over what this one carries, and wait until they have", 0, 0,
	  " json socket undo timeout ", run_drain },
	{ "top", " [pods|destinations|egress-ips|blocks]",
	  "who has most connections and ports of this gateway's egress IPs now", 0, 1,
	  " json socket sort limit once watch ", run_top },
	{ "eips", "", "the account's Elastic IPs: where they are, and which are idle", 0, 0,
	  " json config ", run_eips },
	{ "allocate", " NAME", "allocate an Elastic IP, unless there is one with that name", 1, 1,
	  " json config deployment ", run_allocate },
	{ "whois", " EGRESS-IP:PORT",
	  "which pod has, or had at a moment, a port of an egress IP, by live connections and the log",
	  1, 1, " json socket config at protocol destination log limit ", run_whois },
	{ "flows", "", "the connections that this gateway translates now", 0, 0,
	  " json socket pod namespace policy egress-ip destination protocol state limit watch ",
	  run_flows },
	{ "version", "", NULL, 0, 0, " json ", run_version },
	{ "help", "", NULL, 0, 0, " json ", run_help },
};

static int run_help(const struct cli *cli, const struct cli_options *options,
		    const struct words *arguments)
{
	(void)options;
	(void)arguments;
	fprintf(cli->out,
		"Usage: %s COMMAND [OPTIONS] [ARGUMENTS]\n"
		"Looks at eipgw on this host, in Kubernetes and in AWS. Only 'drain' and 'allocate' change something.\n\n"
		"Commands:\n",
		cli->name ? cli->name : "eipgw");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].summary)
			fprintf(cli->out, "  %s%s\n        %s\n", commands[i].name,
				commands[i].arguments, commands[i].summary);
	fputs("\nOptions:\n", cli->out);
	options_help(&option_table, cli->out);
	fputs("\nWithout --socket these are tried:", cli->out);
	for (const char *const *socket = cli->sockets; *socket; socket++)
		fprintf(cli->out, " %s", *socket);
	fputs("\nExit status: 0 answered, 1 failed, 2 wrong command line, 3 wrong configuration,\n"
	      "5 no daemon answers. check: 0 nothing FAILed. drain: 0 nothing is carried. explain pod: 0 nothing is wrong.\n",
	      cli->out);
	return EXIT_OK;
}

/* Options may stand before, between and behind the words; "--" ends them. */
static int collect(int argc, char *const argv[], struct cli_options *options, struct words *words,
		   struct err *err)
{
	bool ended = false;
	int at = 0;

	for (;;) {
		/* The parser takes argv[at], the last word, for the name of the program. */
		int step = ended ? 1 :
				   options_parse(&option_table, argc - at, argv + at, options, err);

		if (step < 0)
			return step;
		at += step;
		if (at >= argc)
			return 0;
		if (step > 1 && !strcmp(argv[at - 1], "--"))
			ended = true;
		if (words->n >= WORDS_MAX)
			return err_set(err, -EINVAL, "too many arguments: '%s'", argv[at]);
		words->v[words->n++] = argv[at];
	}
}

/* How many of the words are the command's name: 0 if it's another one. */
static size_t match_name(const char *name, const struct words *words)
{
	const char *const blank = strchr(name, ' ');
	const size_t first = blank ? (size_t)(blank - name) : strlen(name);

	if (strlen(words->v[0]) != first || memcmp(words->v[0], name, first) != 0)
		return 0;
	if (!blank)
		return 1;
	return words->n > 1 && strcmp(words->v[1], blank + 1) == 0 ? 2 : 0;
}

/* Two words before one: "explain pod" isn't "explain" of a "pod". *ret_n is how many they are. */
static const struct command *find_command(const struct words *words, size_t *ret_n)
{
	const struct command *found = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const size_t n = match_name(commands[i].name, words);

		if (n > *ret_n) {
			*ret_n = n;
			found = &commands[i];
		}
	}
	return found;
}

/*
 * NULL, with the reason in `err`, when the words are no command with its arguments. *ret_first is the place of the
 * first argument.
 */
static const struct command *choose(const struct words *words, size_t *ret_first, struct err *err)
{
	if (words->n == 0) {
		err_set(err, -EINVAL, "a command is missing");
		return NULL;
	}
	const struct command *const command = find_command(words, ret_first);
	const size_t n = words->n - *ret_first;

	if (!command)
		err_set(err, -EINVAL, "there is no command '%s'", words->v[0]);
	else if (n < command->least)
		err_set(err, -EINVAL, "%s: an argument is missing:%s", command->name,
			command->arguments);
	else if (n > command->most)
		err_set(err, -EINVAL, "%s: too many arguments: '%s'", command->name,
			words->v[*ret_first + command->most]);
	else
		return command;
	return NULL;
}

static bool is_given(const struct cli_options *options, const struct option_row *row)
{
	const char *const at = (const char *)options + row->offset;
	const char *value;

	if (!row->value)
		return *(const bool *)at;
	memcpy(&value, at, sizeof(value));
	return value != NULL;
}

/* NULL, or the first option that the command doesn't know. */
static const char *find_unknown_option(const struct command *command,
				       const struct cli_options *options)
{
	char name[32];

	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
		snprintf(name, sizeof(name), " %s ", option_rows[i].name);
		if (is_given(options, &option_rows[i]) && !strstr(command->options, name))
			return option_rows[i].name;
	}
	return NULL;
}

static int run(const struct cli *cli, const struct cli_options *options, const struct words *words)
{
	struct words arguments = { .n = 0 };
	struct err err = ERR_NULL;
	size_t first = 0;

	if (options->help)
		return run_help(cli, options, &arguments);
	if (options->version)
		return run_version(cli, options, &arguments);

	const struct command *command = choose(words, &first, &err);
	if (!command)
		return complain_of_usage(cli, err.text);
	const char *const unknown = find_unknown_option(command, options);
	if (unknown) {
		err_set(&err, -EINVAL, "%s: doesn't know the option --%s", command->name, unknown);
		return complain_of_usage(cli, err.text);
	}
	for (size_t i = first; i < words->n; i++)
		arguments.v[arguments.n++] = words->v[i];
	return command->run(cli, options, &arguments);
}

int cli_main(const struct cli *cli, int argc, char *const argv[])
{
	struct cli_options options = { .socket = NULL };
	struct words words = { .n = 0 };
	struct err err = ERR_NULL;

	if (collect(argc, argv, &options, &words, &err) < 0)
		return complain_of_usage(cli, err.text);

	int code = run(cli, &options, &words);
	if (fflush(cli->out) != 0 || ferror(cli->out))
		return complain_of_error(cli, NULL, EXIT_RUNTIME,
					 say(&err, MSG_NO_OUTPUT, "the answer can't be written"));
	return code;
}
