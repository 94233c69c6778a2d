// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Changes that are so small that looking at the kernel would cost more than they do. */
#include <errno.h>
#include <string.h>

#include "nat/delta.h"
#include "nat/keeper_internal.h"
#include "nat/sync.h"
#include "netlink/sync.h"

static size_t count_elements(const struct keeper_delta *delta)
{
	size_t n = 0;

	for (size_t i = 0; i < delta->n_sets; i++)
		n += delta->sets[i].del.n + delta->sets[i].add.n;
	return n;
}

static int change_elements(struct keeper *keeper, const struct keeper_delta *delta, struct err *err)
{
	struct nat_change changes[KEEPER_SETS_MAX];
	int rc = 0;

	for (size_t i = 0; i < delta->n_sets && !rc; i++) {
		const struct keeper_elems *elems = &delta->sets[i];
		const struct nat_set *set = nat_set_find(&keeper->ruleset, elems->set);

		changes[i] =
			(struct nat_change){ .set = set, .del = elems->del, .add = elems->add };
		rc = set ? nat_ruleset_change(&keeper->ruleset, &changes[i]) : -ENOENT;
		if (rc)
			err_set(err, rc, "set %s: %s", elems->set, strerror(-rc));
	}
	return rc ? rc :
		    nat_sync_elems(keeper->nat, &keeper->ruleset,
				   (struct nat_changes){ changes, delta->n_sets }, err);
}

static int change_routes(struct keeper *keeper, struct rt_routes del, struct rt_routes add,
			 struct err *err)
{
	struct net_delta delta = { .del = del, .add = add };

	return del.n || add.n ? net_sync_delta(keeper->net, &delta, err) : 0;
}

int keeper_change(struct keeper *keeper, const struct keeper_delta *delta, struct err *err)
{
	const struct rt_routes none = { 0 };
	size_t n = count_elements(delta);
	int rc;

	if (keeper->state != KEEPER_READY || keeper_is_due(keeper) || n > NAT_SYNC_ELEMS_MAX ||
	    delta->n_sets > KEEPER_SETS_MAX) {
		keeper_poke(keeper, KEEPER_CHANGE);
		return 1;
	}
	rc = change_routes(keeper, none, delta->routes.add, err);
	if (!rc && n)
		rc = change_elements(keeper, delta, err);
	if (!rc)
		rc = change_routes(keeper, delta->routes.del, none, err);
	if (rc) {
		keeper->torn = true;
		keeper_poke(keeper, KEEPER_CHANGE);
		return 1;
	}
	keeper->stats.changes++;
	keeper_count(keeper);
	return 0;
}

int keeper_change_second(struct keeper *keeper, struct err *err)
{
	struct keeper_second_run did;

	if (!keeper_second_run(&keeper->second, &keeper->ops, keeper->data, &did, err))
		return 0;
	keeper->torn = true;
	keeper_poke(keeper, KEEPER_CHANGE);
	return 1;
}

/* Nothing is due, or was heard of, that would make the kernel other than what was wanted last. */
static bool is_as_known(struct keeper *keeper)
{
	nat_sync_hear(keeper->nat);
	if (keeper->second.nat)
		nat_sync_hear(keeper->second.nat);
	return keeper->state == KEEPER_READY && keeper->described && !keeper->torn &&
	       !keeper_is_due(keeper);
}

static int bring_next(struct keeper *keeper, const struct nat_ruleset *ruleset,
		      struct net_desired *wanted, struct err *err)
{
	int rc = net_sync_next(keeper->net, wanted, err);

	if (!rc)
		rc = nat_sync_between(keeper->nat, &keeper->ruleset, ruleset, err);
	return rc ? rc : keeper_second_next(&keeper->second, &keeper->ops, keeper->data, err);
}

int keeper_next(struct keeper *keeper, struct err *err)
{
	struct nat_ruleset ruleset = { 0 };
	struct net_desired wanted = { 0 };
	int rc;

	if (!is_as_known(keeper))
		return KEEPER_MORE;
	rc = keeper->ops.describe(&ruleset, &wanted, keeper->data, err);
	if (!rc)
		rc = bring_next(keeper, &ruleset, &wanted, err);
	net_desired_done(&wanted);
	if (rc) {
		nat_ruleset_done(&ruleset);
		/* What is wanted is something else now: the run that follows brings it, and repairs nothing. */
		keeper->torn = true;
		return KEEPER_MORE;
	}
	nat_ruleset_done(&keeper->ruleset);
	keeper->ruleset = ruleset;
	keeper->stats.changes++;
	keeper_count(keeper);
	return 0;
}
