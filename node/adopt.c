// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/node.h"
#include "daemon/uplink.h"
#include "nat/observe.h"
#include "nat/sync.h"
#include "policy/lanes.h"

enum { VXLAN_OVERHEAD = 50 };

void lanes_adopt(struct nat_sync *nat, struct lanes *ret)
{
	CLEANUP(nat_observed_done) struct nat_observed seen = { 0 };
	struct err err = ERR_NULL;

	if (nat_sync_observe(nat, &seen, &err)) {
		log_warning(MSG_LANES_ANEW, "lanes", "%s; lanes are assigned anew", err.text);
		return;
	}
	for (size_t i = 0; i < seen.n_chains; i++) {
		const struct nat_chain *chain = &seen.chains[i].def;
		char *end;

		if (strncmp(chain->name, "lane_", 5) != 0 || !chain->comment[0])
			continue;
		unsigned long lane = strtoul(chain->name + 5, &end, 10);

		if (*end || lane >= LANE_COUNT || strlen(chain->comment) >= LANE_NAME_MAX)
			continue;
		memcpy(ret->names[lane], chain->comment, strlen(chain->comment) + 1);
	}
}

int adopt_mtu(struct rtnl *rtnl, struct node_config *config, uint32_t *ret, struct err *err)
{
	struct rt_link uplink;
	int rc;

	rc = uplink_find(rtnl, config->node.uplink, &uplink, err);
	if (rc)
		return err_prefix(err, rc, "node.uplink");
	*ret = config->tunnel.mtu;
	if (*ret == 0)
		*ret = uplink.mtu > VXLAN_OVERHEAD ? uplink.mtu - VXLAN_OVERHEAD : uplink.mtu;
	return 0;
}
