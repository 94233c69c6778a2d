// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Beginnings and ends of translated connections, for who must not miss an end. The kernel keeps a connection that ended until
 * its event fits into this socket's buffer (NETLINK_BROADCAST_ERROR), and tries again: no end is lost, and what waits is in
 * its table meanwhile. An end may come twice, if somebody else's socket was full. A beginning that didn't fit may never be
 * told. So the end is the record, and the beginning says only when.
 *
 * on_lost tells of each overrun, after all that was left in the buffer: what began between the two times may not have been told.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nat/account.h"
#include "nat/flow.h"

struct err;
struct loop;

struct ct_follow;
struct ct_follow_ops {
	/* `made`: not by a packet, but by a program, such as another gateway's replica. */
	void (*on_begin)(const struct ct_flow *flow, bool made, void *data);
	void (*on_end)(const struct ct_flow *flow, const struct ct_account *account, void *data);
	void (*on_lost)(int64_t from_ns, int64_t to_ns, void *data); /* since 1970 */
};

/* Nothing is read before ct_follow_begin: the kernel keeps it. `buffer`: bytes. Not to be freed by its own callbacks. */
struct ct_follow *ct_follow_new(struct loop *loop, const struct ct_follow_ops *ops, void *data,
				unsigned buffer, struct err *err);
void ct_follow_free(struct ct_follow *follow);
/* For who can do without some of it: what doesn't fit into the buffer is lost, ends too, and the kernel keeps nothing for us. */
void ct_follow_accept_loss(struct ct_follow *follow);
void ct_follow_begin(struct ct_follow *follow);
/* Reads what is there, at most so many messages, without waiting for the loop. */
void ct_follow_read(struct ct_follow *follow, int most);

/* All that ended before this time was told. It stands while nothing is read: see ct_follow_read. */
int64_t ct_follow_until_ns(const struct ct_follow *follow);
/* False: an old kernel; ends may be lost with an overrun, too. */
bool ct_follow_is_reliable(const struct ct_follow *follow);
