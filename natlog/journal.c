// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/journal.h"

#include "natlog/fields.h"
#include "natlog/stamp.h"

/* A name that had a line's end in it would begin another field. */
static void put_name(struct fields *fields, const char *name)
{
	for (; *name; name++)
		fields_put(fields, (const char[2]){ *name < ' ' && *name > 0 ? '?' : *name, '\0' });
}

static void put_end(struct fields *fields, struct ip4 address, uint16_t port)
{
	fields_put_address(fields, address);
	fields_put(fields, ":");
	fields_put_number(fields, port);
}

static void put_who(struct fields *fields, const struct natlog_who *who)
{
	if (who->namespace && *who->namespace && who->name) {
		put_name(fields, who->namespace);
		fields_put(fields, "/");
		put_name(fields, who->name);
		fields_put(fields, " ");
	}
}

/* tcp shop/pay-0 10.0.1.50:27185 -> 198.51.100.10:8080 as 203.0.113.100:40000 */
static void put_message(struct fields *fields, const struct natlog_flow *record)
{
	const struct ct_flow *flow = record->flow;
	const char *protocol = natlog_protocol_name(flow->orig.protocol);

	fields_put(fields, "MESSAGE=");
	fields_put(fields, protocol ? protocol : "?");
	fields_put(fields, " ");
	if (record->who)
		put_who(fields, record->who);
	put_end(fields, flow->orig.src, flow->orig.src_port);
	fields_put(fields, " -> ");
	put_end(fields, flow->orig.dst, flow->orig.dst_port);
	fields_put(fields, " as ");
	put_end(fields, record->who && record->who->public.v ? record->who->public : flow->nat,
		flow->nat_port);
	fields_put(fields, "\n");
}

/* ports 2048-4095 of 203.0.113.100 begin for shop/pay-0 10.0.1.50 */
static void put_block_message(struct fields *fields, const struct natlog_block *record)
{
	const struct natlog_who *who = record->who;

	fields_put(fields, "MESSAGE=ports ");
	fields_put_number(fields, record->first_port);
	fields_put(fields, "-");
	fields_put_number(fields, record->last_port);
	fields_put(fields, " of ");
	fields_put_address(fields, who && who->public.v ? who->public : record->nat);
	fields_put(fields, record->is_end ? " end for " : " begin for ");
	if (who)
		put_who(fields, who);
	fields_put_address(fields, record->source);
	fields_put(fields, "\n");
}

static void put_gap_message(struct fields *fields, const struct natlog_gap *record)
{
	char from[STAMP_MAX], to[STAMP_MAX];

	fields_put(fields, "MESSAGE=connections may be missing that ended from ");
	fields_put(fields, stamp_format(record->from_ns, from));
	fields_put(fields, " to ");
	fields_put(fields, stamp_format(record->to_ns, to));
	fields_put(fields, ": ");
	fields_put(fields, natlog_cause_name(record->cause));
	fields_put(fields, "\n");
}

static size_t length_of(const struct fields *fields, const char *buf)
{
	return fields->is_full ? 0 : (size_t)(fields->at - buf);
}

size_t journal_flow(char buf[static NATLOG_LINE_MAX], const struct natlog_flow *record)
{
	struct fields fields;

	fields_begin_entry(&fields, buf, NATLOG_LINE_MAX);
	fields_put(&fields,
		   "SYSLOG_IDENTIFIER=eipgw-nat\nPRIORITY=6\nMESSAGE_ID=" JOURNAL_FLOW_ID "\n");
	put_message(&fields, record);
	natlog_put_flow(&fields, record);
	return length_of(&fields, buf);
}

size_t journal_block(char buf[static NATLOG_LINE_MAX], const struct natlog_block *record)
{
	struct fields fields;

	fields_begin_entry(&fields, buf, NATLOG_LINE_MAX);
	fields_put(&fields,
		   "SYSLOG_IDENTIFIER=eipgw-nat\nPRIORITY=6\nMESSAGE_ID=" JOURNAL_BLOCK_ID "\n");
	put_block_message(&fields, record);
	natlog_put_block(&fields, record);
	return length_of(&fields, buf);
}

size_t journal_gap(char buf[static NATLOG_LINE_MAX], const struct natlog_gap *record)
{
	struct fields fields;

	fields_begin_entry(&fields, buf, NATLOG_LINE_MAX);
	fields_put(&fields,
		   "SYSLOG_IDENTIFIER=eipgw-nat\nPRIORITY=4\nMESSAGE_ID=" JOURNAL_GAP_ID "\n");
	put_gap_message(&fields, record);
	natlog_put_gap(&fields, record);
	return length_of(&fields, buf);
}
