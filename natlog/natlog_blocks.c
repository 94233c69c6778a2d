// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Blocks of ports in the log. They are remembered in the book, like connections, and so over a restart, too: one that goes on isn't
 * told again, and its end has its real beginning.
 */
#include <string.h>

#include "natlog/book.h"
#include "natlog/natlog_internal.h"
#include "natlog/stamp.h"

/* In the book (natlog/book.h). */
static struct ct_flow flow_of(const struct natlog_ports *ports)
{
	return (struct ct_flow){ .orig = { .src = ports->source,
					   .dst = ports->nat,
					   .src_port = ports->first,
					   .dst_port = ports->last },
				 .nat = ports->nat };
}

static void write_block(struct natlog *natlog, const struct natlog_ports *ports,
			const struct book_entry *entry, int64_t end_ns)
{
	const struct natlog_block record = { .gateway = natlog->gateway,
					     .source = ports->source,
					     .nat = ports->nat,
					     .first_port = ports->first,
					     .last_port = ports->last,
					     .is_end = end_ns,
					     .start_ns = entry->start_ns,
					     .end_ns = end_ns,
					     .who = entry->who,
					     .basis = entry->basis };

	natlog->status.blocks += outputs_block(&natlog->outputs, &record);
}

static bool is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Of who isn't known now, nothing is concluded. */
static bool is_other(const struct natlog_who *was, const struct natlog_who *is)
{
	if (is->public.v && is->public.v != was->public.v)
		return true;
	return is->name && (!is_same(was->namespace, is->namespace) ||
			    !is_same(was->name, is->name) || !is_same(was->uid, is->uid));
}

void natlog_block_is(struct natlog *natlog, const struct natlog_ports *ports,
		     const struct natlog_who *who, enum natlog_basis basis)
{
	static const struct natlog_who nobody = { 0 };
	const struct ct_flow flow = flow_of(ports);
	struct book_entry entry;

	if (book_find(natlog->book, &flow, &entry)) {
		if (!is_other(entry.who ? entry.who : &nobody, who)) {
			(void)book_see(natlog->book, &flow);
			return;
		}
		natlog_block_ends(natlog, ports);
	}
	entry = (struct book_entry){ .who = who, .start_ns = stamp_now_ns(), .basis = basis };
	if (!book_begin(natlog->book, &flow, &entry)) {
		/* Who looks would find it again and again. */
		if (basis != NATLOG_START)
			return;
		natlog->status.unremembered++;
	}
	write_block(natlog, ports, &entry, 0);
}

void natlog_block_ends(struct natlog *natlog, const struct natlog_ports *ports)
{
	const struct ct_flow flow = flow_of(ports);
	struct book_entry entry;

	if (book_end(natlog->book, &flow, 0, &entry) == BOOK_ENDED)
		write_block(natlog, ports, &entry, stamp_now_ns());
}

bool natlog_block_find(const struct natlog *natlog, const struct natlog_ports *ports,
		       struct book_entry *ret)
{
	const struct ct_flow flow = flow_of(ports);

	return book_find(natlog->book, &flow, ret);
}

void natlog_blocks_are_told(struct natlog *natlog)
{
	book_forget_blocks(natlog->book);
}
