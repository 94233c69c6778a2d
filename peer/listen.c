// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/err.h"
#include "base/loop.h"
#include "peer/channel.h"

enum { BACKLOG = 64, ACCEPTS_PER_PASS = 16, REST_MS = 1000 };

struct channel_listener {
	void (*on_accept)(int fd, struct ip4 from, void *data);
	void *data;
	int fd;
	struct loop_io *io;
	struct loop_timer *rest;
};

static void go_on(void *data)
{
	const struct channel_listener *listener = data;

	(void)loop_io_set_events(listener->io, LOOP_READ);
}

static void ready(int fd, unsigned events, void *data)
{
	struct channel_listener *listener = data;

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_PASS; i++) {
		struct sockaddr_in from = { .sin_port = 0 };
		socklen_t size = sizeof(from);
		int accepted = accept4(fd, (void *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (accepted < 0 &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
			/* Who waits stays in the backlog, and would wake us at once, and again. */
			(void)loop_io_set_events(listener->io, 0);
			loop_timer_arm_ms(listener->rest, REST_MS);
		}
		if (accepted < 0)
			return;
		listener->on_accept(accepted, (struct ip4){ ntohl(from.sin_addr.s_addr) },
				    listener->data);
	}
}

static int open_listener(struct channel_listener *listener, struct ip4 address, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr = { htonl(address.v) },
				  .sin_port = htons(port) };
	int on = 1;

	listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0 ||
	    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(listener->fd, (void *)&at, sizeof(at)) < 0 || listen(listener->fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

struct channel_listener *channel_listen(struct loop *loop, const struct channel_place *place,
					void (*on_accept)(int fd, struct ip4 from, void *data),
					void *data, struct err *err)
{
	struct channel_listener *listener = calloc(1, sizeof(*listener));
	char text[IP4_TEXT_MAX];
	int rc;

	if (!listener) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	listener->on_accept = on_accept;
	listener->data = data;
	listener->fd = -1;
	rc = open_listener(listener, place->address, place->port);
	if (!rc) {
		listener->io = loop_io_new(loop, listener->fd, LOOP_READ, ready, listener);
		listener->rest = loop_timer_new(loop, go_on, listener);
		rc = listener->io && listener->rest ? 0 : -ENOMEM;
	}
	if (!rc)
		return listener;
	ip4_format(place->address, text);
	err_set(err, rc, "listening on %s:%u: %s", text, (unsigned)place->port, strerror(-rc));
	channel_listener_free(listener);
	return NULL;
}

uint16_t channel_listener_port(const struct channel_listener *listener)
{
	struct sockaddr_in at = { .sin_port = 0 };
	socklen_t size = sizeof(at);

	(void)getsockname(listener->fd, (void *)&at, &size);
	return ntohs(at.sin_port);
}

void channel_listener_free(struct channel_listener *listener)
{
	if (!listener)
		return;
	loop_io_free(listener->io);
	loop_timer_free(listener->rest);
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener);
}
