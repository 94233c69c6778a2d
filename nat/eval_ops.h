// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What each operation of a rule does to a packet. Only for nat/eval.c. */
#pragma once

#include <stdbool.h>

#include "nat/eval.h"

enum outcome {
	NEXT_OP,
	NOT_MET, /* the rule's end without a match: the next rule */
	DONE_ACCEPT,
	DONE_DROP,
	DONE_REJECT,
	DONE_RETURN,
	DO_JUMP, /* to walk.target */
	DO_GOTO,
	END_OF_CHAIN, /* of a whole chain: nothing was decided */
};

struct walk {
	const struct nat_ruleset *rs;
	struct nat_packet *packet;
	struct nat_eval_result result;
	bool before_conntrack; /* the base chain runs when there is no entry yet */
	const char *target;
	uint32_t ports; /* that NAT_LOAD_PORTS found in this rule, as nat_ports has them */
	void (*on_step)(const struct nat_eval_step *step, void *data);
	void *data;
};

typedef enum outcome nat_eval_fn(struct walk *w, const struct nat_op *op);
extern nat_eval_fn *const nat_eval_fns[NAT_OP_KIND_COUNT];
