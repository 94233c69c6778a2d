// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: elements less and more of what should be, without describing all of it again. For sets of many single
 * elements, where a pod that comes or goes is worth no walk over the others.
 */
#pragma once

#include "nat/apply.h"

/*
 * Changes the set that `change->set` names by the elements, which are sorted here. 0; -ENOENT: no such set, or an
 * element that goes isn't in it; -EEXIST: one that comes is; -EINVAL: a set with ranges, or the declared size
 * doesn't hold them; -ENOMEM. Then nothing has changed.
 */
int nat_ruleset_change(struct nat_ruleset *rs, const struct nat_change *change);
