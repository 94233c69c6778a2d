// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: walks a packet through the chains of a desired ruleset as nf_tables would, and tells each rule
 * that it met. `eipgw explain` shows it; the tests of both daemons' rulesets use it to say in a table
 * what happens to which packet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip6.h"
#include "nat/ruleset.h"

struct nat_packet {
	char iif[16], oif[16]; /* "" = none (yet) */
	uint32_t iif_number;
	struct ip4 src, dst;
	struct ip6 dst6; /* in tables of family ip6 */
	uint8_t protocol;
	uint16_t dst_port;
	uint8_t tcp_flags;
	uint32_t mark, ct_mark;
	bool ct_reply;           /* direction */
	uint32_t ct_state;       /* NAT_STATE_* (one bit), as conntrack will say; 0: untracked */
	uint32_t ct_status;      /* IPS_* */
	struct ip4 ct_reply_dst; /* where answers go */
};

enum nat_eval_verdict { NAT_EVAL_ACCEPT, NAT_EVAL_DROP, NAT_EVAL_REJECT };

struct nat_eval_step {
	const char *chain;
	const struct nat_rule *rule; /* NULL: the chain's policy or its end */
	bool matched;                /* all operations of the rule were met */
};

struct nat_eval_result {
	enum nat_eval_verdict verdict;
	bool snat; /* a source translation was chosen */
	struct ip4 snat_to;
	/* The ports that the translation may choose from; 0, 0: any. `snat_own`: they were found by the source. */
	uint16_t snat_first_port, snat_last_port;
	bool snat_own;
	bool notrack;
	char counters[8][NAT_NAME_MAX]; /* those that counted, in order; more are left out */
	size_t n_counters;
};

/*
 * Runs all base chains of `hook` (type nat ones only when ct_state is NEW) in the order of their
 * priorities; `packet` is changed by marks, by notrack, and by a translation, which later chains see. Each rule met is
 * given to on_step (may be NULL), also those that did not match; a rule with a jump comes before the rules of its target. The 16th chain
 * below a base chain ends in a drop; the kernel refuses to load that many. `rs` is finished
 * (nat_ruleset_finish).
 *
 * Chains of one hook and one priority run in the opposite order of their making, as after a first load; in
 * the kernel a repair may turn that round, so a ruleset should not depend on it.
 */
struct nat_eval_result nat_eval_hook(const struct nat_ruleset *rs, enum nat_hook hook,
				     struct nat_packet *packet,
				     void (*on_step)(const struct nat_eval_step *step, void *data),
				     void *data);
