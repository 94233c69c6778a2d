// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Each step of a plan as a message in a batch; those about elements are in nat/apply.c. */
#pragma once

#include <stdint.h>

#include "nat/ruleset.h"

struct nat_plan;
struct nat_step;
struct nfnl_batch;
struct nlmsghdr;

struct nat_applying {
	struct nfnl_batch *batch;
	const struct nat_ruleset *desired;
	const struct nat_plan *plan;
	struct nat_table table;
};

/* A message header in the batch; NULL when the batch is full or without memory. */
struct nlmsghdr *nat_message(struct nfnl_batch *batch, enum nat_family family, uint16_t type,
			     uint16_t flags);

/* 0 or -ENOMEM. */
typedef int nat_step_fn(const struct nat_applying *ap, const struct nat_step *step);

nat_step_fn nat_step_table_del;
nat_step_fn nat_step_table_add;
nat_step_fn nat_step_flowtable_add;
nat_step_fn nat_step_counter_add;
nat_step_fn nat_step_counter_del;
nat_step_fn nat_step_set_add;
nat_step_fn nat_step_set_del;
nat_step_fn nat_step_chain_add;
nat_step_fn nat_step_chain_flush;
nat_step_fn nat_step_chain_del;
nat_step_fn nat_step_rule_add;
