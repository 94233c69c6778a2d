// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/journal.h"

#include "natlog/line.h"
#include "natlog/stamp.h"

/* A name that had a line's end in it would begin another field. */
static void put_name(struct line *line, const char *name)
{
	for (; *name; name++)
		line_put(line, (const char[2]){ *name < ' ' && *name > 0 ? '?' : *name, '\0' });
}

static void put_end(struct line *line, struct ip4 address, uint16_t port)
{
	line_put_address(line, address);
	line_put(line, ":");
	line_put_number(line, port);
}

static void put_who(struct line *line, const struct natlog_who *who)
{
	if (who->namespace && *who->namespace && who->name) {
		put_name(line, who->namespace);
		line_put(line, "/");
		put_name(line, who->name);
		line_put(line, " ");
	}
}

/* tcp shop/pay-0 10.0.1.50:27185 -> 198.51.100.10:8080 as 203.0.113.100:40000 */
static void put_message(struct line *line, const struct natlog_flow *record)
{
	const struct ct_flow *flow = record->flow;
	const char *protocol = natlog_protocol(flow->orig.protocol);

	line_put(line, "MESSAGE=");
	line_put(line, protocol ? protocol : "?");
	line_put(line, " ");
	if (record->who)
		put_who(line, record->who);
	put_end(line, flow->orig.src, flow->orig.src_port);
	line_put(line, " -> ");
	put_end(line, flow->orig.dst, flow->orig.dst_port);
	line_put(line, " as ");
	put_end(line, record->who && record->who->public.v ? record->who->public : flow->nat,
		flow->nat_port);
	line_put(line, "\n");
}

static void put_gap_message(struct line *line, const struct natlog_gap *record)
{
	char from[STAMP_MAX], to[STAMP_MAX];

	line_put(line, "MESSAGE=connections may be missing that ended from ");
	line_put(line, stamp_format(record->from_ns, from));
	line_put(line, " to ");
	line_put(line, stamp_format(record->to_ns, to));
	line_put(line, ": ");
	line_put(line, natlog_cause(record->cause));
	line_put(line, "\n");
}

static size_t length_of(const struct line *line, const char *buf)
{
	return line->is_full ? 0 : (size_t)(line->at - buf);
}

size_t journal_flow(char buf[static NATLOG_LINE_MAX], const struct natlog_flow *record)
{
	struct line line;

	line_begin_entry(&line, buf, NATLOG_LINE_MAX);
	line_put(&line,
		 "SYSLOG_IDENTIFIER=eipgw-nat\nPRIORITY=6\nMESSAGE_ID=" JOURNAL_FLOW_ID "\n");
	put_message(&line, record);
	natlog_put_flow(&line, record);
	return length_of(&line, buf);
}

size_t journal_gap(char buf[static NATLOG_LINE_MAX], const struct natlog_gap *record)
{
	struct line line;

	line_begin_entry(&line, buf, NATLOG_LINE_MAX);
	line_put(&line, "SYSLOG_IDENTIFIER=eipgw-nat\nPRIORITY=4\nMESSAGE_ID=" JOURNAL_GAP_ID "\n");
	put_gap_message(&line, record);
	natlog_put_gap(&line, record);
	return length_of(&line, buf);
}
