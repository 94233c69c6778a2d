// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Blocks of ports in the NAT log. The gateway tells which source has one; who has the source's address, and under which address the
 * internet knows the ports, may change while it does, and nobody tells that: so all blocks are looked at, some each second.
 */
#include <errno.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/loop.h"
#include "control/control.h"
#include "gateway/log/answer.h"
#include "gateway/log/flowlog_internal.h"
#include "gateway/table/blocks.h"
#include "natlog/book.h"
#include "natlog/natlog.h"
#include "natlog/stamp.h"

enum { LOOK_MS = 1000, LOOK_MOST = 4096 };

static bool is_recorded(const struct flowlog *flowlog)
{
	return flowlog->natlog && flowlog->blocks.is_wanted;
}

static struct gateway_view view_of(const struct flowlog *flowlog)
{
	return flowlog->options.view(flowlog->options.data);
}

static struct natlog_ports ports_of(const struct block *block, struct ip4 nat)
{
	return (struct natlog_ports){ block->source, nat, block->first_port, block->last_port };
}

static struct natlog_who who_of_block(struct flowlog *flowlog, const struct gateway_view *view,
				      const struct block *block)
{
	const struct gateway_egress *list = view->config->egress_ips.v;
	struct natlog_who who = { .egress = list[block->egress].name,
				  .public = gateway_public(view, block->egress) };

	flowlog_source(view, block->source, 0, flowlog->uid, &who);
	return who;
}

/* Where pods aren't known, the address is all that can be. */
static enum natlog_basis basis_of(const struct gateway_view *view, const struct natlog_who *who,
				  enum natlog_basis basis)
{
	return who->name || !view->inventory ? basis : NATLOG_NONE;
}

static void record(struct flowlog *flowlog, const struct gateway_view *view,
		   const struct block *block, enum natlog_basis basis)
{
	const struct ip4 nat = gateway_private(view, block->egress);
	struct ip4 *was = &flowlog->blocks.nats[block->egress];
	const struct natlog_who who = who_of_block(flowlog, view, block);
	struct natlog_ports ports;

	/* While it isn't known, nothing leaves with it. */
	if (!nat.v && !was->v)
		return;
	ports = ports_of(block, nat.v ? nat : *was);
	natlog_block_is(flowlog->natlog, &ports, &who, basis_of(view, &who, basis));
}

/* All blocks of an egress IP are recorded under its new address. */
static void move(struct flowlog *flowlog, const struct gateway_view *view, unsigned egress)
{
	struct ip4 *was = &flowlog->blocks.nats[egress];
	const struct ip4 nat = gateway_private(view, egress);
	struct block block;

	if (!nat.v || nat.v == was->v)
		return;
	for (size_t i = 0; was->v && i < blocks_places(view->blocks); i++) {
		struct natlog_ports ports;

		if (!blocks_told_at(view->blocks, i, &block) || block.egress != egress)
			continue;
		ports = ports_of(&block, *was);
		natlog_block_ends(flowlog->natlog, &ports);
	}
	*was = nat;
}

void flowlog_see_block(struct flowlog *flowlog, const struct block *block, bool is_given)
{
	const struct gateway_view view = view_of(flowlog);
	const struct natlog_ports ports = ports_of(block, flowlog->blocks.nats[block->egress]);

	if (!is_recorded(flowlog) || !view.config)
		return;
	if (!is_given) {
		natlog_block_ends(flowlog->natlog, &ports);
		return;
	}
	if (block->egress >= view.config->egress_ips.n)
		return;
	move(flowlog, &view, block->egress);
	record(flowlog, &view, block, flowlog->blocks.is_first ? NATLOG_FOUND : NATLOG_START);
}

/* ---- what nobody tells */

/* True: all were looked at, since it was true last. */
static bool look_at_some(struct flowlog *flowlog, const struct gateway_view *view)
{
	struct flowlog_blocks *blocks = &flowlog->blocks;
	const size_t n = blocks_places(view->blocks);
	struct block block;

	for (unsigned i = 0; i < view->config->egress_ips.n; i++)
		move(flowlog, view, i);
	for (size_t i = 0; i < LOOK_MOST && blocks->next < n; i++, blocks->next++) {
		if (blocks_told_at(view->blocks, blocks->next, &block) &&
		    blocks_leads(view->blocks, block.egress))
			record(flowlog, view, &block, NATLOG_FOUND);
	}
	if (blocks->next < n)
		return false;
	blocks->next = 0;
	return true;
}

/* True: what the log remembers beyond isn't there. */
static bool have_seen_all(struct flowlog *flowlog)
{
	const struct gateway_view view = view_of(flowlog);

	if (!flowlog->blocks.is_wanted)
		return true;
	/* Between a reload and the run after it, an egress IP's place may be another one's. */
	return view.config && view.blocks && blocks_are_as(view.blocks, view.config) &&
	       look_at_some(flowlog, &view);
}

static void look(void *data)
{
	struct flowlog *flowlog = data;
	struct flowlog_blocks *blocks = &flowlog->blocks;

	blocks->is_first = false;
	if (flowlog->natlog && have_seen_all(flowlog) && blocks->is_new) {
		natlog_blocks_are_told(flowlog->natlog);
		blocks->is_new = false;
	}
	if (is_recorded(flowlog))
		(void)loop_timer_arm_ms(blocks->timer, LOOK_MS);
}

/* ---- life */

int flowlog_blocks_init(struct flowlog *flowlog)
{
	flowlog->blocks.timer = loop_timer_new(flowlog->options.loop, look, flowlog);
	return flowlog->blocks.timer ? 0 : -ENOMEM;
}

void flowlog_blocks_done(struct flowlog *flowlog)
{
	loop_timer_free(flowlog->blocks.timer);
}

void flowlog_blocks_open(struct flowlog *flowlog)
{
	flowlog->blocks.is_new = true;
	flowlog->blocks.next = 0;
	if (flowlog->blocks.has_begun)
		(void)loop_timer_arm_ms(flowlog->blocks.timer, LOOK_MS);
}

void flowlog_blocks_begin(struct flowlog *flowlog)
{
	flowlog->blocks.has_begun = true;
	flowlog->blocks.is_first = true;
	(void)loop_timer_arm_ms(flowlog->blocks.timer, 0);
}

/* ---- who has a port */

static void put_egress(struct control_out *out, const struct gateway_view *view,
		       const struct block *block)
{
	const struct gateway_egress *list = view->config->egress_ips.v;
	const struct natlog_who who = { .egress = list[block->egress].name,
					.public = gateway_public(view, block->egress) };

	answer_egress(out, &who, gateway_private(view, block->egress));
	control_int(out, "first_port", block->first_port);
	control_int(out, "last_port", block->last_port);
	control_end(out);
}

/* As the log knows it; else as it is now. */
static void put_holder(struct flowlog *flowlog, struct control_out *out,
		       const struct gateway_view *view, const struct block *block)
{
	const struct natlog_ports ports = ports_of(block, flowlog->blocks.nats[block->egress]);
	const struct natlog_who now = who_of_block(flowlog, view, block), *who = &now;
	struct book_entry entry = { .basis = basis_of(view, &now, NATLOG_FOUND) };
	char stamp[STAMP_MAX];

	if (is_recorded(flowlog) && natlog_block_find(flowlog->natlog, &ports, &entry) && entry.who)
		who = entry.who;
	if (entry.start_ns)
		control_string(out, "start", stamp_format(entry.start_ns, stamp));
	answer_pod(out, who, block->source);
	control_end(out);
	control_string(out, "attribution", natlog_basis_name(entry.basis));
}

static void put_block(struct flowlog *flowlog, struct control_out *out,
		      const struct gateway_view *view, const struct block *where)
{
	const uint16_t port = where->first_port;
	struct block block = blocks_shared(view->blocks);
	const struct ip4 source = blocks_holder(view->blocks, where->egress, port);
	const bool is_given = source.v && blocks_find(view->blocks, source, where->egress, &block);
	const bool is_shared = !is_given && port >= block.first_port && port <= block.last_port;

	if (!is_given && !is_shared)
		block = *where;
	block.egress = where->egress;
	control_object(out, NULL);
	control_string(out, "gateway", view->config->gateway.name);
	control_string(out, "is", is_given ? "given" : is_shared ? "shared" : "free");
	if (is_given)
		put_holder(flowlog, out, view, &block);
	put_egress(out, view, &block);
	control_end(out);
}

static bool is_meant(const struct gateway_view *view, const struct endpoint *egress, unsigned i)
{
	const struct gateway_egress *list = view->config->egress_ips.v;

	if (egress->name[0])
		return strcmp(egress->name, list[i].name) == 0;
	return ip4_prefix_contains(egress->prefix, gateway_private(view, i)) ||
	       ip4_prefix_contains(egress->prefix, gateway_public(view, i));
}

void flowlog_put_blocks(struct flowlog *flowlog, const struct endpoint *egress,
			struct control_out *out)
{
	const struct gateway_view view = view_of(flowlog);

	if (!view.config || !view.blocks || !blocks_are_wanted(view.blocks) ||
	    !blocks_are_as(view.blocks, view.config))
		return;
	control_array(out, "blocks");
	for (unsigned i = 0; i < view.config->egress_ips.n; i++) {
		const struct block where = { .egress = i,
					     .first_port = egress->port,
					     .last_port = egress->port };

		if (is_meant(&view, egress, i) && blocks_leads(view.blocks, i))
			put_block(flowlog, out, &view, &where);
	}
	control_end(out);
}
