// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Each allocation fails in turn. Only those of our own objects: what jansson allocates inside its
 * shared library can't be reached by the linker.
 */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "control/control.h"
#include "control/dispatch.h"
#include "control/out.h"
#include "control/reply.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS_MAX 200

static unsigned fail_at; /* the n-th allocation from now on fails; 0: none */

static bool fails_now(void)
{
	return fail_at && --fail_at == 0;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __real_realloc(p, size);
}

/*
 * Runs `attempt` with the first, the second ... allocation failing, until none fails. How many
 * failed.
 */
static size_t torture(void (*attempt)(void))
{
	for (unsigned n = 1; n < ROUNDS_MAX; n++) {
		fail_at = n;
		attempt();
		bool failed = fail_at == 0;
		fail_at = 0;
		if (!failed)
			return n - 1;
	}
	fail_msg("it never succeeds");
	return 0;
}

static int fill(const struct control_args *args, struct control_out *out, void *data,
		struct err *err)
{
	(void)args;
	(void)data;
	(void)err;
	for (int i = 0; i < 1000; i++)
		control_printf(out, "k", "%04d", i);
	return 0;
}

static const struct control_command commands[] = {
	{ .name = "fill", .run = fill },
	{ .name = NULL },
};

/* An answer that says what happened, or none at all; never half of one. */
static void dispatch_once(void)
{
	static const struct control_service service = { .commands = commands };
	static const char line[] = "{\"v\":1,\"command\":\"fill\"}";
	struct control_out *out =
		control_dispatch(&service, CONTROL_RIGHTS_ALL, line, strlen(line));
	const char *text;
	size_t length;
	bool failed = fail_at == 0;

	fail_at = 0;
	if (out) {
		assert_int_equal(control_out_finish(out, &text, &length, NULL), 0);
		if (failed)
			assert_memory_equal(
				text,
				"{\"v\":1,\"ok\":false,\"error\":\"out of memory\",\"id\":\"EIPGW-9006\"}\n",
				length);
		else
			assert_true(length > 10000);
	}
	control_out_free(out);
	fail_at = failed ? 0 : ROUNDS_MAX;
}

static void an_answer_that_lacks_memory_says_so(void **state)
{
	(void)state;
	assert_in_range(torture(dispatch_once), 4, ROUNDS_MAX);
}

static char dir[] = "/tmp/eipgw-control-XXXXXX";
static char path[64];

static void serve_once(void)
{
	struct err err = ERR_NULL;
	struct loop *loop = loop_new();

	if (!loop)
		return;
	struct control_server *server = control_server_new(loop, path, commands, NULL, &err);
	if (fail_at == 0) {
		assert_null(server);
		assert_string_not_equal(err.text, "");
	}
	control_server_free(server);
	loop_free(loop);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_server_that_lacks_memory_is_not_made_and_leaves_no_file(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);

	assert_in_range(torture(serve_once), 3, ROUNDS_MAX);

	assert_int_equal(rmdir(dir), 0);
}

static void parse_once(void)
{
	static const char line[] = "{\"v\":1,\"ok\":true,\"result\":{\"a\":[1]}}";
	struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	int r = control_reply_parse(line, strlen(line), &reply, &err);

	if (r < 0) {
		assert_int_equal(r, -ENOMEM);
		assert_string_equal(err.text, "out of memory");
		return;
	}
	CLEANUP(cleanup_free) char *text = control_reply_text(reply, false);
	if (text)
		assert_string_equal(text, "{\"a\":[1]}");
	control_reply_free(reply);
}

static void a_reply_that_lacks_memory_is_refused(void **state)
{
	(void)state;
	assert_in_range(torture(parse_once), 2, ROUNDS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_that_lacks_memory_says_so),
		cmocka_unit_test(a_server_that_lacks_memory_is_not_made_and_leaves_no_file),
		cmocka_unit_test(a_reply_that_lacks_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
