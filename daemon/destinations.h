// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Each policy's effective destinations as a set of both daemons' tables: "dst_POLICY". */
#pragma once

#include <stddef.h>

#include "nat/ruleset.h"

struct policy_result;

void destinations_add(struct nat_ruleset *rs, const struct policy_result *policies);
void destinations_name(char buf[static NAT_NAME_MAX], const struct policy_result *policies,
		       size_t policy);
