// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the kernel tells of flows: events as they come, and all of them. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "base/loop.h"
#include "nat/flow_internal.h"

enum {
	RECEIVE_SIZE = 32 << 10,
	EVENTS_BUFFER = 8 << 20,
	READS_PER_PASS = 64,
	WALK_READS_PER_PASS = 4
};

/* A non-blocking socket in the loop. `groups` of enum nfnetlink_groups as bits, 0: none. */
static struct mnl_socket *open_socket(unsigned groups, struct err *err)
{
	struct mnl_socket *socket =
		mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (socket && mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) == 0)
		return socket;
	err_set(err, -errno, "connection tracking: %s", strerror(errno));
	if (socket)
		mnl_socket_close(socket);
	return NULL;
}

struct ct_events {
	struct ct_events_ops ops;
	void *data;
	const struct ct_writer *writer;
	struct mnl_socket *socket;
	struct loop_io *io;
	bool lost; /* and not yet told */
	_Alignas(struct nlmsghdr) char receive[RECEIVE_SIZE];
};

/*
 * What the writer does needn't come here at all: a million entries that another gateway told of would overrun the buffer,
 * and what is lost then is of the flows that are ours. A filter loads words in network order. Where the kernel has no
 * filters take_event sorts them out.
 */
static void leave_out(int fd, const struct ct_writer *writer)
{
	uint32_t ports[FLOW_WRITER_PORTS];

	flow_writer_ports(writer, ports);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(ports[0]), 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(ports[1]), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void take_event(struct ct_events *events, const struct nlmsghdr *nlh)
{
	enum ct_flow_change change = CT_FLOW_IS;
	struct ct_entry entry;
	struct ct_flow flow;

	if (events->writer && ct_writer_is_own(events->writer, nlh->nlmsg_pid))
		return;
	if ((nlh->nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE)
		change = CT_FLOW_GONE;
	else if (nlh->nlmsg_flags & NLM_F_CREATE)
		change = CT_FLOW_NEW;
	if (ct_decode(nlh, &entry) == 0 && ct_flow_of(&entry, &flow))
		events->ops.on_flow(change, &flow, events->data);
}

static void events_ready(int fd, unsigned happened, void *data)
{
	struct ct_events *events = data;

	(void)happened;
	for (int i = 0; i < READS_PER_PASS; i++) {
		ssize_t got = recv(fd, events->receive, sizeof(events->receive), 0);
		int left = (int)got;

		/* The kernel says so before it gives what is left. */
		if (got < 0 && errno == ENOBUFS) {
			events->lost = true;
			continue;
		}
		if (got <= 0 && events->lost) {
			events->lost = false;
			events->ops.on_lost(events->data);
		}
		if (got <= 0)
			return;
		for (const struct nlmsghdr *nlh = (void *)events->receive; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			take_event(events, nlh);
	}
}

struct ct_events *ct_events_new(struct loop *loop, const struct ct_writer *writer,
				const struct ct_events_ops *ops, void *data, struct err *err)
{
	const unsigned groups = 1u << (NFNLGRP_CONNTRACK_NEW - 1) |
				1u << (NFNLGRP_CONNTRACK_UPDATE - 1) |
				1u << (NFNLGRP_CONNTRACK_DESTROY - 1);
	struct ct_events *events = calloc(1, sizeof(*events));
	int size = EVENTS_BUFFER, fd;

	if (!events) {
		err_set(err, -ENOMEM, "connection tracking: out of memory");
		return NULL;
	}
	events->ops = *ops;
	events->data = data;
	events->writer = writer;
	events->socket = open_socket(groups, err);
	if (!events->socket) {
		free(events);
		return NULL;
	}
	fd = mnl_socket_get_fd(events->socket);
	/* Without the privilege the default size stays; an overrun costs a full walk. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (writer)
		leave_out(fd, writer);
	events->io = loop_io_new(loop, fd, LOOP_READ, events_ready, events);
	if (!events->io) {
		err_set(err, -ENOMEM, "connection tracking: out of memory");
		ct_events_free(events);
		return NULL;
	}
	return events;
}

void ct_events_free(struct ct_events *events)
{
	if (!events)
		return;
	loop_io_free(events->io);
	mnl_socket_close(events->socket);
	free(events);
}

struct ct_walk {
	struct ct_walk_ops ops;
	void *data;
	struct mnl_socket *socket;
	struct loop_io *io;
	bool ended;
	bool *freed; /* told to who is in the middle of a callback */
	_Alignas(struct nlmsghdr) char receive[RECEIVE_SIZE];
};

static void end_walk(struct ct_walk *walk, int rc)
{
	walk->ended = true;
	(void)loop_io_set_events(walk->io, 0);
	walk->ops.on_end(rc, walk->data);
}

/* Of NLMSG_DONE and NLMSG_ERROR the first word is 0 or -errno. */
static int result_of(const struct nlmsghdr *nlh)
{
	int rc = -EBADMSG;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(rc))
		memcpy(&rc, mnl_nlmsg_get_payload(nlh), sizeof(rc));
	return rc;
}

/* False: it ended, or was freed. */
static bool take_part(struct ct_walk *walk, int left, const bool *freed)
{
	struct ct_entry entry;
	struct ct_flow flow;

	for (const struct nlmsghdr *nlh = (void *)walk->receive; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
			end_walk(walk, result_of(nlh));
			return false;
		}
		if (nlh->nlmsg_type == NLMSG_OVERRUN) {
			end_walk(walk, -ENOBUFS);
			return false;
		}
		if (ct_decode(nlh, &entry) || !ct_flow_of(&entry, &flow))
			continue;
		if (walk->ops.on_message)
			walk->ops.on_message(&flow, nlh, walk->data);
		else
			walk->ops.on_flow(&flow, walk->data);
		if (*freed)
			return false;
	}
	return true;
}

static void walk_ready(int fd, unsigned happened, void *data)
{
	struct ct_walk *walk = data;
	bool freed = false;

	(void)happened;
	walk->freed = &freed;
	for (int i = 0; i < WALK_READS_PER_PASS; i++) {
		ssize_t got = recv(fd, walk->receive, sizeof(walk->receive), 0);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (got <= 0) {
			end_walk(walk, got < 0 ? -errno : -EIO);
			break;
		}
		if (!take_part(walk, (int)got, &freed))
			break;
	}
	if (freed)
		return;
	walk->freed = NULL;
}

struct ct_walk *ct_walk_new(struct loop *loop, const struct ct_walk_ops *ops, void *data,
			    struct err *err)
{
	_Alignas(struct nlmsghdr) char buf[FLOW_MESSAGE_MAX];
	struct ct_walk *walk = calloc(1, sizeof(*walk));
	const struct nlmsghdr *request = flow_list(buf);

	if (!walk) {
		err_set(err, -ENOMEM, "connection tracking: out of memory");
		return NULL;
	}
	walk->ops = *ops;
	walk->data = data;
	walk->socket = open_socket(0, err);
	if (!walk->socket) {
		free(walk);
		return NULL;
	}
	walk->io = loop_io_new(loop, mnl_socket_get_fd(walk->socket), LOOP_READ, walk_ready, walk);
	if (!walk->io)
		err_set(err, -ENOMEM, "connection tracking: out of memory");
	else if (mnl_socket_sendto(walk->socket, request, request->nlmsg_len) < 0)
		err_set(err, -errno, "connection tracking: %s", strerror(errno));
	else
		return walk;
	ct_walk_free(walk);
	return NULL;
}

void ct_walk_pause(struct ct_walk *walk, bool pause)
{
	if (!walk->ended)
		(void)loop_io_set_events(walk->io, pause ? 0 : LOOP_READ);
}

void ct_walk_free(struct ct_walk *walk)
{
	if (!walk)
		return;
	if (walk->freed)
		*walk->freed = true;
	loop_io_free(walk->io);
	mnl_socket_close(walk->socket);
	free(walk);
}
