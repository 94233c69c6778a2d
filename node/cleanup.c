// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/cleanup.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "daemon/kernel.h"
#include "nat/nfnl.h"
#include "nat/sync.h"
#include "netlink/sync.h"
#include "node/audit.h"
#include "node/desired.h"

static const struct policy_result no_policies = { 0 };

static bool is_ours(const struct ct_entry *entry, void *data)
{
	return node_audit_is_stale(data, entry);
}

static int describe(const struct node_config *config, struct nat_ruleset *ret_parting,
		    struct net_desired *ret_net)
{
	static const struct lanes no_lanes = { 0 };
	static const struct pods no_pods = { 0 };
	static const struct config_list no_egress = { 0 };
	struct node_view view = { .config = config,
				  .policies = &no_policies,
				  .egress = &no_egress,
				  .lanes = &no_lanes,
				  .pods = &no_pods };
	int rc = node_describe_parting(config, ret_parting);

	return rc ? rc : node_describe_routing(&view, ret_net);
}

struct sockets {
	struct nat_sync *nat, *nat6;
	struct net_sync *net;
	struct nfnl *conntrack;
};

static void sockets_done(struct sockets *s)
{
	nat_sync_free(s->nat);
	nat_sync_free(s->nat6);
	net_sync_free(s->net);
	nfnl_close(s->conntrack);
}

static int sockets_open(struct sockets *ret, struct err *err)
{
	static const struct nat_sync_ops nat_ops = { 0 };
	static const struct net_sync_ops net_ops = { 0 };

	/* Without a loop nothing is watched, and no operation is called. */
	ret->nat =
		nat_sync_new(NULL, (struct nat_table){ NAT_IP, NODE_TABLE }, &nat_ops, NULL, err);
	if (ret->nat)
		ret->nat6 = nat_sync_new(NULL, (struct nat_table){ NAT_IP6, NODE_TABLE }, &nat_ops,
					 NULL, err);
	ret->net = ret->nat6 ? net_sync_new(NULL, &net_ops, NULL, err) : NULL;
	ret->conntrack = ret->net ? nfnl_open(err) : NULL;
	return ret->conntrack ? 0 : -EIO;
}

int node_cleanup(const void *data, struct err *err)
{
	const struct node_config *config = data;
	struct node_audit audit = { .policies = &no_policies, .flag = config->mark.flag };
	const struct ct_source of_ours = { .keep = is_ours, .data = &audit };
	CLEANUP(nat_ruleset_done) struct nat_ruleset parting = { 0 };
	CLEANUP(net_desired_done) struct net_desired net = { 0 };
	CLEANUP(sockets_done) struct sockets sockets = { 0 };
	int rc = describe(config, &parting, &net);

	if (rc)
		return err_set(err, rc, "out of memory");
	rc = sockets_open(&sockets, err);
	if (!rc)
		rc = nat_sync_run(sockets.nat, &parting, NULL, NULL, err);
	if (!rc)
		rc = net_sync_cleanup(sockets.net, &net, err);
	if (!rc)
		(void)kernel_end_connections(sockets.conntrack, &of_ours, true, NULL);
	if (!rc)
		rc = nat_sync_cleanup(sockets.nat, err);
	if (!rc)
		rc = nat_sync_cleanup(sockets.nat6, err);
	return rc > 0 ? -EAGAIN : rc;
}
