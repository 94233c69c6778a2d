// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: what keeps a gateway of a group from translating to egress IPs that another one has. Only for desired.c. */
#pragma once

#include "gateway/table/desired.h"

/* Where first packets go that a class has given an egress IP: in a group, before anything is decided. */
#define FENCE_BEGIN_CHAIN "begin"

/* Sets and chains; none where view->fenced is NULL. */
void fence_describe(const struct gateway_view *view, struct nat_ruleset *rs);
