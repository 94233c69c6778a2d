// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/heartbeat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"

/* BATCH: of datagrams, before others have their turn. TELL_MS: between two words about forged ones. */
enum { BATCH = 64, TELL_MS = 60000 };

struct heartbeat {
	struct heartbeat_options options;
	int fd;
	struct loop_io *io;
	uint8_t bytes[BEAT_BYTES_MAX];
	size_t length;
	struct heartbeat_stats stats;
	struct mono told_at; /* 0: never */
};

static struct sockaddr_in sockaddr_of(struct ip4 address, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr = { htonl(address.v) } };
}

static void tell_forged(struct heartbeat *h, const struct sockaddr_in *from, int rc)
{
	const struct mono now = mono_now();
	char text[IP4_TEXT_MAX];

	if (h->told_at.ns && mono_diff_ms(now, h->told_at) < TELL_MS)
		return;
	h->told_at = now;
	log_warning(MSG_HEARTBEAT_STRANGE, "failover", "a heartbeat from %s %s; it doesn't count",
		    ip4_format((struct ip4){ ntohl(from->sin_addr.s_addr) }, text),
		    rc == -EKEYREJECTED ? "was made with another secret" :
					  "isn't of a version that is known");
}

static void take(struct heartbeat *h, const uint8_t *bytes, size_t n,
		 const struct sockaddr_in *from)
{
	struct beat beat;
	int rc = beat_read(bytes, n, h->options.keys, &beat);

	h->stats.taken += rc == 0;
	h->stats.forged += rc == -EKEYREJECTED;
	h->stats.malformed += rc == -EBADMSG;
	if (rc)
		tell_forged(h, from, rc);
	else
		h->options.on_beat(&beat, h->options.data);
}

static void on_readable(int fd, unsigned events, void *data)
{
	struct heartbeat *h = data;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		uint8_t bytes[BEAT_BYTES_MAX + 1]; /* one more: longer than any is seen as such */
		struct sockaddr_in from = { 0 };
		socklen_t length = sizeof(from);
		ssize_t n = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT,
				     (struct sockaddr *)&from, &length);

		if (n < 0 && (errno == EINTR || errno == ECONNREFUSED))
			continue; /* an ICMP error about one that we sent */
		if (n < 0)
			return;
		take(h, bytes, (size_t)n, &from);
	}
}

static int open_socket(const struct heartbeat_options *options, struct err *err)
{
	const struct sockaddr_in place = sockaddr_of(options->address, options->port);
	char text[IP4_TEXT_MAX];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&place, sizeof(place)) == 0)
		return fd;
	err_set(err, -errno, "heartbeats at %s, UDP port %u: %s",
		ip4_format(options->address, text), options->port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

struct heartbeat *heartbeat_new(const struct heartbeat_options *options, struct err *err)
{
	struct heartbeat *h = calloc(1, sizeof(*h));

	if (!h) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	h->options = *options;
	h->fd = open_socket(options, err);
	h->io = h->fd < 0 ? NULL : loop_io_new(options->loop, h->fd, LOOP_READ, on_readable, h);
	if (h->fd >= 0 && !h->io)
		err_set(err, -ENOMEM, "out of memory");
	if (!h->io) {
		heartbeat_free(h);
		return NULL;
	}
	return h;
}

void heartbeat_free(struct heartbeat *h)
{
	if (!h)
		return;
	loop_io_free(h->io);
	if (h->fd >= 0)
		close(h->fd);
	free(h);
}

void heartbeat_write(struct heartbeat *h, const struct beat *beat)
{
	h->length = beat_write(beat, &h->options.keys->v[0], h->bytes);
}

void heartbeat_send(struct heartbeat *h, struct ip4 to)
{
	const struct sockaddr_in place = sockaddr_of(to, h->options.port);
	ssize_t n = h->length ? sendto(h->fd, h->bytes, h->length, MSG_DONTWAIT | MSG_NOSIGNAL,
				       (const struct sockaddr *)&place, sizeof(place)) :
				-1;

	h->stats.sent += n >= 0;
	h->stats.failed += n < 0;
	if (n < 0)
		h->stats.failure = h->length ? errno : EMSGSIZE;
}

struct heartbeat_stats heartbeat_stats(const struct heartbeat *h)
{
	return h->stats;
}
