// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/ip4.h"
#include "base/options.h"
#include "cli/ask.h"
#include "cli/explain.h"
#include "cli/print.h"
#include "cli/status.h"
#include "control/control.h"
#include "control/out.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define WORDS_MAX 3 /* a command and its arguments */

struct cli_options {
	const char *socket;
	bool json;
	bool version;
	bool help;
};

static const struct option_row option_rows[] = {
	{ "json", NULL, offsetof(struct cli_options, json),
	  "print one JSON object instead of text" },
	{ "socket", "PATH", offsetof(struct cli_options, socket), "ask the daemon at this socket" },
	{ "version", NULL, offsetof(struct cli_options, version), "print the version and exit" },
	{ "help", NULL, offsetof(struct cli_options, help), "print this and exit" },
};
static const struct option_table option_table = { option_rows, ARRAY_SIZE(option_rows) };

struct words {
	size_t n;
	const char *v[WORDS_MAX];
};

struct command {
	const char *name;
	const char *arguments; /* as in the usage */
	const char *summary;   /* NULL: another form of an option, not listed */
	size_t least, most;    /* how many arguments */
	int (*run)(const struct cli *cli, const struct cli_options *options,
		   const struct words *arguments);
};

struct question {
	const char *command;
	struct control_args args;
	void (*print)(FILE *out, const struct control_node *result);
};

static void cleanup_reply(struct control_reply **reply)
{
	control_reply_free(*reply);
}

static int complain(const struct cli *cli, int code, const char *sentence)
{
	fputs("eipgw: ", cli->err);
	print_text(cli->err, sentence);
	fputc('\n', cli->err);
	return code;
}

static int complain_of_usage(const struct cli *cli, const char *sentence)
{
	complain(cli, EXIT_USAGE, sentence);
	fputs("Try 'eipgw --help'.\n", cli->err);
	return EXIT_USAGE;
}

/* With --json there is one object on the output, whatever happened. */
static void print_error_object(FILE *out, const char *sentence)
{
	CLEANUP(cleanup_control_out)
	struct control_out *object = control_out_new(CONTROL_LINE_MAX);
	const char *text;
	size_t length;

	if (!object)
		return;
	control_string(object, "error", sentence);
	if (control_out_finish(object, &text, &length, NULL) == 0)
		fwrite(text, 1, length, out);
}

static int print_answer(const struct cli *cli, const struct cli_options *options,
			const struct question *question, const struct control_reply *reply)
{
	if (!options->json) {
		question->print(cli->out, control_reply_result(reply));
		return EXIT_OK;
	}
	CLEANUP(cleanup_free) char *text = control_reply_text(reply, true);
	if (!text)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	fprintf(cli->out, "%s\n", text);
	return EXIT_OK;
}

static int ask(const struct cli *cli, const struct cli_options *options,
	       const struct question *question)
{
	const char *const chosen[] = { options->socket, NULL };
	CLEANUP(cleanup_reply) struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	int code = ask_daemon(options->socket ? chosen : cli->sockets, question->command,
			      &question->args, &reply, &err);

	if (code == EXIT_OK)
		return print_answer(cli, options, question, reply);
	if (options->json)
		print_error_object(cli->out, err.text);
	return complain(cli, code, err.text);
}

static int run_status(const struct cli *cli, const struct cli_options *options,
		      const struct words *arguments)
{
	const struct question question = { .command = "status", .print = status_print };

	(void)arguments;
	return ask(cli, options, &question);
}

/* What ip4_parse accepts is shorter than the value of an argument. */
static int add_address(struct control_args *args, const char *key, const char *text,
		       struct err *err)
{
	struct ip4 address;
	int r = ip4_parse(text, &address, err);

	if (r < 0)
		return err_prefix(err, r, "%s", key);
	stpcpy(args->v[args->n].key, key);
	ip4_format(address, args->v[args->n].value);
	args->n++;
	return 0;
}

static int run_explain(const struct cli *cli, const struct cli_options *options,
		       const struct words *arguments)
{
	static const char *const keys[] = { "source", "destination" };
	struct question question = { .command = "explain", .print = explain_print };
	struct err err = ERR_NULL;

	for (size_t i = 0; i < arguments->n && i < ARRAY_SIZE(keys); i++)
		if (add_address(&question.args, keys[i], arguments->v[i], &err) < 0)
			return complain_of_usage(cli, err.text);
	return ask(cli, options, &question);
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
	{ "status", "", "what the daemon wants, found, repaired and dropped", 0, 0, run_status },
	{ "explain", " SOURCE [DESTINATION]",
	  "what happens to a packet from one IPv4 address to another", 1, 2, run_explain },
	{ "version", "", NULL, 0, 0, run_version },
	{ "help", "", NULL, 0, 0, run_help },
};

static int run_help(const struct cli *cli, const struct cli_options *options,
		    const struct words *arguments)
{
	(void)options;
	(void)arguments;
	fputs("Usage: eipgw COMMAND [OPTIONS] [ARGUMENTS]\n"
	      "Asks the eipgw daemon of this host. It changes nothing.\n\nCommands:\n",
	      cli->out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].summary)
			fprintf(cli->out, "  %s%s\n        %s\n", commands[i].name,
				commands[i].arguments, commands[i].summary);
	fputs("\nOptions:\n", cli->out);
	options_help(&option_table, cli->out);
	fputs("\nWithout --socket these are tried:", cli->out);
	for (const char *const *socket = cli->sockets; *socket; socket++)
		fprintf(cli->out, " %s", *socket);
	fputs("\nExit status: 0 answered, 1 failed, 2 wrong command line, 5 no daemon answers.\n",
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

/* NULL, with the reason in `err`, when the words are no command with its arguments. */
static const struct command *choose(const struct words *words, struct err *err)
{
	const struct command *command = NULL;

	if (words->n == 0) {
		err_set(err, -EINVAL, "a command is missing");
		return NULL;
	}
	for (size_t i = 0; !command && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, words->v[0]))
			command = &commands[i];

	size_t n = words->n - 1;
	if (!command)
		err_set(err, -EINVAL, "there is no command '%s'", words->v[0]);
	else if (n < command->least)
		err_set(err, -EINVAL, "%s: an argument is missing:%s", command->name,
			command->arguments);
	else if (n > command->most)
		err_set(err, -EINVAL, "%s: too many arguments: '%s'", command->name,
			words->v[command->most + 1]);
	else
		return command;
	return NULL;
}

static int run(const struct cli *cli, const struct cli_options *options, const struct words *words)
{
	struct words arguments = { .n = 0 };
	struct err err = ERR_NULL;

	if (options->help)
		return run_help(cli, options, &arguments);
	if (options->version)
		return run_version(cli, options, &arguments);

	const struct command *command = choose(words, &err);
	if (!command)
		return complain_of_usage(cli, err.text);
	for (size_t i = 1; i < words->n; i++)
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
		return complain(cli, EXIT_RUNTIME, "the answer can't be written");
	return code;
}
