// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Translated connections, as another gateway needs them to carry on: what the kernel tells of them as they change, all of
 * them at once, and how they are brought into a kernel that never saw them.
 *
 * A flow is made in a kernel ahead of time with the address and always the port that it is translated to. With the port
 * given, a collision is an honest refusal; without, the kernel would silently choose another one, and the other end would
 * meet a stranger. TCP windows aren't known, so such entries are liberal about them (IP_CT_TCP_FLAG_BE_LIBERAL).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/ct.h"

struct err;
struct loop;
struct nlmsghdr;

struct ct_flow {
	struct ct_tuple orig;
	struct ip4 nat;    /* the source that its packets leave with */
	uint16_t nat_port; /* ICMP: the id */
	uint8_t tcp_state; /* TCP_CONNTRACK_*; 0 without */
	uint32_t mark;
	uint32_t status;    /* IPS_SEEN_REPLY and IPS_ASSURED; others don't count */
	uint32_t timeout_s; /* until it ages out, if nothing more is heard of it */
	uint32_t id;        /* of the entry in this kernel; 0: any */
};

/* False: its source isn't translated, or it is of another zone, or of a protocol without ports or ids. */
bool ct_flow_of(const struct ct_entry *entry, struct ct_flow *ret);

enum ct_flow_change { CT_FLOW_NEW, CT_FLOW_IS, CT_FLOW_GONE };

/*
 * Events. Those that `writer` (may be NULL) caused aren't told. Forwarding never waits for us: when the socket's buffer
 * overruns, events are lost. on_lost tells so after all that were left in the buffer, so that a walk that begins then is
 * newer than each of them. Not to be freed by its own callbacks.
 */
struct ct_events;
struct ct_writer;
struct ct_events_ops {
	void (*on_flow)(enum ct_flow_change change, const struct ct_flow *flow, void *data);
	void (*on_lost)(void *data);
};
struct ct_events *ct_events_new(struct loop *loop, const struct ct_writer *writer,
				const struct ct_events_ops *ops, void *data, struct err *err);
void ct_events_free(struct ct_events *events);

/*
 * All flows, a few hundred per pass of the loop, so that a million of them hold nobody up. on_end: 0, or -errno: it is
 * incomplete. It may miss flows that are born meanwhile; their events are told. Freeing ends it.
 */
struct ct_walk;
struct ct_walk_ops {
	void (*on_flow)(const struct ct_flow *flow, void *data);
	/* Instead of on_flow, for who wants more of the message (nat/account.h). */
	void (*on_message)(const struct ct_flow *flow, const struct nlmsghdr *nlh, void *data);
	void (*on_end)(int rc, void *data);
};
struct ct_walk *ct_walk_new(struct loop *loop, const struct ct_walk_ops *ops, void *data,
			    struct err *err);
void ct_walk_pause(struct ct_walk *walk,
		   bool pause); /* nothing is read while paused, nothing is lost */
void ct_walk_free(struct ct_walk *walk);

/*
 * Brings flows into the kernel. They are taken in the order in which they were put, many per system call.
 *   CT_FLOW_NEW    made. What stands in its way - the same original tuple with another translation, or another flow with
 *                  its port - is removed first, since who tells of it owns the address; unless it's to be kept.
 *   CT_FLOW_IS     updated, and made as above if it isn't there.
 *   CT_FLOW_GONE   removed; that it isn't there is fine.
 * An entry that is translated otherwise is another flow, and neither updated nor removed.
 */
struct ct_writer_stats {
	uint64_t created, updated, removed;
	uint64_t evicted; /* stood in the way of another */
	uint64_t yielded; /* not made: what stood in the way is to be kept */
	uint64_t refused; /* by the kernel: its table is full, or worse */
};
struct ct_writer *ct_writer_new(struct err *err);
void ct_writer_free(struct ct_writer *writer);
/* What must not be removed to make room for another; by default nothing. */
void ct_writer_keep(struct ct_writer *writer,
		    bool (*keep)(const struct ct_entry *entry, void *data), void *data);
/* Whether an event with this port id (nlmsg_pid) is its own doing. */
bool ct_writer_is_own(const struct ct_writer *writer, uint32_t port_id);
/* 0; -errno with the reason: the kernel doesn't answer. What it refuses is counted, and the last reason kept. */
int ct_writer_put(struct ct_writer *writer, enum ct_flow_change change, const struct ct_flow *flow,
		  struct err *err);
int ct_writer_flush(struct ct_writer *writer, struct err *err);
struct ct_writer_stats ct_writer_stats(const struct ct_writer *writer);
int ct_writer_last_refusal(const struct ct_writer *writer); /* -errno; 0: none */
