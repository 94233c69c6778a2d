// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * evhttp of 2.1 neither counts its connections nor ends one that sends a byte now and then, so both is done here. It makes
 * a connection of each accepted socket and tells nobody; what it asks for is the bufferevent of the next one. So the
 * listener rests after each, until the socket can be taken from that bufferevent, which is before anything is read from it.
 * From then on it is looked at by number and inode.
 */
#include "metrics/limit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/mono.h"

enum { LOOK_MS = 100, FIRST = 0 /* priority */ };

struct connection {
	int fd;
	ino_t inode; /* of the socket; the number alone may soon be another's */
	struct mono since;
};

struct limit {
	struct evconnlistener *listener; /* http's */
	struct bufferevent *accepted;    /* of a connection that isn't among those below yet */
	struct event *harvest;
	struct loop_timer *look;
	struct connection connections[LIMIT_CONNECTIONS_MAX];
	size_t n;
};

static void see_accepted(struct limit *limit)
{
	const int fd = (int)bufferevent_getfd(limit->accepted);
	struct stat stat;

	if (fd >= 0 && fstat(fd, &stat) == 0 && S_ISSOCK(stat.st_mode))
		limit->connections[limit->n++] = (struct connection){ fd, stat.st_ino, mono_now() };
	bufferevent_decref(limit->accepted);
	limit->accepted = NULL;
}

static bool is_open(const struct connection *connection)
{
	struct stat stat;

	return fstat(connection->fd, &stat) == 0 && stat.st_ino == connection->inode;
}

/* Forgets those that are closed, and ends those whose time is up: evhttp sees that as the other side's doing. */
static void see_closed(struct limit *limit)
{
	const struct mono now = mono_now();
	size_t n = 0;

	for (size_t i = 0; i < limit->n; i++) {
		const struct connection *c = &limit->connections[i];

		if (!is_open(c))
			continue;
		if (mono_diff_ms(now, c->since) >= LIMIT_CONNECTION_MS)
			(void)shutdown(c->fd, SHUT_RDWR);
		limit->connections[n++] = *c;
	}
	limit->n = n;
}

static void go_on(struct limit *limit)
{
	if (limit->n < LIMIT_CONNECTIONS_MAX)
		(void)evconnlistener_enable(limit->listener);
	if (limit->n)
		loop_timer_arm_ms(limit->look, LOOK_MS);
}

static void on_harvest(evutil_socket_t fd, short what, void *data)
{
	struct limit *limit = data;

	(void)fd;
	(void)what;
	see_accepted(limit);
	see_closed(limit);
	go_on(limit);
}

static void on_look(void *data)
{
	struct limit *limit = data;

	if (!limit->accepted) {
		see_closed(limit);
		go_on(limit);
	}
}

/* What evhttp would make itself; it closes the socket. NULL: it makes one, which isn't counted. */
static struct bufferevent *on_connection(struct event_base *base, void *data)
{
	struct limit *limit = data;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

	(void)evconnlistener_disable(limit->listener);
	if (!bev) {
		loop_timer_arm_ms(limit->look, LOOK_MS);
		return NULL;
	}
	bufferevent_incref(bev);
	limit->accepted = bev;
	event_active(limit->harvest, EV_TIMEOUT, 0);
	return bev;
}

/* Such as too many open files: trying again at once would never end. */
static void on_accept_error(struct evconnlistener *listener, void *data)
{
	struct limit *limit = data;

	(void)evconnlistener_disable(listener);
	loop_timer_arm_ms(limit->look, LOOK_MS);
}

/* evhttp owns the socket then. */
static bool listen_on(struct limit *limit, struct evhttp *http, struct event_base *base, int *fd)
{
	limit->listener = evconnlistener_new(base, NULL, NULL,
					     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, *fd);
	if (!limit->listener)
		return false;
	(void)TAKE_FD(*fd);
	evconnlistener_set_error_cb(limit->listener, on_accept_error);
	if (evhttp_bind_listener(http, limit->listener))
		return true;
	evconnlistener_free(limit->listener);
	return false;
}

struct limit *limit_new(struct loop *loop, struct evhttp *http, int *fd)
{
	struct event_base *base = loop_event_base(loop);
	struct limit *limit = calloc(1, sizeof(*limit));

	if (!limit)
		return NULL;
	limit->harvest = event_new(base, -1, 0, on_harvest, limit);
	limit->look = loop_timer_new(loop, on_look, limit);
	if (!limit->harvest || !limit->look || event_priority_set(limit->harvest, FIRST) ||
	    !listen_on(limit, http, base, fd)) {
		limit_free(limit);
		return NULL;
	}
	evhttp_set_bevcb(http, on_connection, limit);
	return limit;
}

void limit_free(struct limit *limit)
{
	if (!limit)
		return;
	if (limit->accepted)
		bufferevent_decref(limit->accepted);
	if (limit->harvest)
		event_free(limit->harvest);
	loop_timer_free(limit->look);
	free(limit);
}
