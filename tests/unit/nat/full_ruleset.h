// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A ruleset with every kind of set and every operation, that a kernel takes. */
#pragma once

#include "nat/ruleset.h"

/* Describes it; not finished, so that running out of memory can be looked at. */
void full_ruleset(struct nat_ruleset *rs, const char *table);
