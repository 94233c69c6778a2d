// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/steps.h"

#include <errno.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nat/elems.h"
#include "nat/expr.h"
#include "nat/nfnl.h"
#include "nat/plan.h"

struct nlmsghdr *nat_message(struct nfnl_batch *batch, enum nat_family family, uint16_t type,
			     uint16_t flags)
{
	void *room = nfnl_batch_room(batch);

	if (!room)
		return NULL;
	return nftnl_nlmsg_build_hdr(room, type, nat_family_number(family), flags,
				     nfnl_batch_sequence(batch));
}

/* TABLE_*, *_DEL and CHAIN_FLUSH: a message that only names its object. */
static int put_named(const struct nat_applying *ap, uint16_t type, uint16_t name_attr,
		     const char *name)
{
	struct nlmsghdr *nlh = nat_message(ap->batch, ap->table.family, type,
					   type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);

	if (!nlh)
		return -ENOMEM;
	/* Attribute 1 is the table's name in all of nf_tables' messages. */
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, ap->table.name);
	if (name_attr)
		mnl_attr_put_strz(nlh, name_attr, name);
	nfnl_batch_add(ap->batch, nlh, "%s %s", ap->table.name, name);
	return 0;
}

int nat_step_table_del(const struct nat_applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_DELTABLE, 0, step->name);
}

int nat_step_table_add(const struct nat_applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_NEWTABLE, 0, step->name);
}

int nat_step_chain_flush(const struct nat_applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_DELRULE, NFTA_RULE_CHAIN, step->name);
}

int nat_step_chain_del(const struct nat_applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_DELCHAIN, NFTA_CHAIN_NAME, step->name);
}

int nat_step_set_del(const struct nat_applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_DELSET, NFTA_SET_NAME, step->name);
}

int nat_step_flowtable_add(const struct nat_applying *ap, const struct nat_step *step)
{
	struct nlmsghdr *nlh =
		nat_message(ap->batch, ap->table.family, NFT_MSG_NEWFLOWTABLE, NLM_F_CREATE);

	if (!nlh || nat_flowtable_put(nlh, nat_family_number(ap->table.family), ap->table.name,
				      &ap->desired->flowtable))
		return -ENOMEM;
	nfnl_batch_add(ap->batch, nlh, "%s flowtable %s", ap->table.name, step->name);
	return 0;
}

static struct nftnl_obj *counter_object(const struct nat_applying *ap, const struct nat_step *step)
{
	struct nftnl_obj *obj = nftnl_obj_alloc();

	if (!obj)
		return NULL;
	nftnl_obj_set_str(obj, NFTNL_OBJ_TABLE, ap->table.name);
	nftnl_obj_set_str(obj, NFTNL_OBJ_NAME, step->name);
	nftnl_obj_set_u32(obj, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	return obj;
}

static int counter_put(const struct nat_applying *ap, const struct nat_step *step, uint16_t type,
		       uint16_t flags)
{
	struct nftnl_obj *obj = counter_object(ap, step);
	struct nlmsghdr *nlh = nat_message(ap->batch, ap->table.family, type, flags);

	if (!obj || !nlh) {
		nftnl_obj_free(obj);
		return -ENOMEM;
	}
	if (type == NFT_MSG_NEWOBJ) {
		nftnl_obj_set_u64(obj, NFTNL_OBJ_CTR_PKTS, step->packets);
		nftnl_obj_set_u64(obj, NFTNL_OBJ_CTR_BYTES, step->bytes);
	}
	nftnl_obj_nlmsg_build_payload(nlh, obj);
	nfnl_batch_add(ap->batch, nlh, "%s counter %s", ap->table.name, step->name);
	nftnl_obj_free(obj);
	return 0;
}

int nat_step_counter_add(const struct nat_applying *ap, const struct nat_step *step)
{
	return counter_put(ap, step, NFT_MSG_NEWOBJ, NLM_F_CREATE);
}

int nat_step_counter_del(const struct nat_applying *ap, const struct nat_step *step)
{
	return counter_put(ap, step, NFT_MSG_DELOBJ, 0);
}

int nat_step_set_add(const struct nat_applying *ap, const struct nat_step *step)
{
	struct nftnl_set *def = nftnl_set_alloc();
	struct nlmsghdr *nlh =
		nat_message(ap->batch, ap->table.family, NFT_MSG_NEWSET, NLM_F_CREATE);

	if (!def || !nlh) {
		if (def)
			nftnl_set_free(def);
		return -ENOMEM;
	}
	nftnl_set_set_u32(def, NFTNL_SET_FAMILY, nat_family_number(ap->table.family));
	nftnl_set_set_str(def, NFTNL_SET_TABLE, ap->table.name);
	nftnl_set_set_str(def, NFTNL_SET_NAME, step->name);
	/* The kernel insists on an id; rules refer to sets by name, so it only has to be unique. */
	nftnl_set_set_u32(def, NFTNL_SET_ID, (uint32_t)step->index + 1);
	nat_set_define(def, &ap->desired->sets[step->index]);
	nftnl_set_nlmsg_build_payload(nlh, def);
	nfnl_batch_add(ap->batch, nlh, "%s set %s", ap->table.name, step->name);
	nftnl_set_free(def);
	return 0;
}

static int chain_comment(struct nftnl_chain *chain, const char *comment)
{
	struct nftnl_udata_buf *buf = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	if (!buf)
		return -ENOMEM;
	nftnl_udata_put_strz(buf, NFTNL_UDATA_CHAIN_COMMENT, comment);
	nftnl_chain_set_data(chain, NFTNL_CHAIN_USERDATA, nftnl_udata_buf_data(buf),
			     nftnl_udata_buf_len(buf));
	nftnl_udata_buf_free(buf);
	return 0;
}

static void define_hook(struct nftnl_chain *chain, const struct nat_chain *def)
{
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, (uint32_t)def->hook);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, def->priority);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, def->nat ? "nat" : "filter");
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, def->policy_drop ? NF_DROP : NF_ACCEPT);
}

int nat_step_chain_add(const struct nat_applying *ap, const struct nat_step *step)
{
	const struct nat_chain *def = &ap->desired->chains[step->index];
	struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nlmsghdr *nlh =
		nat_message(ap->batch, ap->table.family, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	if (!chain || !nlh || (def->comment[0] && chain_comment(chain, def->comment))) {
		if (chain)
			nftnl_chain_free(chain);
		return -ENOMEM;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, ap->table.name);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, step->name);
	if (def->hook != NAT_HOOK_NONE)
		define_hook(chain, def);
	nftnl_chain_nlmsg_build_payload(nlh, chain);
	nfnl_batch_add(ap->batch, nlh, "%s chain %s", ap->table.name, step->name);
	nftnl_chain_free(chain);
	return 0;
}

int nat_step_rule_add(const struct nat_applying *ap, const struct nat_step *step)
{
	const struct nat_rule *def = &ap->desired->chains[step->index].rules[step->rule];
	struct nftnl_rule *rule = nat_expr_compile(ap->table.name, step->name, def);
	struct nlmsghdr *nlh = nat_message(ap->batch, ap->table.family, NFT_MSG_NEWRULE,
					   NLM_F_CREATE | NLM_F_APPEND);
	char text[NAT_RULE_TEXT_MAX];

	if (!rule || !nlh) {
		if (rule)
			nftnl_rule_free(rule);
		return -ENOMEM;
	}
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	nfnl_batch_add(ap->batch, nlh, "%s %s rule '%s'", ap->table.name, step->name,
		       nat_rule_format(def, text));
	nftnl_rule_free(rule);
	return 0;
}
