// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "peer/tls.h"

/* A record, of at most 16 KB, is what the owner may take ten milliseconds for; heartbeats go by the same loop. */
enum { SHAKE_MS = 5000, SILENCE_MS = 3000, READS_PER_PASS = 1, REASON_MAX = 160 };

enum state { CONNECTING, SHAKING, OPEN, CLOSED };

struct channel {
	struct channel_ops ops;
	enum state state;
	int fd;
	struct peer_keys keys;
	SSL_CTX *context;
	SSL *ssl;
	struct loop_io *io;
	struct loop_timer *deadline; /* of the handshake */
	struct loop_timer *again;    /* there is something to do that the socket won't tell of */
	bool wants_write, paused, refused;
	bool resumed; /* what came before the pause is to be offered again */
	bool *freed;  /* told to who is in the middle of a callback */
	size_t in_length, out_start, out_length;
	char reason[REASON_MAX];
	/* From when it is open: a stranger costs no more than his handshake. */
	uint8_t *in;  /* CHANNEL_INPUT_MAX bytes */
	uint8_t *out; /* CHANNEL_QUEUE_MAX bytes, used from out_start on */
};

static void watch(struct channel *channel)
{
	unsigned events = channel->state == OPEN && channel->paused ? 0 : LOOP_READ;

	if (channel->state == CONNECTING || channel->wants_write || channel->out_length)
		events |= LOOP_WRITE;
	if (channel->state == CLOSED)
		events = 0;
	(void)loop_io_set_events(channel->io, events);
}

static void close_with(struct channel *channel, const char *reason)
{
	if (channel->state == CLOSED)
		return;
	channel->state = CLOSED;
	loop_timer_disarm(channel->deadline);
	loop_timer_disarm(channel->again);
	watch(channel);
	snprintf(channel->reason, sizeof(channel->reason), "%s", reason);
	channel->ops.on_closed(channel->reason, channel->ops.data);
}

/* Before each SSL function: the library's queue of errors is everybody's, and SSL_get_error looks into it. */
static void forget_errors(void)
{
	ERR_clear_error();
	errno = 0;
}

/* After an SSL function that failed. True: it only has to wait. */
static bool must_wait(struct channel *channel, int rc)
{
	char text[REASON_MAX] = "the other side closed it";
	unsigned long error = ERR_peek_error();

	switch (SSL_get_error(channel->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return true;
	case SSL_ERROR_WANT_WRITE:
		channel->wants_write = true;
		return true;
	case SSL_ERROR_ZERO_RETURN:
		break;
	case SSL_ERROR_SYSCALL:
		if (errno)
			snprintf(text, sizeof(text), "%s", strerror(errno));
		break;
	default:
		ERR_error_string_n(error, text, sizeof(text));
	}
	ERR_clear_error();
	close_with(channel, text);
	return false;
}

static void send_queued(struct channel *channel)
{
	while (channel->state == OPEN && channel->out_length) {
		int rc;

		forget_errors();
		rc = SSL_write(channel->ssl, channel->out + channel->out_start,
			       (int)channel->out_length);
		if (rc <= 0) {
			(void)must_wait(channel, rc);
			return;
		}
		channel->out_start += (size_t)rc;
		channel->out_length -= (size_t)rc;
	}
	channel->out_start = 0;
}

/* Hands over what has come. False: freed. */
static bool deliver(struct channel *channel, const bool *freed)
{
	size_t taken = channel->ops.on_data(channel->in, channel->in_length, channel->ops.data);

	if (*freed)
		return false;
	channel->in_length -= taken;
	memmove(channel->in, channel->in + taken, channel->in_length);
	if (channel->in_length == CHANNEL_INPUT_MAX && !channel->paused)
		close_with(channel, "more came than belongs together");
	return !*freed;
}

static void receive(struct channel *channel, const bool *freed)
{
	if (channel->resumed && channel->state == OPEN && !channel->paused) {
		channel->resumed = false;
		if (channel->in_length && !deliver(channel, freed))
			return;
	}
	for (int i = 0; i < READS_PER_PASS && channel->state == OPEN && !channel->paused; i++) {
		int rc;

		forget_errors();
		rc = SSL_read(channel->ssl, channel->in + channel->in_length,
			      (int)(CHANNEL_INPUT_MAX - channel->in_length));
		if (rc <= 0) {
			(void)must_wait(channel, rc);
			return;
		}
		channel->in_length += (size_t)rc;
		if (!deliver(channel, freed))
			return;
	}
	/* The rest of a record that had no room is in the library, where epoll doesn't see it. */
	if (channel->state == OPEN && !channel->paused && SSL_pending(channel->ssl) > 0)
		loop_timer_arm_ms(channel->again, 0);
}

static void shake_hands(struct channel *channel)
{
	int rc;

	forget_errors();
	rc = SSL_do_handshake(channel->ssl);
	if (rc <= 0) {
		(void)must_wait(channel, rc);
		return;
	}
	channel->in = malloc(CHANNEL_INPUT_MAX);
	channel->out = malloc(CHANNEL_QUEUE_MAX);
	if (!channel->in || !channel->out) {
		close_with(channel, "out of memory");
		return;
	}
	channel->state = OPEN;
	loop_timer_disarm(channel->deadline);
	channel->ops.on_open(channel->ops.data);
}

static void finish_connecting(struct channel *channel)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(channel->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error)
		close_with(channel, strerror(error));
	else
		channel->state = SHAKING;
}

static void tell_room(struct channel *channel)
{
	if (channel->state != OPEN || !channel->refused ||
	    channel->out_length > CHANNEL_QUEUE_MAX / 2)
		return;
	channel->refused = false;
	channel->ops.on_room(channel->ops.data);
}

static void go_on(void *data)
{
	struct channel *channel = data;
	bool freed = false;

	channel->freed = &freed;
	channel->wants_write = false;
	if (channel->state == CONNECTING)
		finish_connecting(channel);
	if (!freed && channel->state == SHAKING)
		shake_hands(channel);
	if (!freed)
		send_queued(channel);
	if (!freed)
		receive(channel, &freed);
	if (!freed)
		tell_room(channel);
	if (freed)
		return;
	channel->freed = NULL;
	watch(channel);
}

static void ready(int fd, unsigned events, void *data)
{
	(void)fd;
	(void)events;
	go_on(data);
}

static void too_slow(void *data)
{
	struct channel *channel = data;

	close_with(channel, channel->state == CONNECTING ? "no answer" : "no handshake in time");
}

/* A peer that is gone without a word is noticed in seconds, not in the hours of TCP's defaults. */
static void set_socket(int fd)
{
	int on = 1, silence_ms = SILENCE_MS, seconds = 1, probes = 3;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static struct channel *channel_new(struct loop *loop, int fd, enum state state,
				   const struct peer_keys *keys)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel) {
		close(fd);
		return NULL;
	}
	channel->fd = fd;
	channel->state = state;
	set_socket(fd);
	channel->keys = *keys;
	channel->context = tls_context(&channel->keys, state == CONNECTING);
	channel->ssl = channel->context ? SSL_new(channel->context) : NULL;
	channel->deadline = loop_timer_new(loop, too_slow, channel);
	channel->again = loop_timer_new(loop, go_on, channel);
	channel->io = loop_io_new(loop, fd, LOOP_READ | LOOP_WRITE, ready, channel);
	if (!channel->ssl || !channel->deadline || !channel->again || !channel->io ||
	    !tls_set_socket(channel->ssl, fd)) {
		channel_free(channel);
		return NULL;
	}
	if (state == CONNECTING)
		SSL_set_connect_state(channel->ssl);
	else
		SSL_set_accept_state(channel->ssl);
	loop_timer_arm_ms(channel->deadline, SHAKE_MS);
	return channel;
}

static struct sockaddr_in socket_address(struct ip4 address, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr = { htonl(address.v) },
				     .sin_port = htons(port) };
}

struct channel *channel_connect(struct loop *loop, const struct channel_way *way,
				const struct peer_keys *keys, const struct channel_ops *ops,
				struct err *err)
{
	struct sockaddr_in to = socket_address(way->address, way->port);
	struct sockaddr_in from = socket_address(way->from, 0);
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct channel *channel;

	if (fd < 0 || bind(fd, (void *)&from, sizeof(from)) < 0 ||
	    (connect(fd, (void *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)) {
		err_set(err, -errno, "%s", strerror(errno));
		return NULL;
	}
	channel = channel_new(loop, TAKE_FD(fd), CONNECTING, keys);
	if (!channel) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	channel->ops = *ops;
	return channel;
}

struct channel *channel_accept(struct loop *loop, int fd, const struct peer_keys *keys,
			       const struct channel_ops *ops, struct err *err)
{
	struct channel *channel = channel_new(loop, fd, SHAKING, keys);

	if (!channel) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	channel->ops = *ops;
	return channel;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	if (channel->freed)
		*channel->freed = true;
	if (channel->state == OPEN)
		(void)SSL_shutdown(channel->ssl);
	ERR_clear_error();
	loop_io_free(channel->io);
	loop_timer_free(channel->deadline);
	loop_timer_free(channel->again);
	SSL_free(channel->ssl);
	SSL_CTX_free(channel->context);
	peer_keys_done(&channel->keys);
	close(channel->fd);
	free(channel->in);
	free(channel->out);
	free(channel);
}

int channel_send(struct channel *channel, const void *bytes, size_t n)
{
	if (channel->state != OPEN)
		return -ENOTCONN;
	if (n > CHANNEL_QUEUE_MAX - channel->out_length) {
		channel->refused = true;
		return -EAGAIN;
	}
	if (n > CHANNEL_QUEUE_MAX - channel->out_start - channel->out_length) {
		memmove(channel->out, channel->out + channel->out_start, channel->out_length);
		channel->out_start = 0;
	}
	memcpy(channel->out + channel->out_start + channel->out_length, bytes, n);
	channel->out_length += n;
	watch(channel);
	return 0;
}

unsigned channel_version(const struct channel *channel)
{
	return channel->state == OPEN ? tls_version(channel->ssl) : 0;
}

size_t channel_queued(const struct channel *channel)
{
	return channel->out_length;
}

void channel_pause(struct channel *channel, bool pause)
{
	if (channel->paused && !pause) {
		channel->resumed = true;
		loop_timer_arm_ms(channel->again, 0);
	}
	channel->paused = pause;
	watch(channel);
}
