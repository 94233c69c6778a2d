// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Deinstallation. What AWS associates stays as it is. */
#include "gateway/agent.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "gateway/parameters.h"
#include "gateway/table/desired.h"
#include "gateway/table/fast.h"
#include "nat/keeper.h"
#include "netlink/sync.h"

/* Nothing is run, so nothing is described. */
static int describe_nothing(struct nat_ruleset *ruleset, void *data, struct err *err)
{
	(void)ruleset;
	(void)data;
	(void)err;
	return KEEPER_NEEDLESS;
}

static const struct keeper_ops keeper_ops = { .describe_second = describe_nothing,
					      .second = { NAT_IP, GATEWAY_FAST_TABLE } };

int agent_cleanup(const void *data, struct err *err)
{
	struct gateway_view view = { .config = data };
	CLEANUP(net_desired_done) struct net_desired net = { 0 };
	struct loop *loop = loop_new();
	struct keeper *keeper = loop ? keeper_new(loop, GATEWAY_TABLE, &keeper_ops, NULL, err) :
				       NULL;
	int rc = keeper ? gateway_describe_routing(&view, &net) : -ENOMEM;

	if (!rc)
		rc = keeper_cleanup(keeper, &net, err);
	/* Last: it stands for the rules while they go. */
	if (!rc)
		rc = parameters_remove_guard(net_sync_rtnl(keeper_net_sync(keeper)), view.config,
					     err);
	keeper_free(keeper);
	loop_free(loop);
	return rc;
}
