// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/agent_internal.h"

#include "base/err.h"
#include "daemon/uplink.h"
#include "netlink/rtnl.h"
#include "netlink/sync.h"

enum { VXLAN_OVERHEAD = 50 };

int agent_find_uplink(struct agent *agent, struct gateway_config *config, struct uplink *ret,
		      struct err *err)
{
	struct rtnl *rtnl = net_sync_rtnl(keeper_net_sync(agent->keeper));
	struct rt_link link;
	int rc = uplink_find(rtnl, config->gateway.uplink, &link, err);

	if (!rc)
		rc = uplink_router(rtnl, link.ifindex, &ret->router, err);
	if (rc)
		return err_prefix(err, rc, "gateway.uplink");
	ret->ifindex = link.ifindex;
	ret->tunnel_mtu = config->tunnel.mtu;
	if (ret->tunnel_mtu == 0)
		ret->tunnel_mtu = link.mtu > VXLAN_OVERHEAD ? link.mtu - VXLAN_OVERHEAD : link.mtu;
	return 0;
}
