// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/elems.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nat/layout.h"
#include "netlink/attr.h"

enum { LIST_BYTES = 60000 }; /* a nested attribute has 16 bits for its length */

/* An interval tree shows a range as its first address and, flagged, the one after its last. While
 * elements are being collected, `last` holds one of these. */
enum { HALF_START = 0, HALF_END = 1 };

static void put_value(struct nlmsghdr *nlh, uint16_t attribute, const void *data, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, attribute);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, data);
	mnl_attr_nest_end(nlh, nest);
}

static void put_data(struct nlmsghdr *nlh, const struct nat_ruleset *rs, const struct nat_set *set,
		     uint32_t value)
{
	if (!nat_set_is_verdict_map(set->kind)) {
		uint8_t raw[LAYOUT_VALUE_MAX];

		put_value(nlh, NFTA_SET_ELEM_DATA, raw, layout_value_bytes(set->kind, value, raw));
		return;
	}
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE,
			 htonl((uint32_t)(nat_set_is_goto(set->kind) ? NFT_GOTO : NFT_JUMP)));
	mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, rs->names[value]);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, data);
}

static void put_elem(struct nlmsghdr *nlh, const struct nat_ruleset *rs, const struct nat_set *set,
		     const struct nat_elem *elem)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	uint8_t key[LAYOUT_KEY_MAX];
	size_t len = layout_key_bytes(set->kind, rs, elem->key, elem->first, key);

	put_value(nlh, NFTA_SET_ELEM_KEY, key, len);
	if (nat_set_has_ranges(set->kind) && !layout_is_tree(set->kind)) {
		layout_key_bytes(set->kind, rs, elem->key, elem->last, key);
		put_value(nlh, NFTA_SET_ELEM_KEY_END, key, len);
	}
	if (nat_set_is_map(set->kind))
		put_data(nlh, rs, set, elem->data);
	mnl_attr_nest_end(nlh, nest);
	if (!layout_is_tree(set->kind) || elem->last == UINT32_MAX)
		return; /* a range to the very end has no second half */
	nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	layout_key_bytes(set->kind, rs, elem->key, elem->last + 1, key);
	mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	put_value(nlh, NFTA_SET_ELEM_KEY, key, len);
	mnl_attr_nest_end(nlh, nest);
}

size_t nat_elems_put(struct nlmsghdr *nlh, const struct nat_ruleset *rs, const struct nat_set *set,
		     struct nat_elem_list elems)
{
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	uint32_t start = nlh->nlmsg_len;
	size_t done = 0;

	while (done < elems.n && nlh->nlmsg_len - start < LIST_BYTES - 512)
		put_elem(nlh, rs, set, &elems.v[done++]);
	mnl_attr_nest_end(nlh, list);
	return done;
}

/* A decoded NFTA_LIST_ELEM; pointers into the message. */
struct wire_elem {
	const uint8_t *key, *key_end, *value;
	const char *chain;
	uint32_t flags, code;
	bool has_data, odd;
};

/* The bytes of a nested NFTA_DATA_VALUE when it has exactly `len`, else NULL. */
static const uint8_t *data_value(const struct nlattr *nest, uint32_t len)
{
	const struct nlattr *attr;

	attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == NFTA_DATA_VALUE)
			return mnl_attr_get_payload_len(attr) == len ? mnl_attr_get_payload(attr) :
								       NULL;
	}
	return NULL;
}

static int decode_verdict_attr(const struct nlattr *attr, struct wire_elem *elem)
{
	switch (mnl_attr_get_type(attr)) {
	case NFTA_VERDICT_CODE:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return -EBADMSG;
		elem->code = ntohl(mnl_attr_get_u32(attr));
		return 0;
	case NFTA_VERDICT_CHAIN:
		if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
			return -EBADMSG;
		elem->chain = mnl_attr_get_str(attr);
		return 0;
	default:
		return 0;
	}
}

static int decode_verdict(const struct nlattr *data, struct wire_elem *elem)
{
	const struct nlattr *outer, *attr;

	attr_for_each_nested(outer, data) {
		if (mnl_attr_get_type(outer) != NFTA_DATA_VERDICT)
			continue;
		attr_for_each_nested(attr, outer) {
			if (decode_verdict_attr(attr, elem))
				return -EBADMSG;
		}
	}
	return 0;
}

static int decode_data(const struct nlattr *attr, enum nat_set_kind kind, struct wire_elem *elem)
{
	elem->has_data = true;
	if (nat_set_is_verdict_map(kind))
		return decode_verdict(attr, elem);
	elem->value = data_value(attr, layout_value_length(kind));
	return 0;
}

static int decode_elem_attr(const struct nlattr *attr, enum nat_set_kind kind,
			    struct wire_elem *elem)
{
	switch (mnl_attr_get_type(attr)) {
	case NFTA_SET_ELEM_KEY:
		elem->key = data_value(attr, layout_key_length(kind));
		return elem->key ? 0 : -EBADMSG;
	case NFTA_SET_ELEM_KEY_END:
		elem->key_end = data_value(attr, layout_key_length(kind));
		return elem->key_end ? 0 : -EBADMSG;
	case NFTA_SET_ELEM_FLAGS:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return -EBADMSG;
		elem->flags = ntohl(mnl_attr_get_u32(attr));
		return 0;
	case NFTA_SET_ELEM_DATA:
		return decode_data(attr, kind, elem);
	case NFTA_SET_ELEM_TIMEOUT:
	case NFTA_SET_ELEM_EXPR:
	case NFTA_SET_ELEM_EXPRESSIONS:
	case NFTA_SET_ELEM_OBJREF:
		elem->odd = true;
		return 0;
	default:
		return 0;
	}
}

static int decode_elem(const struct nlattr *nest, enum nat_set_kind kind, struct wire_elem *elem)
{
	const struct nlattr *attr;

	*elem = (struct wire_elem){ 0 };
	attr_for_each_nested(attr, nest) {
		int rc = decode_elem_attr(attr, kind, elem);

		if (rc)
			return rc;
	}
	/* A catch-all element has no key, only its flag. */
	if (elem->odd || elem->flags & ~(uint32_t)NFT_SET_ELEM_INTERVAL_END ||
	    (elem->chain && strlen(elem->chain) >= NAT_NAME_MAX))
		return NAT_ELEMS_E_ODD;
	return elem->key ? 0 : -EBADMSG;
}

/* The element's data as nat_elem keeps it. An unexpected verdict becomes a name that no chain has, so
 * that it differs from whatever is desired. */
static uint32_t take_data(struct nat_ruleset *rs, const struct nat_set *set,
			  const struct wire_elem *wire)
{
	if (nat_set_is_verdict_map(set->kind)) {
		uint32_t wanted = (uint32_t)(nat_set_is_goto(set->kind) ? NFT_GOTO : NFT_JUMP);
		bool ours = wire->chain && wire->code == wanted;

		return nat_name(rs, ours ? wire->chain : "?");
	}
	return wire->value ? layout_value_of(set->kind, wire->value) : 0;
}

static int take_elem(const struct nlattr *nest, struct nat_ruleset *rs, size_t index)
{
	const struct nat_set *set = &rs->sets[index];
	struct nat_elem elem = { 0 };
	struct wire_elem wire;
	uint32_t unused;

	int rc = decode_elem(nest, set->kind, &wire);

	if (rc)
		return rc;
	layout_key_split(set->kind, rs, wire.key, &elem.key, &elem.first);
	elem.last = elem.first;
	if (layout_is_tree(set->kind))
		elem.last = wire.flags & NFT_SET_ELEM_INTERVAL_END ? HALF_END : HALF_START;
	else if (wire.key_end)
		layout_key_split(set->kind, rs, wire.key_end, &unused, &elem.last);
	if (nat_set_is_map(set->kind) && wire.has_data)
		elem.data = take_data(rs, set, &wire);
	nat_elem_add(rs, index, elem);
	return rs->failed ? -ENOMEM : 0;
}

int nat_elems_take(const struct nlmsghdr *nlh, struct nat_ruleset *rs, size_t index)
{
	const struct nlattr *attr, *nest;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		attr_for_each_nested(nest, attr) {
			int rc = mnl_attr_get_type(nest) == NFTA_LIST_ELEM ?
					 take_elem(nest, rs, index) :
					 0;

			if (rc)
				return rc;
		}
	}
	return 0;
}

static int compare_halves(const void *pa, const void *pb)
{
	const struct nat_elem *a = pa, *b = pb;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	/* The end of one range and the start of the next stand at the same address: the end comes first. */
	return (int)b->last - (int)a->last;
}

int nat_elems_pair(struct nat_set *set)
{
	size_t kept = 0;
	bool open = false;

	if (!layout_is_tree(set->kind))
		return 0;
	if (set->n)
		qsort(set->v, set->n, sizeof(*set->v), compare_halves);
	for (size_t i = 0; i < set->n; i++) {
		struct nat_elem half = set->v[i];

		if (half.last == HALF_END) {
			/* A leading end is the empty range below the first one that some kernels show. */
			if (open)
				set->v[kept - 1].last = half.first - 1;
			open = false;
			continue;
		}
		if (open)
			return NAT_ELEMS_E_ODD;
		half.last = UINT32_MAX;
		set->v[kept++] = half;
		open = true;
	}
	set->n = kept;
	return 0;
}
