// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/transition.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { OPEN, SHUT, SAFE, N };
static const char *const names[N] = { "open", "shut", "safe" };
static const uint32_t legal[N] = {
	[OPEN] = TRANSITION_BIT(OPEN) | TRANSITION_BIT(SHUT),
	[SHUT] = TRANSITION_BIT(SAFE),
	[SAFE] = TRANSITION_BIT(OPEN),
};
static const struct transition_table table = { "door", names, legal, N, SAFE };

struct door {
	unsigned state;
	char reason[16];
};

static void a_legal_change_is_made_and_its_reason_is_cut(void **state)
{
	struct door door = { OPEN, "" };

	(void)state;
	transition_set(&table, &door, SHUT, "%s", "0123456789abcdefgh");
	assert_int_equal(door.state, SHUT);
	assert_string_equal(door.reason, "0123456789abcde");
}

/* In a process of its own, since a debug build ends it. What it ends with: 100 and the state, or the signal. */
static int try_change(unsigned from, unsigned to)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct door door = { from, "" };

		transition_set(&table, &door, to, "because");
		_exit(100 + (int)door.state);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}

static void every_change_is_checked_in_every_build(void **state)
{
	(void)state;
	for (unsigned from = 0; from <= N; from++) {
		for (unsigned to = 0; to <= N; to++) {
			const int got = try_change(from, to);
#ifdef NDEBUG
			const int refused = 100 + SAFE;
#else
			const int refused = SIGABRT;
#endif

			if (from < N && to < N && (legal[from] & TRANSITION_BIT(to)))
				assert_int_equal(got, 100 + (int)to);
			else
				assert_int_equal(got, refused);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_legal_change_is_made_and_its_reason_is_cut),
		cmocka_unit_test(every_change_is_checked_in_every_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
