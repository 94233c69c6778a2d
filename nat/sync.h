// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Keeps one nftables table as it is desired: observe -> plan -> apply -> observe again until nothing is
 * left to do. A run is synchronous and short. What others change in the table is noticed by notification;
 * single elements go the short way (nat_sync_elems).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nat/apply.h"
#include "nat/between.h"
#include "nat/plan.h"

struct err;
struct loop;
struct nat_sync;
struct nat_observed;

struct nat_sync_ops {
	/* Somebody else changed our table, or notifications were lost: call nat_sync_run soon. Called at most
	 * once until the next nat_sync_run. `what` is a short text ("table deleted"). */
	void (*on_stale)(const char *what, void *data);
};

struct nat_sync_stats {
	uint64_t runs, transactions, failures, overruns;
};

/* NULL with the reason; -EPROTONOSUPPORT in the text when the kernel has no nf_tables. */
struct nat_sync *nat_sync_new(struct loop *loop, struct nat_table table,
			      const struct nat_sync_ops *ops, void *data, struct err *err);
void nat_sync_free(struct nat_sync *sync); /* leaves the kernel as it is */

/*
 * Two of one process, of which the second is always run after the first: neither listens while the other makes a
 * large change, since the kernel would make messages of all of it. What others do to the first one's table while the
 * second makes such a change is seen at its next run only.
 */
void nat_sync_pair(struct nat_sync *sync, struct nat_sync *peer);

/*
 * Brings the table to `desired` and reads it back. *ret_changed: transactions that were needed (0: it
 * was so already); ret_summary: what differed, in NAT_PLAN_TEXT_MAX bytes. Both may be NULL. 0;
 * NFNL_E_STALE; -errno with the object in err; -ELOOP when the kernel still differs after 3 rounds, with
 * the first difference in err.
 */
int nat_sync_run(struct nat_sync *sync, const struct nat_ruleset *desired, size_t *ret_changed,
		 char *ret_summary, struct err *err);

/*
 * nat/apply.h: nat_apply_elems on the kept-open socket. After a failure call nat_sync_run. With more elements than
 * this, nat_sync_run is cheaper: see apply_plan in sync.c.
 */
enum { NAT_SYNC_ELEMS_MAX = 1000 };
int nat_sync_elems(struct nat_sync *sync, const struct nat_ruleset *names,
		   struct nat_changes changes, struct err *err);

/*
 * From `was`, as which it is known, to `is`, likewise without reading anything, if only elements differ and there are
 * few of them. 0; NAT_PLAN_MORE: nothing was done, a run does it; else as nat_sync_elems.
 */
int nat_sync_between(struct nat_sync *sync, const struct nat_ruleset *was,
		     const struct nat_ruleset *is, struct err *err);
/* What was told of the table and not heard yet, so that on_stale is called now. */
void nat_sync_hear(struct nat_sync *sync);

/* Reads what is there now, for adoption at start and for status. See nat/observe.h. */
int nat_sync_observe(struct nat_sync *sync, struct nat_observed *ret, struct err *err);
int nat_sync_counters(struct nat_sync *sync, struct nat_observed *ret, struct err *err);
/* Deletes our table. For --cleanup. */
int nat_sync_cleanup(struct nat_sync *sync, struct err *err);
struct nat_sync_stats nat_sync_stats(const struct nat_sync *sync);

/*
 * Decodes a notification: the text of what happened when it concerns `table` and doesn't come from
 * `own_port`, else NULL. Public for the fuzzer.
 */
struct nlmsghdr;
const char *nat_sync_notice(const struct nlmsghdr *nlh, struct nat_table table, uint32_t own_port);
