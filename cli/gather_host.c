// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/gather.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "cli/facts.h"
#include "daemon/sysctls.h"
#include "netlink/rtnl.h"
#include "policy/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void cleanup_rtnl(struct rtnl **rtnl)
{
	if (*rtnl)
		rtnl_close(*rtnl);
}

static void take_link(struct facts *facts, const struct rt_link *link)
{
	const struct tunnel_config *const tunnel = facts->tunnel;

	if (strcmp(link->name, facts->uplink_name) == 0) {
		facts->uplink = *link;
		facts->has_uplink = true;
	}
	if (strcmp(link->name, tunnel->device) == 0) {
		facts->tunnel_link = *link;
		facts->has_tunnel = true;
	} else if (strcmp(link->kind, "vxlan") == 0 && link->vxlan_port == tunnel->port) {
		snprintf(facts->port_user, sizeof(facts->port_user), "%s", link->name);
	}
}

static void gather_links(struct facts *facts)
{
	struct err err = ERR_NULL;
	struct rt_links links = { 0 };
	CLEANUP(cleanup_rtnl) struct rtnl *rtnl = rtnl_open(&err);

	if (!rtnl || rtnl_links(rtnl, &links, &err) != 0)
		snprintf(facts->links_error, sizeof(facts->links_error), "%.190s",
			 err.text[0] ? err.text : "the devices can't be listed");
	for (size_t i = 0; i < links.n; i++)
		take_link(facts, &links.v[i]);
	free(links.v);
}

/* Kernel sockets, such as those of VXLAN devices, hold their ports as programs do. */
static void gather_port(struct facts *facts)
{
	const struct sockaddr_in any = { .sin_family = AF_INET,
					 .sin_port = htons((uint16_t)facts->tunnel->port) };
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0)
		facts->port_error = errno;
}

static void gather_sysctls(struct facts *facts)
{
	const struct sysctl_table *const table = facts->is_node ? &node_sysctls : &gateway_sysctls;

	for (size_t i = 0; i < table->n && i < SYSCTL_FACTS_MAX; i++) {
		const struct sysctl_row *const row = &table->rows[i];
		struct sysctl_fact *const fact = &facts->sysctls[i];
		char key[SYSCTL_KEY_MAX];
		const int rc = sysctl_read(sysctl_row_key(row,
							  row->place == SYSCTL_TUNNEL ?
								  facts->tunnel->device :
								  facts->uplink_name,
							  key),
					   fact->value, sizeof(fact->value));

		if (rc != 0)
			fact->value[0] = '\0';
		fact->is_absent = rc == -ENOENT;
	}
}

void gather_host(struct facts *facts)
{
	facts->is_root = geteuid() == 0;
	if (facts->tunnel) {
		gather_links(facts);
		gather_port(facts);
		gather_sysctls(facts);
	}
	if (facts->is_root)
		gather_features(facts);
}
