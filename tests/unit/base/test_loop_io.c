// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "loop_fixture.h"

static void on_io_read_one(int fd, unsigned events, void *data)
{
	struct loop_fixture *const f = data;
	char c;

	f->calls++;
	f->fd = fd;
	f->events = events;
	if (read(fd, &c, 1) != 1 || c == '.')
		loop_stop(f->loop);
}

static void a_readable_socket_is_reported_until_it_is_drained(void **state)
{
	struct loop_fixture *const f = *state;

	loop_fixture_say(f, "ab.");
	f->io = loop_io_new(f->loop, f->fds[0], LOOP_READ, on_io_read_one, f);
	assert_non_null(f->io);
	assert_int_equal(f->calls, 0); /* never from inside the function that registers */

	loop_fixture_run(f);

	assert_int_equal(f->calls, 3);
	assert_int_equal(f->fd, f->fds[0]);
	assert_int_equal(f->events, LOOP_READ);
}

static void the_end_of_a_stream_is_readable(void **state)
{
	struct loop_fixture *const f = *state;

	f->io = loop_io_new(f->loop, f->fds[0], LOOP_READ, on_io_read_one, f);
	close(f->fds[1]);
	f->fds[1] = -1;

	loop_fixture_run(f);

	assert_int_equal(f->calls, 1);
}

static void on_io_note(int fd, unsigned events, void *data)
{
	struct loop_fixture *const f = data;

	(void)fd;
	f->calls++;
	f->events |= events;
	if (f->events == (LOOP_READ | LOOP_WRITE) || !(events & LOOP_READ))
		loop_stop(f->loop);
}

static void both_events_are_told_apart(void **state)
{
	struct loop_fixture *const f = *state;

	f->io = loop_io_new(f->loop, f->fds[0], LOOP_READ | LOOP_WRITE, on_io_note, f);
	loop_fixture_run(f);
	assert_int_equal(f->events, LOOP_WRITE);

	loop_fixture_say(f, "x");
	f->events = 0;
	loop_fixture_run(f);
	assert_int_equal(f->events, LOOP_READ | LOOP_WRITE);

	f->events = 0;
	assert_int_equal(loop_io_set_events(f->io, LOOP_WRITE), 0);
	loop_fixture_run(f);
	assert_int_equal(f->events, LOOP_WRITE);
}

static void a_paused_source_is_silent_and_goes_on_afterwards(void **state)
{
	struct loop_fixture *const f = *state;

	f->io = loop_io_new(f->loop, f->fds[0], LOOP_READ, on_io_read_one, f);
	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	assert_int_equal(loop_io_set_events(f->io, 0), 0);
	assert_int_equal(loop_io_set_events(f->io, 0), 0);
	loop_fixture_say(f, ".");
	assert_int_equal(loop_timer_arm_ms(f->timer, 10), 0);
	loop_fixture_run(f);
	assert_int_equal(f->events, 0);

	f->calls = 0;
	assert_int_equal(loop_io_set_events(f->io, LOOP_READ), 0);
	loop_fixture_run(f);
	assert_int_equal(f->calls, 1);
}

static void a_source_may_be_made_paused(void **state)
{
	struct loop_fixture *const f = *state;

	loop_fixture_say(f, ".");
	f->io = loop_io_new(f->loop, f->fds[0], 0, on_io_read_one, f);
	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	assert_non_null(f->io);
	assert_int_equal(loop_timer_arm_ms(f->timer, 5), 0);
	loop_fixture_run(f);
	assert_int_equal(f->events, 0);
}

static void on_io_free_itself(int fd, unsigned events, void *data)
{
	struct loop_fixture *const f = data;

	(void)fd;
	(void)events;
	f->calls2++;
	loop_io_free(f->io);
	f->io = NULL;
	assert_int_equal(loop_timer_arm_ms(f->timer, 5), 0);
}

static void an_io_source_may_free_itself(void **state)
{
	struct loop_fixture *const f = *state;

	loop_fixture_say(f, "stays unread");
	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	f->io = loop_io_new(f->loop, f->fds[0], LOOP_READ, on_io_free_itself, f);

	loop_fixture_run(f);

	assert_int_equal(f->calls2, 1);
}

static void on_io_pause_itself(int fd, unsigned events, void *data)
{
	struct loop_fixture *const f = data;

	(void)fd;
	f->calls2++;
	f->events = events;
	assert_int_equal(loop_io_set_events(f->io, f->calls2 == 1 ? LOOP_WRITE : 0), 0);
	if (f->calls2 == 2)
		assert_int_equal(loop_timer_arm_ms(f->timer, 5), 0);
}

static void an_io_source_may_change_its_events_in_its_callback(void **state)
{
	struct loop_fixture *const f = *state;

	loop_fixture_say(f, "stays unread");
	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	f->io = loop_io_new(f->loop, f->fds[0], LOOP_READ, on_io_pause_itself, f);

	loop_fixture_run(f);

	assert_int_equal(f->calls2, 2);
	assert_int_equal(f->events, LOOP_WRITE);
}

static void on_io_kill_both(int fd, unsigned events, void *data)
{
	struct loop_fixture *const f = data;

	(void)fd;
	(void)events;
	f->calls++;
	loop_io_free(f->io2);
	f->io2 = NULL;
	loop_io_free(f->io);
	f->io = NULL;
	loop_stop(f->loop);
}

static void an_io_source_may_free_another_that_is_ready_in_the_same_pass(void **state)
{
	struct loop_fixture *const f = *state;

	f->io = loop_io_new(f->loop, f->fds[0], LOOP_WRITE, on_io_kill_both, f);
	f->io2 = loop_io_new(f->loop, f->fds[1], LOOP_WRITE, on_io_kill_both, f);
	loop_fixture_run(f);
	assert_int_equal(f->calls, 1);

	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	assert_int_equal(loop_timer_arm_ms(f->timer, 5), 0);
	loop_fixture_run(f);
	assert_int_equal(f->calls, 2);
}

static void freeing_a_source_does_not_close_its_descriptor(void **state)
{
	struct loop_fixture *const f = *state;

	f->io = loop_io_new(f->loop, f->fds[0], LOOP_READ, on_io_read_one, f);
	loop_io_free(f->io);
	f->io = NULL;
	assert_true(fcntl(f->fds[0], F_GETFD) >= 0);
}

static void a_regular_file_cannot_be_watched(void **state)
{
	struct loop_fixture *const f = *state;
	char path[] = "/tmp/eipgw-loop-XXXXXX";
	CLEANUP(cleanup_fd) int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_null(loop_io_new(f->loop, fd, LOOP_READ, on_io_read_one, f));
}

static void on_signal_stop(int signal_number, void *data)
{
	struct loop_fixture *const f = data;

	f->calls++;
	f->signal_number = signal_number;
	loop_stop(f->loop);
}

static void a_signal_arrives_in_the_loop(void **state)
{
	struct loop_fixture *const f = *state;

	f->sig = loop_signal_new(f->loop, SIGHUP, on_signal_stop, f);
	assert_non_null(f->sig);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(raise(SIGHUP), 0);
		assert_int_equal(f->calls, i - 1);
		loop_fixture_run(f);
		assert_int_equal(f->calls, i);
		assert_int_equal(f->signal_number, SIGHUP);
	}
}

static void on_signal_free_itself(int signal_number, void *data)
{
	struct loop_fixture *const f = data;

	(void)signal_number;
	f->calls++;
	loop_signal_free(f->sig);
	f->sig = NULL;
	loop_stop(f->loop);
}

static void a_signal_source_may_free_itself(void **state)
{
	struct loop_fixture *const f = *state;

	f->sig = loop_signal_new(f->loop, SIGUSR1, on_signal_free_itself, f);
	raise(SIGUSR1);
	raise(SIGUSR1);

	loop_fixture_run(f);

	assert_int_equal(f->calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_a_loop(a_readable_socket_is_reported_until_it_is_drained),
		on_a_loop(the_end_of_a_stream_is_readable),
		on_a_loop(both_events_are_told_apart),
		on_a_loop(a_paused_source_is_silent_and_goes_on_afterwards),
		on_a_loop(a_source_may_be_made_paused),
		on_a_loop(an_io_source_may_free_itself),
		on_a_loop(an_io_source_may_change_its_events_in_its_callback),
		on_a_loop(an_io_source_may_free_another_that_is_ready_in_the_same_pass),
		on_a_loop(freeing_a_source_does_not_close_its_descriptor),
		on_a_loop(a_regular_file_cannot_be_watched),
		on_a_loop(a_signal_arrives_in_the_loop),
		on_a_loop(a_signal_source_may_free_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
