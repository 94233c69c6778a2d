// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "base/loop.h"
#include "nat/ct.h"

enum { RECEIVE_SIZE = 32 << 10, READS_PER_PASS = 256 };

struct ct_follow {
	struct ct_follow_ops ops;
	void *data;
	struct mnl_socket *socket;
	struct loop_io *io;
	int64_t until_ns; /* the buffer was empty then */
	bool is_reliable;
	bool lost; /* and not yet told */
	_Alignas(struct nlmsghdr) char receive[RECEIVE_SIZE];
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void take(struct ct_follow *follow, const struct nlmsghdr *nlh)
{
	struct ct_account account;
	struct ct_entry entry;
	struct ct_flow flow;

	if (ct_decode(nlh, &entry) || !ct_flow_of(&entry, &flow))
		return;
	if ((nlh->nlmsg_type & 0xff) != IPCTNL_MSG_CT_DELETE)
		follow->ops.on_begin(&flow, nlh->nlmsg_pid != 0, follow->data);
	else if (ct_decode_account(nlh, &account) == 0)
		follow->ops.on_end(&flow, &account, follow->data);
}

/* The buffer was empty at `at`. */
static void empty(struct ct_follow *follow, int64_t at)
{
	const int64_t from = follow->until_ns;

	follow->until_ns = at;
	if (!follow->lost)
		return;
	follow->lost = false;
	follow->ops.on_lost(from, at, follow->data);
}

/* False: the buffer is empty, or worse. */
static bool read_one(struct ct_follow *follow, int64_t now)
{
	ssize_t got = recv(mnl_socket_get_fd(follow->socket), follow->receive,
			   sizeof(follow->receive), 0);
	int left = (int)got;

	/* The kernel says so before it gives what is left. */
	if (got < 0 && errno == ENOBUFS) {
		follow->lost = true;
		return true;
	}
	if (got <= 0) {
		if (got < 0 && errno == EAGAIN)
			empty(follow, now);
		return false;
	}
	for (const struct nlmsghdr *nlh = (void *)follow->receive; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left))
		take(follow, nlh);
	return true;
}

void ct_follow_read(struct ct_follow *follow, int most)
{
	/* Before the first read, so that nothing that ended earlier can be behind the last one. */
	const int64_t now = now_ns();

	for (int i = 0; i < most && read_one(follow, now); i++)
		;
}

static void ready(int fd, unsigned happened, void *data)
{
	(void)fd;
	(void)happened;
	ct_follow_read(data, READS_PER_PASS);
}

static bool open_socket(struct ct_follow *follow, unsigned buffer, struct err *err)
{
	const unsigned groups = 1u << (NFNLGRP_CONNTRACK_NEW - 1) |
				1u << (NFNLGRP_CONNTRACK_DESTROY - 1);
	int size = (int)buffer, on = 1, fd;

	follow->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!follow->socket) {
		err_set(err, -errno, "connection tracking: %s", strerror(errno));
		return false;
	}
	fd = mnl_socket_get_fd(follow->socket);
	/* Before it hears of anything. Without the privilege the default size stays. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	follow->is_reliable =
		setsockopt(fd, SOL_NETLINK, NETLINK_BROADCAST_ERROR, &on, sizeof(on)) == 0;
	if (mnl_socket_bind(follow->socket, groups, MNL_SOCKET_AUTOPID) < 0) {
		err_set(err, -errno, "connection tracking: %s", strerror(errno));
		return false;
	}
	return true;
}

struct ct_follow *ct_follow_new(struct loop *loop, const struct ct_follow_ops *ops, void *data,
				unsigned buffer, struct err *err)
{
	struct ct_follow *follow = calloc(1, sizeof(*follow));

	if (!follow) {
		err_set(err, -ENOMEM, "connection tracking: out of memory");
		return NULL;
	}
	follow->ops = *ops;
	follow->data = data;
	if (!open_socket(follow, buffer, err)) {
		ct_follow_free(follow);
		return NULL;
	}
	follow->until_ns = now_ns();
	follow->io = loop_io_new(loop, mnl_socket_get_fd(follow->socket), 0, ready, follow);
	if (!follow->io) {
		err_set(err, -ENOMEM, "connection tracking: out of memory");
		ct_follow_free(follow);
		return NULL;
	}
	return follow;
}

void ct_follow_accept_loss(struct ct_follow *follow)
{
	const int off = 0;

	(void)setsockopt(mnl_socket_get_fd(follow->socket), SOL_NETLINK, NETLINK_BROADCAST_ERROR,
			 &off, sizeof(off));
	follow->is_reliable = false;
}

void ct_follow_free(struct ct_follow *follow)
{
	if (!follow)
		return;
	loop_io_free(follow->io);
	if (follow->socket)
		mnl_socket_close(follow->socket);
	free(follow);
}

void ct_follow_begin(struct ct_follow *follow)
{
	(void)loop_io_set_events(follow->io, LOOP_READ);
}

int64_t ct_follow_until_ns(const struct ct_follow *follow)
{
	return follow->until_ns;
}

bool ct_follow_is_reliable(const struct ct_follow *follow)
{
	return follow->is_reliable;
}
