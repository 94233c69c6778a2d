// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * After a walk: what is here and wasn't told of goes. One sweep at a time. Everything that is told while it runs counts as
 * told, and an entry goes by its own id, so that none goes that has just come.
 */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "peer/receiver_internal.h"

static struct slot *slot_of(struct incoming *link, uint64_t egress)
{
	for (size_t i = 0; i < link->n_slots; i++) {
		if (link->slots[i].egress == egress)
			return &link->slots[i];
	}
	return NULL;
}

static void on_found(const struct ct_flow *flow, void *data)
{
	struct receiver *receiver = data;
	struct incoming *link = receiver->sweeping;
	const struct place *place = receiver_at(receiver, flow->nat);
	const struct slot *slot = place ? slot_of(link, place->is.egress) : NULL;

	if (!slot || slot->sweep != SWEEPING || place->is.is_ours || link->told.full ||
	    told_has(&link->told, told_hash(&flow->orig, place->is.egress)))
		return;
	if (ct_writer_put(receiver->config.writer, CT_FLOW_GONE, flow, NULL) == 0)
		receiver->count.swept++;
}

/* What was told needn't be remembered any longer, unless the next walk has begun. */
static void settle(struct incoming *link)
{
	bool is_needed = false;

	for (size_t i = 0; i < link->n_slots; i++) {
		if (link->slots[i].sweep == SWEEPING)
			link->slots[i].sweep = NO_SWEEP;
		is_needed = is_needed || link->slots[i].walking ||
			    link->slots[i].sweep == SWEEP_DUE;
	}
	if (!is_needed)
		told_reset(&link->told);
}

static void on_end(int rc, void *data)
{
	struct receiver *receiver = data;
	struct incoming *link = receiver->sweeping;

	if (ct_writer_flush(receiver->config.writer, NULL) || rc || link->told.full)
		receiver->count.failed_sweeps++; /* the next walk brings the next one */
	else
		receiver->count.sweeps++;
	sweep_cancel(receiver);
	settle(link);
	loop_timer_arm_ms(receiver->sweep_soon, 0);
}

void sweep_cancel(struct receiver *receiver)
{
	ct_walk_free(receiver->sweep);
	receiver->sweep = NULL;
	receiver->sweeping = NULL;
	loop_timer_arm_ms(receiver->sweep_soon, 0);
}

static struct incoming *find_due(struct receiver *receiver)
{
	for (size_t i = 0; i < receiver->n_links; i++) {
		struct incoming *link = receiver->links[i];

		for (size_t j = 0; j < link->n_slots; j++) {
			if (link->slots[j].sweep == SWEEP_DUE)
				return link;
		}
	}
	return NULL;
}

void sweep_begin(void *data)
{
	static const struct ct_walk_ops ops = { .on_flow = on_found, .on_end = on_end };
	struct receiver *receiver = data;
	struct incoming *link = receiver->sweep ? NULL : find_due(receiver);
	struct err err = ERR_NULL;

	if (!link)
		return;
	for (size_t i = 0; i < link->n_slots; i++) {
		if (link->slots[i].sweep == SWEEP_DUE)
			link->slots[i].sweep = SWEEPING;
	}
	receiver->sweep = ct_walk_new(receiver->config.loop, &ops, receiver, &err);
	if (receiver->sweep) {
		receiver->sweeping = link;
		return;
	}
	log_warning(MSG_REPLICATION_SWEEP, "replication", "a sweep can't begin reason=%s",
		    err.text);
	receiver->count.failed_sweeps++;
	settle(link);
}
