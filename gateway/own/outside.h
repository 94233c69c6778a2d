// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: whether the internet sees each egress IP's public address. The shell (selftest.h) asks servers that
 * echo the caller's address, and tells the answers here.
 *
 *   UNTESTED --> CONFIRMED <--> SILENT
 *       |            ^  |          |
 *       |            |  v          |
 *       +---------> WRONG <--------+
 *
 * WRONG takes the egress IP out of service, so it needs more than one odd server: in two tests at least one
 * server named another address and none the right one. Only CONFIRMED ends it. SILENT, nobody answered usefully,
 * takes nothing away and gives nothing back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/ip4.h"
#include "base/mono.h"

#define OUTSIDE_WRONG_MS \
	10000                /* between two tests of what is WRONG, if the interval isn't shorter */
#define OUTSIDE_VOID_MS 1000 /* before the test that replaces a void one */
#define OUTSIDE_REASON_MAX 384

struct gateway_config;

enum outside_state {
	OUTSIDE_UNTESTED,
	OUTSIDE_CONFIRMED,
	OUTSIDE_SILENT,
	OUTSIDE_WRONG,
	OUTSIDE_STATE_COUNT
};
extern const char *const outside_state_names[OUTSIDE_STATE_COUNT];

struct outside_egress {
	char name[CONFIG_NAME_MAX];
	struct ip4 public_ip;  /* what should be seen */
	struct ip4 private_ip; /* 0: isn't ours now, and so isn't tested */
	enum outside_state state;
	struct ip4 seen;                 /* in the last test with a useful answer; 0: never */
	char reason[OUTSIDE_REASON_MAX]; /* one sentence */
	struct mono judged_at;           /* when the state was last found so; 0: never */
	struct mono test_at;             /* not tested before */
	bool doubted;                    /* seen wrongly once, and not rightly since */
};

struct outside {
	struct outside_egress *v;
	size_t n;
	int64_t interval_ms;
};

/* What one server said. */
struct outside_answer {
	struct ip4 seen; /* 0: nothing useful, and `reason` says why */
	char reason[128];
};

/* One for each egress IP of the configuration, none ours yet. 0 or -ENOMEM. */
int outside_init(struct outside *outside, const struct gateway_config *config);
void outside_done(struct outside *outside);
/* After outside_init for a new configuration: what has the same name stays as it was, and is tested at once. */
void outside_adopt(struct outside *outside, const struct outside *old);
/*
 * Where the egress IP is now; private_ip 0: not here. Another place than before begins anew, with a test at once.
 * True: it did, and a test that is under way is about the old place.
 */
bool outside_place(struct outside *outside, size_t i, struct ip4 public_ip, struct ip4 private_ip,
		   struct mono now);
/* It's WRONG until a test says otherwise: an earlier process found it so. */
void outside_condemn(struct outside *outside, size_t i);

/*
 * An answer's body: exactly one IPv4 address that can be seen on the internet, with white space around it, or
 * {"ip": "ADDRESS"}.
 */
void outside_read(const char *body, size_t length, struct outside_answer *ret);
/* The end of a test: what was answered so far decides. All servers were asked, or one named the right address. */
void outside_judge(struct outside *outside, size_t i, const struct outside_answer *answers,
		   size_t n, struct mono now);

/* Judged, these answers would make its state worse: before that it must be sure that they are about it. */
bool outside_worsens(const struct outside *outside, size_t i, const struct outside_answer *answers,
		     size_t n);
/* They aren't: the test counts for nothing. */
void outside_put_off(struct outside *outside, size_t i, struct mono now);

/* Which is to be tested next, and in how many ms, at least 0. False: none is ours. */
bool outside_next(const struct outside *outside, struct mono now, size_t *ret_index,
		  int64_t *ret_ms);
bool outside_is_wrong(const struct outside *outside, size_t i);
/* None of those that have a private address is UNTESTED or WRONG. */
bool outside_is_settled(const struct outside *outside);
