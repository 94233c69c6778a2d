// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/elems.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attr.h"

/* nft(8)'s numbers of the data types (its datatype.h); the kernel keeps them for display only. */
enum {
	TYPE_IPV4 = 7,
	TYPE_SERVICE = 13,
	TYPE_MARK = 19,
	TYPE_IFINDEX = 20,
	TYPE_IFNAME = 41,
	TYPE_BITS = 6
};
enum { NFT_HOST_ENDIAN = 1 }; /* its enum byteorder */
enum { DATA_VERDICT = 0xffffff00, DATA_PORTS = TYPE_SERVICE << TYPE_BITS | TYPE_SERVICE };
enum { VALUE_MAX = 8 };

enum { LIST_BYTES = 60000 }; /* a nested attribute has 16 bits for its length */

/* An interval tree shows a range as its first address and, flagged, the one after its last. While
 * elements are being collected, `last` holds one of these. */
enum { HALF_START = 0, HALF_END = 1 };

enum key_layout { KEY_ADDR, KEY_IF_ADDR, KEY_IIF, KEY_MARK_ADDR, KEY_MARK };

static const struct {
	uint32_t type, length;
	uint8_t fields[2], n_fields; /* lengths of concatenated fields */
} keys[] = {
	[KEY_ADDR] = { TYPE_IPV4, 4, { 0 }, 0 },
	[KEY_IF_ADDR] = { TYPE_IFNAME << TYPE_BITS | TYPE_IPV4, 20, { 16, 4 }, 2 },
	[KEY_IIF] = { TYPE_IFINDEX, 4, { 0 }, 0 },
	[KEY_MARK_ADDR] = { TYPE_MARK << TYPE_BITS | TYPE_IPV4, 8, { 4, 4 }, 2 },
	[KEY_MARK] = { TYPE_MARK, 4, { 0 }, 0 },
};

static const struct {
	enum key_layout key;
	uint32_t data_type; /* 0: none */
} layouts[NAT_SET_KIND_COUNT] = {
	[NAT_SET_ADDR] = { KEY_ADDR, 0 },
	[NAT_SET_RANGE] = { KEY_ADDR, 0 },
	[NAT_SET_IF_ADDR] = { KEY_IF_ADDR, 0 },
	[NAT_SET_IIF] = { KEY_IIF, 0 },
	[NAT_SET_MARKS] = { KEY_MARK, 0 },
	[NAT_MAP_ADDR_VERDICT] = { KEY_ADDR, DATA_VERDICT },
	[NAT_MAP_RANGE_VERDICT] = { KEY_ADDR, DATA_VERDICT },
	[NAT_MAP_MARK_ADDR_VERDICT] = { KEY_MARK_ADDR, DATA_VERDICT },
	[NAT_MAP_MARK_RANGE_VERDICT] = { KEY_MARK_ADDR, DATA_VERDICT },
	[NAT_MAP_MARK_VERDICT] = { KEY_MARK, DATA_VERDICT },
	[NAT_MAP_MARK_ADDR] = { KEY_MARK, TYPE_IPV4 },
	[NAT_MAP_MARK_ADDR_MARK] = { KEY_MARK_ADDR, TYPE_MARK },
	[NAT_MAP_MARK_RANGE_MARK] = { KEY_MARK_ADDR, TYPE_MARK },
	[NAT_MAP_MARK_ADDR_PORTS] = { KEY_MARK_ADDR, DATA_PORTS },
};

static uint32_t key_length(enum nat_set_kind kind)
{
	return keys[layouts[kind].key].length;
}

/* One field with ranges is an interval tree, which has them as two halves; with two fields an element has both. */
static bool is_tree(enum nat_set_kind kind)
{
	return nat_set_has_ranges(kind) && !keys[layouts[kind].key].n_fields;
}

static uint32_t set_flags(enum nat_set_kind kind)
{
	return (nat_set_is_map(kind) ? NFT_SET_MAP : 0) |
	       (nat_set_has_ranges(kind) ? NFT_SET_INTERVAL : 0) |
	       (keys[layouts[kind].key].n_fields ? NFT_SET_CONCAT : 0);
}

/*
 * Marks stand in the key as the rule loads them, in the order of the machine. In MARK_RANGE maps nft(8) wants
 * them the other way round, together with a byteorder expression in the rule; matching is by equality, so we
 * spare that, and `nft list` shows such marks with their bytes swapped.
 */
static size_t key_bytes(enum nat_set_kind kind, const struct nat_ruleset *rs, uint32_t key,
			uint32_t addr, uint8_t out[static 20])
{
	uint32_t be = htonl(addr);

	memset(out, 0, 20);
	switch (layouts[kind].key) {
	case KEY_ADDR:
		memcpy(out, &be, 4);
		break;
	case KEY_IF_ADDR:
		memcpy(out, rs->names[key], strnlen(rs->names[key], 15));
		memcpy(out + 16, &be, 4);
		break;
	case KEY_MARK_ADDR:
		memcpy(out, &key, 4);
		memcpy(out + 4, &be, 4);
		break;
	case KEY_IIF:
	case KEY_MARK:
		memcpy(out, &key, 4);
		break;
	}
	return key_length(kind);
}

static void put_value(struct nlmsghdr *nlh, uint16_t attribute, const void *data, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, attribute);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, data);
	mnl_attr_nest_end(nlh, nest);
}

static uint32_t value_length(enum nat_set_kind kind)
{
	return layouts[kind].data_type == DATA_PORTS ? 8 : 4;
}

/* A mark stands as the machine has it, an address and ports as the packet has them, and each port has four bytes. */
static size_t value_bytes(enum nat_set_kind kind, uint32_t value, uint8_t out[static VALUE_MAX])
{
	const bool is_mark = layouts[kind].data_type == TYPE_MARK;
	const uint32_t be = htonl(value);

	memset(out, 0, VALUE_MAX);
	if (layouts[kind].data_type == DATA_PORTS) {
		memcpy(out, &be, 2);
		memcpy(out + 4, (const uint8_t *)&be + 2, 2);
	} else {
		memcpy(out, is_mark ? &value : &be, 4);
	}
	return value_length(kind);
}

static uint32_t value_of(enum nat_set_kind kind, const uint8_t *bytes)
{
	uint32_t raw;

	memcpy(&raw, bytes, 4);
	if (layouts[kind].data_type == TYPE_MARK)
		return raw;
	if (layouts[kind].data_type == DATA_PORTS)
		memcpy((uint8_t *)&raw + 2, bytes + 4, 2);
	return ntohl(raw);
}

static void put_data(struct nlmsghdr *nlh, const struct nat_ruleset *rs, const struct nat_set *set,
		     uint32_t value)
{
	if (!nat_set_is_verdict_map(set->kind)) {
		uint8_t raw[VALUE_MAX];

		put_value(nlh, NFTA_SET_ELEM_DATA, raw, value_bytes(set->kind, value, raw));
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
	uint8_t key[20];
	size_t len = key_bytes(set->kind, rs, elem->key, elem->first, key);

	put_value(nlh, NFTA_SET_ELEM_KEY, key, len);
	if (nat_set_has_ranges(set->kind) && !is_tree(set->kind)) {
		key_bytes(set->kind, rs, elem->key, elem->last, key);
		put_value(nlh, NFTA_SET_ELEM_KEY_END, key, len);
	}
	if (nat_set_is_map(set->kind))
		put_data(nlh, rs, set, elem->data);
	mnl_attr_nest_end(nlh, nest);
	if (!is_tree(set->kind) || elem->last == UINT32_MAX)
		return; /* a range to the very end has no second half */
	nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	key_bytes(set->kind, rs, elem->key, elem->last + 1, key);
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
	elem->value = data_value(attr, value_length(kind));
	return 0;
}

static int decode_elem_attr(const struct nlattr *attr, enum nat_set_kind kind,
			    struct wire_elem *elem)
{
	switch (mnl_attr_get_type(attr)) {
	case NFTA_SET_ELEM_KEY:
		elem->key = data_value(attr, key_length(kind));
		return elem->key ? 0 : -EBADMSG;
	case NFTA_SET_ELEM_KEY_END:
		elem->key_end = data_value(attr, key_length(kind));
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

static void key_split(enum nat_set_kind kind, struct nat_ruleset *rs, const uint8_t *bytes,
		      uint32_t *ret_key, uint32_t *ret_addr)
{
	char name[17] = "";
	uint32_t be = 0;

	*ret_key = 0;
	switch (layouts[kind].key) {
	case KEY_ADDR:
		memcpy(&be, bytes, 4);
		break;
	case KEY_IF_ADDR:
		memcpy(name, bytes, 16);
		*ret_key = nat_name(rs, name);
		memcpy(&be, bytes + 16, 4);
		break;
	case KEY_MARK_ADDR:
		memcpy(ret_key, bytes, 4);
		memcpy(&be, bytes + 4, 4);
		break;
	case KEY_IIF:
	case KEY_MARK:
		memcpy(ret_key, bytes, 4);
		break;
	}
	*ret_addr = ntohl(be);
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
	return wire->value ? value_of(set->kind, wire->value) : 0;
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
	key_split(set->kind, rs, wire.key, &elem.key, &elem.first);
	elem.last = elem.first;
	if (is_tree(set->kind))
		elem.last = wire.flags & NFT_SET_ELEM_INTERVAL_END ? HALF_END : HALF_START;
	else if (wire.key_end)
		key_split(set->kind, rs, wire.key_end, &unused, &elem.last);
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

	if (!is_tree(set->kind))
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

/*
 * nft(8) leaves itself notes beside a set whose keys or data are in the machine's order (nftnl_udata: type,
 * length, a number), and takes them for network order without. Matching doesn't depend on it.
 */
static void note_host_order(struct nftnl_set *def, bool key, bool data)
{
	struct {
		uint8_t type, length, order[sizeof(uint32_t)];
	} notes[2] = { 0 };
	const uint32_t host = NFT_HOST_ENDIAN;
	uint32_t n = 0;

	if (key)
		notes[n++].type = NFTNL_UDATA_SET_KEYBYTEORDER;
	if (data)
		notes[n++].type = NFTNL_UDATA_SET_DATABYTEORDER;
	for (uint32_t i = 0; i < n; i++) {
		notes[i].length = sizeof(notes[i].order);
		memcpy(notes[i].order, &host, sizeof(host));
	}
	if (n)
		nftnl_set_set_data(def, NFTNL_SET_USERDATA, notes, n * (uint32_t)sizeof(notes[0]));
}

void nat_set_define(struct nftnl_set *def, const struct nat_set *set)
{
	enum key_layout key = layouts[set->kind].key;
	uint32_t data_type = layouts[set->kind].data_type;

	nftnl_set_set_u32(def, NFTNL_SET_FLAGS, set_flags(set->kind));
	nftnl_set_set_u32(def, NFTNL_SET_KEY_TYPE, keys[key].type);
	nftnl_set_set_u32(def, NFTNL_SET_KEY_LEN, keys[key].length);
	if (data_type) {
		nftnl_set_set_u32(def, NFTNL_SET_DATA_TYPE, data_type);
		nftnl_set_set_u32(def, NFTNL_SET_DATA_LEN,
				  data_type == DATA_VERDICT ? 16 : value_length(set->kind));
	}
	note_host_order(def, key == KEY_MARK || key == KEY_IIF, data_type == TYPE_MARK);
	if (set->size)
		nftnl_set_set_u32(def, NFTNL_SET_DESC_SIZE, set->size);
	if (keys[key].n_fields)
		nftnl_set_set_data(def, NFTNL_SET_DESC_CONCAT, keys[key].fields,
				   keys[key].n_fields);
}

enum nat_set_kind nat_set_recognise(const struct nftnl_set *def, uint32_t *ret_size)
{
	struct nftnl_set *d = (struct nftnl_set *)def;
	uint32_t flags = nftnl_set_get_u32(d, NFTNL_SET_FLAGS);
	uint32_t key_type = nftnl_set_get_u32(d, NFTNL_SET_KEY_TYPE);
	uint32_t key_len = nftnl_set_get_u32(d, NFTNL_SET_KEY_LEN);
	uint32_t data_type = nftnl_set_get_u32(d, NFTNL_SET_DATA_TYPE);

	*ret_size = nftnl_set_get_u32(d, NFTNL_SET_DESC_SIZE);
	for (int i = 0; i < NAT_SET_KIND_COUNT; i++) {
		enum nat_set_kind kind = (enum nat_set_kind)i;

		if (set_flags(kind) == flags && keys[layouts[kind].key].type == key_type &&
		    key_length(kind) == key_len && layouts[kind].data_type == data_type)
			return kind;
	}
	return NAT_SET_KIND_COUNT;
}
