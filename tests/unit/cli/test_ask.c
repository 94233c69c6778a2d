// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which sockets are asked, and what each kind of failure means for the exit code. */
#include "cli/ask.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "control/control.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

static const char *const sockets[] = { "one", "two", NULL };

static const int *codes; /* what the sockets answer, in their order */
static size_t n_asked;

int __wrap_control_call_sync(const char *path, const char *command, const struct control_args *args,
			     struct control_reply **ret, struct err *err);

int __wrap_control_call_sync(const char *path, const char *command, const struct control_args *args,
			     struct control_reply **ret, struct err *err)
{
	(void)args;
	(void)ret;
	assert_string_equal(path, sockets[n_asked]);
	assert_string_equal(command, "status");
	return err_set(err, codes[n_asked++], "%s failed", path);
}

static void failures_are_told_apart(void **state)
{
	static const struct {
		int codes[2];
		size_t asked;
		int exit_code;
		const char *sentence;
	} table[] = {
		{ { -ENOENT, 0 }, 2, EXIT_OK, "" },
		{ { -ECONNREFUSED, 0 }, 2, EXIT_OK, "" },
		{ { 0, 0 }, 1, EXIT_OK, "" },
		{ { -ENOENT, -ECONNREFUSED },
		  2,
		  EXIT_NO_DAEMON,
		  "no daemon answers: one failed; two failed" },
		{ { -ETIMEDOUT, 0 }, 1, EXIT_NO_DAEMON, "no daemon answers: one failed" },
		{ { -ENOENT, -ETIMEDOUT },
		  2,
		  EXIT_NO_DAEMON,
		  "no daemon answers: one failed; two failed" },
		{ { -EACCES, 0 }, 1, EXIT_RUNTIME, "one failed" },
		{ { -EPROTO, 0 }, 1, EXIT_RUNTIME, "one failed" },
		{ { -EREMOTEIO, 0 }, 1, EXIT_RUNTIME, "one failed" },
		{ { -ENOMEM, 0 }, 1, EXIT_RUNTIME, "one failed" },
		{ { -ENOENT, -EREMOTEIO }, 2, EXIT_RUNTIME, "two failed" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct control_reply *reply = NULL;
		struct err err = ERR_NULL;

		codes = table[i].codes;
		n_asked = 0;
		assert_int_equal(ask_daemon(sockets, "status", NULL, &reply, &err),
				 table[i].exit_code);
		assert_int_equal(n_asked, table[i].asked);
		if (table[i].exit_code != EXIT_OK)
			assert_string_equal(err.text, table[i].sentence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
