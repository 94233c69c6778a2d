// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Keeps a gateway's usage.h right: tells it of connections as the kernel tells of them, and looks through all of them now and then.
 * Forwarding never waits for it: what the socket's buffer can't hold is lost, and the next look finds it. Looks are as far apart
 * as they need to take a twentieth of one processor at most, however many connections there are.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/table/desired.h"

struct err;
struct loop;
struct traffic;
struct usage;

struct traffic_options {
	struct loop *loop;
	/* What holds now. The time is that of the call: nothing is kept of it. */
	struct gateway_view (*view)(const void *view_data);
	const void *view_data;
	/* One of the source's connections began, or ended. May be NULL. */
	void (*on_connection)(struct ip4 source, bool began, void *data);
	/* Once a second, and after each look: the numbers may be others. May be NULL. */
	void (*on_second)(void *data);
	void *data;
};
/* NULL with the reason. */
struct traffic *traffic_new(const struct traffic_options *options, struct err *err);
void traffic_free(struct traffic *traffic); /* NULL is fine */
/* What `view` says counts from now on. */
void traffic_begin(struct traffic *traffic);
/* A look as soon as may be. */
void traffic_hurry(struct traffic *traffic);
/* Somebody wants to know: for the next minute, looks are closer together. */
void traffic_attend(struct traffic *traffic);

const struct usage *traffic_usage(const struct traffic *traffic);
bool traffic_is_known(const struct traffic *traffic); /* a look was completed */

struct traffic_counts {
	uint64_t looks, lost; /* lost: times that events were */
};
struct traffic_counts traffic_counts(const struct traffic *traffic);
