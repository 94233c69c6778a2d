// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/keeper_second.h"

#include <errno.h>

#include "base/err.h"
#include "nat/observe.h"
#include "nat/sync.h"

/* What a kernel without CONFIG_NF_TABLES_IPV6 or without one of its modules answers to a base chain or a rule. */
static bool means_lacking(int rc)
{
	return rc == -ENOENT || rc == -EOPNOTSUPP || rc == -EAFNOSUPPORT || rc == -EPROTONOSUPPORT;
}

/* Others hear of each transaction: none where there is nothing to remove. */
static int remove_what_stands(struct keeper_second *second, struct err *err)
{
	struct nat_observed seen = { 0 };
	int rc = nat_sync_observe(second->nat, &seen, err);

	second->described = false;
	if (!rc && seen.has_table)
		rc = nat_sync_cleanup(second->nat, err);
	nat_observed_done(&seen);
	return rc;
}

/*
 * Without an optional table things go on, but not with one that is as it was wanted before: a flowtable would carry on
 * what is to stop. `rc`: why it couldn't be brought.
 */
static int go_without(struct keeper_second *second, bool is_optional, int rc, struct err *err)
{
	struct err spare = ERR_NULL;

	if (is_optional ? remove_what_stands(second, &spare) : second->stood || !means_lacking(rc))
		return rc;
	second->state = KEEPER_SECOND_LACKING;
	return err_set(err, 0, "%s", "");
}

static int bring(struct keeper_second *second, bool is_optional, struct nat_ruleset *ruleset,
		 struct keeper_second_run *run, struct err *err)
{
	int rc = nat_sync_run(second->nat, ruleset, &run->transactions, run->summary, err);

	if (rc) {
		run->summary[0] = '\0';
		return go_without(second, is_optional, rc, err);
	}
	run->same = second->described && nat_ruleset_equal(&second->wanted, ruleset);
	nat_ruleset_done(&second->wanted);
	second->wanted = *ruleset;
	*ruleset = (struct nat_ruleset){ 0 };
	second->described = second->stood = true;
	second->state = KEEPER_SECOND_KEPT;
	return 0;
}

/* Also what an earlier process left. */
static int remove_once(struct keeper_second *second, struct err *err)
{
	return second->state == KEEPER_SECOND_NEEDLESS ? 0 : remove_what_stands(second, err);
}

int keeper_second_run(struct keeper_second *second, const struct keeper_ops *ops, void *data,
		      struct keeper_second_run *ret, struct err *err)
{
	struct nat_ruleset ruleset = { 0 };
	int rc;

	*ret = (struct keeper_second_run){ .same = true };
	if (!second->nat)
		return 0;
	rc = ops->describe_second(&ruleset, data, err);
	if (rc == KEEPER_NEEDLESS) {
		rc = ops->second_is_optional ? remove_once(second, err) : 0;
		second->state = rc ? second->state : KEEPER_SECOND_NEEDLESS;
	} else if (!rc) {
		rc = bring(second, ops->second_is_optional, &ruleset, ret, err);
	}
	nat_ruleset_done(&ruleset);
	return rc;
}

static int bring_next(struct keeper_second *second, struct nat_ruleset *ruleset, struct err *err)
{
	int rc = nat_sync_between(second->nat, &second->wanted, ruleset, err);

	if (rc)
		return rc == NAT_PLAN_MORE ? KEEPER_MORE : rc;
	nat_ruleset_done(&second->wanted);
	second->wanted = *ruleset;
	*ruleset = (struct nat_ruleset){ 0 };
	return 0;
}

int keeper_second_next(struct keeper_second *second, const struct keeper_ops *ops, void *data,
		       struct err *err)
{
	struct nat_ruleset ruleset = { 0 };
	int rc;

	/* Whether a kernel has such tables by now is tried by the runs. */
	if (!second->nat || second->state == KEEPER_SECOND_LACKING)
		return 0;
	rc = ops->describe_second(&ruleset, data, err);
	if (rc == KEEPER_NEEDLESS)
		rc = second->state == KEEPER_SECOND_NEEDLESS ? 0 : KEEPER_MORE;
	else if (!rc)
		rc = second->state == KEEPER_SECOND_KEPT ? bring_next(second, &ruleset, err) :
							   KEEPER_MORE;
	nat_ruleset_done(&ruleset);
	return rc;
}

void keeper_second_done(struct keeper_second *second)
{
	nat_sync_free(second->nat);
	nat_ruleset_done(&second->wanted);
}
