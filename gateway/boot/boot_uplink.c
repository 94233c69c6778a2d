// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/boot/boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "netlink/rtnl.h"

enum { MAC_TEXT = 18 };

static void format_mac(const uint8_t mac[static 6], char ret[static MAC_TEXT])
{
	snprintf(ret, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
}

int boot_find_uplink(const char *mac, char ret[static RT_IFNAME_MAX], struct err *err)
{
	struct rt_links links = { 0 };
	struct rtnl *rtnl = rtnl_open(err);
	int rc = rtnl ? rtnl_links(rtnl, &links, err) : -EIO;
	int best = 0;
	char text[MAC_TEXT];

	if (!rc)
		rc = err_set(err, -ENODEV, "no device has the primary interface's MAC %s", mac);
	for (size_t i = 0; i < links.n; i++) {
		format_mac(links.v[i].mac, text);
		/* A VLAN or a bridge upon it has its MAC, too, and came later. */
		if (strcmp(text, mac) != 0 || (best && links.v[i].ifindex > best))
			continue;
		best = links.v[i].ifindex;
		memcpy(ret, links.v[i].name, RT_IFNAME_MAX);
		rc = 0;
	}
	free(links.v);
	rtnl_close(rtnl);
	return rc;
}
