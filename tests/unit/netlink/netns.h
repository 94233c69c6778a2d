// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A network namespace of the test's own, a handle to it, and iproute2 as the independent other: it does
 * what somebody else would do, and shows what the kernel really has.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "netlink/rtnl.h"
#include "unit.h"

struct loop;

struct netns {
	struct rtnl *rtnl;
	struct err err;
	struct rt_link tunnel; /* netns_make_tunnel */
};

/* For cmocka: each test begins in an empty namespace with lo up. Without the privilege the test program
 * exits with 77, "skipped". */
int netns_set_up(void **state);
int netns_tear_down(void **state);
/* Enters a new namespace; used by set_up, and by fixtures of their own. */
void netns_enter(void);

/* Runs `ip ARGUMENTS`, blank-separated; a failure fails the test. */
void netns_ip(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, returns what it printed (valid until the next call), lines ended by " \n" as iproute2 does. */
const char *netns_ip_shows(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs `tc ARGUMENTS`, and returns what it printed. */
const char *netns_tc(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* sample_tunnel() with address and neighbour, up; its link goes to ns->tunnel. */
void netns_make_tunnel(struct netns *ns);

/* Runs the loop until done(data), at most 20 s; then the test fails with `what`. */
void netns_wait_until(struct loop *loop, bool (*done)(void *data), void *data, const char *what);
/* Runs the loop until a change made now by iproute2 must have been seen: for "nothing happened". */
#define NETNS_QUIET_MS 50
void netns_run_for_ms(struct loop *loop, int ms);

#define assert_ok(ns, call)                                        \
	do {                                                       \
		if ((call) != 0)                                   \
			fail_msg("%s: %s", #call, (ns)->err.text); \
	} while (0)
#define in_a_netns(f) cmocka_unit_test_setup_teardown(f, netns_set_up, netns_tear_down)
