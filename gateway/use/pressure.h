// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: of which egress IPs ports are short, and how many first packets were refused for want of one.
 *
 * The kernel doesn't say for whom it found no port: it counts those packets and lost races alike, for all egress IPs together
 * (insert_failed of conntrack). So what it counts is taken for refusals while ports to some destination are nearly all taken, or
 * some part of the ports that is a source's own (blockuse.h), for those of that egress IP if it's the only one, and for nobody's if
 * there are several.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

/* In percent of what one destination allows. The kernel tries some hundred ports of 64512 and gives up: it finds 99 % of them. */
enum { PRESSURE_SHORT = 80, PRESSURE_RELIEVED = 70, PRESSURE_FULL = 90 };

#define PRESSURE_TEXT_MAX 160

/* The destination that has most of an egress IP's ports. */
struct pressure_input {
	const char *egress_name, *destination; /* in words; NULL: it has none */
	uint32_t ports, capacity;
	bool is_part_full; /* of its ports; only pressure_count wants to know */
};

struct pressure {
	struct pressure_egress {
		bool is_short;
		bool is_news; /* it became so, or not so, in the last judgement */
		uint64_t refused;
		char text[PRESSURE_TEXT_MAX]; /* as it became so; "": ports were never short */
	} v[POLICY_EGRESS_MAX];
	uint64_t refused_unknown;
	uint64_t failed; /* what the kernel has counted */
	bool is_known;   /* that */
};

/*
 * `is_fresh`: the numbers are those of a look that has just ended. Others may be too high, since connections in TIME_WAIT are only
 * found by looking: they raise nothing. True: something became short, or is it no more.
 */
bool pressure_judge(struct pressure *pressure, const struct pressure_input *v, size_t n,
		    bool is_fresh);
/* Some are short by these numbers, and not yet said to be: a look would tell. */
bool pressure_wants_look(const struct pressure *pressure, const struct pressure_input *v, size_t n);
/* It has counted more than before: pressure_count will want to know of parts. */
bool pressure_is_refusing(const struct pressure *pressure, uint64_t insert_failed);
/* The kernel's count is this now, with the same numbers. */
void pressure_count(struct pressure *pressure, const struct pressure_input *v, size_t n,
		    uint64_t insert_failed);
