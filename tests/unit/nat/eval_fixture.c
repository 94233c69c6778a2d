// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "eval_fixture.h"

#include "base/cleanup.h"

static void common_sets(struct nat_ruleset *rs)
{
	size_t addrs = nat_set_add(rs, "addrs", NAT_SET_ADDR, 0);
	size_t ranges = nat_set_add(rs, "ranges", NAT_SET_RANGE, 0);
	size_t pods = nat_set_add(rs, "pods", NAT_SET_IF_ADDR, 0);
	size_t marks = nat_set_add(rs, "marks", NAT_SET_MARKS, 0);

	nat_elem_add(rs, marks, (struct nat_elem){ 77, 0, 0, 0 });
	nat_elem_add(rs, marks, (struct nat_elem){ 0x1001, 0, 0, 0 });
	nat_elem_add(rs, addrs, (struct nat_elem){ 0, A0 + 1, A0 + 1, 0 });
	nat_elem_add(rs, addrs, (struct nat_elem){ 0, A0 + 5, A0 + 5, 0 });
	nat_elem_add(rs, ranges, (struct nat_elem){ 0, 0, 0, 0 });
	nat_elem_add(rs, ranges, (struct nat_elem){ 0, A0 + 10, A0 + 19, 0 });
	nat_elem_add(rs, ranges, (struct nat_elem){ 0, 0xe0000000, UINT32_MAX, 0 });
	nat_elem_add(rs, pods, (struct nat_elem){ nat_name(rs, "eni1"), A0 + 1, A0 + 1, 0 });
	nat_elem_add(rs, pods, (struct nat_elem){ nat_name(rs, "eni2"), A0 + 2, A0 + 2, 0 });
}

/* Every map leads address or mark 1 to chain "one", and 2 to chain "two"; the rest is in no map. */
static void common_maps(struct nat_ruleset *rs)
{
	static const struct {
		const char *name;
		enum nat_set_kind kind;
		uint32_t key, addr, width;
	} maps[] = {
		{ "by_addr", NAT_MAP_ADDR_VERDICT, 0, A0, 0 },
		{ "by_range", NAT_MAP_RANGE_VERDICT, 0, A0, 0 },
		{ "by_mark_addr", NAT_MAP_MARK_ADDR_VERDICT, 77, A0, 0 },
		{ "by_mark_range", NAT_MAP_MARK_RANGE_VERDICT, 77, A0, 0 },
	};
	size_t by_mark = nat_set_add(rs, "by_mark", NAT_MAP_MARK_VERDICT, 0);
	size_t to_addr = nat_set_add(rs, "to_addr", NAT_MAP_MARK_ADDR, 0);
	size_t to_mark = nat_set_add(rs, "to_mark", NAT_MAP_MARK_ADDR_MARK, 0);
	size_t to_mark_range = nat_set_add(rs, "to_mark_range", NAT_MAP_MARK_RANGE_MARK, 0);
	size_t to_ports = nat_set_add(rs, "to_ports", NAT_MAP_MARK_ADDR_PORTS, 0);
	uint32_t chains[3] = { 0, nat_name(rs, "one"), nat_name(rs, "two") };

	for (uint32_t i = 1; i <= 2; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(maps); j++) {
			size_t map = i == 1 ? nat_set_add(rs, maps[j].name, maps[j].kind, 0) :
					      (size_t)(nat_set_find(rs, maps[j].name) - rs->sets);

			nat_elem_add(rs, map,
				     (struct nat_elem){ maps[j].key, A0 + i, A0 + i, chains[i] });
		}
		nat_elem_add(rs, to_mark, (struct nat_elem){ 77, A0 + i, A0 + i, i });
		nat_elem_add(rs, to_ports,
			     (struct nat_elem){ i, A0 + i, A0 + i, nat_ports(2000, 2999) });
		nat_elem_add(rs, to_mark_range, (struct nat_elem){ 77, A0 + i, A0 + i, i });
		nat_elem_add(rs, by_mark, (struct nat_elem){ i, 0, 0, chains[i] });
		nat_elem_add(rs, to_addr, (struct nat_elem){ i, 0, 0, A0 + 200 + i });
	}
}

void eval_common(struct nat_ruleset *rs)
{
	nat_ruleset_init(rs, "t");
	nat_counter_add(rs, "met");
	nat_counter_add(rs, "one");
	nat_counter_add(rs, "two");
	common_sets(rs);
	common_maps(rs);
	nat_rule_add(rs, nat_chain_add(rs, "one", ""), NAT_RULE({ NAT_COUNT, .name = "one" }));
	nat_rule_add(rs, nat_chain_add(rs, "two", ""),
		     NAT_RULE({ NAT_COUNT, .name = "two" }, { NAT_DROP }));
}
