// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Keeps what a daemon wants in the kernel there: routing objects and one nftables table. It decides when to
 * look - at start, after a poke, when somebody else changed something, and slowly all the time - and in
 * which order; what is wanted comes from its owner.
 *
 *   STARTING --first run read back--> READY <--failed run / good run--> DEGRADED (retried with back-off)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"
#include "nat/ruleset.h"
#include "netlink/plan.h"
#include "netlink/rtnl.h"

struct err;
struct keeper;
struct loop;
struct nat_sync;
struct net_sync;

enum keeper_state { KEEPER_STARTING, KEEPER_READY, KEEPER_DEGRADED, KEEPER_STATE_COUNT };

enum keeper_cause {
	KEEPER_START,   /* the first run */
	KEEPER_CHANGE,  /* the owner wants something else now */
	KEEPER_FOREIGN, /* somebody else changed something of ours */
	KEEPER_PERIODIC,
	KEEPER_RETRY,
	KEEPER_CAUSE_COUNT
};
extern const char *const keeper_cause_names[KEEPER_CAUSE_COUNT];
extern const char *const keeper_state_names[KEEPER_STATE_COUNT];

/* What one run did; valid during the call of `on_run`. */
struct keeper_report {
	enum keeper_cause cause;
	int rc;              /* 0, or why it failed */
	const char *error;   /* "" when rc is 0 */
	const char *noticed; /* what the kernel told us, "" if nothing */
	bool changed;        /* something differed and was corrected */
	bool repaired;       /* it differed although what is wanted is what was wanted before */
	const char *summary; /* what differed: "table: 3 rules; routing: 1 rule added" */
	int64_t took_us;
};

struct keeper_ops {
	/*
	 * Describes what should be. Both are empty and initialised; the keeper frees them. 0; a negative
	 * errno with the reason: nothing is changed in the kernel and the run is tried again later.
	 */
	int (*describe)(struct nat_ruleset *ruleset, struct net_desired *net, void *data,
			struct err *err);
	void (*on_run)(const struct keeper_report *report, void *data);
	/* Route and link changes of others (netlink/sync.h). May be NULL. */
	void (*on_foreign)(const struct rt_change *change, void *data);
	/* Such changes were lost: read anew what was learnt from them. May be NULL. */
	void (*on_lost)(void *data);
};

struct keeper_stats {
	uint64_t runs, repairs, failures;
	size_t rules, elements, routes, ip_rules; /* of what is wanted now */
	char last_repair[200];
	struct mono last_repair_at, state_since;
};

struct keeper *keeper_new(struct loop *loop, const char *table, const struct keeper_ops *ops,
			  void *data, struct err *err);
void keeper_free(struct keeper *keeper); /* leaves the kernel as it is */

/* Runs now, synchronously. The first call ends STARTING if it succeeds. Returns the report's rc. */
int keeper_run(struct keeper *keeper, enum keeper_cause cause, struct err *err);
/* Runs soon; several pokes within a few milliseconds become one run. */
void keeper_poke(struct keeper *keeper, enum keeper_cause cause);

/* What was last wanted and accepted; NULL before the first good run. For explain and status. */
const struct nat_ruleset *keeper_ruleset(const struct keeper *keeper);
const struct net_desired *keeper_net(const struct keeper *keeper);

enum keeper_state keeper_state(const struct keeper *keeper);
const char *keeper_error(const struct keeper *keeper); /* "" when all is well */
struct keeper_stats keeper_stats(const struct keeper *keeper);
struct nat_sync *keeper_nat(struct keeper *keeper);
struct net_sync *keeper_net_sync(struct keeper *keeper);

/* Removes all of it from the kernel: rules, routes, device, table. For --cleanup. */
int keeper_cleanup(struct keeper *keeper, const struct net_desired *net, struct err *err);
