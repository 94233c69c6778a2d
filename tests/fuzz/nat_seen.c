// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The input describes what stands in a table; libnftnl makes messages of it, as the kernel would, and nat/seen
 * takes them. What was read is then compared with a desired ruleset. Raw bytes wouldn't get that far: libnftnl
 * trusts the kernel, and ends the process when an attribute hasn't its size.
 */
#include "nat/seen.h"

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "nat/elems.h"
#include "nat/observe.h"
#include "nat/plan.h"
#include "nat_fuzz.h"

enum { ROOM = 64 << 10, TEXT_MAX = 255 };

/* Reads the input; at its end everything is 0. */
struct input {
	const uint8_t *data;
	size_t size;
	char text[TEXT_MAX + 1];
};

static uint8_t byte(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

static uint32_t number(struct input *in)
{
	uint32_t n = 0;

	for (int i = 0; i < 4; i++)
		n = n << 8 | byte(in);
	return n;
}

/* A name that is ours, or any text. */
static const char *name(struct input *in)
{
	static const char *const ours[] = {
		FUZZ_TABLE, "c1", "addrs", "by_range", "class_a", "pre"
	};
	uint8_t which = byte(in);
	size_t length = 0;

	if (which < ARRAY_SIZE(ours))
		return ours[which];
	while (length < which && in->size)
		in->text[length++] = (char)byte(in);
	in->text[length] = '\0';
	return in->text;
}

static const char *table(struct input *in)
{
	return byte(in) == 1 ? "other" : FUZZ_TABLE;
}

struct target {
	struct input *in;
	struct nat_reading *reading;
	char *room;
};

static struct nlmsghdr *message(const struct target *t, uint16_t type)
{
	return nftnl_nlmsg_build_hdr(t->room, type, NFPROTO_IPV4, 0, 0);
}

/* From a block of just its size, so that AddressSanitizer sees a read behind its end. */
static int give(const struct target *t, const struct nlmsghdr *nlh, nat_seen_fn *take)
{
	struct nlmsghdr *exact = fuzz_message((const uint8_t *)nlh, nlh->nlmsg_len);
	int rc = exact ? take(exact, t->reading) : 0;

	free(exact);
	return rc;
}

static int give_set(const struct target *t)
{
	struct nftnl_set *def = nftnl_set_alloc();
	struct nlmsghdr *nlh = message(t, NFT_MSG_NEWSET);
	struct nat_set set = { .kind = (enum nat_set_kind)(byte(t->in) % NAT_SET_KIND_COUNT) };
	int rc;

	if (!def)
		return 0;
	set.size = byte(t->in);
	nat_set_define(def, &set);
	nftnl_set_set_str(def, NFTNL_SET_TABLE, table(t->in));
	nftnl_set_set_str(def, NFTNL_SET_NAME, name(t->in));
	if (byte(t->in) == 1)
		nftnl_set_set_u32(def, NFTNL_SET_FLAGS, number(t->in));
	nftnl_set_nlmsg_build_payload(nlh, def);
	rc = give(t, nlh, nat_seen_set);
	nftnl_set_free(def);
	return rc;
}

static int give_object(const struct target *t)
{
	struct nftnl_obj *obj = nftnl_obj_alloc();
	struct nlmsghdr *nlh = message(t, NFT_MSG_NEWOBJ);
	int rc;

	if (!obj)
		return 0;
	nftnl_obj_set_str(obj, NFTNL_OBJ_TABLE, table(t->in));
	nftnl_obj_set_str(obj, NFTNL_OBJ_NAME, name(t->in));
	nftnl_obj_set_u32(obj, NFTNL_OBJ_TYPE, byte(t->in) ? NFT_OBJECT_COUNTER : NFT_OBJECT_QUOTA);
	nftnl_obj_set_u64(obj, NFTNL_OBJ_CTR_PKTS, number(t->in));
	nftnl_obj_nlmsg_build_payload(nlh, obj);
	rc = give(t, nlh, nat_seen_object);
	nftnl_obj_free(obj);
	return rc;
}

static void add_hook(const struct target *t, struct nftnl_chain *chain)
{
	static const char *const types[] = { "filter", "nat", "route" };

	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, byte(t->in));
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, (int32_t)number(t->in));
	if (byte(t->in) != 1)
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE,
				    types[byte(t->in) % ARRAY_SIZE(types)]);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, byte(t->in));
}

static int give_chain(const struct target *t)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nlmsghdr *nlh = message(t, NFT_MSG_NEWCHAIN);
	const char *note;
	int rc;

	if (!chain)
		return 0;
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table(t->in));
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name(t->in));
	note = name(t->in);
	if (note[0])
		nftnl_chain_set_data(chain, NFTNL_CHAIN_USERDATA, note, (uint32_t)strlen(note) + 1);
	if (byte(t->in) == 1)
		add_hook(t, chain);
	nftnl_chain_nlmsg_build_payload(nlh, chain);
	rc = give(t, nlh, nat_seen_chain);
	nftnl_chain_free(chain);
	return rc;
}

/* The attributes of these expressions from 1 on are all numbers of four bytes. */
static void add_expr(const struct target *t, struct nftnl_rule *rule)
{
	static const struct {
		const char *name;
		uint16_t numbers;
	} exprs[] = { { "meta", 3 },    { "payload", 4 }, { "ct", 2 },       { "nat", 7 },
		      { "rt", 2 },      { "notrack", 0 }, { "reject", 1 },   { "limit", 0 },
		      { "counter", 0 }, { "masq", 0 },    { "objref", 0 },   { "bitwise", 3 },
		      { "cmp", 2 },     { "lookup", 2 },  { "byteorder", 5 } };
	size_t which = byte(t->in) % ARRAY_SIZE(exprs);
	struct nftnl_expr *expr = nftnl_expr_alloc(exprs[which].name);

	if (!expr)
		return;
	for (uint16_t i = 1; i <= exprs[which].numbers; i++) {
		if (byte(t->in))
			nftnl_expr_set_u32(expr, i, byte(t->in));
	}
	nftnl_rule_add_expr(rule, expr);
}

static int give_rule(const struct target *t)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nlmsghdr *nlh = message(t, NFT_MSG_NEWRULE);
	int rc;

	if (!rule)
		return 0;
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table(t->in));
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, name(t->in));
	for (uint8_t n = byte(t->in) % 8; n; n--)
		add_expr(t, rule);
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	rc = give(t, nlh, nat_seen_rule);
	nftnl_rule_free(rule);
	return rc;
}

/* These are decoded without libnftnl: any bytes will do. */
static int give_raw(const struct target *t)
{
	static nat_seen_fn *const takers[] = { nat_seen_elems, nat_seen_table, nat_seen_flowtable };
	struct nlmsghdr *nlh = message(t, 0);
	size_t which = byte(t->in) % ARRAY_SIZE(takers);

	for (uint8_t n = byte(t->in); n; n--)
		((uint8_t *)nlh)[nlh->nlmsg_len++] = byte(t->in);
	if (which == 0 && !t->reading->seen->sets.n_sets)
		return 0;
	if (which == 0)
		t->reading->set = byte(t->in) % t->reading->seen->sets.n_sets;
	(void)give(t, nlh, takers[which]);
	return 0;
}

static int give_all(const struct target *t)
{
	static int (*const givers[])(const struct target *t) = { give_set, give_object, give_chain,
								 give_rule, give_raw };
	int rc = 0;

	while (t->in->size && !rc)
		rc = givers[byte(t->in) % ARRAY_SIZE(givers)](t);
	return rc;
}

static void describe(struct nat_ruleset *rs)
{
	size_t map;

	nat_ruleset_init(rs, FUZZ_TABLE);
	nat_counter_add(rs, "c1");
	nat_set_add(rs, "addrs", NAT_SET_ADDR, 0);
	map = nat_set_add(rs, "by_range", NAT_MAP_RANGE_VERDICT, 0);
	nat_elem_add(rs, map, (struct nat_elem){ 0, 1, 9, nat_name(rs, "class_a") });
	nat_chain_add(rs, "class_a", "");
	nat_rule_add(rs, nat_base_chain_add(rs, "pre", NAT_HOOK_PREROUTING, -80, 0),
		     NAT_RULE({ NAT_SADDR_IN, .name = "addrs" }, { NAT_COUNT, .name = "c1" }));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nat_observed seen = { .has_table = true };
	struct nat_reading reading = { .table = { NAT_IP, FUZZ_TABLE }, .seen = &seen };
	struct input in = { .data = data, .size = size };
	struct target target = { .in = &in, .reading = &reading, .room = calloc(1, ROOM) };
	struct nat_ruleset desired;
	struct nat_plan plan = { 0 };
	char summary[NAT_PLAN_TEXT_MAX];

	if (!target.room)
		return 0;
	describe(&desired);
	nat_ruleset_init(&seen.sets, FUZZ_TABLE);
	if (give_all(&target) == 0) {
		for (size_t i = 0; i < seen.sets.n_sets; i++) {
			if (nat_elems_pair(&seen.sets.sets[i]))
				seen.odd = true;
		}
		fuzz_expect(nat_plan_compute(&desired, &seen, &plan) == 0, "no plan");
		(void)nat_plan_summary(&plan, summary);
	}
	nat_plan_done(&plan);
	nat_observed_done(&seen);
	nat_ruleset_done(&desired);
	free(target.room);
	return 0;
}
