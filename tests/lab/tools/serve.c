// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// The servers, on every address of the namespace:
//   TCP echo   greets with "PEER address port\n", then sends back what comes
//   TCP push   greets, then sends a numbered line every so often without being asked; a client may
//              say "EVERY milliseconds\n"
//   HTTP       tells the caller's address (http.c)
//   UDP echo   sends back what comes; in a lab_msg with the peer that it saw
//   ICMP echo  the same; the kernel's own echo must be off (icmp_echo_ignore_all)
#include "labtool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ECHO_BUFFER = 65536, PUSH_DEFAULT_MS = 10 };

struct server {
	struct watch watch;
	void (*on_peer)(int fd, const struct sockaddr_in *peer);
};

struct echo {
	struct watch watch;
	size_t have, sent;
	char buf[ECHO_BUFFER];
};

struct push {
	struct watch watch;
	struct timer timer;
	int64_t every_ns;
	uint32_t seq;
};

static void greet(int fd, const struct sockaddr_in *peer)
{
	char addr[INET_ADDRSTRLEN], line[64];
	int len;

	inet_ntop(AF_INET, &peer->sin_addr, addr, sizeof(addr));
	len = snprintf(line, sizeof(line), "PEER %s %u\n", addr, ntohs(peer->sin_port));
	send(fd, line, (size_t)len, MSG_NOSIGNAL);
}

static void echo_free(struct echo *e)
{
	watch_close(&e->watch);
	free(e);
}

static void echo_ready(struct watch *w, uint32_t events)
{
	struct echo *e = container_of(w, struct echo, watch);
	ssize_t n;

	(void)events;
	if (e->sent == e->have) {
		n = recv(w->fd, e->buf, sizeof(e->buf), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			echo_free(e);
			return;
		}
		e->have = (size_t)n;
		e->sent = 0;
	}
	n = send(w->fd, e->buf + e->sent, e->have - e->sent, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		echo_free(e);
		return;
	}
	if (n > 0)
		e->sent += (size_t)n;
	watch_want(w, e->sent == e->have ? EPOLLIN : EPOLLOUT);
}

static void echo_peer(int fd, const struct sockaddr_in *peer)
{
	struct echo *e = calloc(1, sizeof(*e));

	if (!e) {
		close(fd);
		return;
	}
	greet(fd, peer);
	e->watch = (struct watch){ .fd = fd, .on_ready = echo_ready };
	watch_add(&e->watch, EPOLLIN);
}

static void push_free(struct push *p)
{
	timer_stop(&p->timer);
	watch_close(&p->watch);
	free(p);
}

static void push_expired(struct timer *t)
{
	struct push *p = container_of(t, struct push, timer);
	char line[16];
	int len = snprintf(line, sizeof(line), "%010u\n", p->seq);
	ssize_t n = send(p->watch.fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN) {
		push_free(p);
		return;
	}
	if (n > 0)
		p->seq++;
	timer_set(t, now_ns() + p->every_ns);
}

static void push_ready(struct watch *w, uint32_t events)
{
	struct push *p = container_of(w, struct push, watch);
	char line[64];
	ssize_t n = recv(w->fd, line, sizeof(line) - 1, 0);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		push_free(p);
		return;
	}
	line[n] = 0;
	if (!strncmp(line, "EVERY ", 6)) {
		long every_ms = strtol(line + 6, NULL, 10);

		if (every_ms > 0)
			p->every_ns = every_ms * MS_NS;
	}
}

static void push_peer(int fd, const struct sockaddr_in *peer)
{
	struct push *p = calloc(1, sizeof(*p));

	if (!p) {
		close(fd);
		return;
	}
	greet(fd, peer);
	p->watch = (struct watch){ .fd = fd, .on_ready = push_ready };
	p->timer.on_expired = push_expired;
	p->every_ns = PUSH_DEFAULT_MS * MS_NS;
	watch_add(&p->watch, EPOLLIN);
	timer_set(&p->timer, now_ns() + p->every_ns);
}

static void accept_ready(struct watch *w, uint32_t events)
{
	struct server *s = container_of(w, struct server, watch);
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(w->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int on = 1;

	(void)events;
	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->on_peer(fd, &peer);
}

/* Sends back from the address that the request came to: the namespace has many. */
static void reply_from(int fd, const void *buf, size_t len, const struct sockaddr_in *to,
		       struct in_addr from)
{
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 };
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr msg = {
		.msg_name = (void *)to,
		.msg_namelen = sizeof(*to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct in_pktinfo info = { .ipi_spec_dst = from };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	sendmsg(fd, &msg, 0);
}

static void stamp_peer(char *payload, size_t len, struct in_addr addr, uint16_t port)
{
	struct lab_msg msg;

	if (len < sizeof(msg))
		return;
	memcpy(&msg, payload, sizeof(msg));
	if (msg.magic != LAB_MSG_MAGIC)
		return;
	msg.peer = addr;
	msg.peer_port = port;
	memcpy(payload, &msg, sizeof(msg));
}

static void udp_ready(struct watch *w, uint32_t events)
{
	static char buf[DATAGRAM_MAX];
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct sockaddr_in peer;
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = {
		.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(w->fd, &msg, 0);
	struct cmsghdr *c;

	(void)events;
	if (n < 0)
		return; /* EAGAIN, or the ICMP error of an earlier answer */
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof(info));
		stamp_peer(buf, (size_t)n, peer.sin_addr, peer.sin_port);
		reply_from(w->fd, buf, (size_t)n, &peer, info.ipi_addr);
	}
}

static uint16_t icmp_checksum(const char *buf, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		uint16_t word;

		memcpy(&word, buf + i, 2);
		sum += word;
	}
	if (len & 1)
		sum += (unsigned char)buf[len - 1];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void icmp_ready(struct watch *w, uint32_t events)
{
	static char buf[DATAGRAM_MAX];
	ssize_t n = recv(w->fd, buf, sizeof(buf), 0);
	struct sockaddr_in peer = { .sin_family = AF_INET };
	struct in_addr local;
	struct icmphdr *icmp;
	size_t header, len;

	(void)events;
	if (n < IPV4_HEADER_LEN)
		return;
	header = (size_t)(buf[0] & 15) * 4;
	if ((size_t)n < header + ICMP_HEADER_LEN)
		return;
	len = (size_t)n - header;
	memcpy(&peer.sin_addr, buf + 12, 4);
	memcpy(&local, buf + 16, 4);
	icmp = (struct icmphdr *)(buf + header);
	if (icmp->type != ICMP_ECHO)
		return;
	icmp->type = ICMP_ECHOREPLY;
	stamp_peer(buf + header + ICMP_HEADER_LEN, len - ICMP_HEADER_LEN, peer.sin_addr,
		   icmp->un.echo.id);
	icmp->checksum = 0;
	icmp->checksum = icmp_checksum(buf + header, len);
	reply_from(w->fd, icmp, len, &peer, local);
}

/* A port of 0 means that the server is not wanted. Servers stay for the life of the process. */
static int server_open(int type, int proto, uint16_t port,
		       void (*on_ready)(struct watch *, uint32_t),
		       void (*on_peer)(int, const struct sockaddr_in *))
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct server *s;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	int on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if ((type != SOCK_RAW && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) ||
	    (type == SOCK_STREAM && listen(fd, 1024))) {
		int error = errno;

		close(fd);
		return -error;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	s->watch = (struct watch){ .fd = fd, .on_ready = on_ready };
	s->on_peer = on_peer;
	return watch_add(&s->watch, EPOLLIN);
}

void cmd_serve(struct ticket ticket, json_t *args)
{
	uint16_t tcp = (uint16_t)arg_int(args, "tcp", 0);
	uint16_t push = (uint16_t)arg_int(args, "push", 0);
	uint16_t udp = (uint16_t)arg_int(args, "udp", 0);
	uint16_t http = (uint16_t)arg_int(args, "http", 0);
	bool is_new = false;
	int error = 0;

	if (tcp)
		error = server_open(SOCK_STREAM, 0, tcp, accept_ready, echo_peer);
	if (push && !error)
		error = server_open(SOCK_STREAM, 0, push, accept_ready, push_peer);
	if (udp && !error)
		error = server_open(SOCK_DGRAM, 0, udp, udp_ready, NULL);
	if (http && !http_configure(http, args, &is_new))
		error = -ENOSPC;
	if (is_new && !error)
		error = server_open(SOCK_STREAM, 0, http, accept_ready, http_peer);
	if (arg_bool(args, "icmp") && !error)
		error = server_open(SOCK_RAW, IPPROTO_ICMP, 0, icmp_ready, NULL);
	if (error)
		answer_fault(ticket, "serve: %s", errno_name(-error));
	else
		answer(ticket, NULL);
}
