// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/layout.h"

#include <string.h>

#include <arpa/inet.h>

#include <libnftnl/set.h>
#include <libnftnl/udata.h>

#include <linux/netfilter/nf_tables.h>

#include "nat/elems.h"

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

uint32_t layout_key_length(enum nat_set_kind kind)
{
	return keys[layouts[kind].key].length;
}

bool layout_is_tree(enum nat_set_kind kind)
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
size_t layout_key_bytes(enum nat_set_kind kind, const struct nat_ruleset *rs, uint32_t key,
			uint32_t addr, uint8_t out[static LAYOUT_KEY_MAX])
{
	uint32_t be = htonl(addr);

	memset(out, 0, LAYOUT_KEY_MAX);
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
	return layout_key_length(kind);
}

void layout_key_split(enum nat_set_kind kind, struct nat_ruleset *rs, const uint8_t *bytes,
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

uint32_t layout_value_length(enum nat_set_kind kind)
{
	return layouts[kind].data_type == DATA_PORTS ? 8 : 4;
}

/* A mark stands as the machine has it, an address and ports as the packet has them, and each port has four bytes. */
size_t layout_value_bytes(enum nat_set_kind kind, uint32_t value,
			  uint8_t out[static LAYOUT_VALUE_MAX])
{
	const bool is_mark = layouts[kind].data_type == TYPE_MARK;
	const uint32_t be = htonl(value);

	memset(out, 0, LAYOUT_VALUE_MAX);
	if (layouts[kind].data_type == DATA_PORTS) {
		memcpy(out, &be, 2);
		memcpy(out + 4, (const uint8_t *)&be + 2, 2);
	} else {
		memcpy(out, is_mark ? &value : &be, 4);
	}
	return layout_value_length(kind);
}

uint32_t layout_value_of(enum nat_set_kind kind, const uint8_t *bytes)
{
	uint32_t raw;

	memcpy(&raw, bytes, 4);
	if (layouts[kind].data_type == TYPE_MARK)
		return raw;
	if (layouts[kind].data_type == DATA_PORTS)
		memcpy((uint8_t *)&raw + 2, bytes + 4, 2);
	return ntohl(raw);
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
				  data_type == DATA_VERDICT ? 16 : layout_value_length(set->kind));
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
		    layout_key_length(kind) == key_len && layouts[kind].data_type == data_type)
			return kind;
	}
	return NAT_SET_KIND_COUNT;
}
