// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// One exchange with a server, and whom the server saw. Also the socket pieces that flows share.
#include "labtool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GREETING_MAX = 64, CHUNK = 16384 };

struct probe {
	struct watch watch;
	struct timer timer; /* the deadline; due at once where the start failed */
	struct probe_spec spec;
	struct probe_result result;
	probe_done *done;
	void *ctx;
	int64_t start_ns;
	uint64_t nonce;
	char greeting[GREETING_MAX];
	size_t greeting_len;
	bool greeted;
	size_t sent, echoed; /* of spec.size, TCP */
};

bool endpoint_parse(const json_t *args, struct endpoint *ret_to)
{
	static const char *const names[] = { "tcp", "udp", "icmp" };
	const char *name = arg_str(args, "transport", "tcp");

	*ret_to = (struct endpoint){
		.src = arg_addr(args, "src"),
		.dst = arg_addr(args, "dst"),
		.sport = (uint16_t)arg_int(args, "sport", 0),
		.dport = (uint16_t)arg_int(args, "port", 0),
		.ttl = (uint8_t)arg_int(args, "ttl", 0),
		.dont_fragment = arg_bool(args, "df"),
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name))
			continue;
		ret_to->transport = (enum transport)i;
		return ret_to->dst.s_addr != 0;
	}
	return false;
}

static int endpoint_prepare(int fd, const struct endpoint *to)
{
	struct sockaddr_in local = { .sin_family = AF_INET,
				     .sin_addr = to->src,
				     .sin_port = htons(to->sport) };
	struct sockaddr_in remote = { .sin_family = AF_INET,
				      .sin_addr = to->dst,
				      .sin_port = htons(to->dport) };
	int on = 1, ttl = to->ttl;
	int pmtu = to->dont_fragment ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (to->transport == TRANSPORT_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &pmtu, sizeof(pmtu));
	if (ttl)
		setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	if (to->transport == TRANSPORT_ICMP) {
		struct icmp_filter filter = { ~(1u << ICMP_ECHOREPLY) };

		setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter));
		remote.sin_port = 0;
		local.sin_port = 0;
	}
	if ((to->src.s_addr || to->sport) && bind(fd, (struct sockaddr *)&local, sizeof(local)))
		return -errno;
	if (connect(fd, (struct sockaddr *)&remote, sizeof(remote)) && errno != EINPROGRESS)
		return -errno;
	return 0;
}

int endpoint_open(const struct endpoint *to)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW };
	int proto = to->transport == TRANSPORT_ICMP ? IPPROTO_ICMP : 0;
	int fd = socket(AF_INET, types[to->transport] | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	int error;

	if (fd < 0)
		return -errno;
	error = endpoint_prepare(fd, to);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

static uint16_t checksum(const unsigned char *buf, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(buf[i] << 8 | buf[i + 1]);
	if (len & 1)
		sum += (uint32_t)buf[len - 1] << 8;
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return htons((uint16_t)~sum);
}

int datagram_send(int fd, enum transport transport, uint32_t seq, uint64_t nonce, size_t size)
{
	static unsigned char buf[DATAGRAM_MAX];
	struct lab_msg msg = { .magic = LAB_MSG_MAGIC, .seq = seq, .nonce = nonce };
	size_t header = transport == TRANSPORT_ICMP ? ICMP_HEADER_LEN : 0;

	if (size < sizeof(msg))
		size = sizeof(msg);
	if (size > sizeof(buf) - header)
		return -EMSGSIZE;
	memset(buf, 0, header);
	memcpy(buf + header, &msg, sizeof(msg));
	memset(buf + header + sizeof(msg), '.', size - sizeof(msg));
	if (transport == TRANSPORT_ICMP) {
		struct icmphdr icmp = { .type = ICMP_ECHO };

		icmp.un.echo.id = htons((uint16_t)nonce);
		icmp.un.echo.sequence = htons((uint16_t)seq);
		memcpy(buf, &icmp, sizeof(icmp));
		icmp.checksum = checksum(buf, header + size);
		memcpy(buf, &icmp, sizeof(icmp));
	}
	return send(fd, buf, header + size, 0) < 0 ? -errno : 0;
}

int datagram_receive(int fd, enum transport transport, struct lab_msg *ret_msg)
{
	static unsigned char buf[DATAGRAM_MAX];

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		size_t header = 0;

		if (n < 0)
			return -errno;
		if (transport == TRANSPORT_ICMP)
			header = (size_t)(buf[0] & 15) * 4 + ICMP_HEADER_LEN;
		if ((size_t)n < header + sizeof(*ret_msg))
			continue;
		memcpy(ret_msg, buf + header, sizeof(*ret_msg));
		if (ret_msg->magic == LAB_MSG_MAGIC)
			return 0;
	}
}

size_t greeting_parse(const char *buf, size_t len, struct sockaddr_in *ret_seen)
{
	const char *end = memchr(buf, '\n', len);
	char line[GREETING_MAX], *port;

	if (!end || (size_t)(end - buf) >= sizeof(line) || strncmp(buf, "PEER ", 5))
		return 0;
	memcpy(line, buf, (size_t)(end - buf));
	line[end - buf] = 0;
	port = strchr(line + 5, ' ');
	if (!port)
		return 0;
	*port++ = 0;
	*ret_seen = (struct sockaddr_in){ .sin_family = AF_INET };
	if (inet_pton(AF_INET, line + 5, &ret_seen->sin_addr) != 1)
		return 0;
	ret_seen->sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	return (size_t)(end - buf) + 1;
}

void probe_cancel(struct probe *p)
{
	timer_stop(&p->timer);
	watch_close(&p->watch);
	free(p);
}

static void probe_finish(struct probe *p, int error)
{
	struct probe_result result = p->result;
	socklen_t len = sizeof(result.local);
	socklen_t mtu_len = sizeof(result.mtu);
	probe_done *done = p->done;
	void *ctx = p->ctx;

	result.error = error;
	result.rtt_ns = now_ns() - p->start_ns;
	if (p->watch.fd >= 0) {
		getsockname(p->watch.fd, (struct sockaddr *)&result.local, &len);
		if (getsockopt(p->watch.fd, IPPROTO_IP, IP_MTU, &result.mtu, &mtu_len))
			result.mtu = 0;
	}
	probe_cancel(p);
	done(ctx, &result);
}

static void probe_expired(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);

	probe_finish(p, p->result.error ? p->result.error : ETIME);
}

static int tcp_push_out(struct probe *p)
{
	static const char chunk[CHUNK];

	while (p->sent < p->spec.size) {
		size_t left = p->spec.size - p->sent;
		ssize_t n = send(p->watch.fd, chunk, left < CHUNK ? left : CHUNK, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : errno;
		p->sent += (size_t)n;
	}
	return 0;
}

/* Takes what came; what follows the greeting is echo. */
static int tcp_take_in(struct probe *p)
{
	static char buf[CHUNK];

	for (;;) {
		size_t taken = 0;
		ssize_t n;

		if (p->greeted)
			n = recv(p->watch.fd, buf, sizeof(buf), 0);
		else
			n = recv(p->watch.fd, p->greeting + p->greeting_len,
				 GREETING_MAX - p->greeting_len, 0);
		if (n < 0)
			return errno == EAGAIN ? 0 : errno;
		if (n == 0)
			return ECONNRESET;
		if (p->greeted) {
			p->echoed += (size_t)n;
			continue;
		}
		p->greeting_len += (size_t)n;
		taken = greeting_parse(p->greeting, p->greeting_len, &p->result.seen);
		if (!taken && p->greeting_len == GREETING_MAX)
			return EPROTO;
		p->greeted = taken > 0;
		if (taken)
			p->echoed = p->greeting_len - taken;
	}
}

static void tcp_ready(struct probe *p)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(p->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (!error)
		error = tcp_push_out(p);
	if (!error)
		error = tcp_take_in(p);
	if (error || (p->greeted && p->echoed >= p->spec.size))
		probe_finish(p, error);
	else
		watch_want(&p->watch, p->sent < p->spec.size ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void datagram_ready(struct probe *p)
{
	struct lab_msg msg;
	int error = datagram_receive(p->watch.fd, p->spec.to.transport, &msg);

	if (error == -EAGAIN || (!error && msg.nonce != p->nonce))
		return;
	if (!error)
		p->result.seen = (struct sockaddr_in){ .sin_family = AF_INET,
						       .sin_addr = msg.peer,
						       .sin_port = msg.peer_port };
	probe_finish(p, -error);
}

static void probe_ready(struct watch *w, uint32_t events)
{
	struct probe *p = container_of(w, struct probe, watch);

	(void)events;
	if (p->spec.to.transport == TRANSPORT_TCP)
		tcp_ready(p);
	else
		datagram_ready(p);
}

struct probe *probe_start(const struct probe_spec *spec, probe_done *done, void *ctx)
{
	struct probe *p = calloc(1, sizeof(*p));
	bool stream = spec->to.transport == TRANSPORT_TCP;
	int fd;

	if (!p)
		return NULL;
	*p = (struct probe){
		.watch = { .fd = -1, .on_ready = probe_ready },
		.timer = { .on_expired = probe_expired },
		.spec = *spec,
		.done = done,
		.ctx = ctx,
		.start_ns = now_ns(),
	};
	if (getrandom(&p->nonce, sizeof(p->nonce), 0) < 0)
		p->nonce = (uint64_t)p->start_ns;
	timer_set(&p->timer, p->start_ns + spec->timeout_ns);
	fd = endpoint_open(&spec->to);
	if (fd >= 0) {
		p->watch.fd = fd;
		watch_add(&p->watch, stream ? EPOLLIN | EPOLLOUT : EPOLLIN);
	}
	p->result.error = fd < 0 ? -fd : 0;
	if (fd >= 0 && !stream)
		p->result.error = -datagram_send(fd, spec->to.transport, 0, p->nonce, spec->size);
	if (p->result.error)
		timer_set(&p->timer, p->start_ns);
	return p;
}

static void answer_result(void *ctx, const struct probe_result *r)
{
	struct ticket *ticket = ctx;
	json_t *reply = json_pack("{s:b, s:f, s:o, s:i, s:i}", "reached", !r->error, "rtt_ms",
				  (double)r->rtt_ns / 1e6, "local", json_addr(r->local.sin_addr),
				  "local_port", ntohs(r->local.sin_port), "mtu", r->mtu);

	if (r->error) {
		json_object_set_new(reply, "error", json_string(errno_name(r->error)));
	} else {
		json_object_set_new(reply, "seen", json_addr(r->seen.sin_addr));
		json_object_set_new(reply, "seen_port", json_integer(ntohs(r->seen.sin_port)));
	}
	answer(*ticket, reply);
	free(ticket);
}

void cmd_probe(struct ticket ticket, json_t *args)
{
	struct probe_spec spec = {
		.size = (size_t)arg_int(args, "size", 0),
		.timeout_ns = arg_int(args, "timeout_ms", 2000) * MS_NS,
	};
	struct ticket *kept = malloc(sizeof(*kept));

	if (kept)
		*kept = ticket;
	if (!kept || !endpoint_parse(args, &spec.to) || !probe_start(&spec, answer_result, kept)) {
		free(kept);
		answer_fault(ticket, "probe: wrong arguments or no memory");
	}
}
