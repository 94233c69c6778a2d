// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A plan as one nf_tables transaction, and the short way for single elements. */
#pragma once

#include <stddef.h>

#include "nat/ruleset.h"

struct err;
struct nat_plan;
struct nfnl;

/* All or nothing. 0; the kernel's errno with "OBJECT: reason" in err; -ENOMEM. */
int nat_apply(struct nfnl *nfnl, const struct nat_ruleset *desired, const struct nat_plan *plan,
	      struct err *err);

/*
 * Adds and deletes elements of one set of `table` in one transaction, without reading anything. `change->set`
 * gives name and kind (its elements don't count); `names` resolves device and chain names and names the
 * table. -ENOENT: the set, or an element to be deleted, is gone (somebody flushed us).
 */
struct nat_change {
	const struct nat_set *set;
	struct nat_elem_list del, add;
};
int nat_apply_elems(struct nfnl *nfnl, const struct nat_ruleset *names,
		    const struct nat_change *change, struct err *err);

/* Deletes the table when it's there. 0 also when it is not. */
int nat_apply_delete_table(struct nfnl *nfnl, const char *table, struct err *err);
