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
 * Adds and deletes elements of sets of `table` in one transaction, without reading anything; each set is there
 * once. `set` gives name and kind (its elements don't count); `names` resolves device and chain names and names the
 * table. -ENOENT: a set, or an element to be deleted, is gone (somebody flushed us); -ENFILE: a set is full.
 */
struct nat_change {
	const struct nat_set *set;
	struct nat_elem_list del, add;
};
struct nat_changes {
	const struct nat_change *v;
	size_t n;
};
int nat_apply_elems(struct nfnl *nfnl, const struct nat_ruleset *names, struct nat_changes changes,
		    struct err *err);

/* Deletes the table when it's there. 0 also when it is not. */
int nat_apply_delete_table(struct nfnl *nfnl, struct nat_table table, struct err *err);

/* Whether the kernel takes all of `ruleset`, whose table must not be there: nothing stays of it. 0, or as nat_apply. */
int nat_apply_try(struct nfnl *nfnl, const struct nat_ruleset *ruleset, struct err *err);
