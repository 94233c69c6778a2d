// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What can be said about an input before anything is computed from it. */
#pragma once

#include <stdint.h>

struct err;
struct policy_input;

/* 0, or -EINVAL with the path of what is wrong. Overlaps are found later, by the sweep. */
int policy_check(const struct policy_input *input, struct err *err);

/*
 * Sorts the policies by precedence, then by name: policy_at[rank] is an index of the input. The room is
 * for POLICY_MAX.
 * -EINVAL when a name is used twice.
 */
int policy_rank(const struct policy_input *input, uint16_t *policy_at, struct err *err);
