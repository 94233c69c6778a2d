// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/delta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sorted.h"

static int compare_elems(const void *a, const void *b)
{
	return nat_elem_compare(a, b);
}

/* A sorted copy; v is the caller's to free. */
static int copy_sorted(struct sorted *ret, struct nat_elem_list list)
{
	*ret = (struct sorted){ .n = list.n,
				.size = sizeof(struct nat_elem),
				.compare = compare_elems };
	ret->v = reallocarray(NULL, list.n + 1, ret->size);
	if (!ret->v)
		return -ENOMEM;
	if (list.n)
		memcpy(ret->v, list.v, list.n * ret->size);
	qsort(ret->v, ret->n, ret->size, ret->compare);
	return 0;
}

int nat_ruleset_change(struct nat_ruleset *rs, const struct nat_change *change)
{
	size_t index =
		nat_index_find(&rs->set_index, rs->sets, sizeof(*rs->sets), change->set->name);
	struct sorted del = { 0 }, add = { 0 };
	int rc;

	if (index == NAT_INDEX_NONE)
		return -ENOENT;
	struct nat_set *set = &rs->sets[index];
	struct sorted all = { set->v, set->n, sizeof(*set->v), compare_elems };

	if (nat_set_has_ranges(set->kind) ||
	    (set->size && set->n + change->add.n - change->del.n > set->size))
		return -EINVAL;
	rc = copy_sorted(&del, change->del);
	if (!rc)
		rc = copy_sorted(&add, change->add);
	if (!rc)
		rc = sorted_change(&all, &del, &add);
	free(del.v);
	free(add.v);
	if (rc)
		return rc;
	set->v = all.v;
	set->n = all.n;
	set->capacity = all.n;
	return 0;
}
