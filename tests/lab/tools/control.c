// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// The command socket: JSON lines in, JSON lines out, several clients.
#include "labtool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20, REPLY_WAIT_MS = 5000 };

struct client {
	struct watch watch;
	uint32_t number;
	char *line;
	size_t used;
	struct client *next;
};

static struct watch listener = { .fd = -1 };
static struct client *clients;
static uint32_t last_number;

static void client_free(struct client *c)
{
	for (struct client **at = &clients; *at; at = &(*at)->next) {
		if (*at != c)
			continue;
		*at = c->next;
		break;
	}
	watch_close(&c->watch);
	free(c->line);
	free(c);
}

static struct client *client_find(uint32_t number)
{
	for (struct client *c = clients; c; c = c->next)
		if (c->number == number)
			return c;
	return NULL;
}

/* Waits for a slow reader, but not for ever. Does not free the client: callers may stand on it. */
static void client_write(struct client *c, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = send(c->watch.fd, buf, len, MSG_NOSIGNAL);
		struct pollfd pfd = { .fd = c->watch.fd, .events = POLLOUT };

		if (n >= 0) {
			buf += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN || poll(&pfd, 1, REPLY_WAIT_MS) <= 0) {
			shutdown(c->watch.fd, SHUT_RDWR);
			return;
		}
	}
}

void answer(struct ticket ticket, json_t *fields)
{
	struct client *c = client_find(ticket.client);
	json_t *reply = fields ? fields : json_object();
	char *text;

	if (c) {
		json_object_set_new(reply, "id", json_integer(ticket.id));
		if (!json_object_get(reply, "ok"))
			json_object_set_new(reply, "ok", json_true());
		text = json_dumps(reply, JSON_COMPACT);
		if (text) {
			size_t len = strlen(text);

			text[len] = '\n'; /* takes the place of the terminator */
			client_write(c, text, len + 1);
			free(text);
		}
	}
	json_decref(reply);
}

void answer_fault(struct ticket ticket, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	answer(ticket, json_pack("{s:b, s:s}", "ok", 0, "fault", text));
}

static void run_line(struct client *c, const char *line, size_t len)
{
	json_t *args = json_loadb(line, len, 0, NULL);
	struct ticket ticket = { c->number, arg_int(args, "id", 0) };
	const struct command *command = command_find(arg_str(args, "cmd", ""));

	if (command)
		command->run(ticket, args);
	else
		answer_fault(ticket, "unknown command '%s'", arg_str(args, "cmd", ""));
	json_decref(args);
}

static void client_ready(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, watch);
	ssize_t n = recv(w->fd, c->line + c->used, LINE_MAX_BYTES - c->used, 0);
	char *end;

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	c->used += (size_t)n;
	while ((end = memchr(c->line, '\n', c->used))) {
		size_t len = (size_t)(end + 1 - c->line);

		run_line(c, c->line, len);
		c->used -= len;
		memmove(c->line, end + 1, c->used);
	}
	if (c->used == LINE_MAX_BYTES)
		client_free(c);
}

static void listener_ready(struct watch *w, uint32_t events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (c)
		c->line = malloc(LINE_MAX_BYTES);
	if (!c || !c->line) {
		free(c);
		close(fd);
		return;
	}
	c->watch = (struct watch){ .fd = fd, .on_ready = client_ready };
	c->number = ++last_number;
	c->next = clients;
	clients = c;
	watch_add(&c->watch, EPOLLIN);
}

int control_serve(int listen_fd)
{
	listener = (struct watch){ .fd = listen_fd, .on_ready = listener_ready };
	return watch_add(&listener, EPOLLIN);
}

int64_t arg_int(const json_t *args, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(args, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool arg_bool(const json_t *args, const char *key)
{
	return json_is_true(json_object_get(args, key));
}

const char *arg_str(const json_t *args, const char *key, const char *fallback)
{
	const char *value = json_string_value(json_object_get(args, key));

	return value ? value : fallback;
}

struct in_addr arg_addr(const json_t *args, const char *key)
{
	struct in_addr addr = { 0 };

	if (inet_pton(AF_INET, arg_str(args, key, ""), &addr) != 1)
		addr.s_addr = 0;
	return addr;
}

json_t *json_addr(struct in_addr addr)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &addr, text, sizeof(text));
	return json_string(text);
}

const char *errno_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "EUNKNOWN";
}
