// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/command.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/ask.h"
#include "cli/print.h"
#include "control/control.h"
#include "control/out.h"
#include "control/reply.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void cleanup_reply(struct control_reply **reply)
{
	control_reply_free(*reply);
}

static int id_of(int code)
{
	static const int ids[] = { [EXIT_RUNTIME] = MSG_COMMAND_FAILED,
				   [EXIT_USAGE] = MSG_USAGE,
				   [EXIT_CONFIG] = MSG_COMMAND_CONFIG,
				   [EXIT_NO_DAEMON] = MSG_NO_DAEMON };

	return ids[code];
}

static void print_complaint(const struct cli *cli, int id, const char *sentence)
{
	char text[MESSAGE_TEXT_MAX];

	fputs("eipgw: ", cli->err);
	print_text(cli->err, sentence);
	if (id)
		fprintf(cli->err, " [%s]", message_format(id, text));
	fputc('\n', cli->err);
}

int complain(const struct cli *cli, int code, const char *sentence)
{
	print_complaint(cli, id_of(code), sentence);
	return code;
}

int complain_of_usage(const struct cli *cli, const char *sentence)
{
	complain(cli, EXIT_USAGE, sentence);
	fputs("Try 'eipgw --help'.\n", cli->err);
	return EXIT_USAGE;
}

/* A gateway whose user data are wrong has no daemon; then they are what is the matter. */
static void add_boot_state(const struct cli *cli, struct err *err)
{
	CLEANUP(cleanup_fd)
	int fd = cli->boot_state ? open(cli->boot_state, O_RDONLY | O_CLOEXEC) : -1;
	char line[ERR_TEXT_MAX] = "";
	const size_t used = strlen(err->text);
	const ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);

	if (n <= 0)
		return;
	line[strcspn(line, "\n")] = '\0';
	snprintf(err->text + used, sizeof(err->text) - used, "; %s", line);
}

int ask_chosen(const struct cli *cli, const struct cli_options *options,
	       const struct question *question, struct control_reply **ret, struct err *err)
{
	const char *const chosen[] = { options->socket, NULL };

	const int code = ask_daemon(options->socket ? chosen : cli->sockets, question->command,
				    question->args, ret, err);

	if (code == EXIT_NO_DAEMON && !options->socket)
		add_boot_state(cli, err);
	return code;
}

static void print_error_object(FILE *out, int id, const char *sentence)
{
	CLEANUP(cleanup_control_out)
	struct control_out *object = control_out_new(CONTROL_LINE_MAX);
	char id_text[MESSAGE_TEXT_MAX];
	const char *text;
	size_t length;

	if (!object)
		return;
	control_string(object, "error", sentence);
	control_string(object, "id", message_format(id, id_text));
	if (control_out_finish(object, &text, &length, NULL) == 0)
		fwrite(text, 1, length, out);
}

int complain_of_failure(const struct cli *cli, const struct cli_options *options, int code,
			const char *sentence)
{
	if (options->json)
		print_error_object(cli->out, id_of(code), sentence);
	return complain(cli, code, sentence);
}

int complain_of_error(const struct cli *cli, const struct cli_options *options, int code,
		      const struct err *err)
{
	const int id = err_id(err, id_of(code));

	if (options && options->json)
		print_error_object(cli->out, id, err->text);
	print_complaint(cli, id, err->text);
	return code;
}

int print_reply(const struct cli *cli, const struct cli_options *options,
		const struct control_reply *reply, print_fn print, const char *key)
{
	const struct control_node *const result = control_reply_result(reply);

	if (!options->json) {
		print(cli->out, result);
		return EXIT_OK;
	}
	CLEANUP(cleanup_free) char *text = control_node_text(control_get(result, key), true);
	if (!text)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	fprintf(cli->out, "%s\n", text);
	return EXIT_OK;
}

struct control_reply *read_own(struct control_out *out, struct err *err)
{
	struct control_reply *reply = NULL;
	const char *text;
	size_t length;

	if (!out)
		err_set(err, -1, "out of memory");
	else if (control_out_finish(out, &text, &length, err) == 0)
		(void)control_reply_parse(text, length, &reply, err);
	return reply;
}

int print_own(const struct cli *cli, const struct cli_options *options, struct control_out *out,
	      print_fn print, const char *key)
{
	struct err err = ERR_NULL;
	CLEANUP(cleanup_reply) struct control_reply *reply = read_own(out, &err);

	if (!reply)
		return complain(cli, EXIT_RUNTIME, err.text);
	return print_reply(cli, options, reply, print, key);
}
