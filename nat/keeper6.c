// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/keeper6.h"

#include <errno.h>

#include "base/err.h"
#include "nat/sync.h"

/* What a kernel without CONFIG_NF_TABLES_IPV6 or without one of its modules answers to a base chain or a rule. */
static bool means_lacking(int rc)
{
	return rc == -ENOENT || rc == -EOPNOTSUPP || rc == -EAFNOSUPPORT || rc == -EPROTONOSUPPORT;
}

static int bring(struct keeper6 *six, struct nat_ruleset *ruleset, struct keeper6_run *run,
		 struct err *err)
{
	int rc = nat_sync_run(six->nat, ruleset, &run->transactions, run->summary, err);

	if (rc && !six->stood && means_lacking(rc)) {
		six->state = KEEPER_IP6_LACKING;
		run->summary[0] = '\0';
		return err_set(err, 0, "%s", "");
	}
	if (rc)
		return rc;
	run->same = six->described && nat_ruleset_equal(&six->wanted, ruleset);
	nat_ruleset_done(&six->wanted);
	six->wanted = *ruleset;
	*ruleset = (struct nat_ruleset){ 0 };
	six->described = six->stood = true;
	six->state = KEEPER_IP6_KEPT;
	return 0;
}

int keeper6_run(struct keeper6 *six, const struct keeper_ops *ops, void *data,
		struct keeper6_run *ret, struct err *err)
{
	struct nat_ruleset ruleset = { 0 };
	int rc;

	*ret = (struct keeper6_run){ .same = true };
	if (!six->nat)
		return 0;
	rc = ops->describe6(&ruleset, data, err);
	if (rc == KEEPER_NEEDLESS) {
		six->state = KEEPER_IP6_NEEDLESS;
		rc = 0;
	} else if (!rc) {
		rc = bring(six, &ruleset, ret, err);
	}
	nat_ruleset_done(&ruleset);
	return rc;
}

static int bring_next(struct keeper6 *six, struct nat_ruleset *ruleset, struct err *err)
{
	int rc = nat_sync_between(six->nat, &six->wanted, ruleset, err);

	if (rc)
		return rc == NAT_PLAN_MORE ? KEEPER_MORE : rc;
	nat_ruleset_done(&six->wanted);
	six->wanted = *ruleset;
	*ruleset = (struct nat_ruleset){ 0 };
	return 0;
}

int keeper6_next(struct keeper6 *six, const struct keeper_ops *ops, void *data, struct err *err)
{
	struct nat_ruleset ruleset = { 0 };
	int rc;

	/* Whether a kernel has such tables by now is tried by the runs. */
	if (!six->nat || six->state == KEEPER_IP6_LACKING)
		return 0;
	rc = ops->describe6(&ruleset, data, err);
	if (rc == KEEPER_NEEDLESS)
		rc = six->state == KEEPER_IP6_NEEDLESS ? 0 : KEEPER_MORE;
	else if (!rc)
		rc = six->state == KEEPER_IP6_KEPT ? bring_next(six, &ruleset, err) : KEEPER_MORE;
	nat_ruleset_done(&ruleset);
	return rc;
}

void keeper6_done(struct keeper6 *six)
{
	nat_sync_free(six->nat);
	nat_ruleset_done(&six->wanted);
}
