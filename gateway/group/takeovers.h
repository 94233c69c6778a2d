// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: how often this gateway took an egress IP over from another one, and how long that took, from the first suspicion or
 * the Lease that was seen free until packets left with it here. What decide.h says is looked at from outside, whenever it
 * may have changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/mono.h"
#include "gateway/group/decide.h"
#include "policy/policy.h"

enum { TAKEOVERS_BOUNDS = 12 };
extern const uint32_t takeovers_bounds_us[TAKEOVERS_BOUNDS];

/* What is seen of one egress IP. */
struct takeovers_sight {
	const char *name;
	enum decide_state state;
	bool is_others;  /* the Lease, as last read, is or was another one's */
	bool translates; /* in the kernel, and not fenced */
};

struct takeovers {
	struct takeovers_egress {
		char name[CONFIG_NAME_MAX];
		enum decide_state state;
		bool was_others; /* since it was ours, if ever: what nobody had isn't taken over */
		bool runs, claims; /* claims: it came so far that the Lease was asked for */
		struct mono since;
	} v[POLICY_EGRESS_MAX];
	size_t n, next; /* next: to be replaced */
	uint64_t done, given_up;
	uint64_t histogram[TAKEOVERS_BOUNDS + 1], sum_us;
};

/* True: this one has just been taken over. */
bool takeovers_see(struct takeovers *takeovers, const struct takeovers_sight *sight,
		   struct mono now);
