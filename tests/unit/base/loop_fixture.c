// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "loop_fixture.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_deadline(void *data)
{
	struct loop_fixture *const f = data;

	f->late = true;
	loop_stop(f->loop);
}

int loop_fixture_set_up(void **state)
{
	static struct loop_fixture f;

	f = (struct loop_fixture){ .fds = { -1, -1 } };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, f.fds) < 0)
		return -1;
	f.loop = loop_new();
	if (!f.loop)
		return -1;
	f.deadline = loop_timer_new(f.loop, on_deadline, &f);
	if (!f.deadline || loop_timer_arm_ms(f.deadline, LOOP_FIXTURE_DEADLINE_MS) < 0)
		return -1;
	*state = &f;
	return 0;
}

int loop_fixture_tear_down(void **state)
{
	struct loop_fixture *const f = *state;

	loop_io_free(f->io);
	loop_io_free(f->io2);
	loop_timer_free(f->timer);
	loop_timer_free(f->timer2);
	loop_signal_free(f->sig);
	loop_timer_free(f->deadline);
	loop_free(f->loop);
	close(f->fds[0]);
	if (f->fds[1] >= 0)
		close(f->fds[1]);
	return 0;
}

void loop_fixture_run(struct loop_fixture *f)
{
	assert_int_equal(loop_run(f->loop), 0);
	assert_false(f->late);
}

void loop_fixture_say(const struct loop_fixture *f, const char *text)
{
	assert_int_equal(write(f->fds[1], text, strlen(text)), strlen(text));
}

void loop_fixture_on_timer_stop(void *data)
{
	struct loop_fixture *const f = data;

	f->calls++;
	f->when = mono_now();
	f->was_armed = loop_timer_is_armed(f->timer);
	loop_stop(f->loop);
}
