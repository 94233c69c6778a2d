// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/fields.h"

#include <string.h>

#include "natlog/stamp.h"

#define FIELD_PREFIX "EIPGW_"

void fields_begin(struct fields *fields, char *buf, size_t size)
{
	*fields = (struct fields){ .at = buf, .end = buf + size };
}

void fields_begin_entry(struct fields *fields, char *buf, size_t size)
{
	fields_begin(fields, buf, size);
	fields->is_entry = true;
}

/* ---- as it is */

static void put_bytes(struct fields *fields, const char *bytes, size_t n)
{
	if ((size_t)(fields->end - fields->at) < n) {
		fields->is_full = true;
		return;
	}
	memcpy(fields->at, bytes, n);
	fields->at += n;
}

void fields_put(struct fields *fields, const char *text)
{
	put_bytes(fields, text, strlen(text));
}

void fields_put_number(struct fields *fields, uint64_t value)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put_bytes(fields, digits + i, sizeof(digits) - i);
}

void fields_put_address(struct fields *fields, struct ip4 address)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		fields_put_number(fields, address.v >> shift & 0xff);
		if (shift)
			fields_put(fields, ".");
	}
}

/* ---- JSON */

/* Other bytes stay as they are: names are UTF-8 before they come here. */
static void put_part(struct fields *fields, const char *text, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	for (; n; n--, text++) {
		const unsigned char c = (unsigned char)*text;
		const char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			put_bytes(fields, escape, sizeof(escape));
		else
			put_bytes(fields, text, 1);
	}
}

static void put_escaped(struct fields *fields, const char *text)
{
	put_part(fields, text, strlen(text));
}

/* A key stands behind another one, or opens an object. */
static void put_key(struct fields *fields, const char *key)
{
	if (fields->at[-1] != '{')
		fields_put(fields, ",");
	fields_put(fields, "\"");
	fields_put(fields, key);
	fields_put(fields, "\":");
}

/* ---- journal */

static void put_upper(struct fields *fields, const char *text)
{
	for (; *text; text++) {
		const char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;

		put_bytes(fields, &c, 1);
	}
}

static void put_name(struct fields *fields, const char *key)
{
	fields_put(fields, FIELD_PREFIX);
	if (fields->prefix) {
		put_upper(fields, fields->prefix);
		fields_put(fields, "_");
	}
	put_upper(fields, key);
}

/* What has a fields's end in it comes with its length, of 8 bytes, little-endian, so that nothing can forge a field. */
static void put_value(struct fields *fields, const char *text)
{
	const size_t n = strlen(text);

	if (!strchr(text, '\n')) {
		fields_put(fields, "=");
	} else {
		fields_put(fields, "\n");
		for (int shift = 0; shift < 64; shift += 8)
			put_bytes(fields, &(char){ (char)((uint64_t)n >> shift & 0xff) }, 1);
	}
	put_bytes(fields, text, n);
	fields_put(fields, "\n");
}

/* ---- fields */

void fields_open(struct fields *fields, const char *key)
{
	if (fields->is_entry) {
		fields->prefix = key;
		return;
	}
	if (key)
		put_key(fields, key);
	fields_put(fields, "{");
}

void fields_close(struct fields *fields)
{
	if (fields->is_entry)
		fields->prefix = NULL;
	else
		fields_put(fields, "}");
}

void fields_text(struct fields *fields, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	if (fields->is_entry) {
		put_name(fields, key);
		put_value(fields, text);
		return;
	}
	put_key(fields, key);
	fields_put(fields, "\"");
	put_escaped(fields, text);
	fields_put(fields, "\"");
}

static void begin_plain(struct fields *fields, const char *key, const char *before)
{
	if (fields->is_entry) {
		put_name(fields, key);
		fields_put(fields, "=");
	} else {
		put_key(fields, key);
		fields_put(fields, before);
	}
}

static void end_plain(struct fields *fields, const char *after)
{
	fields_put(fields, fields->is_entry ? "\n" : after);
}

void fields_address(struct fields *fields, const char *key, struct ip4 address)
{
	if (!address.v)
		return;
	begin_plain(fields, key, "\"");
	fields_put_address(fields, address);
	end_plain(fields, "\"");
}

void fields_count(struct fields *fields, const char *key, uint64_t value)
{
	begin_plain(fields, key, "");
	fields_put_number(fields, value);
	end_plain(fields, "");
}

void fields_time(struct fields *fields, const char *key, int64_t ns)
{
	char text[STAMP_MAX];

	fields_text(fields, key, stamp_format(ns, text));
}

static void put_item(struct fields *fields, const char *text, size_t n)
{
	fields_put(fields, fields->at[-1] == '[' ? "\"" : ",\"");
	put_part(fields, text, n);
	fields_put(fields, "\"");
}

static void put_list(struct fields *fields, const char *words, const char *last)
{
	fields_put(fields, "[");
	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		put_item(fields, words, n);
	}
	if (last)
		put_item(fields, last, strlen(last));
	fields_put(fields, "]");
}

void fields_words(struct fields *fields, const char *key, const char *words, const char *last)
{
	if (!fields->is_entry) {
		put_key(fields, key);
		put_list(fields, words, last);
		return;
	}
	put_name(fields, key);
	fields_put(fields, "=");
	put_bytes(fields, words, strlen(words));
	if (last) {
		fields_put(fields, " ");
		put_bytes(fields, last, strlen(last));
	}
	fields_put(fields, "\n");
}
