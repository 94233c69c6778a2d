// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A thin layer over libevent. Each callback below reads what it needs from its source and then calls the
 * owner as the last thing it does: the owner may free the source, and libevent doesn't look at an event
 * after its callback either (checked in event_process_active_single_queue of 2.1).
 */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/cleanup.h"
#include "base/log.h"

struct loop {
	struct event_base *base;
	size_t n_sources; /* that were made and not yet freed */
	bool stop;
};

struct loop_io {
	struct loop *loop;
	struct event *event;
	int fd;
	unsigned events;
	loop_io_fn fn;
	void *data;
};

struct loop_timer {
	struct loop *loop;
	struct event *event;
	bool armed;
	loop_timer_fn fn;
	void *data;
};

struct loop_signal {
	struct loop *loop;
	struct event *event;
	loop_signal_fn fn;
	void *data;
};

/* Of libevent, the lowest first; what isn't told otherwise has the middle one. */
enum { PRIORITY_LATE = 2, PRIORITIES };

static void on_library_message(int severity, const char *message)
{
	(void)severity; /* level 0 never logs above debug; failures are returned to the caller */
	log_debug("loop", "libevent: %s", message);
}

static void cleanup_config(struct event_config **config)
{
	if (*config)
		event_config_free(*config);
}

/*
 * epoll only; the environment can't choose otherwise. The precise timer is CLOCK_MONOTONIC; else libevent
 * takes the coarse clock, which is up to 10 ms behind. Its cached time needs no flag: a timer that is
 * armed late in a callback counts from then on (seen with 2.1.12; the unit test holds it).
 */
static struct event_base *new_base(void)
{
	CLEANUP(cleanup_config) struct event_config *config = event_config_new();

	if (!config)
		return NULL;
	if (event_config_require_features(config, EV_FEATURE_O1) ||
	    event_config_avoid_method(config, "poll") ||
	    event_config_avoid_method(config, "select") ||
	    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV) ||
	    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) ||
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK))
		return NULL;
	return event_base_new_with_config(config);
}

struct loop *loop_new(void)
{
	CLEANUP(cleanup_free) struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	event_set_log_callback(on_library_message);
	loop->base = new_base();
	if (!loop->base)
		return NULL;
	if (event_base_priority_init(loop->base, PRIORITIES) < 0) {
		event_base_free(loop->base);
		return NULL;
	}
	return TAKE_PTR(loop);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	assert(loop->n_sources == 0);
	event_base_free(loop->base);
	free(loop);
}

int loop_run(struct loop *loop)
{
	while (!loop->stop)
		if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
			return -EIO;
	loop->stop = false;
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
	event_base_loopbreak(loop->base);
}

struct event_base *loop_event_base(struct loop *loop)
{
	return loop->base;
}

static void on_io_ready(evutil_socket_t fd, short what, void *data)
{
	const struct loop_io *const io = data;

	io->fn(fd, ((what & EV_READ) ? LOOP_READ : 0u) | ((what & EV_WRITE) ? LOOP_WRITE : 0u),
	       io->data);
}

static short event_flags(unsigned events)
{
	return (short)(EV_PERSIST | ((events & LOOP_READ) ? EV_READ : 0) |
		       ((events & LOOP_WRITE) ? EV_WRITE : 0));
}

struct loop_io *loop_io_new(struct loop *loop, int fd, unsigned events, loop_io_fn fn, void *data)
{
	CLEANUP(cleanup_free) struct loop_io *io = calloc(1, sizeof(*io));

	if (!io)
		return NULL;
	*io = (struct loop_io){ .loop = loop, .fd = fd, .fn = fn, .data = data };
	io->event = event_new(loop->base, fd, event_flags(0), on_io_ready, io);
	if (!io->event)
		return NULL;
	if (loop_io_set_events(io, events) < 0) {
		event_free(io->event);
		return NULL;
	}
	loop->n_sources++;
	return TAKE_PTR(io);
}

int loop_io_set_events(struct loop_io *io, unsigned events)
{
	if (events == io->events)
		return 0;
	if (event_del(io->event) < 0)
		return -EIO;
	io->events = 0;
	if (events == 0)
		return 0;
	if (event_assign(io->event, io->loop->base, io->fd, event_flags(events), on_io_ready, io) <
		    0 ||
	    event_add(io->event, NULL) < 0)
		return -EIO;
	io->events = events;
	return 0;
}

void loop_io_free(struct loop_io *io)
{
	if (!io)
		return;
	io->loop->n_sources--;
	event_free(io->event);
	free(io);
}

static void on_timer_expired(evutil_socket_t fd, short what, void *data)
{
	struct loop_timer *const timer = data;

	(void)fd;
	(void)what;
	timer->armed = false;
	timer->fn(timer->data);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn fn, void *data)
{
	CLEANUP(cleanup_free) struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	*timer = (struct loop_timer){ .loop = loop, .fn = fn, .data = data };
	timer->event = evtimer_new(loop->base, on_timer_expired, timer);
	if (!timer->event)
		return NULL;
	loop->n_sources++;
	return TAKE_PTR(timer);
}

void loop_timer_make_late(struct loop_timer *timer)
{
	(void)event_priority_set(timer->event, PRIORITY_LATE);
}

int loop_timer_arm_ms(struct loop_timer *timer, int64_t ms)
{
	const int64_t wait_ms = ms > 0 ? ms : 0;
	const struct timeval tv = { .tv_sec = (time_t)(wait_ms / 1000),
				    .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000) };

	if (evtimer_add(timer->event, &tv) < 0)
		return -ENOMEM;
	timer->armed = true;
	return 0;
}

void loop_timer_disarm(struct loop_timer *timer)
{
	(void)evtimer_del(timer->event);
	timer->armed = false;
}

int loop_timer_is_armed(const struct loop_timer *timer)
{
	return timer->armed;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (!timer)
		return;
	timer->loop->n_sources--;
	event_free(timer->event);
	free(timer);
}

static void on_signal(evutil_socket_t signal_number, short what, void *data)
{
	const struct loop_signal *const sig = data;

	(void)what;
	sig->fn(signal_number, sig->data);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, loop_signal_fn fn,
				    void *data)
{
	CLEANUP(cleanup_free) struct loop_signal *sig = calloc(1, sizeof(*sig));

	if (!sig)
		return NULL;
	*sig = (struct loop_signal){ .loop = loop, .fn = fn, .data = data };
	sig->event = evsignal_new(loop->base, signal_number, on_signal, sig);
	if (!sig->event)
		return NULL;
	if (evsignal_add(sig->event, NULL) < 0) {
		event_free(sig->event);
		return NULL;
	}
	loop->n_sources++;
	return TAKE_PTR(sig);
}

void loop_signal_free(struct loop_signal *sig)
{
	if (!sig)
		return;
	sig->loop->n_sources--;
	event_free(sig->event);
	free(sig);
}

void loop_hold_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}
