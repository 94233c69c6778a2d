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
 * Adds and deletes elements of one set of `table` in one transaction, without reading anything. `set` gives
 * name and kind; `names` resolves device and chain names. -ENOENT: the set is gone (somebody flushed us).
 */
int nat_apply_elems(struct nfnl *nfnl, const struct nat_ruleset *names, const struct nat_set *set,
		    const struct nat_elem *del, size_t n_del, const struct nat_elem *add, size_t n_add,
		    struct err *err);

/* Deletes the table when it's there. 0 also when it is not. */
int nat_apply_delete_table(struct nfnl *nfnl, const char *table, struct err *err);
