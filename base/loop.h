// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The event loop; the only user of libevent, but for metrics/site.c. Everything runs in one thread. Sources are owned by whoever
 * made them and are freed with *_free (NULL is fine), also from inside their own callback.
 * Callbacks are never called from inside the function that registers them.
 */
#pragma once

#include <stdint.h>

struct event_base;
struct loop;
struct loop_io;
struct loop_timer;
struct loop_signal;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void (*loop_io_fn)(int fd, unsigned events, void *data);
typedef void (*loop_timer_fn)(void *data);
typedef void (*loop_signal_fn)(int signal_number, void *data);

struct loop *loop_new(void); /* NULL: out of memory or no epoll */
void loop_free(struct loop *loop);
/* Runs until loop_stop. 0, or -EIO when the loop itself failed. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* libevent's own, as long as the loop: for its HTTP server. */
struct event_base *loop_event_base(struct loop *loop);

/* Level-triggered; `events` is a mask of enum loop_events and may be changed. The fd isn't closed. */
struct loop_io *loop_io_new(struct loop *loop, int fd, unsigned events, loop_io_fn fn, void *data);
int loop_io_set_events(struct loop_io *io, unsigned events); /* 0 pauses */
void loop_io_free(struct loop_io *io);

/* One-shot; unarmed when made. Arming an armed timer moves it. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn fn, void *data);
/* For work that takes long and can wait: it comes when nothing else is due. Not while it's armed. */
void loop_timer_make_late(struct loop_timer *timer);
int loop_timer_arm_ms(struct loop_timer *timer, int64_t ms);
void loop_timer_disarm(struct loop_timer *timer);
int loop_timer_is_armed(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, loop_signal_fn fn,
				    void *data);
void loop_signal_free(struct loop_signal *sig);
/*
 * For who ends already: SIGTERM, SIGINT and SIGHUP, which a person may send again, wait from now on instead of ending the process when
 * their loop_signals are gone.
 */
void loop_hold_signals(void);
