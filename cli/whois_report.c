// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/whois.h"

#include <string.h>

#include "control/control.h"
#include "natlog/stamp.h"

enum { TEXT_MAX = 1024 };

/* Of a record in the log, or of a connection that is open; one of them. */
struct source {
	const struct line *line;
	const struct control_node *row;
};

static void put_time(struct control_out *out, const char *key, int64_t ns)
{
	char stamp[STAMP_MAX];

	if (ns)
		control_string(out, key, stamp_format(ns, stamp));
}

static const struct control_node *node_of(const struct source *source, enum line_field field)
{
	const struct line_name *name = &line_names[field];

	return control_get(name->group[0] ? control_get(source->row, name->group) : source->row,
			   name->key);
}

static bool has_field(const struct source *source, enum line_field field)
{
	return source->line ? source->line->v[field].at != NULL : node_of(source, field) != NULL;
}

static bool has_group(const struct source *source, const char *group)
{
	for (int i = 0; i < LINE_FIELDS; i++) {
		if (strcmp(line_names[i].group, group) == 0 && has_field(source, i))
			return true;
	}
	return false;
}

static void put_line_field(struct control_out *out, const struct line *line, enum line_field field)
{
	char text[TEXT_MAX];
	uint64_t number;

	if (line_number(line, field, &number))
		control_int(out, line_names[field].key, (long long)number);
	else if (line_text(line, field, text, sizeof(text)))
		control_string(out, line_names[field].key, text);
}

static void put_row_field(struct control_out *out, const struct source *source,
			  enum line_field field)
{
	const struct control_node *node = node_of(source, field);
	const char *text = control_text(node, NULL);

	if (text[0])
		control_string(out, line_names[field].key, text);
	else
		control_int(out, line_names[field].key, control_number(node, NULL));
}

static void put_fields(struct control_out *out, const struct source *source, const char *group)
{
	for (int i = LINE_GATEWAY; i < LINE_FIELDS; i++) {
		if (strcmp(line_names[i].group, group) != 0 || !has_field(source, i))
			continue;
		if (source->line)
			put_line_field(out, source->line, i);
		else
			put_row_field(out, source, i);
	}
}

static void put_record(struct control_out *out, const struct source *source)
{
	static const char *const groups[] = { "pod", "egress", "destination", "sent", "received" };

	control_object(out, NULL);
	control_string(out, "source", source->line ? "log" : "live");
	put_fields(out, source, "");
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!has_group(source, groups[i]))
			continue;
		control_object(out, groups[i]);
		put_fields(out, source, groups[i]);
		control_end(out);
	}
	if (source->row && control_get(source->row, "state"))
		control_string(out, "state", control_text(source->row, "state"));
	control_end(out);
}

static void put_hits(struct control_out *out, const struct search_hits *hits)
{
	for (size_t i = 0; i < hits->n; i++)
		put_record(out, &(struct source){ .line = &hits->v[i].line });
}

static void put_blocks(struct control_out *out, const struct whois *whois)
{
	const struct search_hits *blocks = &whois->log.blocks;
	const struct control_node *row;

	control_array(out, "blocks");
	for (size_t i = 0; (row = whois_live_block(whois, i)); i++)
		put_record(out, &(struct source){ .row = row });
	for (size_t i = 0; i < blocks->n; i++) {
		if (!whois_is_live_too(whois, &blocks->v[i]))
			put_record(out, &(struct source){ .line = &blocks->v[i].line });
	}
	control_end(out);
	control_array(out, "blocks_before");
	put_hits(out, &whois->log.blocks_before);
	control_end(out);
	row = whois_no_block(whois);
	if (!row)
		return;
	control_object(out, "port");
	control_string(out, "is", control_text(row, "is"));
	control_object(out, "egress");
	put_fields(out, &(struct source){ .row = row }, "egress");
	control_end(out);
	control_end(out);
}

static void put_question(struct control_out *out, const struct whois *whois)
{
	const struct search_query *query = &whois->query;
	char text[IP4_TEXT_MAX];

	control_object(out, "question");
	control_string(out, "egress_ip",
		       query->egress[0] ? query->egress : ip4_format(query->address, text));
	control_int(out, "port", query->port);
	put_time(out, "from", query->from_ns);
	put_time(out, "to", query->to_ns);
	control_bool(out, "now", whois->when.from_ns == whois->asked_ns);
	if (query->destination.v)
		control_string(out, "destination", ip4_format(query->destination, text));
	control_end(out);
}

static void put_error(struct control_out *out, const char *text, int id)
{
	char buf[MESSAGE_TEXT_MAX];

	control_string(out, "error", text);
	control_string(out, "error_id", message_format(id, buf));
}

static void put_log(struct control_out *out, const struct whois *whois)
{
	const struct search_answer *log = &whois->log;

	control_object(out, "log");
	control_string(out, "path", whois->logs);
	put_error(out, whois->no_log, whois->no_log_id);
	put_time(out, "begins", log->first_ns);
	put_time(out, "complete_until", log->until_ns);
	control_int(out, "files", (long long)log->n_files);
	control_int(out, "bytes", (long long)log->bytes);
	control_int(out, "bytes_without_index", (long long)log->read_through);
	control_end(out);
	control_object(out, "live");
	control_bool(out, "asked", whois->has_live);
	put_error(out, whois->no_live, whois->no_live_id);
	control_end(out);
}

void whois_report(const struct whois *whois, const struct whois_verdict *verdict,
		  struct control_out *out)
{
	const struct control_node *row;

	put_question(out, whois);
	control_string(out, "answer", whois_words[verdict->word]);
	control_bool(out, "certain", verdict->n_reasons == 0);
	control_array(out, "reasons");
	for (size_t i = 0; i < verdict->n_reasons; i++)
		control_string(out, NULL, verdict->reasons[i]);
	control_end(out);
	control_array(out, "held");
	for (size_t i = 0; (row = whois_live(whois, i)); i++)
		put_record(out, &(struct source){ .row = row });
	put_hits(out, &whois->log.held);
	control_end(out);
	control_bool(out, "more", whois->has_more || whois->log.held.is_cut);
	control_array(out, "before");
	put_hits(out, &whois->log.before);
	control_end(out);
	put_blocks(out, whois);
	control_array(out, "gaps");
	put_hits(out, &whois->log.gaps);
	control_end(out);
	put_log(out, whois);
}
