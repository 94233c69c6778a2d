// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "nat/elems.h"
#include "nat/seen.h"

enum { DUMP_MAX = 64 << 10 };

char *dump_file(const char *name, size_t *ret_size)
{
	char path[256];
	char *bytes = malloc(DUMP_MAX);
	FILE *file;

	assert_non_null(bytes);
	snprintf(path, sizeof(path), "tests/unit/nat/dumps/%s", name);
	file = fopen(path, "rb");
	assert_non_null(file);
	*ret_size = fread(bytes, 1, DUMP_MAX, file);
	fclose(file);
	assert_in_range(*ret_size, 1000, DUMP_MAX - 1);
	return bytes;
}

/* The set that elements belong to is in the sequence number; sets that were skipped count too. */
static int take_elems(const struct nlmsghdr *nlh, struct nat_reading *reading)
{
	reading->set = nlh->nlmsg_seq;
	return reading->set < reading->seen->sets.n_sets ? nat_seen_elems(nlh, reading) : 0;
}

static int take(const struct nlmsghdr *nlh, struct nat_reading *reading)
{
	switch (nlh->nlmsg_type) {
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWOBJ:
		return nat_seen_object(nlh, reading);
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET:
		return nat_seen_set(nlh, reading);
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM:
		return take_elems(nlh, reading);
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN:
		return nat_seen_chain(nlh, reading);
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE:
		return nat_seen_rule(nlh, reading);
	default:
		fail_msg("unexpected message %d", nlh->nlmsg_type);
		return 0;
	}
}

int dump_take(const char *bytes, size_t size, struct nat_observed *ret)
{
	struct nat_reading reading = { .table = { NAT_IP, DUMP_TABLE }, .seen = ret };
	int left = (int)size, rc = 0;

	*ret = (struct nat_observed){ .has_table = true };
	nat_ruleset_init(&ret->sets, DUMP_TABLE);
	for (const struct nlmsghdr *nlh = (const void *)bytes; !rc && mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left))
		rc = take(nlh, &reading);
	for (size_t i = 0; !rc && i < ret->sets.n_sets; i++) {
		if (nat_elems_pair(&ret->sets.sets[i]))
			ret->odd = true;
	}
	return rc;
}
