// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "compare.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "bench.h"
#include "nat/ct.h"
#include "nat/nfnl.h"
#include "netlink/attr.h"
#include "peer/told.h"

enum { ENTRIES_MAX = 4 << 20 };

struct ip4 compare_address(const char *text)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		fail(text, "no address");
	return (struct ip4){ ntohl(address.s_addr) };
}

struct found {
	uint64_t hash;
	struct ct_entry entry;
	uint64_t since_ns; /* of the wall clock; 0: not said */
};

struct table {
	struct found *v;
	size_t n, size;
	struct ip4 address;
};

static uint64_t start_of(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr, *inner;

	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) != CTA_TIMESTAMP)
			continue;
		attr_for_each_nested(inner, attr) {
			if (mnl_attr_get_type(inner) == CTA_TIMESTAMP_START)
				return be64toh(mnl_attr_get_u64(inner));
		}
	}
	return 0;
}

static bool is_replicated(const struct ct_entry *entry)
{
	return entry->orig.protocol != IPPROTO_TCP || (entry->tcp_state >= TCP_CONNTRACK_SYN_RECV &&
						       entry->tcp_state <= TCP_CONNTRACK_LAST_ACK);
}

static int take(const struct nlmsghdr *nlh, void *data)
{
	struct table *table = data;
	struct ct_entry entry;

	if (ct_decode(nlh, &entry) || entry.reply.dst.v != table->address.v ||
	    !is_replicated(&entry))
		return 0;
	if (table->n == table->size) {
		table->size = table->size ? 2 * table->size : 1024;
		table->v = realloc(table->v, table->size * sizeof(*table->v));
		if (!table->v || table->size > ENTRIES_MAX)
			fail("compare", "too many connections");
	}
	table->v[table->n++] = (struct found){ .hash = told_hash(&entry.orig, 0),
					       .entry = entry,
					       .since_ns = start_of(nlh) };
	return 0;
}

static void restart(void *data)
{
	struct table *table = data;

	table->n = 0;
}

static int by_hash(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static struct table list(const char *netns, const char *address)
{
	CLEANUP(cleanup_fd) int there = open(netns, O_RDONLY | O_CLOEXEC);
	struct table table = { .address = compare_address(address) };
	const struct nfnl_dump dump = {
		.what = "connections", .on_message = take, .restart = restart, .data = &table
	};
	struct err err = ERR_NULL;
	struct nfnl *nfnl;

	if (there < 0 || setns(there, CLONE_NEWNET) < 0)
		fail(netns, strerror(errno));
	nfnl = nfnl_open(&err);
	if (!nfnl || nfnl_dump(nfnl,
			       nfnl_request(nfnl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
					    NLM_F_DUMP, AF_INET),
			       &dump, &err))
		fail(netns, err.text);
	nfnl_close(nfnl);
	qsort(table.v, table.n, sizeof(*table.v), by_hash);
	return table;
}

struct count {
	unsigned total, missing, wrong;
};

/* As the other one's must look: the same but for the address. */
static bool is_same(const struct table *other, struct ct_entry want, const struct found *got)
{
	want.reply.dst = other->address;
	return ct_tuple_equal(&want.orig, &got->entry.orig) &&
	       ct_tuple_equal(&want.reply, &got->entry.reply);
}

static size_t age_of(const int64_t *edges_ms, size_t n, const struct found *found, int64_t end_ns)
{
	int64_t age_ms = (end_ns - (int64_t)found->since_ns) / 1000000;
	size_t i = 0;

	while (i < n && age_ms >= edges_ms[i])
		i++;
	return i;
}

void compare_tables(char *argv[])
{
	static const int64_t edges_ms[] = { 0, 20, 50, 100, 200, 1000, 10000 };
	const struct table ours = list(argv[0], argv[1]), other = list(argv[2], argv[3]);
	int64_t end_ns = strtoll(argv[4], NULL, 10);
	struct count counts[ARRAY_SIZE(edges_ms) + 1] = { 0 };
	const char *comma = "";

	for (size_t i = 0; i < ours.n; i++) {
		const struct found *mine = &ours.v[i];
		struct count *count = &counts[age_of(edges_ms, ARRAY_SIZE(edges_ms), mine, end_ns)];
		const struct found *his =
			other.n ? bsearch(mine, other.v, other.n, sizeof(*other.v), by_hash) : NULL;

		count->total++;
		count->missing += !his;
		count->wrong += his && !is_same(&other, mine->entry, his);
		if (!mine->since_ns)
			fail("compare", "nf_conntrack_timestamp isn't on");
	}
	printf("{\"ours\": %zu, \"other\": %zu, \"ages\": [", ours.n, other.n);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++, comma = ", ")
		printf("%s{\"from_ms\": %lld, \"total\": %u, \"missing\": %u, \"wrong\": %u}",
		       comma, i ? (long long)edges_ms[i - 1] : -1LL, counts[i].total,
		       counts[i].missing, counts[i].wrong);
	printf("]}\n");
	free(ours.v);
	free(other.v);
}
