// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Our own requests come back as notifications too. They are dropped in the kernel by a socket filter on
 * nlmsg_pid: a hundred thousand routes of our own would otherwise overrun the receive buffer, and a full
 * re-read would follow each large change. What the kernel does on its own account has port id 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "netlink/rtnl.h"
#include "netlink/socket.h"

#define DATAGRAMS_PER_PASS 256     /* then the loop's other sources get their turn */
#define DISCARDED_PER_PASS 1000000 /* after a loss; far more than the buffer holds */
#define IGNORED_MAX 8

struct rtnl_watch {
	struct mnl_socket *sock;
	struct loop_io *io;
	struct rtnl_watch_ops ops;
	void *data;
	uint32_t ignored[IGNORED_MAX];
	size_t n_ignored;
	uint32_t portid;
	uint32_t barrier; /* number of the last one */
	bool behind;      /* it isn't reached yet */
	char *buf;        /* SOCKET_RECV_MAX */
};

static bool is_ignored(const struct rtnl_watch *watch, uint32_t portid)
{
	for (size_t i = 0; i < watch->n_ignored; i++) {
		if (watch->ignored[i] == portid)
			return true;
	}
	return false;
}

/* False when the datagram was malformed. */
static bool report_datagram(struct rtnl_watch *watch, size_t length)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)watch->buf;
	int left = (int)length;

	while (mnl_nlmsg_ok(nlh, left)) {
		struct rt_change change;
		int rc;

		if (nlh->nlmsg_type == NLMSG_NOOP && nlh->nlmsg_seq == watch->barrier)
			watch->behind = false;
		rc = is_ignored(watch, nlh->nlmsg_pid) ? -ENOMSG : rtnl_decode(nlh, &change);

		if (rc == 0)
			watch->ops.on_change(&change, watch->data);
		else if (rc != -ENOMSG)
			return false;
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	return left <= 0;
}

/*
 * After an overrun the kernel drops everything for this socket until its queue was emptied, and says
 * ENOBUFS only once (af_netlink.c, NETLINK_S_CONGESTED). So what is queued is thrown away, and only when
 * nothing is left the loss is reported: a re-read that began earlier would miss what is dropped meanwhile.
 */
static void watch_ready(int fd, unsigned events, void *data)
{
	struct rtnl_watch *watch = data;
	bool lost = false;

	(void)events;
	for (int i = 0; i < (lost ? DISCARDED_PER_PASS : DATAGRAMS_PER_PASS); i++) {
		size_t length = 0;
		int rc = socket_recv(fd, watch->buf, MSG_DONTWAIT, watch->portid, &length);

		if (rc == -EAGAIN)
			break;
		if (rc < 0 || (!lost && !report_datagram(watch, length)))
			lost = true;
		if (rc < 0 && rc != -ENOBUFS && rc != -EMSGSIZE) /* The socket is broken. */
			break;
	}
	if (lost) {
		watch->behind = false; /* The barrier may be among what was lost. */
		watch->ops.on_overrun(watch->data);
	}
}

struct rtnl_watch *rtnl_watch_new(struct loop *loop, const struct rtnl_watch_ops *ops, void *data,
				  struct err *err)
{
	static const int groups[] = { RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_NEIGH,
				      RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE,   0 };
	struct rtnl_watch *watch = calloc(1, sizeof(*watch));

	if (!watch) {
		err_set(err, -ENOMEM, "no memory for a netlink watch");
		return NULL;
	}
	watch->ops = *ops;
	watch->data = data;
	watch->buf = malloc(SOCKET_RECV_MAX);
	if (!watch->buf) {
		err_set(err, -ENOMEM, "no memory for a netlink watch");
		rtnl_watch_free(watch);
		return NULL;
	}
	if (socket_open(groups, &watch->sock, err) < 0) {
		rtnl_watch_free(watch);
		return NULL;
	}
	watch->portid = mnl_socket_get_portid(watch->sock);
	watch->io =
		loop_io_new(loop, mnl_socket_get_fd(watch->sock), LOOP_READ, watch_ready, watch);
	if (!watch->io) {
		err_set(err, -ENOMEM, "can't watch the netlink socket");
		rtnl_watch_free(watch);
		return NULL;
	}
	return watch;
}

void rtnl_watch_ignore(struct rtnl_watch *watch, const struct rtnl *rtnl)
{
	struct sock_filter code[IGNORED_MAX + 3];
	struct sock_fprog program = { .filter = code };
	uint8_t n = 0;

	if (is_ignored(watch, rtnl->portid) || watch->n_ignored == IGNORED_MAX)
		return;
	watch->ignored[watch->n_ignored++] = rtnl->portid;
	/* A = nlmsg_pid; BPF loads words in network byte order. A jump for each port to the final "drop". */
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct nlmsghdr, nlmsg_pid));
	for (size_t i = 0; i < watch->n_ignored; i++) {
		uint8_t to_drop = (uint8_t)(watch->n_ignored - i);

		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 htonl(watch->ignored[i]), to_drop, 0);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	program.len = n;
	/* Without the filter the check in report_datagram does the same, with less room. */
	if (setsockopt(mnl_socket_get_fd(watch->sock), SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)) < 0)
		log_debug("netlink", "can't attach the notification filter: %s", strerror(errno));
}

/* The queue is in order of arrival: a message to ourselves marks a place in it. */
void rtnl_watch_barrier(struct rtnl_watch *watch)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_pid = watch->portid };
	struct nlmsghdr nlh = { .nlmsg_len = sizeof(nlh),
				.nlmsg_type = NLMSG_NOOP,
				.nlmsg_seq = ++watch->barrier };

	/* When it can't be sent (the queue is full), changes are reported that needn't be. */
	watch->behind = sendto(mnl_socket_get_fd(watch->sock), &nlh, sizeof(nlh), MSG_DONTWAIT,
			       (struct sockaddr *)&self, sizeof(self)) == (ssize_t)sizeof(nlh);
}

bool rtnl_watch_is_behind(const struct rtnl_watch *watch)
{
	return watch->behind;
}

void rtnl_watch_free(struct rtnl_watch *watch)
{
	if (!watch)
		return;
	loop_io_free(watch->io);
	if (watch->sock)
		mnl_socket_close(watch->sock);
	free(watch->buf);
	free(watch);
}
