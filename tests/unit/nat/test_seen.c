// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a kernel once sent is read as what it meant. */
#include "nat/seen.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "dump.h"

static void take_file(const char *name, struct nat_observed *ret)
{
	size_t size;
	char *bytes = dump_file(name, &size);

	assert_int_equal(dump_take(bytes, size, ret), 0);
	free(bytes);
}

static void our_table_is_read_completely(void **state)
{
	struct nat_observed seen;
	const struct nat_seen_chain *chain;

	(void)state;
	take_file("ours", &seen);

	assert_false(seen.odd);
	assert_int_equal(seen.n_counters, 1);
	assert_string_equal(seen.counters[0].name, "c1");
	/* All kinds that a table of IPv4 had when the dump was made. */
	assert_int_equal(seen.sets.n_sets, NAT_SET_IIF);
	for (size_t i = 0; i < seen.sets.n_sets; i++) {
		assert_int_equal(seen.sets.sets[i].kind, i);
		assert_int_equal(seen.sets.sets[i].n, 3);
	}
	assert_int_equal(seen.n_chains, 3);
	assert_string_equal(nat_seen_chain_find(&seen, "class_a")->def.comment,
			    "egress of the bank");
	chain = nat_seen_chain_find(&seen, "pre");
	assert_int_equal(chain->def.hook, NAT_HOOK_PREROUTING);
	assert_int_equal(chain->def.priority, -80);
	assert_int_equal(chain->n_rules, 3);
	assert_string_equal(chain->rules[1], "payload load 4b @ network header + 12 => reg 1 ;"
					     "lookup reg 1 set set4 dreg 0 0x0 ;");
	assert_true(nat_seen_chain_find(&seen, "post")->def.nat);
	nat_observed_done(&seen);
}

static void what_others_put_there_makes_it_odd(void **state)
{
	struct nat_observed seen;

	(void)state;
	take_file("foreign", &seen);

	assert_true(seen.odd);
	assert_int_equal(nat_seen_chain_find(&seen, "class_a")->n_rules, 2);
	assert_non_null(strstr(nat_seen_chain_find(&seen, "class_a")->rules[0], "limit ;"));
	nat_observed_done(&seen);
}

static struct nlmsghdr *message(char *room, uint8_t family, const char *table)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	return nlh;
}

static bool is_odd(nat_seen_fn *take, const struct nlmsghdr *nlh)
{
	struct nat_observed seen = { 0 };
	struct nat_reading reading = { .table = { NAT_IP, DUMP_TABLE }, .seen = &seen };

	assert_int_equal(take(nlh, &reading), 0);
	return seen.odd;
}

static void a_flowtable_is_odd_only_in_our_table(void **state)
{
	_Alignas(8) char room[256];

	(void)state;
	assert_true(is_odd(nat_seen_flowtable, message(room, NFPROTO_IPV4, DUMP_TABLE)));
	assert_false(is_odd(nat_seen_flowtable, message(room, NFPROTO_IPV4, "other")));
	assert_false(is_odd(nat_seen_flowtable, message(room, NFPROTO_INET, DUMP_TABLE)));
}

static void a_table_with_flags_is_odd(void **state)
{
	_Alignas(8) char room[256];
	struct nlmsghdr *nlh = message(room, NFPROTO_IPV4, DUMP_TABLE);

	(void)state;
	assert_false(is_odd(nat_seen_table, nlh));
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, 0);
	assert_false(is_odd(nat_seen_table, nlh));
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_DORMANT));
	assert_true(is_odd(nat_seen_table, nlh));
}

/* The kernel keeps user data as it was given; these say that they are longer than they are. */
static void broken_user_data_are_no_comment(void **state)
{
	static const uint8_t broken[] = { 7, 1, 'x', NFTNL_UDATA_CHAIN_COMMENT, 200, 'a', 0 };
	_Alignas(8) char room[512];
	struct nlmsghdr *nlh = message(room, NFPROTO_IPV4, DUMP_TABLE);
	struct nat_observed seen = { 0 };
	struct nat_reading reading = { .table = { NAT_IP, DUMP_TABLE }, .seen = &seen };

	(void)state;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, "a");
	mnl_attr_put(nlh, NFTA_CHAIN_USERDATA, sizeof(broken), broken);
	assert_int_equal(nat_seen_chain(nlh, &reading), 0);
	assert_string_equal(seen.chains[0].def.comment, "");
	nat_observed_done(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_table_is_read_completely),
		cmocka_unit_test(what_others_put_there_makes_it_odd),
		cmocka_unit_test(a_flowtable_is_odd_only_in_our_table),
		cmocka_unit_test(a_table_with_flags_is_odd),
		cmocka_unit_test(broken_user_data_are_no_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
