// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "nat/elems.h"
#include "nat/expr.h"
#include "nat/nfnl.h"
#include "nat/plan.h"

struct applying {
	struct nfnl_batch *batch;
	const struct nat_ruleset *desired;
	const struct nat_plan *plan;
	const char *table;
};

/* A message header in the batch; NULL when the batch is full or without memory. */
static struct nlmsghdr *message(struct nfnl_batch *batch, uint16_t type, uint16_t flags)
{
	void *room = nfnl_batch_room(batch);

	if (!room)
		return NULL;
	return nftnl_nlmsg_build_hdr(room, type, NFPROTO_IPV4, flags, nfnl_batch_sequence(batch));
}

/* TABLE_*, *_DEL and CHAIN_FLUSH: a message that only names its object. */
static int put_named(const struct applying *ap, uint16_t type, uint16_t flags, uint16_t name_attr,
		     const char *name)
{
	struct nlmsghdr *nlh = message(ap->batch, type, flags);

	if (!nlh)
		return -ENOMEM;
	/* Attribute 1 is the table's name in all of nf_tables' messages. */
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, ap->table);
	if (name_attr)
		mnl_attr_put_strz(nlh, name_attr, name);
	nfnl_batch_add(ap->batch, nlh, "%s %s", ap->table, name);
	return 0;
}

static int table_del(const struct applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_DELTABLE, 0, 0, step->name);
}

static int table_add(const struct applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_NEWTABLE, NLM_F_CREATE, 0, step->name);
}

static int chain_flush(const struct applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_DELRULE, 0, NFTA_RULE_CHAIN, step->name);
}

static int chain_del(const struct applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_NAME, step->name);
}

static int set_del(const struct applying *ap, const struct nat_step *step)
{
	return put_named(ap, NFT_MSG_DELSET, 0, NFTA_SET_NAME, step->name);
}

static struct nftnl_obj *counter_object(const struct applying *ap, const struct nat_step *step)
{
	struct nftnl_obj *obj = nftnl_obj_alloc();

	if (!obj)
		return NULL;
	nftnl_obj_set_str(obj, NFTNL_OBJ_TABLE, ap->table);
	nftnl_obj_set_str(obj, NFTNL_OBJ_NAME, step->name);
	nftnl_obj_set_u32(obj, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	return obj;
}

static int counter_put(const struct applying *ap, const struct nat_step *step, uint16_t type,
		       uint16_t flags)
{
	struct nftnl_obj *obj = counter_object(ap, step);
	struct nlmsghdr *nlh = message(ap->batch, type, flags);

	if (!obj || !nlh) {
		nftnl_obj_free(obj);
		return -ENOMEM;
	}
	if (type == NFT_MSG_NEWOBJ) {
		nftnl_obj_set_u64(obj, NFTNL_OBJ_CTR_PKTS, step->packets);
		nftnl_obj_set_u64(obj, NFTNL_OBJ_CTR_BYTES, step->bytes);
	}
	nftnl_obj_nlmsg_build_payload(nlh, obj);
	nfnl_batch_add(ap->batch, nlh, "%s counter %s", ap->table, step->name);
	nftnl_obj_free(obj);
	return 0;
}

static int counter_add(const struct applying *ap, const struct nat_step *step)
{
	return counter_put(ap, step, NFT_MSG_NEWOBJ, NLM_F_CREATE);
}

static int counter_del(const struct applying *ap, const struct nat_step *step)
{
	return counter_put(ap, step, NFT_MSG_DELOBJ, 0);
}

static int set_add(const struct applying *ap, const struct nat_step *step)
{
	struct nftnl_set *def = nftnl_set_alloc();
	struct nlmsghdr *nlh = message(ap->batch, NFT_MSG_NEWSET, NLM_F_CREATE);

	if (!def || !nlh) {
		if (def)
			nftnl_set_free(def);
		return -ENOMEM;
	}
	nftnl_set_set_u32(def, NFTNL_SET_FAMILY, NFPROTO_IPV4);
	nftnl_set_set_str(def, NFTNL_SET_TABLE, ap->table);
	nftnl_set_set_str(def, NFTNL_SET_NAME, step->name);
	/* The kernel insists on an id; rules refer to sets by name, so it only has to be unique. */
	nftnl_set_set_u32(def, NFTNL_SET_ID, (uint32_t)step->index + 1);
	nat_set_define(def, &ap->desired->sets[step->index]);
	nftnl_set_nlmsg_build_payload(nlh, def);
	nfnl_batch_add(ap->batch, nlh, "%s set %s", ap->table, step->name);
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

static int chain_add(const struct applying *ap, const struct nat_step *step)
{
	const struct nat_chain *def = &ap->desired->chains[step->index];
	struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nlmsghdr *nlh = message(ap->batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	if (!chain || !nlh || (def->comment[0] && chain_comment(chain, def->comment))) {
		if (chain)
			nftnl_chain_free(chain);
		return -ENOMEM;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, ap->table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, step->name);
	if (def->hook != NAT_HOOK_NONE)
		define_hook(chain, def);
	nftnl_chain_nlmsg_build_payload(nlh, chain);
	nfnl_batch_add(ap->batch, nlh, "%s chain %s", ap->table, step->name);
	nftnl_chain_free(chain);
	return 0;
}

static int rule_add(const struct applying *ap, const struct nat_step *step)
{
	const struct nat_rule *def = &ap->desired->chains[step->index].rules[step->rule];
	struct nftnl_rule *rule = nat_expr_compile(ap->table, step->name, def);
	struct nlmsghdr *nlh = message(ap->batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	char text[NAT_RULE_TEXT_MAX];

	if (!rule || !nlh) {
		if (rule)
			nftnl_rule_free(rule);
		return -ENOMEM;
	}
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	nfnl_batch_add(ap->batch, nlh, "%s %s rule '%s'", ap->table, step->name,
		       nat_rule_format(def, text));
	nftnl_rule_free(rule);
	return 0;
}

/* As many messages as the elements need; an attribute list holds at most 64 KiB. */
static int put_elems(struct nfnl_batch *batch, uint16_t type, const struct nat_ruleset *names,
		     const struct nat_set *set, const struct nat_elem *elems, size_t n)
{
	while (n) {
		struct nlmsghdr *nlh =
			message(batch, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
		size_t done;

		if (!nlh)
			return -ENOMEM;
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, names->table);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
		done = nat_elems_put(nlh, names, set, elems, n);
		nfnl_batch_add(batch, nlh, "%s set %s: %zu element%s", names->table, set->name, done,
			       done == 1 ? "" : "s");
		elems += done;
		n -= done;
	}
	return 0;
}

static int elems_step(const struct applying *ap, const struct nat_step *step)
{
	struct nat_set set = { .kind = step->set_kind };

	memcpy(set.name, step->name, sizeof(set.name));
	return put_elems(ap->batch,
			 step->kind == NAT_STEP_ELEMS_ADD ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
			 &ap->plan->names, &set, step->elems, step->n_elems);
}

typedef int (*step_fn)(const struct applying *ap, const struct nat_step *step);

static const step_fn step_fns[NAT_STEP_KIND_COUNT] = {
	[NAT_STEP_TABLE_DEL] = table_del,     [NAT_STEP_TABLE_ADD] = table_add,
	[NAT_STEP_COUNTER_ADD] = counter_add, [NAT_STEP_SET_ADD] = set_add,
	[NAT_STEP_CHAIN_ADD] = chain_add,     [NAT_STEP_CHAIN_FLUSH] = chain_flush,
	[NAT_STEP_ELEMS_DEL] = elems_step,    [NAT_STEP_ELEMS_ADD] = elems_step,
	[NAT_STEP_RULE_ADD] = rule_add,       [NAT_STEP_CHAIN_DEL] = chain_del,
	[NAT_STEP_SET_DEL] = set_del,         [NAT_STEP_COUNTER_DEL] = counter_del,
};

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "nf_tables transaction: out of memory");
}

static void batch_cleanup(struct nfnl_batch **batch)
{
	nfnl_batch_free(*batch);
}

int nat_apply(struct nfnl *nfnl, const struct nat_ruleset *desired, const struct nat_plan *plan,
	      struct err *err)
{
	CLEANUP(batch_cleanup) struct nfnl_batch *batch = nfnl_batch_new();
	struct applying ap = { .batch = batch, .desired = desired, .plan = plan,
			       .table = desired->table };

	if (!batch)
		return out_of_memory(err);
	for (size_t i = 0; i < plan->n; i++) {
		if (step_fns[plan->v[i].kind](&ap, &plan->v[i]))
			return out_of_memory(err);
	}
	return nfnl_batch_send(nfnl, batch, err);
}

int nat_apply_elems(struct nfnl *nfnl, const struct nat_ruleset *names, const struct nat_set *set,
		    const struct nat_elem *del, size_t n_del, const struct nat_elem *add, size_t n_add,
		    struct err *err)
{
	CLEANUP(batch_cleanup) struct nfnl_batch *batch = nfnl_batch_new();

	if (!batch || put_elems(batch, NFT_MSG_DELSETELEM, names, set, del, n_del) ||
	    put_elems(batch, NFT_MSG_NEWSETELEM, names, set, add, n_add))
		return out_of_memory(err);
	return nfnl_batch_send(nfnl, batch, err);
}

int nat_apply_delete_table(struct nfnl *nfnl, const char *table, struct err *err)
{
	CLEANUP(batch_cleanup) struct nfnl_batch *batch = nfnl_batch_new();
	struct applying ap = { .batch = batch, .table = table };

	if (!batch)
		return out_of_memory(err);
	/* Adding first makes the deletion succeed whether or not the table was there. */
	if (put_named(&ap, NFT_MSG_NEWTABLE, NLM_F_CREATE, 0, table) ||
	    put_named(&ap, NFT_MSG_DELTABLE, 0, 0, table))
		return out_of_memory(err);
	return nfnl_batch_send(nfnl, batch, err);
}
