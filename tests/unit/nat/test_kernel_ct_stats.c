// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the kernel counts of connection tracking is what conntrack(8) and sysctl(8) say of it. */
#include "nat/ct_stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"
#include "nat/nfnl.h"
#include "netlink/sysctl.h"

static struct ct_stats read_stats(void)
{
	struct err err = ERR_NULL;
	struct nfnl *nfnl = nfnl_open(&err);
	struct ct_stats stats = { .entries = 77 };

	assert_non_null(nfnl);
	if (ct_stats_read(nfnl, &stats, &err))
		fail_msg("%s", err.text);
	nfnl_close(nfnl);
	return stats;
}

static void insert(const char *port)
{
	const char *const argv[] = { "conntrack", "-I", "-t",        "300", "-p",
				     "udp",       "-s", "10.0.0.50", "-d",  "192.0.2.1",
				     "--sport",   port, "--dport",   "443", NULL };

	free(run_program(argv, true));
}

static void entries_are_counted_beside_how_many_there_may_be(void **state)
{
	char max[SYSCTL_VALUE_MAX];

	(void)state;
	assert_int_equal(read_stats().entries, 0);
	insert("4000");
	insert("4001");
	insert("4002");

	assert_int_equal(read_stats().entries, 3);
	assert_int_equal(sysctl_read("net/netfilter/nf_conntrack_max", max, sizeof(max)), 0);
	assert_int_equal(read_stats().max, strtoull(max, NULL, 10));
}

/* eipgwd raises the buckets of the host's first namespace (gateway/parameters.c), and elsewhere says that it can't. */
static void a_namespace_shows_the_buckets_and_nobody_may_write_them(void **state)
{
	char buckets[SYSCTL_VALUE_MAX];
	struct stat status;

	(void)state;
	assert_int_equal(
		sysctl_read("net/netfilter/nf_conntrack_buckets", buckets, sizeof(buckets)), 0);
	assert_true(strtoull(buckets, NULL, 10) > 0);
	assert_int_equal(stat("/proc/sys/net/netfilter/nf_conntrack_buckets", &status), 0);
	assert_int_equal(status.st_mode & 0222, 0);
}

/* "insert_failed=0" of each processor, as conntrack(8) shows it. */
static uint64_t sum_shown(const char *text, const char *key)
{
	uint64_t sum = 0;
	const char *p = text;

	while ((p = strstr(p, key))) {
		p += strlen(key);
		sum += strtoull(p, NULL, 10);
	}
	return sum;
}

static void counters_of_all_processors_are_summed(void **state)
{
	const char *const argv[] = { "conntrack", "-S", NULL };
	CLEANUP(cleanup_free) char *shown = run_program(argv, true);
	const struct ct_stats stats = read_stats();

	(void)state;
	assert_int_equal(stats.invalid, sum_shown(shown, " invalid="));
	assert_int_equal(stats.insert_failed, sum_shown(shown, " insert_failed="));
	assert_int_equal(stats.drop, sum_shown(shown, " drop="));
	assert_int_equal(stats.early_drop, sum_shown(shown, " early_drop="));
}

struct message {
	_Alignas(struct nlmsghdr) char buf[256];
};

static struct nlmsghdr *begin(struct message *m, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(m->buf);

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	return nlh;
}

static void each_processor_adds_to_what_was_there(void **state)
{
	struct ct_stats stats = { 0 };
	struct message m;
	struct nlmsghdr *nlh = begin(&m, IPCTNL_MSG_CT_GET_STATS_CPU);

	(void)state;
	mnl_attr_put_u32(nlh, CTA_STATS_INSERT_FAILED, htonl(3));
	mnl_attr_put_u32(nlh, CTA_STATS_DROP, htonl(UINT32_MAX));
	mnl_attr_put_u32(nlh, CTA_STATS_FOUND, htonl(9)); /* isn't wanted */
	assert_int_equal(ct_stats_decode(nlh, &stats), 0);
	assert_int_equal(ct_stats_decode(nlh, &stats), 0);

	assert_int_equal(stats.insert_failed, 6);
	assert_int_equal(stats.drop, 2 * (uint64_t)UINT32_MAX);
	assert_int_equal(stats.entries + stats.max + stats.invalid + stats.early_drop, 0);
}

static void malformed_and_other_messages_are_refused(void **state)
{
	struct ct_stats stats = { 0 };
	struct message m;
	struct nlmsghdr *nlh = begin(&m, IPCTNL_MSG_CT_GET_STATS_CPU);

	(void)state;
	mnl_attr_put_u16(nlh, CTA_STATS_DROP, 1);
	assert_int_equal(ct_stats_decode(nlh, &stats), -EBADMSG);
	assert_int_equal(ct_stats_decode(begin(&m, IPCTNL_MSG_CT_NEW), &stats), -ENOMSG);
	nlh = mnl_nlmsg_put_header(m.buf);
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
	assert_int_equal(ct_stats_decode(nlh, &stats), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(entries_are_counted_beside_how_many_there_may_be),
		in_a_namespace(counters_of_all_processors_are_summed),
		in_a_namespace(a_namespace_shows_the_buckets_and_nobody_may_write_them),
		cmocka_unit_test(each_processor_adds_to_what_was_there),
		cmocka_unit_test(malformed_and_other_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
