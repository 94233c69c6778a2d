// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside netlink/ only: the transport below rtnl.h. One request or dump at a time; each has its sequence
 * number, and what belongs to an earlier one is thrown away.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct mnl_socket;
struct nlmsghdr;

#define SOCKET_RECV_MAX 65536 /* bytes; the kernel fills a dump's datagram up to 32 KiB */

struct rtnl {
	struct mnl_socket *sock;
	int fd;
	uint32_t portid;
	uint32_t seq;
	char *buf; /* SOCKET_RECV_MAX bytes */
};

/* An open, bound NETLINK_ROUTE socket with a large receive buffer in *ret; `groups` are RTNLGRP_*, 0-ended. */
int socket_open(const int *groups, struct mnl_socket **ret, struct err *err);

/*
 * One datagram that the kernel sent (port 0), or our own socket `self` (0: none). 0 and *ret_length; -ENOBUFS: some were lost; -EMSGSIZE: it was cut;
 * -EAGAIN: nothing there (`flags` has MSG_DONTWAIT) or nothing came in time; else -errno.
 */
int socket_recv(int fd, char buf[static SOCKET_RECV_MAX], int flags, uint32_t self,
		size_t *ret_length);
int socket_send(int fd, const void *data, size_t length);

/* The errno of an NLMSG_ERROR (0: acknowledged), or -EBADMSG; the kernel's sentence goes to *ret_text
 * (NULL: none), which points into the message. */
int socket_ack_read(const struct nlmsghdr *nlh, const char **ret_text);

/* Sends one request and waits for its acknowledgement. 0 or -errno with errno's and the kernel's words. */
int rtnl_request(struct rtnl *rtnl, struct nlmsghdr *nlh, struct err *err);

/* Called for each message; a failure ends the query with its code once the answer was read to its end. */
typedef int (*rtnl_message_fn)(const struct nlmsghdr *nlh, void *data);

/* A request that is answered by one message and an acknowledgement. */
int rtnl_query(struct rtnl *rtnl, struct nlmsghdr *nlh, rtnl_message_fn fn, void *data,
	       struct err *err);

/* `restart` is called before each attempt and forgets what the previous one gathered. */
struct rtnl_dump_ops {
	rtnl_message_fn on_message;
	void (*restart)(void *data);
};
int rtnl_dump(struct rtnl *rtnl, struct nlmsghdr *nlh, const struct rtnl_dump_ops *ops, void *data,
	      struct err *err);
