// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A client is in one of two states: it has an answer that wants to be written, or it waits for a
 * line. While there is an answer nothing is read, so a client that doesn't read can't make us
 * buffer more than that one. In each pass of the loop a client gets at most one command: when the
 * next line is in the buffer already, we ask for writability, which the loop reports in its next
 * pass.
 */
#include "control/client.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "control/control.h"
#include "control/out.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define LINE_TIMEOUT_MS 5000
#define ANSWER_TIMEOUT_MS 10000

struct control_client {
	struct control_client_options options;
	int fd;
	struct loop_io *io;
	struct loop_timer *timer;
	bool closing; /* when there is nothing to write: the end was read, or nonsense */
	char line[CONTROL_LINE_MAX];
	size_t n;                /* bytes in `line`, perhaps of several lines */
	struct control_out *out; /* the answer, or NULL */
	const char *text;        /* of `out` */
	size_t length, sent;
};

void control_client_free(struct control_client *client)
{
	if (!client)
		return;
	loop_io_free(client->io);
	loop_timer_free(client->timer);
	control_out_free(client->out);
	if (client->fd >= 0)
		close(client->fd);
	free(client);
}

static void cleanup_client(struct control_client **client)
{
	control_client_free(*client);
}

static void drop(struct control_client *client, const char *why)
{
	void (*on_gone)(struct control_client *, void *) = client->options.on_gone;
	void *data = client->options.data;

	log_debug("control", "client gone reason=\"%s\"", why);
	control_client_free(client);
	on_gone(client, data);
}

static void timer_expired(void *data)
{
	struct control_client *client = data;

	drop(client, client->out ? "doesn't take its answer" : "sends no line");
}

static bool has_line(const struct control_client *client)
{
	return memchr(client->line, '\n', client->n);
}

/* Only without a whole line in the buffer: then there is room, and recv gives 0 at the end only. */
static int receive(struct control_client *client)
{
	ssize_t n = recv(client->fd, client->line + client->n, sizeof(client->line) - client->n,
			 MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	client->closing = n == 0;
	client->n += (size_t)n;
	return 0;
}

static int set_answer(struct control_client *client, struct control_out *out)
{
	if (!out)
		return -ENOMEM;
	client->out = out;
	client->sent = 0;

	int r = control_out_finish(out, &client->text, &client->length, NULL);
	return r < 0 ? r : loop_timer_arm_ms(client->timer, ANSWER_TIMEOUT_MS);
}

static int answer_line(struct control_client *client)
{
	const char *newline = memchr(client->line, '\n', client->n);

	if (!newline && client->n < sizeof(client->line))
		return 0;
	if (!newline) {
		client->closing = true;
		client->n = 0;
		return set_answer(client,
				  control_refusal(MSG_CONTROL_REQUEST, "the request is too long"));
	}

	size_t length = (size_t)(newline - client->line);
	struct control_out *out = control_dispatch(client->options.service, client->options.rights,
						   client->line, length);
	client->n -= length + 1;
	memmove(client->line, newline + 1, client->n);
	return set_answer(client, out);
}

static int transmit(struct control_client *client)
{
	ssize_t n = send(client->fd, client->text + client->sent, client->length - client->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	client->sent += (size_t)n;
	if (client->sent < client->length)
		return 0;
	control_out_free(client->out);
	client->out = NULL;
	return loop_timer_arm_ms(client->timer, LINE_TIMEOUT_MS);
}

static bool is_finished(const struct control_client *client)
{
	return client->closing && !client->out;
}

static void client_ready(int fd, unsigned events, void *data)
{
	struct control_client *client = data;
	int r = 0;
	(void)fd;
	(void)events;

	if (!client->out && !has_line(client))
		r = receive(client);
	if (r == 0 && !client->out)
		r = answer_line(client);
	if (r == 0 && client->out)
		r = transmit(client);
	if (r == 0 && !is_finished(client))
		r = loop_io_set_events(client->io,
				       client->out || has_line(client) ? LOOP_WRITE : LOOP_READ);
	if (r < 0)
		drop(client, strerror(-r));
	else if (is_finished(client))
		drop(client, "finished");
}

struct control_client *control_client_new(const struct control_client_options *options, int fd)
{
	CLEANUP(cleanup_client) struct control_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->options = *options;
	client->fd = -1;
	client->io = loop_io_new(options->loop, fd, LOOP_READ, client_ready, client);
	client->timer = loop_timer_new(options->loop, timer_expired, client);
	if (!client->io || !client->timer || loop_timer_arm_ms(client->timer, LINE_TIMEOUT_MS) < 0)
		return NULL;
	client->fd = fd;
	return TAKE_PTR(client);
}
