// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// Sends crafted packets with whatever source address they carry, and can wait for one packet in
// return: {"cmd": "raw", "packet": HEX, "count": 1, "await": {"proto": 6, "src": A, "sport": P}}.
#include "labtool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PACKET_MAX = 65535, COUNT_MAX = 100000 };

struct waiter {
	struct watch watch;
	struct timer timer;
	struct ticket ticket;
	struct in_addr src;    /* 0.0.0.0: any */
	uint16_t sport, dport; /* network order, 0: any; first words of the transport header */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number of bytes, or -1. */
static ssize_t hex_decode(const char *hex, unsigned char *buf, size_t size)
{
	size_t len = strlen(hex) / 2;

	if (strlen(hex) % 2 || len > size)
		return -1;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		buf[i] = (unsigned char)(high << 4 | low);
	}
	return (ssize_t)len;
}

static json_t *hex_encode(const unsigned char *buf, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	static char hex[2 * PACKET_MAX];

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[buf[i] >> 4];
		hex[2 * i + 1] = digits[buf[i] & 15];
	}
	return json_stringn(hex, 2 * len);
}

static void waiter_free(struct waiter *w)
{
	timer_stop(&w->timer);
	watch_close(&w->watch);
	free(w);
}

static void waiter_expired(struct timer *t)
{
	struct waiter *w = container_of(t, struct waiter, timer);

	answer(w->ticket, json_pack("{s:n}", "reply"));
	waiter_free(w);
}

static bool waiter_matches(const struct waiter *w, const unsigned char *packet, size_t len)
{
	size_t header = (size_t)(packet[0] & 15) * 4;

	if (len < header + 4)
		return false;
	return (!w->src.s_addr || !memcmp(packet + 12, &w->src, 4)) &&
	       (!w->sport || !memcmp(packet + header, &w->sport, 2)) &&
	       (!w->dport || !memcmp(packet + header + 2, &w->dport, 2));
}

static void waiter_ready(struct watch *watch, uint32_t events)
{
	static unsigned char packet[PACKET_MAX];
	struct waiter *w = container_of(watch, struct waiter, watch);
	ssize_t n = recv(watch->fd, packet, sizeof(packet), 0);

	(void)events;
	if (n < IPV4_HEADER_LEN || !waiter_matches(w, packet, (size_t)n))
		return;
	answer(w->ticket, json_pack("{s:o}", "reply", hex_encode(packet, (size_t)n)));
	waiter_free(w);
}

/* Opened before anything is sent, so that the fastest answer isn't missed. */
static struct waiter *waiter_new(struct ticket ticket, const json_t *await, int64_t timeout_ms)
{
	struct waiter *w = calloc(1, sizeof(*w));
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			(int)arg_int(await, "proto", IPPROTO_TCP));

	if (!w || fd < 0) {
		free(w);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	*w = (struct waiter){
		.watch = { .fd = fd, .on_ready = waiter_ready },
		.timer = { .on_expired = waiter_expired },
		.ticket = ticket,
		.src = arg_addr(await, "src"),
		.sport = htons((uint16_t)arg_int(await, "sport", 0)),
		.dport = htons((uint16_t)arg_int(await, "dport", 0)),
	};
	watch_add(&w->watch, EPOLLIN);
	timer_set(&w->timer, now_ns() + timeout_ms * MS_NS);
	return w;
}

static int send_packets(const unsigned char *packet, size_t len, int64_t count)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	int error = fd < 0 ? errno : 0;

	memcpy(&to.sin_addr, packet + 16, 4);
	for (int64_t i = 0; i < count && !error; i++)
		if (sendto(fd, packet, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			error = errno;
	if (fd >= 0)
		close(fd);
	return error;
}

void cmd_raw(struct ticket ticket, json_t *args)
{
	static unsigned char packet[PACKET_MAX];
	ssize_t len = hex_decode(arg_str(args, "packet", ""), packet, sizeof(packet));
	int64_t count = arg_int(args, "count", 1);
	const json_t *await = json_object_get(args, "await");
	struct waiter *waiter = NULL;
	int error;

	if (len < IPV4_HEADER_LEN || count < 1 || count > COUNT_MAX) {
		answer_fault(ticket, "raw: a packet in lower-case hex and a count are needed");
		return;
	}
	if (await) {
		waiter = waiter_new(ticket, await, arg_int(args, "timeout_ms", 1000));
		if (!waiter) {
			answer_fault(ticket, "raw: cannot open the answer's socket");
			return;
		}
	}
	error = send_packets(packet, (size_t)len, count);
	if (error && waiter)
		waiter_free(waiter);
	if (error)
		answer(ticket, json_pack("{s:s}", "error", errno_name(error)));
	else if (!waiter)
		answer(ticket, NULL);
}
