// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/line.h"

#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "natlog/record.h"
#include "natlog/stamp.h"

enum { SKIP_DEPTH = 8, LINE_MAX = 64 << 10 };

/* In the order in which they are written: so the one behind the last that was found is mostly the next. */
const struct line_name line_names[LINE_FIELDS] = {
	[LINE_V] = { "", "v" },
	[LINE_TYPE] = { "", "type" },
	[LINE_GATEWAY] = { "", "gateway" },
	[LINE_EVENT] = { "", "event" },
	[LINE_START] = { "", "start" },
	[LINE_END] = { "", "end" },
	[LINE_FROM] = { "", "from" },
	[LINE_TO] = { "", "to" },
	[LINE_CAUSE] = { "", "cause" },
	[LINE_LOST] = { "", "lost" },
	[LINE_PROTOCOL] = { "", "protocol" },
	[LINE_POD_NAMESPACE] = { "pod", "namespace" },
	[LINE_POD_NAME] = { "pod", "name" },
	[LINE_POD_UID] = { "pod", "uid" },
	[LINE_POD_NODE] = { "pod", "node" },
	[LINE_POD_ADDRESS] = { "pod", "address" },
	[LINE_POD_PORT] = { "pod", "port" },
	[LINE_POD_ID] = { "pod", "id" },
	[LINE_POLICY] = { "", "policy" },
	[LINE_EGRESS_NAME] = { "egress", "name" },
	[LINE_EGRESS_PUBLIC] = { "egress", "public" },
	[LINE_EGRESS_PRIVATE] = { "egress", "private" },
	[LINE_EGRESS_PORT] = { "egress", "port" },
	[LINE_EGRESS_ID] = { "egress", "id" },
	[LINE_EGRESS_FIRST_PORT] = { "egress", "first_port" },
	[LINE_EGRESS_LAST_PORT] = { "egress", "last_port" },
	[LINE_DESTINATION_ADDRESS] = { "destination", "address" },
	[LINE_DESTINATION_PORT] = { "destination", "port" },
	[LINE_DESTINATION_ICMP_TYPE] = { "destination", "icmp_type" },
	[LINE_SENT_PACKETS] = { "sent", "packets" },
	[LINE_SENT_BYTES] = { "sent", "bytes" },
	[LINE_RECEIVED_PACKETS] = { "received", "packets" },
	[LINE_RECEIVED_BYTES] = { "received", "bytes" },
	[LINE_TCP_STATE] = { "", "tcp_state" },
	[LINE_ATTRIBUTION] = { "", "attribution" },
};

/* ---- the text */

struct cursor {
	const char *at, *end;
	struct line *line;
	unsigned next; /* field that is expected */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool take(struct cursor *cursor, char c)
{
	while (cursor->at < cursor->end && is_blank(*cursor->at))
		cursor->at++;
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

/* Between its quotes, the first of which was taken. Escapes are looked at by who wants the text. */
static bool take_text(struct cursor *cursor, struct line_value *ret)
{
	ret->at = cursor->at;
	ret->is_text = true;
	while (cursor->at < cursor->end && *cursor->at != '"') {
		if ((unsigned char)*cursor->at < 0x20)
			return false;
		cursor->at += *cursor->at == '\\' ? 2 : 1;
	}
	if (cursor->at >= cursor->end)
		return false;
	ret->n = (uint32_t)(cursor->at++ - ret->at);
	return true;
}

static bool is_of_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' ||
	       c == '.' || c == 'E';
}

/* A number, true, false, null. */
static bool take_word(struct cursor *cursor, struct line_value *ret)
{
	ret->at = cursor->at;
	ret->is_text = false;
	while (cursor->at < cursor->end && is_of_word(*cursor->at))
		cursor->at++;
	ret->n = (uint32_t)(cursor->at - ret->at);
	return ret->n > 0;
}

static bool take_simple(struct cursor *cursor, struct line_value *ret)
{
	return take(cursor, '"') ? take_text(cursor, ret) : take_word(cursor, ret);
}

/* What nobody asks for. Its brackets need only be balanced. */
static bool skip(struct cursor *cursor)
{
	struct line_value ignored;
	unsigned depth = 0;

	do {
		if (take(cursor, '{') || take(cursor, '[')) {
			if (++depth > SKIP_DEPTH)
				return false;
		} else if (depth && (take(cursor, '}') || take(cursor, ']'))) {
			depth--;
		} else if (!(depth && (take(cursor, ',') || take(cursor, ':'))) &&
			   !take_simple(cursor, &ignored)) {
			return false;
		}
	} while (depth);
	return true;
}

static bool equals(const struct line_value *value, const char *text)
{
	return strlen(text) == value->n && memcmp(text, value->at, value->n) == 0;
}

static unsigned find(const struct cursor *cursor, const char *group, const struct line_value *key)
{
	for (unsigned i = 0; i < LINE_FIELDS; i++) {
		unsigned field = (cursor->next + i) % LINE_FIELDS;

		if (equals(key, line_names[field].key) &&
		    strcmp(group, line_names[field].group) == 0)
			return field;
	}
	return LINE_FIELDS;
}

static bool take_field(struct cursor *cursor, const char *group, const struct line_value *key)
{
	unsigned field = find(cursor, group, key);

	if (field == LINE_FIELDS)
		return skip(cursor);
	cursor->next = field + 1;
	return take_simple(cursor, &cursor->line->v[field]);
}

static const char *group_of(const struct line_value *key)
{
	static const char *const groups[] = { "pod", "egress", "destination", "sent", "received" };

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (equals(key, groups[i]))
			return groups[i];
	}
	return NULL;
}

static bool take_key(struct cursor *cursor, struct line_value *ret)
{
	return take(cursor, '"') && take_text(cursor, ret) && take(cursor, ':');
}

/* The members of an object whose bracket was taken. */
static bool take_group(struct cursor *cursor, const char *group)
{
	struct line_value key;

	if (take(cursor, '}'))
		return true;
	do {
		if (!take_key(cursor, &key) || !take_field(cursor, group, &key))
			return false;
	} while (take(cursor, ','));
	return take(cursor, '}');
}

static bool take_member(struct cursor *cursor)
{
	struct line_value key;
	const char *group;

	if (!take_key(cursor, &key))
		return false;
	group = group_of(&key);
	if (group && take(cursor, '{'))
		return take_group(cursor, group);
	return group ? skip(cursor) : take_field(cursor, "", &key);
}

int line_parse(const char *text, size_t n, struct line *ret)
{
	struct cursor cursor = { .at = text, .end = text + n, .line = ret };

	*ret = (struct line){ 0 };
	if (n > LINE_MAX || !take(&cursor, '{'))
		return -EINVAL;
	do {
		if (!take_member(&cursor))
			return -EINVAL;
	} while (take(&cursor, ','));
	if (!take(&cursor, '}'))
		return -EINVAL;
	while (cursor.at < cursor.end && is_blank(*cursor.at))
		cursor.at++;
	return cursor.at == cursor.end ? 0 : -EINVAL;
}

/* ---- what it says */

bool line_is(const struct line *line, enum line_field field, const char *text)
{
	const struct line_value *value = &line->v[field];

	return value->at && value->is_text && equals(value, text);
}

enum line_kind line_kind(const struct line *line)
{
	uint64_t version;

	if (!line_number(line, LINE_V, &version) || version != NATLOG_VERSION)
		return LINE_IS_OTHER;
	if (line_is(line, LINE_TYPE, "flow"))
		return LINE_IS_FLOW;
	if (line_is(line, LINE_TYPE, "gap"))
		return LINE_IS_GAP;
	if (!line_is(line, LINE_TYPE, "block"))
		return LINE_IS_OTHER;
	if (line_is(line, LINE_EVENT, "begin"))
		return LINE_IS_BLOCK_BEGIN;
	return line_is(line, LINE_EVENT, "end") ? LINE_IS_BLOCK : LINE_IS_OTHER;
}

bool line_number(const struct line *line, enum line_field field, uint64_t *ret)
{
	const struct line_value *value = &line->v[field];

	if (!value->at || value->is_text || value->n == 0)
		return false;
	*ret = 0;
	for (uint32_t i = 0; i < value->n; i++) {
		const char c = value->at[i];

		if (c < '0' || c > '9' || __builtin_mul_overflow(*ret, 10, ret) ||
		    __builtin_add_overflow(*ret, (uint64_t)(c - '0'), ret))
			return false;
	}
	return true;
}

bool line_time(const struct line *line, enum line_field field, int64_t *ret_ns)
{
	const struct line_value *value = &line->v[field];

	return value->at && value->is_text && stamp_parse(value->at, value->n, ret_ns) == 0;
}

bool line_address(const struct line *line, enum line_field field, struct ip4 *ret)
{
	const struct line_value *value = &line->v[field];
	char text[IP4_TEXT_MAX];

	if (!value->at || !value->is_text || value->n >= sizeof(text))
		return false;
	memcpy(text, value->at, value->n);
	text[value->n] = '\0';
	return ip4_parse(text, ret, NULL) == 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The log's own escapes are of bytes; what another program made of them stays as it is. */
static size_t unescape(const char *at, size_t left, char *ret)
{
	*ret = *at;
	if (*at != '\\' || left < 2)
		return 1;
	if (at[1] == '"' || at[1] == '\\' || at[1] == '/') {
		*ret = at[1];
		return 2;
	}
	if (left < 6 || memcmp(at, "\\u00", 4) != 0 || hex_digit(at[4]) < 0 ||
	    hex_digit(at[5]) < 0 || hex_digit(at[4]) > 7)
		return 1;
	*ret = (char)(hex_digit(at[4]) << 4 | hex_digit(at[5]));
	return 6;
}

bool line_text(const struct line *line, enum line_field field, char *buf, size_t size)
{
	const struct line_value *value = &line->v[field];
	size_t n = 0;

	for (size_t i = 0; value->at && i < value->n && n + 1 < size; n++)
		i += unescape(value->at + i, value->n - i, &buf[n]);
	buf[n] = '\0';
	return value->at;
}

uint8_t line_protocol_of(const char *text, size_t n)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = { { "tcp", IPPROTO_TCP },
		      { "udp", IPPROTO_UDP },
		      { "icmp", IPPROTO_ICMP },
		      { "sctp", IPPROTO_SCTP } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i].name) == n && memcmp(names[i].name, text, n) == 0)
			return names[i].number;
	}
	return 0;
}

uint8_t line_protocol(const struct line *line)
{
	const struct line_value *value = &line->v[LINE_PROTOCOL];

	return value->at && value->is_text ? line_protocol_of(value->at, value->n) : 0;
}

bool line_egress_port(const struct line *line, uint16_t *ret)
{
	uint64_t port;

	if (!line_number(line, LINE_EGRESS_PORT, &port) &&
	    !line_number(line, LINE_EGRESS_ID, &port))
		return false;
	*ret = (uint16_t)port;
	return port <= UINT16_MAX;
}

bool line_block_ports(const struct line *line, uint16_t *ret_first, uint16_t *ret_last)
{
	uint64_t first, last;

	if (!line_number(line, LINE_EGRESS_FIRST_PORT, &first) ||
	    !line_number(line, LINE_EGRESS_LAST_PORT, &last) || first > last || last > UINT16_MAX)
		return false;
	*ret_first = (uint16_t)first;
	*ret_last = (uint16_t)last;
	return true;
}
