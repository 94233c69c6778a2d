// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// An HTTP server that tells the caller's address, or something else, or nothing. What it does belongs
// to its port and can be changed while it runs; each connection gets one answer.
#include "labtool.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { SERVERS_MAX = 16, BODY_MAX = 2048 };

static struct server {
	uint16_t port;
	bool mute;
	char text[BODY_MAX]; /* "": the caller's address */
} servers[SERVERS_MAX];

struct peer {
	struct watch watch;
	struct sockaddr_in from;
};

static struct server *find(uint16_t port)
{
	for (size_t i = 0; i < SERVERS_MAX; i++)
		if (servers[i].port == port)
			return &servers[i];
	return NULL;
}

bool http_configure(uint16_t port, const json_t *args, bool *ret_is_new)
{
	struct server *s = find(port);

	*ret_is_new = !s;
	if (!s)
		s = find(0);
	if (!s)
		return false;
	s->port = port;
	s->mute = arg_bool(args, "mute");
	snprintf(s->text, sizeof(s->text), "%s", arg_str(args, "text", ""));
	return true;
}

static void answer_peer(struct peer *p, const struct server *s)
{
	char body[BODY_MAX] = "", text[BODY_MAX + 128];
	int length;

	inet_ntop(AF_INET, &p->from.sin_addr, body, sizeof(body));
	if (s->text[0])
		memcpy(body, s->text, sizeof(body));
	length = snprintf(text, sizeof(text),
			  "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
			  strlen(body), body);
	send(p->watch.fd, text, (size_t)length, MSG_NOSIGNAL);
}

/* Any part of a request is answered: they are short and come in one piece. */
static void peer_ready(struct watch *w, uint32_t events)
{
	struct peer *p = container_of(w, struct peer, watch);
	struct sockaddr_in local = { 0 };
	socklen_t size = sizeof(local);
	const struct server *s;
	char buf[4096];
	ssize_t n = recv(w->fd, buf, sizeof(buf), 0);

	(void)events;
	getsockname(w->fd, (struct sockaddr *)&local, &size);
	s = find(ntohs(local.sin_port));
	if (n > 0 && s && s->mute)
		return;
	if (n > 0 && s)
		answer_peer(p, s);
	watch_close(&p->watch);
	free(p);
}

void http_peer(int fd, const struct sockaddr_in *from)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->watch = (struct watch){ .fd = fd, .on_ready = peer_ready };
	p->from = *from;
	watch_add(&p->watch, EPOLLIN);
}
