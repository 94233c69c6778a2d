// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The NAT log of a gateway (natlog/natlog.h), with what the gateway knows: which policy governs a connection, which egress IP it
 * has, which pod had its address, and whether it was here that it was translated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/gateway.h"
#include "gateway/table/desired.h"

struct block;
struct block;
struct book_entry;
struct control_out;
struct ct_account;
struct ct_flow;
struct ct_tale;
struct endpoint;
struct err;
struct flowlog;
struct flows;
struct loop;
struct natlog_status;
struct natlog_who;

struct flowlog_options {
	struct loop *loop;
	/* What holds now. The time is that of the call: nothing is kept of it. */
	struct gateway_view (*view)(const void *data);
	const void *data;
};

/* Begins to hear of connections if `config` wants a log. NULL with the reason. Best made before anything that takes memory. */
struct flowlog *flowlog_new(const struct flowlog_options *options,
			    const struct gateway_config *config, struct err *err);
void flowlog_free(struct flowlog *flowlog); /* NULL is fine; while `view` still knows */

/*
 * What `view` says counts from now on: policies and pods are known. Before, the kernel keeps what it has to tell, for a while; if
 * this doesn't come, connections are recorded without a pod.
 */
void flowlog_begin(struct flowlog *flowlog);
/* Another configuration, or the same with a file that somebody has moved. A failure is logged, and seen in the status. */
void flowlog_configure(struct flowlog *flowlog, const struct gateway_config *config);
/* Another gateway may have taken an egress IP over, or this one from another. To be told at once: the time counts. */
void flowlog_see_fence(struct flowlog *flowlog);

/*
 * The kernel gives a source ports of its own from now on, of an egress IP that this gateway translates to; or not any more. Ends come
 * before beginnings.
 */
void flowlog_see_block(struct flowlog *flowlog, const struct block *block, bool is_given);

/* False: there is no log, because none is wanted or for the error. */
bool flowlog_status(const struct flowlog *flowlog, struct natlog_status *ret);
const char *flowlog_error(const struct flowlog *flowlog);
const struct gateway_log *flowlog_config(const struct flowlog *flowlog);

/*
 * Lives of connections, as the gateways of a group tell each other (natlog/tale.h); `data` is the flowlog. Without a log nothing
 * is told, and what is told is forgotten.
 */
bool flowlog_tell(const struct ct_flow *flow, const struct ct_account *account, struct ct_tale *ret,
		  void *data);
size_t flowlog_tell_who(uint32_t who, uint8_t *ret, size_t size, void *data);
void flowlog_take(const struct ct_flow *flow, const struct ct_tale *tale, const uint8_t *who,
		  size_t n, void *data);

/*
 * Of a connection that is there now: who it is, with the log or without one; `start_ns`: when it began, 0: not known. False: it is
 * nobody's whom a policy selects, or another gateway translates it. Valid until the next call; entry->who may be `who`.
 */
bool flowlog_find(struct flowlog *flowlog, const struct ct_flow *flow, int64_t start_ns,
		  struct book_entry *entry, struct natlog_who *who);

/* For `eipgw status`: the key "log". */
void flowlog_report(const struct flowlog *flowlog, struct control_out *out);

/*
 * Of each egress IP that `egress` means and this gateway translates to: whose block its port lies in now, as the list "blocks".
 * Nothing where there are no blocks.
 */
void flowlog_put_blocks(struct flowlog *flowlog, const struct endpoint *egress,
			struct control_out *out);

/* What `eipgw flows` asks (gateway/log/flows.h). */
struct flows *flowlog_flows(const struct flowlog *flowlog);
/* For `eipgw whois`: the log's file, as "log_path", and whether connections are in it, as "log_flows", if there is one. */
void flowlog_place(const struct flowlog *flowlog, struct control_out *out);

/* Pure, for tests: who has a connection, as natlog's `ask`. `uid` is kept as long as *ret is. */
bool flowlog_who(const struct gateway_view *view, const struct ct_flow *flow, int64_t start_ns,
		 char uid[static 64], struct natlog_who *ret);
