// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Set elements and definitions on the wire. Written with libmnl rather than libnftnl: an element is two or
 * three small attributes, and with a hundred thousand of them the detour through an object each is felt.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nat/ruleset.h"

struct nlmsghdr;
struct nftnl_set;

/* Appends a NFTA_SET_ELEM_LIST of the elements to nlh. Returns how many fitted (at least 1 does). */
size_t nat_elems_put(struct nlmsghdr *nlh, const struct nat_ruleset *rs, const struct nat_set *set,
		     struct nat_elem_list elems);

/*
 * Takes the elements of one NFT_MSG_NEWSETELEM message into set `index` of rs. Names are interned in rs.
 * For kinds with an interval tree the two halves of a range come apart: call nat_elems_pair at the end.
 * 0; NAT_ELEMS_E_ODD; -EBADMSG: malformed, or not of the set's kind; -ENOMEM.
 */
enum nat_elems_code {
	NAT_ELEMS_E_ODD =
		1, /* one that we never make: catch-all, with a timeout, with expressions */
};
int nat_elems_take(const struct nlmsghdr *nlh, struct nat_ruleset *rs, size_t index);
/* 0; NAT_ELEMS_E_ODD: a range without an end that is not the last one. */
int nat_elems_pair(struct nat_set *set);

/* Sets key, data, flags and size of a definition. */
void nat_set_define(struct nftnl_set *def, const struct nat_set *set);
/* The kind that the definition is one of, or NAT_SET_KIND_COUNT; *ret_size is its declared size. */
enum nat_set_kind nat_set_recognise(const struct nftnl_set *def, uint32_t *ret_size);
