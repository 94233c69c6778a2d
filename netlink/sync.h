// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Keeps the kernel's routing objects as they are desired: observe -> plan -> apply -> observe again until
 * nothing is left to do. One round is synchronous and short. What others change in ours is noticed by
 * notification (and by a slow periodic pass that the owner drives) and repaired.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netlink/plan.h"
#include "netlink/rtnl.h"

struct loop;
struct net_sync;

struct net_sync_ops {
	/* Somebody else touched something of ours, or the view was lost: call net_sync_run soon (at once,
	 * from here, is fine too). Called at most once until the next net_sync_run, and not before the
	 * first. `what` is a short text ("rule deleted: ..."). */
	void (*on_stale)(const char *what, void *data);
	/* Every route and link change by others, ours or not (pods are found by it). May be NULL. */
	void (*on_foreign)(const struct rt_change *change, void *data);
	/* Notifications were lost: what was learnt through on_foreign has to be read anew. May be NULL. */
	void (*on_lost)(void *data);
};

struct net_sync_stats {
	uint64_t runs, steps, failures;
	uint64_t overruns; /* notifications lost, followed by a full read */
};

/* `ops` is copied. Without a `loop` (for a clean-up) nothing is watched. No callback may free the sync. */
struct net_sync *net_sync_new(struct loop *loop, const struct net_sync_ops *ops, void *data,
			      struct err *err);
void net_sync_free(struct net_sync *sync); /* leaves the kernel as it is */
/* The socket for other dumps of the owner. */
struct rtnl *net_sync_rtnl(struct net_sync *sync);

/*
 * Brings the kernel to `desired` and reads it back. At most 4 rounds. *ret_steps counts the applied
 * steps (0: nothing differed), `ret_summary` (RT_TEXT_MAX bytes) gets a short text of
 * them ("3 routes, 1 rule"; "" for none); both may be NULL.
 * 0; RTNL_E_STALE; -errno with the object in `err`; -ELOOP when the kernel still differs after the last
 * round (the text names the first difference). A step that fails ends the round, since later steps rely
 * on earlier ones; if the world changed in between, the next round starts from what is there then.
 * `desired` is copied for the judgement of notifications.
 */
int net_sync_run(struct net_sync *sync, const struct net_desired *desired, size_t *ret_steps,
		 char *ret_summary, struct err *err);
/*
 * The same, of one that has much to describe: its arrays are taken over, also on failure, and `desired` is empty then.
 * What was asked for last is lent: NULL before the first run and after a clean-up.
 */
int net_sync_run_owned(struct net_sync *sync, struct net_desired *desired, size_t *ret_steps,
		       char *ret_summary, struct err *err);
const struct net_desired *net_sync_desired(const struct net_sync *sync);
/*
 * A few routes less and more, at once and without reading anything. Additions come first, so that an address
 * that changes its way is never without one. RT_OIF_TUNNEL is the device of the last run. -EAGAIN: there was none;
 * -ENOENT, -EEXIST: net_desired_change; else the kernel's errno. After a failure call net_sync_run: the kernel
 * may have part of it.
 */
int net_sync_delta(struct net_sync *sync, const struct net_delta *delta, struct err *err);
/*
 * From what was asked for last, which the kernel has, to `desired`, without reading anything, if only routes and rules
 * differ. The arrays are taken over as by net_sync_run_owned, unless NET_SYNC_MORE is returned: nothing was done, a run
 * does it. Else 0, or the kernel's errno: then it may have part of it.
 */
enum net_sync_code { NET_SYNC_MORE = 2 /* beside RTNL_E_STALE */ };
int net_sync_next(struct net_sync *sync, struct net_desired *desired, struct err *err);
/* Removes our rules, then our routes, then the tunnel device (if it is ours). For --cleanup. Only the tunnel
 * and its address in `desired` matter. Afterwards nothing is desired, and nothing is reported as stale. */
int net_sync_cleanup(struct net_sync *sync, const struct net_desired *desired, struct err *err);
struct net_sync_stats net_sync_stats(const struct net_sync *sync);
