// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "connections.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/err.h"
#include "bench.h"
#include "nat/flow.h"
#include "nat/nfnl.h"

struct connections {
	struct nfnl *nfnl;
	struct ct_writer *writer;
	FILE *count;
};

struct connections *connections_open(const char *netns_path, FILE **ret_device_stats)
{
	struct connections *connections = calloc(1, sizeof(*connections));
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
	    there = open(netns_path, O_RDONLY | O_CLOEXEC);
	struct err err = ERR_NULL;

	if (!connections || home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
		fail(netns_path, strerror(errno));
	/* All of them stay in the namespace in which they were opened. */
	connections->nfnl = nfnl_open(&err);
	connections->writer = ct_writer_new(&err);
	connections->count = fopen("/proc/sys/net/netfilter/nf_conntrack_count", "re");
	*ret_device_stats = fopen("/proc/thread-self/net/dev", "re");
	if (!connections->nfnl || !connections->writer || !connections->count ||
	    !*ret_device_stats || setns(home, CLONE_NEWNET) < 0)
		fail(netns_path, err.text[0] ? err.text : strerror(errno));
	close(home);
	close(there);
	return connections;
}

void connections_close(struct connections *connections)
{
	ct_writer_free(connections->writer);
	nfnl_close(connections->nfnl);
	fclose(connections->count);
	free(connections);
}

long connections_count(const struct connections *connections)
{
	char text[32] = "";

	rewind(connections->count);
	if (!fgets(text, sizeof(text), connections->count))
		fail("nf_conntrack_count", "can't be read");
	return strtol(text, NULL, 10);
}

static bool count_assured(const struct ct_entry *entry, void *data)
{
	long *assured = data;

	if ((entry->status & IPS_ASSURED) && (entry->status & IPS_SEEN_REPLY))
		++*assured;
	return false;
}

long connections_assured(const struct connections *connections)
{
	struct ct_entries none = { 0 };
	struct err err = ERR_NULL;
	long assured = 0;

	if (ct_list(connections->nfnl, count_assured, &assured, &none, &err))
		fail("connections", err.text);
	ct_entries_done(&none);
	return assured;
}

void connections_put(const struct connections *connections, const struct ct_flow *flow)
{
	struct err err = ERR_NULL;

	if (ct_writer_put(connections->writer, CT_FLOW_NEW, flow, &err))
		fail("connections", err.text);
}

void connections_put_end(const struct connections *connections)
{
	struct err err = ERR_NULL;

	if (ct_writer_flush(connections->writer, &err))
		fail("connections", err.text);
}

void connections_flush(const struct connections *connections)
{
	static const uint16_t delete = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	struct nfnl_dump answer = { .what = "flushing connections" };
	struct err err = ERR_NULL;

	if (nfnl_talk(connections->nfnl, nfnl_request(connections->nfnl, delete, 0, AF_UNSPEC),
		      &answer, &err))
		fail("connections", err.text);
}
