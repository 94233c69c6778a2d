// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: which connections are counted, each as 8 bytes: a hash of its original tuple and its id in the kernel, with a secret in it.
 * So it doesn't matter how often the kernel tells that one began or ended, and a look through all of them finds what it didn't tell.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_flow;
struct flowset;

struct flowset *flowset_new(size_t most, const uint64_t seed[static 4]); /* NULL: no memory */
void flowset_free(struct flowset *set);
size_t flowset_count(const struct flowset *set);

struct flowset_state {
	bool was_there;
	bool was_seen;    /* in the look that goes on */
	bool was_closing; /* as it was said last */
};
/* It's there, and seen. False: it doesn't fit. */
bool flowset_see(struct flowset *set, const struct ct_flow *flow, bool is_closing,
		 struct flowset_state *ret);
/* It isn't any more. */
struct flowset_state flowset_remove(struct flowset *set, const struct ct_flow *flow);

/* A look at all: what isn't seen until its end is dropped there. */
void flowset_look_begin(struct flowset *set);
void flowset_look_end(struct flowset *set);
void flowset_look_cancel(struct flowset *set); /* it broke off, and nothing is dropped */
