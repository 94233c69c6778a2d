// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "full_ruleset.h"

#define A0 0x0a000000u

static size_t add_set(struct nat_ruleset *rs, const char *name, enum nat_set_kind kind)
{
	return nat_set_add(rs, name, kind, nat_set_has_ranges(kind) ? 0 : 1024);
}

static void describe_sets(struct nat_ruleset *rs)
{
	size_t addrs = add_set(rs, "addrs", NAT_SET_ADDR);
	size_t ranges = add_set(rs, "ranges", NAT_SET_RANGE);
	size_t pods = add_set(rs, "pods", NAT_SET_IF_ADDR);

	for (uint32_t i = 0; i < 300; i++)
		nat_elem_add(rs, addrs, (struct nat_elem){ 0, A0 + i * 3, A0 + i * 3, 0 });
	for (uint32_t i = 0; i < 50; i++)
		nat_elem_add(rs, ranges,
			     (struct nat_elem){ 0, i * 1000, i * 1000 + (i % 3 ? 10 : 0), 0 });
	nat_elem_add(rs, ranges, (struct nat_elem){ 0, 0xe0000000, 0xefffffff, 0 });
	nat_elem_add(rs, ranges, (struct nat_elem){ 0, 0xf0000000, UINT32_MAX, 0 });
	nat_elem_add(rs, pods, (struct nat_elem){ nat_name(rs, "eni1"), A0 + 1, A0 + 1, 0 });
	nat_elem_add(rs, pods,
		     (struct nat_elem){ nat_name(rs, "eni2long4567890"), A0 + 2, A0 + 2, 0 });
}

static void describe_maps(struct nat_ruleset *rs)
{
	size_t by_addr = add_set(rs, "by_addr", NAT_MAP_ADDR_VERDICT);
	size_t by_range = add_set(rs, "by_range", NAT_MAP_RANGE_VERDICT);
	size_t by_mark_addr = add_set(rs, "by_mark_addr", NAT_MAP_MARK_ADDR_VERDICT);
	size_t by_mark_range = add_set(rs, "by_mark_range", NAT_MAP_MARK_RANGE_VERDICT);
	size_t by_mark = add_set(rs, "by_mark", NAT_MAP_MARK_VERDICT);
	size_t to_addr = add_set(rs, "to_addr", NAT_MAP_MARK_ADDR);
	uint32_t chains[] = { nat_name(rs, "class_a"), nat_name(rs, "class_b") };

	/* Adjacent ranges lead to different chains. */
	for (uint32_t i = 0; i < 100; i++) {
		uint32_t one = A0 + i, first = A0 + i * 16, last = first + 15,
			 chain = chains[i % 2];

		nat_elem_add(rs, by_addr, (struct nat_elem){ 0, one, one, chain });
		nat_elem_add(rs, by_range, (struct nat_elem){ 0, first, last, chain });
		nat_elem_add(rs, by_mark_addr, (struct nat_elem){ 7, one, one, chain });
		nat_elem_add(rs, by_mark_range, (struct nat_elem){ i % 3, first, last, chain });
	}
	nat_elem_add(rs, by_range, (struct nat_elem){ 0, 0xffffff00, UINT32_MAX, chains[0] });
	nat_elem_add(rs, by_mark_range, (struct nat_elem){ 9, 0, UINT32_MAX, chains[0] });
	nat_elem_add(rs, by_mark, (struct nat_elem){ 0x1001, 0, 0, chains[0] });
	nat_elem_add(rs, by_mark, (struct nat_elem){ 0x1002, 0, 0, chains[1] });
	nat_elem_add(rs, to_addr, (struct nat_elem){ 1, 0, 0, A0 + 0x1c9 });
	nat_elem_add(rs, to_addr, (struct nat_elem){ 2, 0, 0, A0 + 0x1ca });
}

static void describe_mark_maps(struct nat_ruleset *rs)
{
	size_t to_mark = add_set(rs, "to_mark", NAT_MAP_MARK_ADDR_MARK);
	size_t to_mark_range = add_set(rs, "to_mark_range", NAT_MAP_MARK_RANGE_MARK);
	size_t to_ports = add_set(rs, "to_ports", NAT_MAP_MARK_ADDR_PORTS);

	for (uint32_t i = 0; i < 10; i++) {
		uint32_t one = A0 + i, first = A0 + i * 16;

		nat_elem_add(rs, to_mark, (struct nat_elem){ 7, one, one, 0x1001 + i % 2 });
		nat_elem_add(rs, to_ports,
			     (struct nat_elem){ 7, one, one, nat_ports(2000, 2000 + (uint16_t)i) });
		nat_elem_add(rs, to_mark_range,
			     (struct nat_elem){ 7, first, first + 15, 0x1001 + i % 2 });
	}
}

static void describe_classes(struct nat_ruleset *rs)
{
	size_t a = nat_chain_add(rs, "class_a", "egress of the bank");
	size_t b = nat_chain_add(rs, "class_b", "");

	nat_rule_add(rs, a,
		     NAT_RULE({ NAT_DADDR_IN, .name = "ranges" },
			      { NAT_SET_MARK, 0x107f, 0x1001, "" },
			      { NAT_SET_CT_MARK, 0x107f, 0x1001, "" }, { NAT_COUNT, .name = "c1" },
			      { NAT_ACCEPT }));
	nat_rule_add(rs, b,
		     NAT_RULE({ NAT_DADDR_NOT_IN, .name = "ranges" },
			      { NAT_CT_DIRECTION, .value = 1 }, { NAT_DROP }));
}

static void describe_prerouting(struct nat_ruleset *rs)
{
	size_t raw = nat_base_chain_add(rs, "raw", NAT_HOOK_PREROUTING, -300, 0);
	size_t pre = nat_base_chain_add(rs, "pre", NAT_HOOK_PREROUTING, -80, 0);

	nat_rule_add(rs, raw, NAT_RULE({ NAT_UDP_DPORT, .value = 4789 }, { NAT_NOTRACK }));
	nat_rule_add(rs, pre,
		     NAT_RULE({ NAT_IIF, .name = "eni*" }, { NAT_IIF_SADDR_NOT_IN, .name = "pods" },
			      { NAT_COUNT, .name = "c2" }, { NAT_DROP }));
	nat_rule_add(rs, pre,
		     NAT_RULE({ NAT_IIF_NOT, .name = "egw0" }, { NAT_IIF_SADDR_IN, .name = "pods" },
			      { NAT_JUMP, .name = "class_b" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_SADDR_VMAP, .name = "by_addr" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_SADDR_VMAP, .name = "by_range" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_MARK_SADDR_VMAP, .name = "by_mark_addr" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_MARK_SADDR_VMAP, .name = "by_mark_range" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_SET_MARK_MAP, .name = "to_mark" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_SET_MARK_MAP, .name = "to_mark_range" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_MARK_VMAP, .name = "by_mark" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_CT_MARK_VMAP, .mask = 0x107f, .name = "by_mark" }));
	nat_rule_add(rs, pre,
		     NAT_RULE({ NAT_CT_MARK_NOT, 0x1000, 0x1000, "" },
			      { NAT_MARK, 0x1000, 0x1000, "" }, { NAT_SET_MARK_SADDR }));
	nat_rule_add(rs, pre,
		     NAT_RULE({ NAT_SADDR_IN, .name = "addrs" },
			      { NAT_SADDR_NOT_IN, .name = "ranges" },
			      { NAT_GOTO, .name = "class_a" }));
}

static void describe_rest(struct nat_ruleset *rs)
{
	size_t forward = nat_base_chain_add(rs, "forward", NAT_HOOK_FORWARD, 0, NAT_BASE_DROP);
	size_t post = nat_base_chain_add(rs, "post", NAT_HOOK_POSTROUTING, 99, NAT_BASE_NAT);

	nat_rule_add(rs, forward, NAT_RULE({ NAT_CT_STATUS, .mask = 4 }, { NAT_ACCEPT }));
	nat_rule_add(rs, forward, NAT_RULE({ NAT_TCP_FLAGS, 6, 2, "" }, { NAT_MSS_CLAMP }));
	nat_rule_add(rs, forward,
		     NAT_RULE({ NAT_CT_MARK, 0xff, 1, "" }, { NAT_MARK_NOT, UINT32_MAX, 1, "" },
			      { NAT_RETURN }));
	nat_rule_add(rs, forward,
		     NAT_RULE({ NAT_CT_STATE, .mask = 6 }, { NAT_OIF_NOT, .name = "egw0" },
			      { NAT_REJECT_ADMIN }));
	nat_rule_add(rs, forward, NAT_RULE({ NAT_CT_STATUS_NOT, .mask = 8 }, { NAT_RETURN }));
	nat_rule_add(rs, post, NAT_RULE({ NAT_OIF, .name = "egw0" }, { NAT_SNAT_SADDR }));
	nat_rule_add(rs, post,
		     NAT_RULE({ NAT_OIF, .name = "eth0" }, { NAT_SNAT_MARK, .name = "to_addr" }));
	nat_rule_add(rs, post,
		     NAT_RULE({ NAT_LOAD_PORTS, .name = "to_ports" },
			      { NAT_SNAT_MARK_LOADED, .name = "to_addr" }));
	nat_rule_add(rs, post, NAT_RULE({ NAT_SNAT_MARK_PORTS, 20000, 20009, "to_addr" }));
}

void full_ruleset(struct nat_ruleset *rs, const char *table)
{
	nat_ruleset_init(rs, table);
	nat_counter_add(rs, "c1");
	nat_counter_add(rs, "c2");
	describe_sets(rs);
	describe_maps(rs);
	describe_mark_maps(rs);
	describe_classes(rs);
	describe_prerouting(rs);
	describe_rest(rs);
}
