// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which tracked connections are wrong for what the gateway wants now; see node/audit.h for the why. */
#pragma once

#include <stdbool.h>

#include "gateway/table/desired.h"
#include "nat/ct.h"

/* Pure. True: the entry must be deleted. */
bool gateway_audit_is_stale(const struct gateway_view *view, const struct ct_entry *entry);
