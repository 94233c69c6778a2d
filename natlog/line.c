// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/line.h"

#include <string.h>

#include "natlog/stamp.h"

#define FIELD_PREFIX "EIPGW_"

void line_begin(struct line *line, char *buf, size_t size)
{
	*line = (struct line){ .at = buf, .end = buf + size };
}

void line_begin_entry(struct line *line, char *buf, size_t size)
{
	line_begin(line, buf, size);
	line->is_entry = true;
}

/* ---- as it is */

static void put_bytes(struct line *line, const char *bytes, size_t n)
{
	if ((size_t)(line->end - line->at) < n) {
		line->is_full = true;
		return;
	}
	memcpy(line->at, bytes, n);
	line->at += n;
}

void line_put(struct line *line, const char *text)
{
	put_bytes(line, text, strlen(text));
}

void line_put_number(struct line *line, uint64_t value)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put_bytes(line, digits + i, sizeof(digits) - i);
}

void line_put_address(struct line *line, struct ip4 address)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		line_put_number(line, address.v >> shift & 0xff);
		if (shift)
			line_put(line, ".");
	}
}

/* ---- JSON */

/* Other bytes stay as they are: names are UTF-8 before they come here. */
static void put_escaped(struct line *line, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;
		const char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			put_bytes(line, escape, sizeof(escape));
		else
			put_bytes(line, text, 1);
	}
}

/* A key stands behind another one, or opens an object. */
static void put_key(struct line *line, const char *key)
{
	if (line->at[-1] != '{')
		line_put(line, ",");
	line_put(line, "\"");
	line_put(line, key);
	line_put(line, "\":");
}

/* ---- journal */

static void put_upper(struct line *line, const char *text)
{
	for (; *text; text++) {
		const char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;

		put_bytes(line, &c, 1);
	}
}

static void put_name(struct line *line, const char *key)
{
	line_put(line, FIELD_PREFIX);
	if (line->prefix) {
		put_upper(line, line->prefix);
		line_put(line, "_");
	}
	put_upper(line, key);
}

/* What has a line's end in it comes with its length, of 8 bytes, little-endian, so that nothing can forge a field. */
static void put_value(struct line *line, const char *text)
{
	const size_t n = strlen(text);

	if (!strchr(text, '\n')) {
		line_put(line, "=");
	} else {
		line_put(line, "\n");
		for (int shift = 0; shift < 64; shift += 8)
			put_bytes(line, &(char){ (char)((uint64_t)n >> shift & 0xff) }, 1);
	}
	put_bytes(line, text, n);
	line_put(line, "\n");
}

/* ---- fields */

void line_open(struct line *line, const char *key)
{
	if (line->is_entry) {
		line->prefix = key;
		return;
	}
	if (key)
		put_key(line, key);
	line_put(line, "{");
}

void line_close(struct line *line)
{
	if (line->is_entry)
		line->prefix = NULL;
	else
		line_put(line, "}");
}

void line_text(struct line *line, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	if (line->is_entry) {
		put_name(line, key);
		put_value(line, text);
		return;
	}
	put_key(line, key);
	line_put(line, "\"");
	put_escaped(line, text);
	line_put(line, "\"");
}

static void begin_plain(struct line *line, const char *key, const char *before)
{
	if (line->is_entry) {
		put_name(line, key);
		line_put(line, "=");
	} else {
		put_key(line, key);
		line_put(line, before);
	}
}

static void end_plain(struct line *line, const char *after)
{
	line_put(line, line->is_entry ? "\n" : after);
}

void line_address(struct line *line, const char *key, struct ip4 address)
{
	if (!address.v)
		return;
	begin_plain(line, key, "\"");
	line_put_address(line, address);
	end_plain(line, "\"");
}

void line_count(struct line *line, const char *key, uint64_t value)
{
	begin_plain(line, key, "");
	line_put_number(line, value);
	end_plain(line, "");
}

void line_time(struct line *line, const char *key, int64_t ns)
{
	char text[STAMP_MAX];

	line_text(line, key, stamp_format(ns, text));
}
