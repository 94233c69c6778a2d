// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/apply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nf_tables.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "nat/elems.h"
#include "nat/nfnl.h"
#include "nat/observe.h"
#include "nat/plan.h"
#include "nat/steps.h"

/* As many messages as the elements need; an attribute list holds at most 64 KiB. */
static int put_elems(struct nfnl_batch *batch, uint16_t type, const struct nat_ruleset *names,
		     const struct nat_set *set, struct nat_elem_list elems)
{
	while (elems.n) {
		struct nlmsghdr *nlh = nat_message(batch, names->family, type,
						   type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
		size_t done;

		if (!nlh)
			return -ENOMEM;
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, names->table);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
		done = nat_elems_put(nlh, names, set, elems);
		nfnl_batch_add(batch, nlh, "%s set %s: %zu element%s", names->table, set->name,
			       done, done == 1 ? "" : "s");
		elems.v += done;
		elems.n -= done;
	}
	return 0;
}

static int elems_step(const struct nat_applying *ap, const struct nat_step *step)
{
	struct nat_set set = { .kind = step->set_kind };

	memcpy(set.name, step->name, sizeof(set.name));
	return put_elems(ap->batch,
			 step->kind == NAT_STEP_ELEMS_ADD ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
			 &ap->plan->names, &set,
			 (struct nat_elem_list){ .v = step->elems, .n = step->n_elems });
}

static nat_step_fn *const step_fns[NAT_STEP_KIND_COUNT] = {
	[NAT_STEP_TABLE_DEL] = nat_step_table_del,
	[NAT_STEP_TABLE_ADD] = nat_step_table_add,
	[NAT_STEP_FLOWTABLE_ADD] = nat_step_flowtable_add,
	[NAT_STEP_COUNTER_ADD] = nat_step_counter_add,
	[NAT_STEP_SET_ADD] = nat_step_set_add,
	[NAT_STEP_CHAIN_ADD] = nat_step_chain_add,
	[NAT_STEP_CHAIN_FLUSH] = nat_step_chain_flush,
	[NAT_STEP_ELEMS_DEL] = elems_step,
	[NAT_STEP_ELEMS_ADD] = elems_step,
	[NAT_STEP_RULE_ADD] = nat_step_rule_add,
	[NAT_STEP_CHAIN_DEL] = nat_step_chain_del,
	[NAT_STEP_SET_DEL] = nat_step_set_del,
	[NAT_STEP_COUNTER_DEL] = nat_step_counter_del,
};

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "nf_tables transaction: out of memory");
}

static void batch_cleanup(struct nfnl_batch **batch)
{
	nfnl_batch_free(*batch);
}

/* `gone`: and the table goes again, in the same transaction. */
static int apply(struct nfnl *nfnl, const struct nat_ruleset *desired, const struct nat_plan *plan,
		 bool gone, struct err *err)
{
	CLEANUP(batch_cleanup) struct nfnl_batch *batch = nfnl_batch_new();
	struct nat_applying ap = { .batch = batch,
				   .desired = desired,
				   .plan = plan,
				   .table = nat_ruleset_table(desired) };
	struct nat_step step = { 0 };

	if (!batch)
		return out_of_memory(err);
	for (size_t i = 0; i < plan->n; i++) {
		if (step_fns[plan->v[i].kind](&ap, &plan->v[i]))
			return out_of_memory(err);
	}
	snprintf(step.name, sizeof(step.name), "%s", ap.table.name);
	if (gone && nat_step_table_del(&ap, &step))
		return out_of_memory(err);
	return nfnl_batch_send(nfnl, batch, err);
}

int nat_apply(struct nfnl *nfnl, const struct nat_ruleset *desired, const struct nat_plan *plan,
	      struct err *err)
{
	return apply(nfnl, desired, plan, false, err);
}

int nat_apply_try(struct nfnl *nfnl, const struct nat_ruleset *ruleset, struct err *err)
{
	CLEANUP(nat_plan_done) struct nat_plan plan = { 0 };
	const struct nat_observed nothing = { 0 };
	int rc = nat_plan_compute(ruleset, &nothing, &plan);

	return rc ? out_of_memory(err) : apply(nfnl, ruleset, &plan, true, err);
}

static int put_change(struct nfnl_batch *batch, const struct nat_ruleset *names,
		      const struct nat_change *change)
{
	int rc = put_elems(batch, NFT_MSG_DELSETELEM, names, change->set, change->del);

	return rc ? rc : put_elems(batch, NFT_MSG_NEWSETELEM, names, change->set, change->add);
}

int nat_apply_elems(struct nfnl *nfnl, const struct nat_ruleset *names, struct nat_changes changes,
		    struct err *err)
{
	CLEANUP(batch_cleanup) struct nfnl_batch *batch = nfnl_batch_new();

	if (!batch)
		return out_of_memory(err);
	for (size_t i = 0; i < changes.n; i++) {
		if (put_change(batch, names, &changes.v[i]))
			return out_of_memory(err);
	}
	return nfnl_batch_send(nfnl, batch, err);
}

int nat_apply_delete_table(struct nfnl *nfnl, struct nat_table table, struct err *err)
{
	CLEANUP(batch_cleanup) struct nfnl_batch *batch = nfnl_batch_new();
	struct nat_applying ap = { .batch = batch, .table = table };
	struct nat_step step = { 0 };

	if (!batch)
		return out_of_memory(err);
	snprintf(step.name, sizeof(step.name), "%s", table.name);
	/* Adding first makes the deletion succeed whether or not the table was there. */
	if (nat_step_table_add(&ap, &step) || nat_step_table_del(&ap, &step))
		return out_of_memory(err);
	return nfnl_batch_send(nfnl, batch, err);
}
