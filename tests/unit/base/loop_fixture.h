// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A loop that can't hang, a pair of connected sockets, and what the callbacks of the loop's tests note. */
#pragma once

#include "base/loop.h"

#include <stdbool.h>

#include "base/mono.h"
#include "unit.h"

#define LOOP_FIXTURE_DEADLINE_MS 20000 /* a test that isn't done by then fails */

struct loop_fixture {
	struct loop *loop;
	struct loop_timer *deadline;
	bool late;
	int fds[2];
	/* What the callbacks of a test note and use. */
	struct loop_io *io;
	struct loop_io *io2;
	struct loop_timer *timer;
	struct loop_timer *timer2;
	struct loop_signal *sig;
	int calls;
	int calls2;
	unsigned events;
	int fd;
	int signal_number;
	bool was_armed;
	struct mono when;
};

int loop_fixture_set_up(void **state);
int loop_fixture_tear_down(void **state);
/* Runs the loop until a callback stops it. */
void loop_fixture_run(struct loop_fixture *f);
/* Makes fds[0] readable. */
void loop_fixture_say(const struct loop_fixture *f, const char *text);
/* For the source `timer`: counts in `calls`, notes `when` and `was_armed`, and stops the loop. */
void loop_fixture_on_timer_stop(void *data);

#define on_a_loop(f) cmocka_unit_test_setup_teardown(f, loop_fixture_set_up, loop_fixture_tear_down)
