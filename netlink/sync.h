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
	/* Somebody else touched something of ours, or the view was lost: call net_sync_run soon. Called
	 * at most once until the next net_sync_run. `what` is a short text ("rule deleted: ..."). */
	void (*on_stale)(const char *what, void *data);
	/* Every route and link change by others, ours or not (pods are found by it). May be NULL. */
	void (*on_foreign)(const struct rt_change *change, void *data);
};

struct net_sync_stats {
	uint64_t runs, steps, failures;
	uint64_t overruns; /* notifications lost, followed by a full read */
};

struct net_sync *net_sync_new(struct loop *loop, const struct net_sync_ops *ops, void *data,
			      struct err *err);
void net_sync_free(struct net_sync *sync); /* leaves the kernel as it is */
/* The socket for other dumps of the owner. */
struct rtnl *net_sync_rtnl(struct net_sync *sync);

/*
 * Brings the kernel to `desired` and reads it back. At most 4 rounds. *ret_steps counts the applied
 * steps (0: nothing differed), *ret_summary a short text of them ("3 routes, 1 rule"); both may be NULL.
 * 0; RTNL_E_STALE; -errno with the object in `err`; -ELOOP when the kernel still differs after the last
 * round (the text names the first difference).
 */
int net_sync_run(struct net_sync *sync, const struct net_desired *desired, size_t *ret_steps,
		 char ret_summary[static RT_TEXT_MAX], struct err *err);
/* Removes our rules, then our routes, then the tunnel device (if it is ours). For --cleanup. */
int net_sync_cleanup(struct net_sync *sync, const struct net_desired *desired, struct err *err);
struct net_sync_stats net_sync_stats(const struct net_sync *sync);
