// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The socket file: who finds what at its path, and what is left. */
#include "serve.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "control/control.h"

#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct control_command no_commands[] = { { .name = NULL } };
static const struct serve_options options = { .umask = 022 };

/* A server in this process that must not come to be. */
static void assert_no_server(const char *path, const char *sentence)
{
	struct err err = ERR_NULL;
	struct loop *loop = loop_new();
	struct control_server *server = control_server_new(loop, path, no_commands, NULL, &err);

	assert_null(server);
	assert_string_equal(err.text, sentence);
	loop_free(loop);
}

static unsigned mode_of(const char *path)
{
	struct stat file;

	assert_int_equal(lstat(path, &file), 0);
	return file.st_mode & 07777;
}

static void the_socket_and_its_parents_have_their_modes_under_any_umask(void **state)
{
	struct served served;
	char path[128];
	(void)state;

	for (unsigned mask = 0; mask <= 077; mask += 077) {
		serve_start(&served, &(struct serve_options){ .umask = mask });

		assert_int_equal(mode_of(served.path), 0660);
		snprintf(path, sizeof(path), "%s/run", served.dir);
		assert_int_equal(mode_of(path), 0755);
		snprintf(path, sizeof(path), "%s/run/eipgw", served.dir);
		assert_int_equal(mode_of(path), 0755);
		serve_stop(&served);
	}
}

static void a_stale_socket_is_replaced(void **state)
{
	struct served served;
	(void)state;
	serve_start(&served, &options);
	serve_kill(&served);

	serve_again(&served, &options);

	CLEANUP(cleanup_fd) int fd = talk_open(&served);
	talk_send(fd, "{\"v\":1,\"command\":\"echo\"}\n");
	assert_string_equal(talk_line(fd), "{\"v\":1,\"ok\":true,\"result\":{}}");
	serve_stop(&served);
}

static void a_live_socket_is_an_error_and_goes_on(void **state)
{
	struct served served;
	char sentence[256];
	(void)state;
	serve_start(&served, &options);

	snprintf(sentence, sizeof(sentence), "%s: another process answers there", served.path);
	assert_no_server(served.path, sentence);

	CLEANUP(cleanup_fd) int fd = talk_open(&served);
	talk_send(fd, "{\"v\":1,\"command\":\"echo\"}\n");
	assert_string_equal(talk_line(fd), "{\"v\":1,\"ok\":true,\"result\":{}}");
	serve_stop(&served);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	char path[64] = "/tmp/eipgw-control-XXXXXX";
	char sentence[128];
	int fd = mkstemp(path);
	(void)state;

	assert_true(fd >= 0);
	close(fd);
	snprintf(sentence, sizeof(sentence), "%s: exists and is not a socket", path);
	assert_no_server(path, sentence);
	assert_int_equal(unlink(path), 0);
}

static void paths_that_cannot_be_are_refused(void **state)
{
	char path[109] = "/tmp/eipgw-";
	(void)state;

	memset(path + strlen(path), 'x', sizeof(path) - 1 - strlen(path));
	path[sizeof(path) - 1] = '\0';
	assert_no_server(path, "the path of the control socket must have 1 to 107 bytes");
	assert_no_server("", "the path of the control socket must have 1 to 107 bytes");
	assert_no_server("/dev/null/x/y.sock",
			 "/dev/null/x: can't make the directory: Not a directory");
}

static void a_socket_of_somebody_else_is_not_removed(void **state)
{
	char dir[64] = "/tmp/eipgw-control-XXXXXX";
	char path[128], moved[128];
	struct err err = ERR_NULL;
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(moved, sizeof(moved), "%s/t", dir);
	struct loop *loop = loop_new();
	struct control_server *first = control_server_new(loop, path, no_commands, NULL, &err);
	assert_non_null(first);
	assert_int_equal(rename(path, moved), 0);
	struct control_server *second = control_server_new(loop, path, no_commands, NULL, &err);
	assert_non_null(second);

	control_server_free(first);

	assert_int_equal(access(path, F_OK), 0);
	control_server_free(second);
	assert_int_equal(access(path, F_OK), -1);
	loop_free(loop);
	assert_int_equal(unlink(moved), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void a_relative_path_works(void **state)
{
	char dir[64] = "/tmp/eipgw-control-XXXXXX";
	char before[4096];
	struct err err = ERR_NULL;
	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	struct loop *loop = loop_new();

	struct control_server *server =
		control_server_new(loop, "a/b.sock", no_commands, NULL, &err);

	assert_non_null(server);
	assert_int_equal(access("a/b.sock", F_OK), 0);
	control_server_free(server);
	loop_free(loop);
	assert_int_equal(rmdir("a"), 0);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_socket_and_its_parents_have_their_modes_under_any_umask),
		cmocka_unit_test(a_stale_socket_is_replaced),
		cmocka_unit_test(a_live_socket_is_an_error_and_goes_on),
		cmocka_unit_test(what_is_no_socket_is_left_alone),
		cmocka_unit_test(paths_that_cannot_be_are_refused),
		cmocka_unit_test(a_socket_of_somebody_else_is_not_removed),
		cmocka_unit_test(a_relative_path_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
