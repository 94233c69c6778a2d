// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// epoll, one event per pass: then no handler can meet a stale event of something that an earlier
// handler of the same pass freed. The extra system calls do not matter here.
#include "labtool.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static int epoll_fd = -1;
static bool stopping;
static struct timer *timers; /* unsorted: there are dozens, not thousands */

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

int watch_add(struct watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (epoll_fd < 0)
		epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) ? -errno : 0;
}

void watch_want(struct watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, w->fd, &ev);
}

void watch_close(struct watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

void timer_stop(struct timer *t)
{
	if (!t->due_ns)
		return;
	t->due_ns = 0;
	if (t->prev)
		t->prev->next = t->next;
	else
		timers = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->prev = t->next = NULL;
}

void timer_set(struct timer *t, int64_t due_ns)
{
	timer_stop(t);
	t->due_ns = due_ns > 0 ? due_ns : 1;
	t->next = timers;
	if (timers)
		timers->prev = t;
	timers = t;
}

static struct timer *next_timer(void)
{
	struct timer *first = timers;

	for (struct timer *t = timers; t; t = t->next)
		if (t->due_ns < first->due_ns)
			first = t;
	return first;
}

void loop_stop(void)
{
	stopping = true;
}

void loop_run(void)
{
	while (!stopping) {
		struct timer *t = next_timer();
		struct epoll_event ev;
		int wait_ms = -1;
		int n;

		if (t) {
			int64_t left = t->due_ns - now_ns();

			/* Rounded up: a pass too early would only spin. */
			wait_ms = left <= 0 ? 0 : (int)((left + MS_NS - 1) / MS_NS);
		}
		n = epoll_wait(epoll_fd, &ev, 1, wait_ms);
		if (n < 0 && errno != EINTR)
			return;
		/* Timers also when events keep coming: a busy socket must not starve them. */
		t = next_timer();
		if (t && t->due_ns <= now_ns()) {
			timer_stop(t);
			t->on_expired(t);
			if (n > 0)
				continue; /* the event is level-triggered and comes again */
		} else if (n > 0) {
			struct watch *w = ev.data.ptr;

			w->on_ready(w, ev.events);
		}
	}
}
