// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Elements are written to a message as for the kernel, and read back from it as from the kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>
#include <libnftnl/set.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "nat/elems.h"

#define LAST UINT32_MAX

enum { BUFFER = 128 << 10, ELEMS_MAX = 4, DEVICE = 1, CHAIN = 2 };

static _Alignas(8) char buffer[BUFFER];

static struct nlmsghdr *new_message(void)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	return nlh;
}

/* names[1] is a device, names[2] and names[3] are chains; names[0] is there so that no index is 0. */
static void set_up(struct nat_ruleset *rs, enum nat_set_kind kind)
{
	nat_ruleset_init(rs, "t");
	nat_name(rs, "unused");
	nat_name(rs, "eni0123456789ab");
	nat_name(rs, "class_a");
	nat_name(rs, "class_b");
	nat_set_add(rs, "s", kind, 0);
}

static const struct {
	enum nat_set_kind kind;
	struct nat_elem elems[ELEMS_MAX];
	size_t n;
} cases[] = {
	{ NAT_SET_ADDR,
	  { { 0, 0, 0, 0 }, { 0, 0x0a000001, 0x0a000001, 0 }, { 0, LAST, LAST, 0 } },
	  3 },
	{ NAT_SET_RANGE, { { 0, 10, 19, 0 } }, 1 },
	/* Adjacent ones are not merged. */
	{ NAT_SET_RANGE, { { 0, 10, 19, 0 }, { 0, 20, 20, 0 }, { 0, 21, 30, 0 } }, 3 },
	{ NAT_SET_RANGE, { { 0, 0, 0, 0 }, { 0, 5, 5, 0 }, { 0, LAST, LAST, 0 } }, 3 },
	{ NAT_SET_RANGE, { { 0, 0, LAST, 0 } }, 1 },
	{ NAT_SET_RANGE, { { 0, 0, LAST - 1, 0 }, { 0, LAST, LAST, 0 } }, 2 },
	{ NAT_SET_RANGE, { { 0, 0xe0000000, LAST, 0 } }, 1 },
	{ NAT_SET_IF_ADDR,
	  { { DEVICE, 0, 0, 0 }, { DEVICE, LAST, LAST, 0 }, { CHAIN, 1, 1, 0 } },
	  3 },
	{ NAT_MAP_ADDR_VERDICT, { { 0, 1, 1, CHAIN }, { 0, 2, 2, CHAIN + 1 } }, 2 },
	{ NAT_MAP_RANGE_VERDICT, { { 0, 10, 19, CHAIN }, { 0, 20, 29, CHAIN + 1 } }, 2 },
	{ NAT_MAP_RANGE_VERDICT, { { 0, 0, 0, CHAIN }, { 0, 1, LAST, CHAIN } }, 2 },
	{ NAT_MAP_MARK_ADDR_VERDICT, { { 77, 1, 1, CHAIN }, { LAST, 1, 1, CHAIN + 1 } }, 2 },
	{ NAT_MAP_MARK_RANGE_VERDICT,
	  { { 0, 0, LAST, CHAIN }, { 77, 10, 19, CHAIN }, { 77, 20, 29, CHAIN + 1 } },
	  3 },
	{ NAT_MAP_MARK_RANGE_VERDICT, { { 77, 0, 0, CHAIN }, { 77, 1, LAST, CHAIN } }, 2 },
	{ NAT_MAP_MARK_VERDICT, { { 0x1001, 0, 0, CHAIN }, { LAST, 0, 0, CHAIN + 1 } }, 2 },
	{ NAT_MAP_MARK_ADDR, { { 1, 0, 0, 0x0a0001c9 }, { 2, 0, 0, LAST } }, 2 },
	{ NAT_MAP_MARK_ADDR_MARK, { { 77, 1, 1, 0x12345678 }, { LAST, 1, 1, 1 } }, 2 },
	{ NAT_SET_IIF, { { 1, 0, 0, 0 }, { 0x12345678, 0, 0, 0 } }, 2 },
	{ NAT_SET_MARKS, { { 1, 0, 0, 0 }, { LAST, 0, 0, 0 } }, 2 },
	{ NAT_MAP_MARK_RANGE_MARK, { { 77, 10, 19, 0x12345678 }, { 77, 20, 29, 2 } }, 2 },
	{ NAT_MAP_MARK_ADDR_PORTS, { { 1, 1, 1, 1024 << 16 | 1279 }, { 2, 1, 1, LAST } }, 2 },
};

static void sort_as_finished(struct nat_ruleset *rs)
{
	/* Chains that the elements name, so that finishing accepts them. */
	nat_chain_add(rs, "class_a", "");
	nat_chain_add(rs, "class_b", "");
	assert_int_equal(nat_ruleset_finish(rs), 0);
}

static void every_kind_survives_the_way_there_and_back(void **state)
{
	unsigned seen_kinds = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nat_ruleset out, in;
		struct nlmsghdr *nlh = new_message();
		struct nat_elem_list elems = { cases[i].elems, cases[i].n };

		print_message("case %zu\n", i);
		set_up(&out, cases[i].kind);
		set_up(&in, cases[i].kind);
		seen_kinds |= 1u << cases[i].kind;

		assert_int_equal(nat_elems_put(nlh, &out, &out.sets[0], elems), elems.n);
		assert_int_equal(nat_elems_take(nlh, &in, 0), 0);
		assert_int_equal(nat_elems_pair(&in.sets[0]), 0);
		sort_as_finished(&in);

		assert_int_equal(in.sets[0].n, elems.n);
		for (size_t j = 0; j < elems.n; j++)
			assert_int_equal(nat_elem_compare(&in.sets[0].v[j], &elems.v[j]), 0);
		nat_ruleset_done(&out);
		nat_ruleset_done(&in);
	}
	assert_int_equal(seen_kinds, (1u << NAT_SET_KIND_COUNT) - 1);
}

/* There is no address behind the last one where the other half could stand. */
static void a_range_to_the_very_end_has_one_half(void **state)
{
	static const struct nat_elem to_end = { 0, 10, LAST, 0 }, to_9 = { 0, 1, 9, 0 };
	struct nat_ruleset out, in;
	struct nlmsghdr *nlh;

	(void)state;
	set_up(&out, NAT_SET_RANGE);
	set_up(&in, NAT_SET_RANGE);
	nlh = new_message();
	nat_elems_put(nlh, &out, &out.sets[0], (struct nat_elem_list){ &to_end, 1 });
	assert_int_equal(nat_elems_take(nlh, &in, 0), 0);
	assert_int_equal(in.sets[0].n, 1);
	nlh = new_message();
	nat_elems_put(nlh, &out, &out.sets[0], (struct nat_elem_list){ &to_9, 1 });
	assert_int_equal(nat_elems_take(nlh, &in, 0), 0);
	assert_int_equal(in.sets[0].n, 1 + 2);
	nat_ruleset_done(&out);
	nat_ruleset_done(&in);
}

/* The kernel shows elements of a tree backwards in some versions, and an end of nothing below the first. */
static void halves_of_ranges_pair_in_any_order(void **state)
{
	struct nat_ruleset rs;
	struct nat_set *set;

	(void)state;
	set_up(&rs, NAT_SET_RANGE);
	nat_elem_add(&rs, 0, (struct nat_elem){ 0, 30, 1, 0 });
	nat_elem_add(&rs, 0, (struct nat_elem){ 0, 20, 1, 0 });
	nat_elem_add(&rs, 0, (struct nat_elem){ 0, 20, 0, 0 });
	nat_elem_add(&rs, 0, (struct nat_elem){ 0, 10, 0, 0 });
	nat_elem_add(&rs, 0, (struct nat_elem){ 0, 0, 1, 0 });

	set = &rs.sets[0];
	assert_int_equal(nat_elems_pair(set), 0);

	assert_int_equal(set->n, 2);
	assert_int_equal(set->v[0].first, 10);
	assert_int_equal(set->v[0].last, 19);
	assert_int_equal(set->v[1].first, 20);
	assert_int_equal(set->v[1].last, 29);
	nat_ruleset_done(&rs);
}

static void a_range_without_an_end_before_another_is_odd(void **state)
{
	struct nat_ruleset rs;

	(void)state;
	set_up(&rs, NAT_SET_RANGE);
	nat_elem_add(&rs, 0, (struct nat_elem){ 0, 10, 0, 0 });
	nat_elem_add(&rs, 0, (struct nat_elem){ 0, 20, 0, 0 });
	assert_int_equal(nat_elems_pair(&rs.sets[0]), NAT_ELEMS_E_ODD);
	nat_ruleset_done(&rs);
}

/* 64 KiB is the most that a list of attributes can hold; what doesn't fit is left to the next message. */
static void a_message_takes_what_fits(void **state)
{
	enum { N = 10000 };
	struct nat_elem *elems = calloc(N, sizeof(*elems));
	struct nat_ruleset out, in;
	size_t done = 0, messages = 0;

	(void)state;
	assert_non_null(elems);
	set_up(&out, NAT_SET_IF_ADDR);
	set_up(&in, NAT_SET_IF_ADDR);
	for (uint32_t i = 0; i < N; i++)
		elems[i] = (struct nat_elem){ DEVICE, i, i, 0 };
	while (done < N) {
		struct nlmsghdr *nlh = new_message();
		struct nat_elem_list rest = { elems + done, N - done };

		done += nat_elems_put(nlh, &out, &out.sets[0], rest);
		messages++;
		assert_in_range(nlh->nlmsg_len, 1, UINT16_MAX);
		assert_int_equal(nat_elems_take(nlh, &in, 0), 0);
	}

	assert_in_range(messages, 2, 20);
	assert_int_equal(in.sets[0].n, N);
	assert_int_equal(memcmp(in.sets[0].v, elems, N * sizeof(*elems)), 0);
	free(elems);
	nat_ruleset_done(&out);
	nat_ruleset_done(&in);
}

/* One element of a set of addresses, with `attribute` of `len` bytes beside the key, or instead of it. */
static int take_one(enum nat_set_kind kind, uint16_t key_length, uint16_t attribute, uint32_t value)
{
	static const uint8_t zeros[32];
	struct nlmsghdr *nlh = new_message();
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	struct nat_ruleset rs;
	int rc;

	if (key_length) {
		struct nlattr *key = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);

		mnl_attr_put(nlh, NFTA_DATA_VALUE, key_length, zeros);
		mnl_attr_nest_end(nlh, key);
	}
	if (attribute)
		mnl_attr_put_u32(nlh, attribute, htonl(value));
	mnl_attr_nest_end(nlh, elem);
	mnl_attr_nest_end(nlh, list);
	set_up(&rs, kind);
	rc = nat_elems_take(nlh, &rs, 0);
	assert_int_equal(rs.sets[0].n, rc == 0);
	nat_ruleset_done(&rs);
	return rc;
}

static void elements_that_we_never_make_are_odd(void **state)
{
	(void)state;
	assert_int_equal(take_one(NAT_SET_ADDR, 4, 0, 0), 0);
	assert_int_equal(take_one(NAT_SET_ADDR, 4, NFTA_SET_ELEM_TIMEOUT, 1), NAT_ELEMS_E_ODD);
	assert_int_equal(take_one(NAT_SET_ADDR, 4, NFTA_SET_ELEM_EXPR, 1), NAT_ELEMS_E_ODD);
	assert_int_equal(take_one(NAT_SET_ADDR, 4, NFTA_SET_ELEM_EXPRESSIONS, 1), NAT_ELEMS_E_ODD);
	assert_int_equal(take_one(NAT_SET_ADDR, 4, NFTA_SET_ELEM_OBJREF, 1), NAT_ELEMS_E_ODD);
	assert_int_equal(take_one(NAT_SET_ADDR, 0, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_CATCHALL),
			 NAT_ELEMS_E_ODD);
}

static void malformed_elements_are_refused(void **state)
{
	(void)state;
	assert_int_equal(take_one(NAT_SET_ADDR, 0, 0, 0), -EBADMSG);
	assert_int_equal(take_one(NAT_SET_ADDR, 8, 0, 0), -EBADMSG);
	assert_int_equal(take_one(NAT_SET_IF_ADDR, 4, 0, 0), -EBADMSG);
	assert_int_equal(take_one(NAT_MAP_MARK_ADDR_VERDICT, 4, 0, 0), -EBADMSG);
}

/* A verdict that isn't the kind's own becomes a name that no chain has, and so differs from all. */
static void another_verdict_differs_from_every_chain(void **state)
{
	struct nat_elem elem = { 0, 0, 0, CHAIN };
	struct nat_ruleset out, in;
	struct nlmsghdr *nlh = new_message();

	(void)state;
	set_up(&out, NAT_MAP_MARK_VERDICT); /* goto */
	set_up(&in, NAT_MAP_ADDR_VERDICT);  /* jump; keys have the same length */
	nat_elems_put(nlh, &out, &out.sets[0], (struct nat_elem_list){ &elem, 1 });

	assert_int_equal(nat_elems_take(nlh, &in, 0), 0);

	assert_string_equal(in.names[in.sets[0].v[0].data], "?");
	nat_ruleset_done(&out);
	nat_ruleset_done(&in);
}

static void definitions_are_recognised(void **state)
{
	(void)state;
	for (int kind = 0; kind < NAT_SET_KIND_COUNT; kind++) {
		struct nftnl_set *def = nftnl_set_alloc();
		struct nat_set set = { .kind = (enum nat_set_kind)kind, .size = 1000 };
		uint32_t size = 0;

		assert_non_null(def);
		nat_set_define(def, &set);
		assert_int_equal(nat_set_recognise(def, &size), kind);
		assert_int_equal(size, 1000);
		nftnl_set_set_u32(def, NFTNL_SET_FLAGS,
				  nftnl_set_get_u32(def, NFTNL_SET_FLAGS) | NFT_SET_TIMEOUT);
		assert_int_equal(nat_set_recognise(def, &size), NAT_SET_KIND_COUNT);
		nat_set_define(def, &set);
		nftnl_set_set_u32(def, NFTNL_SET_KEY_LEN, 12);
		assert_int_equal(nat_set_recognise(def, &size), NAT_SET_KIND_COUNT);
		nftnl_set_free(def);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_survives_the_way_there_and_back),
		cmocka_unit_test(a_range_to_the_very_end_has_one_half),
		cmocka_unit_test(halves_of_ranges_pair_in_any_order),
		cmocka_unit_test(a_range_without_an_end_before_another_is_odd),
		cmocka_unit_test(a_message_takes_what_fits),
		cmocka_unit_test(elements_that_we_never_make_are_odd),
		cmocka_unit_test(malformed_elements_are_refused),
		cmocka_unit_test(another_verdict_differs_from_every_chain),
		cmocka_unit_test(definitions_are_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
