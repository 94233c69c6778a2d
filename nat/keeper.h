// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Keeps what a daemon wants in the kernel there: routing objects, one nftables table, and a second one where its owner
 * wants one. It decides when to
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

/* Where the second table is. */
enum keeper_second_state {
	KEEPER_SECOND_UNWANTED, /* no run yet, or the owner has none */
	KEEPER_SECOND_KEPT,
	KEEPER_SECOND_NEEDLESS, /* as the owner's describe_second said */
	KEEPER_SECOND_LACKING,  /* the kernel hasn't what it needs */
	KEEPER_SECOND_COUNT
};
extern const char *const keeper_second_names[KEEPER_SECOND_COUNT];
enum keeper_code { KEEPER_NEEDLESS = 1, KEEPER_MORE };

/* What one run did; valid during the call of `on_run`. */
struct keeper_report {
	enum keeper_cause cause;
	int rc;              /* 0, or why it failed */
	const char *error;   /* "" when rc is 0 */
	int error_id;        /* of its cause (base/message.h), if that has one; else 0 */
	const char *noticed; /* what the kernel told us, "" if nothing */
	bool changed;        /* something differed and was corrected */
	bool repaired;       /* it differed although what is wanted is what was wanted before */
	enum keeper_second_state second;
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
	/* The same for a second table; or KEEPER_NEEDLESS. NULL: there is none. */
	int (*describe_second)(struct nat_ruleset *ruleset, void *data, struct err *err);
	struct nat_table second; /* without a name: ip6, and the first one's name */
	/* Things go on without it: what the kernel refuses makes it KEEPER_SECOND_LACKING, and no run fails unless what
	 * stands of it can't be removed then. Needless, it is removed. */
	bool second_is_optional;
	void (*on_run)(const struct keeper_report *report, void *data);
	/* Route and link changes of others (netlink/sync.h). May be NULL. */
	void (*on_foreign)(const struct rt_change *change, void *data);
	/* Such changes were lost: read anew what was learnt from them. May be NULL. */
	void (*on_lost)(void *data);
};

struct keeper_stats {
	uint64_t runs, repairs, failures;
	uint64_t changes;                         /* small ones that are in the kernel */
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

/*
 * A small change of what is wanted, as the owner's `describe` will tell it from now on: elements of some sets, each
 * there once, and routes. The arrays are the caller's, and may be sorted here.
 */
struct keeper_elems {
	const char *set; /* without ranges; its elements name neither device nor chain */
	struct nat_elem_list del, add;
};
struct keeper_delta {
	const struct keeper_elems *sets;
	size_t n_sets; /* at most KEEPER_SETS_MAX */
	struct net_delta routes;
};
enum { KEEPER_SETS_MAX = 4 };
/*
 * Brings it to the kernel at once, without describing, reading or planning anything. Routes come before the
 * elements that lead packets to them, and go after them. 0; 1: a run does it soon, since one is due anyway, the
 * last one failed, it is a large change after all (NAT_SYNC_ELEMS_MAX), or this failed, with the reason in `err`.
 */
int keeper_change(struct keeper *keeper, const struct keeper_delta *delta, struct err *err);
/*
 * What is wanted may be a little different now: describes it, and brings what differs from what was wanted last to the kernel
 * without reading anything, if that is only routes, rules, and elements of sets. The order is that of a run: routing, the
 * table, the second table. on_run isn't called. 0: the kernel has it; KEEPER_MORE: call keeper_run, since more
 * differs, a run is due, somebody else changed something, or this failed, with the reason in `err`.
 */
int keeper_next(struct keeper *keeper, struct err *err);
/*
 * Brings the second table alone to what is wanted now, at once. 0; 1: a run does it soon, since this failed, with the reason
 * in `err`.
 */
int keeper_change_second(struct keeper *keeper, struct err *err);
/* A run follows soon, or when a failed one is tried again. */
bool keeper_is_due(const struct keeper *keeper);

/* What was last wanted and accepted; NULL before the first good run. For explain and status. */
const struct nat_ruleset *keeper_ruleset(const struct keeper *keeper);
const struct net_desired *keeper_net(const struct keeper *keeper);

enum keeper_state keeper_state(const struct keeper *keeper);
const char *keeper_error(const struct keeper *keeper); /* "" when all is well */
int keeper_error_id(const struct keeper *keeper);      /* MESSAGE_NONE when all is well */
struct keeper_stats keeper_stats(const struct keeper *keeper);
struct nat_sync *keeper_nat(struct keeper *keeper);
/* NULL: there is no second table, or it doesn't stand. */
struct nat_sync *keeper_nat_second(struct keeper *keeper);
enum keeper_second_state keeper_second_state(const struct keeper *keeper);
struct net_sync *keeper_net_sync(struct keeper *keeper);

/* Removes all of it from the kernel: rules, routes, device, table. For --cleanup. */
int keeper_cleanup(struct keeper *keeper, const struct net_desired *net, struct err *err);
