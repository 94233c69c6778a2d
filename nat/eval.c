// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/eval.h"

#include "nat/eval_ops.h"

/* nft_chain_validate() refuses deeper chains, counting the base chain and following jump and goto alike. */
enum { DEPTH_MAX = 16 };

/* Conntrack's own hook (NF_IP_PRI_CONNTRACK): before it, a packet that came in has no entry. */
enum { PRIORITY_CONNTRACK = -200 };

static void tell(const struct walk *w, const struct nat_chain *chain, const struct nat_rule *rule,
		 bool matched)
{
	struct nat_eval_step step = { .chain = chain->name, .rule = rule, .matched = matched };

	if (w->on_step)
		w->on_step(&step, w->data);
}

/* NEXT_OP at the end of all operations: met, but nothing is decided by it. */
static enum outcome eval_rule(struct walk *w, const struct nat_rule *rule)
{
	enum outcome outcome = NEXT_OP;

	for (size_t i = 0; i < NAT_OPS_MAX && rule->ops[i].kind != NAT_OP_END; i++) {
		outcome = nat_eval_fns[rule->ops[i].kind](w, &rule->ops[i]);
		if (outcome != NEXT_OP)
			break;
	}
	return outcome;
}

/* DONE_ACCEPT, DONE_DROP, DONE_REJECT, or END_OF_CHAIN: the caller goes on behind its jump. */
static enum outcome eval_chain(struct walk *w, const struct nat_chain *chain, int depth)
{
	if (!chain || depth >= DEPTH_MAX)
		return DONE_DROP;
	for (size_t i = 0; i < chain->n_rules; i++) {
		enum outcome outcome = eval_rule(w, &chain->rules[i]);

		tell(w, chain, &chain->rules[i], outcome != NOT_MET);
		if (outcome == NEXT_OP || outcome == NOT_MET)
			continue;
		if (outcome == DONE_RETURN)
			return END_OF_CHAIN;
		if (outcome == DO_GOTO)
			return eval_chain(w, nat_chain_find(w->rs, w->target), depth + 1);
		if (outcome == DO_JUMP)
			outcome = eval_chain(w, nat_chain_find(w->rs, w->target), depth + 1);
		if (outcome != END_OF_CHAIN)
			return outcome;
	}
	if (chain->hook == NAT_HOOK_NONE)
		tell(w, chain, NULL, true);
	return END_OF_CHAIN;
}

static enum outcome eval_base_chain(struct walk *w, const struct nat_chain *chain)
{
	enum outcome outcome;

	w->before_conntrack =
		(chain->hook == NAT_HOOK_PREROUTING || chain->hook == NAT_HOOK_OUTPUT) &&
		chain->priority < PRIORITY_CONNTRACK;
	outcome = eval_chain(w, chain, 0);
	if (outcome != END_OF_CHAIN)
		return outcome;
	tell(w, chain, NULL, true);
	return chain->policy_drop ? DONE_DROP : DONE_ACCEPT;
}

/* A nat chain is asked about the first packet of a connection, and only until one of them translated. */
static bool takes_part(const struct walk *w, const struct nat_chain *chain)
{
	return !chain->nat || (w->packet->ct_state == NAT_STATE_NEW && !w->result.snat);
}

/*
 * The chain that runs after `last`; NULL: that was the last one. Of two with one priority the kernel runs
 * first which was registered last (nf_hook_entries_grow), so after a first load ours run backwards.
 */
static const struct nat_chain *next_base_chain(const struct nat_ruleset *rs, enum nat_hook hook,
					       const struct nat_chain *last)
{
	const struct nat_chain *best = NULL;

	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct nat_chain *c = &rs->chains[i];
		bool later = !last || c->priority > last->priority ||
			     (c->priority == last->priority && c < last);

		if (c->hook == hook && later && (!best || c->priority <= best->priority))
			best = c;
	}
	return best;
}

struct nat_eval_result nat_eval_hook(const struct nat_ruleset *rs, enum nat_hook hook,
				     struct nat_packet *packet,
				     void (*on_step)(const struct nat_eval_step *step, void *data),
				     void *data)
{
	struct walk w = { .rs = rs, .packet = packet, .on_step = on_step, .data = data };
	const struct nat_chain *chain = NULL;

	w.result.verdict = NAT_EVAL_ACCEPT;
	while ((chain = next_base_chain(rs, hook, chain))) {
		enum outcome outcome;

		if (!takes_part(&w, chain))
			continue;
		outcome = eval_base_chain(&w, chain);
		if (outcome == DONE_ACCEPT)
			continue;
		w.result.verdict = outcome == DONE_REJECT ? NAT_EVAL_REJECT : NAT_EVAL_DROP;
		break;
	}
	return w.result;
}
