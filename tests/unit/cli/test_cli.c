// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The whole program but for main: command lines in, both outputs and the exit code out. */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/options.h"
#include "control/socket.h"

#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 10

static char dir[] = "/tmp/eipgw-cli-XXXXXX";
static char gateway[64], node[64];
static const char *const sockets[] = { gateway, node, NULL };

struct ran {
	int code;
	char *out, *err;
};

static void ran_done(struct ran *ran)
{
	free(ran->out);
	free(ran->err);
}

/* `line` without "eipgw", split at blanks. */
static struct ran run(const char *line)
{
	char *copy = strdup(line);
	char *argv[ARGUMENTS_MAX + 2] = { (char *)"eipgw" };
	char *state = NULL;
	int argc = 1;
	struct ran ran = { .code = -1 };
	size_t out_length, err_length;

	for (char *w = strtok_r(copy, " ", &state); w && argc <= ARGUMENTS_MAX;
	     w = strtok_r(NULL, " ", &state))
		argv[argc++] = w;
	struct cli cli = { .sockets = sockets };
	cli.out = open_memstream(&ran.out, &out_length);
	cli.err = open_memstream(&ran.err, &err_length);
	ran.code = cli_main(&cli, argc, argv);
	fclose(cli.out);
	fclose(cli.err);
	free(copy);
	return ran;
}

static void assert_run(const char *line, int code, const char *out, const char *err)
{
	CLEANUP(ran_done) struct ran ran = run(line);

	assert_string_equal(ran.err, err);
	assert_string_equal(ran.out, out);
	assert_int_equal(ran.code, code);
}

/* A daemon that answers one request: `answer`, if it was asked `request`. */
static pid_t daemon_start(const char *path, const char *request, const char *answer)
{
	struct control_socket socket = CONTROL_SOCKET_NULL;
	char line[4096];
	size_t n = 0;

	assert_int_equal(control_socket_listen(path, &socket, NULL), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0) {
		close(socket.fd);
		return pid;
	}
	fcntl(socket.fd, F_SETFL, 0);
	int fd = accept(socket.fd, NULL, NULL);
	while (n < sizeof(line) && recv(fd, &line[n], 1, 0) == 1 && line[n] != '\n')
		n++;
	if (n != strlen(request) || memcmp(line, request, n) != 0) {
		fprintf(stderr, "asked %.*s\n", (int)n, line);
		_exit(1);
	}
	_exit(send(fd, answer, strlen(answer), MSG_NOSIGNAL) != (ssize_t)strlen(answer));
}

static void daemon_stop(pid_t pid, const char *path)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(unlink(path), 0);
}

static void assert_asked(const char *line, const char *request, const char *answer,
			 struct ran expected)
{
	pid_t pid = daemon_start(node, request, answer);

	assert_run(line, expected.code, expected.out, expected.err);
	daemon_stop(pid, node);
}

#define ASK_STATUS "{\"v\":1,\"command\":\"status\"}"

static void status_is_asked_for_and_printed(void **state)
{
	(void)state;
	assert_asked("status", ASK_STATUS,
		     "{\"v\":1,\"ok\":true,\"result\":{\"program\":\"p\",\"state\":\"ready\"}}\n",
		     (struct ran){ EXIT_OK, (char *)"p\nstate    ready\n", (char *)"" });
}

static void ready_fails_until_the_daemon_is(void **state)
{
	(void)state;
	assert_asked("status --ready", ASK_STATUS,
		     "{\"v\":1,\"ok\":true,\"result\":{\"program\":\"p\",\"ready\":false}}\n",
		     (struct ran){ EXIT_RUNTIME, (char *)"",
				   (char *)"eipgw: it isn't ready yet [EIPGW-9009]\n" });
	assert_asked("status --ready", ASK_STATUS,
		     "{\"v\":1,\"ok\":true,\"result\":{\"program\":\"p\",\"ready\":true}}\n",
		     (struct ran){ EXIT_OK, (char *)"p\n", (char *)"" });
}

static void json_is_exactly_one_object(void **state)
{
	(void)state;
	assert_asked(
		"status --json", ASK_STATUS,
		"{\"v\":1,\"ok\":true,\"result\":{\"program\":\"p\\n\",\"n\":[1]}}\n",
		(struct ran){ EXIT_OK,
			      (char *)"{\n  \"program\": \"p\\n\",\n  \"n\": [\n    1\n  ]\n}\n",
			      (char *)"" });
}

static void explain_says_that_it_knows_ipv4_only(void **state)
{
	static const char *const lines[] = { "explain 2001:db8::1",
					     "explain 10.0.0.1 2001:db8::1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct ran ran = run(lines[i]);

		assert_int_equal(ran.code, EXIT_USAGE);
		assert_non_null(strstr(ran.err, "only IPv4 is explained"));
		ran_done(&ran);
	}
}

static void explain_sends_its_addresses(void **state)
{
	static const char answer[] = "{\"v\":1,\"ok\":true,\"result\":{\"verdict\":\"direct\"}}\n";
	const struct ran expected = { EXIT_OK, (char *)" -> : \nverdict: direct\n", (char *)"" };
	(void)state;

	assert_asked("explain --no-aws 10.0.0.1",
		     "{\"v\":1,\"command\":\"explain\",\"source\":\"10.0.0.1\"}", answer, expected);
	assert_asked("explain --no-aws 10.0.0.1 198.51.100.7",
		     "{\"v\":1,\"command\":\"explain\",\"source\":\"10.0.0.1\","
		     "\"destination\":\"198.51.100.7\"}",
		     answer, expected);
	assert_asked("explain --no-aws -- 10.0.0.1 198.51.100.7",
		     "{\"v\":1,\"command\":\"explain\",\"source\":\"10.0.0.1\","
		     "\"destination\":\"198.51.100.7\"}",
		     answer, expected);
}

static void options_may_stand_anywhere(void **state)
{
	static const char request[] = "{\"v\":1,\"command\":\"explain\",\"source\":\"10.0.0.1\"}";
	static const char answer[] = "{\"v\":1,\"ok\":true,\"result\":{}}\n";
	static const char *const lines[] = {
		"--json --no-aws --socket %s explain 10.0.0.1",
		"explain --socket=%s --json 10.0.0.1 --no-aws",
		"explain 10.0.0.1 --no-aws --json --socket %s",
		"--json explain --no-aws --socket %s -- 10.0.0.1",
	};
	char line[256], other[64];
	(void)state;
	snprintf(other, sizeof(other), "%s/other", dir);

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *place = strstr(lines[i], "%s");
		pid_t pid = daemon_start(other, request, answer);

		snprintf(line, sizeof(line), "%.*s%s%s", (int)(place - lines[i]), lines[i], other,
			 place + 2);
		assert_run(line, EXIT_OK, "{}\n", "");
		daemon_stop(pid, other);
	}
}

static void behind_two_dashes_nothing_is_an_option(void **state)
{
	(void)state;
	CLEANUP(ran_done) struct ran ran = run("explain --no-aws -- --json --socket");

	assert_int_equal(ran.code, EXIT_USAGE);
	assert_non_null(strstr(ran.err, "source: '--json' is no IPv4 address"));
}

static void the_gateway_is_asked_before_the_node(void **state)
{
	(void)state;
	pid_t pid = daemon_start(gateway, ASK_STATUS,
				 "{\"v\":1,\"ok\":true,\"result\":{\"program\":\"first\"}}\n");

	assert_run("status", EXIT_OK, "first\n", "");

	daemon_stop(pid, gateway);
}

static void without_a_daemon_the_exit_code_is_5_and_both_places_are_named(void **state)
{
	char sentence[512], err[640], out[640];
	(void)state;

	snprintf(sentence, sizeof(sentence),
		 "no daemon answers: %s: No such file or directory; %s: No such file or directory",
		 gateway, node);
	snprintf(err, sizeof(err), "eipgw: %s [EIPGW-9002]\n", sentence);
	snprintf(out, sizeof(out), "{\"error\":\"%s\",\"id\":\"EIPGW-9002\"}\n", sentence);

	assert_run("status", EXIT_NO_DAEMON, "", err);
	assert_run("status --json", EXIT_NO_DAEMON, out, err);
}

static void a_socket_that_was_named_is_the_only_one_asked(void **state)
{
	(void)state;
	assert_run(
		"status --socket /nowhere/x", EXIT_NO_DAEMON, "",
		"eipgw: no daemon answers: /nowhere/x: No such file or directory [EIPGW-9002]\n");
}

static void the_daemons_no_is_exit_code_1(void **state)
{
	static const char answer[] =
		"{\"v\":1,\"ok\":false,\"error\":\"the daemon is \\\"starting\\\"\",\"id\":\"EIPGW-9008\"}\n";
	(void)state;

	assert_asked("status", ASK_STATUS, answer,
		     (struct ran){ EXIT_RUNTIME, (char *)"",
				   (char *)"eipgw: the daemon is \"starting\" [EIPGW-9008]\n" });
	assert_asked(
		"status --json", ASK_STATUS, answer,
		(struct ran){
			EXIT_RUNTIME,
			(char *)"{\"error\":\"the daemon is \\\"starting\\\"\",\"id\":\"EIPGW-9008\"}\n",
			(char *)"eipgw: the daemon is \"starting\" [EIPGW-9008]\n" });
}

static void nonsense_from_a_daemon_is_exit_code_1(void **state)
{
	char err[256];
	(void)state;

	snprintf(err, sizeof(err),
		 "eipgw: %s: what came is not an answer of version 1 [EIPGW-9007]\n", node);
	assert_asked("status", ASK_STATUS, "hello\n",
		     (struct ran){ EXIT_RUNTIME, (char *)"", err });
}

static void wrong_command_lines_are_exit_code_2(void **state)
{
	static const struct {
		const char *line, *sentence;
	} table[] = {
		{ "", "a command is missing" },
		{ "--json", "a command is missing" },
		{ "stat", "there is no command 'stat'" },
		{ "status now", "status: too many arguments: 'now'" },
		{ "explain", "explain: an address or an identifier is missing" },
		{ "explain 1.2.3.4 1.2.3.4 1.2.3.5", "explain: too many arguments: '1.2.3.5'" },
		{ "explain 1.2.3.4 1.2.3.4 1.2.3.4 1.2.3.5", "too many arguments: '1.2.3.5'" },
		{ "explain --context x 1.2.3.4", "explain: doesn't know the option --context" },
		{ "explain pod",
		  "explain pod: an argument is missing: [NAMESPACE/]NAME [DESTINATION]" },
		{ "explain pod --no-aws a/b", "explain pod: doesn't know the option --no-aws" },
		{ "explain pod /b", "'/b' is no pod's name: NAMESPACE/NAME" },
		{ "explain pod a/", "'a/' is no pod's name: NAMESPACE/NAME" },
		{ "explain pod a/b/c", "'a/b/c' is no pod's name: NAMESPACE/NAME" },
		{ "explain pod a/..", "'a/..' is no pod's name: NAMESPACE/NAME" },
		{ "explain pod ../b", "'../b' is no pod's name: NAMESPACE/NAME" },
		{ "explain pod a/b 1.2.3", NULL },
		{ "explain 1.2.3.4/32", NULL },
		{ "explain 1.2.3.4 ::1", NULL },
		{ "status --jsn", "unknown option '--jsn'" },
		{ "status --json=1", "option --json takes no value" },
		{ "status --socket", "option --socket needs a value: --socket PATH" },
		{ "version 1", "version: too many arguments: '1'" },
		{ "status --node", "status: doesn't know the option --node" },
		{ "check --socket x", "check: doesn't know the option --socket" },
		{ "eips --deployment x", "eips: doesn't know the option --deployment" },
		{ "allocate", "allocate: an argument is missing: NAME" },
	};
	char err[256];
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(ran_done) struct ran ran = run(table[i].line);

		assert_int_equal(ran.code, EXIT_USAGE);
		assert_string_equal(ran.out, "");
		assert_non_null(strstr(ran.err, "\nTry 'eipgw --help'.\n"));
		if (!table[i].sentence)
			continue;
		snprintf(err, sizeof(err), "eipgw: %s [EIPGW-9001]\nTry 'eipgw --help'.\n",
			 table[i].sentence);
		assert_string_equal(ran.err, err);
	}
}

static void version_and_help_are_options_and_commands(void **state)
{
	static const char *const help[] = { "help", "--help", "-h", "status --help",
					    "--help nonsense" };
	(void)state;

	assert_run("version", EXIT_OK, "eipgw " EIPGW_VERSION "\n", "");
	assert_run("--version", EXIT_OK, "eipgw " EIPGW_VERSION "\n", "");
	for (size_t i = 0; i < ARRAY_SIZE(help); i++) {
		CLEANUP(ran_done) struct ran ran = run(help[i]);

		assert_int_equal(ran.code, EXIT_OK);
		assert_string_equal(ran.err, "");
		assert_non_null(
			strstr(ran.out, "  explain SOURCE [DESTINATION] | IDENTIFIER | --list\n"));
		assert_non_null(strstr(ran.out, "--socket PATH"));
		assert_non_null(strstr(ran.out, gateway));
	}
}

static void an_identifier_is_explained_without_a_daemon(void **state)
{
	static const char *const lines[] = { "explain EIPGW-3010", "explain 3010",
					     "explain eipgw-3010", "explain NotCarried" };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		CLEANUP(ran_done) struct ran ran = run(lines[i]);

		assert_int_equal(ran.code, EXIT_OK);
		assert_string_equal(ran.err, "");
		assert_ptr_equal(strstr(ran.out, "EIPGW-3010: "), ran.out);
		assert_non_null(strstr(ran.out, "\nRemedy\n"));
	}
	CLEANUP(ran_done) struct ran json = run("explain EIPGW-3010 --json");
	assert_non_null(strstr(json.out, "\"name\": \"NotCarried\""));
	assert_non_null(strstr(json.out, "\"effect\": \""));
	CLEANUP(ran_done) struct ran list = run("explain --list");
	assert_non_null(strstr(list.out, "EIPGW-3010  error"));
	CLEANUP(ran_done) struct ran list_json = run("explain --list --json");
	assert_int_equal(list_json.out[0], '[');
}

static void an_unknown_identifier_is_exit_code_2_with_the_nearest(void **state)
{
	(void)state;
	assert_run(
		"explain EIPGW-301O", EXIT_USAGE, "",
		"eipgw: there is no message 'EIPGW-301O'; did you mean EIPGW-3010? --list names them all [EIPGW-9001]\n");
	assert_run(
		"explain nothing-of-the-kind", EXIT_USAGE, "",
		"eipgw: there is no message 'nothing-of-the-kind'; --list names them all [EIPGW-9001]\n");
}

static void an_output_that_cannot_be_written_is_exit_code_1(void **state)
{
	char *argv[] = { (char *)"eipgw", (char *)"version", NULL };
	CLEANUP(cleanup_free) char *text = NULL;
	size_t length = 0;
	(void)state;
	struct cli cli = { .out = fopen("/dev/full", "w"), .sockets = sockets };
	cli.err = open_memstream(&text, &length);
	assert_non_null(cli.out);

	int code = cli_main(&cli, 2, argv);

	fclose(cli.out);
	fclose(cli.err);
	assert_int_equal(code, EXIT_RUNTIME);
	assert_string_equal(text, "eipgw: the answer can't be written [EIPGW-9013]\n");
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(gateway, sizeof(gateway), "%s/gateway.sock", dir);
	snprintf(node, sizeof(node), "%s/node.sock", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_asked_for_and_printed),
		cmocka_unit_test(ready_fails_until_the_daemon_is),
		cmocka_unit_test(json_is_exactly_one_object),
		cmocka_unit_test(explain_says_that_it_knows_ipv4_only),
		cmocka_unit_test(explain_sends_its_addresses),
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(behind_two_dashes_nothing_is_an_option),
		cmocka_unit_test(the_gateway_is_asked_before_the_node),
		cmocka_unit_test(without_a_daemon_the_exit_code_is_5_and_both_places_are_named),
		cmocka_unit_test(a_socket_that_was_named_is_the_only_one_asked),
		cmocka_unit_test(the_daemons_no_is_exit_code_1),
		cmocka_unit_test(nonsense_from_a_daemon_is_exit_code_1),
		cmocka_unit_test(wrong_command_lines_are_exit_code_2),
		cmocka_unit_test(version_and_help_are_options_and_commands),
		cmocka_unit_test(an_identifier_is_explained_without_a_daemon),
		cmocka_unit_test(an_unknown_identifier_is_exit_code_2_with_the_nearest),
		cmocka_unit_test(an_output_that_cannot_be_written_is_exit_code_1),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
