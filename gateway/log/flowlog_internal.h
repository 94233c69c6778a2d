// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Shared by flowlog.c (connections) and flowlog_blocks.c (blocks of ports). */
#pragma once

#include "base/err.h"
#include "gateway/log/flowlog.h"
#include "policy/facts.h"
#include "policy/inventory.h"

struct natlog;

/* Where an egress address is translated to, and since when; before, it was the other way round. */
struct place {
	struct ip4 address;
	bool is_elsewhere;
	int64_t since_ns;
};

struct flowlog {
	struct flowlog_options options;
	struct natlog *natlog; /* NULL: not wanted, or it failed */
	struct loop_timer *anyway;
	struct flows *flows;
	struct gateway_log config;
	bool has_begun;
	bool has_flows; /* connections are recorded */
	char error[ERR_TEXT_MAX];
	char uid[INVENTORY_UID_MAX]; /* of who was asked for last */
	struct place places[POLICY_EGRESS_MAX];
	size_t n_places;
	struct flowlog_blocks {
		struct loop_timer *timer;
		bool is_wanted; /* their records are */
		bool has_begun; /* they are known */
		bool is_first;  /* it's telling them: they may be older */
		bool is_new;    /* the log is, and may remember some that are there no more */
		size_t next;    /* to be looked at */
		/* The address under which an egress IP's are recorded, by its place in the configuration as blocks have it. */
		struct ip4 nats[POLICY_EGRESS_MAX];
	} blocks;
};

/*
 * Who has an address, as far as the gateway knows; of what began at `start_ns` (0: just now) only if nobody else can have had it
 * then. `uid` is kept as long as *ret is.
 */
void flowlog_source(const struct gateway_view *view, struct ip4 source, int64_t start_ns,
		    char uid[static INVENTORY_UID_MAX], struct natlog_who *ret);

/* 0; -ENOMEM. */
int flowlog_blocks_init(struct flowlog *flowlog);
void flowlog_blocks_done(struct flowlog *flowlog);
/* The log is another one, or there is none any more. */
void flowlog_blocks_open(struct flowlog *flowlog);
/* What the gateway says counts; it tells of all blocks before the loop goes on. */
void flowlog_blocks_begin(struct flowlog *flowlog);
