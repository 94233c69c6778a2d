// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "control/out.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

struct control_out {
	char *text;
	size_t length, capacity, max;
	bool finished;
	int failed;     /* 0 or the first failure, a negative errno */
	unsigned base;  /* levels that the commands must not close */
	unsigned depth; /* open objects and arrays */
	bool is_array[CONTROL_DEPTH_MAX + 2];
	bool has_items[CONTROL_DEPTH_MAX + 2];
};

static void fail(struct control_out *out, int code)
{
	if (!out->failed)
		out->failed = code;
}

static int grow(struct control_out *out, size_t needed)
{
	size_t capacity = out->capacity ? out->capacity : FIRST_CAPACITY;

	while (capacity < needed)
		capacity *= 2;

	char *text = realloc(out->text, capacity);
	if (!text)
		return -ENOMEM;
	out->text = text;
	out->capacity = capacity;
	return 0;
}

static void put(struct control_out *out, const char *bytes, size_t n)
{
	size_t needed = out->length + n;
	int r = 0;

	if (out->failed)
		return;
	if (needed > out->max)
		r = -E2BIG;
	else if (needed > out->capacity)
		r = grow(out, needed);
	if (r < 0) {
		fail(out, r);
		return;
	}
	memcpy(out->text + out->length, bytes, n);
	out->length = needed;
}

static void put_text(struct control_out *out, const char *text)
{
	put(out, text, strlen(text));
}

/*
 * Bytes of the UTF-8 character at `s` (RFC 3629: shortest form, no surrogates, up to U+10FFFF), 0
 * when there is none. The NUL at the end is no continuation byte, so nothing behind it is read.
 */
static size_t utf8_length(const unsigned char *s)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = s[0] & (0xff >> (n + 1));

	if (n <= 1)
		return n;
	if (s[0] >= 0xf8)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < lowest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

/* How many bytes from `s` on can be copied as they are. */
static size_t plain_length(const unsigned char *s)
{
	size_t n = 0;

	while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

/* One character that is not plain; returns its length. */
static size_t put_special(struct control_out *out, const unsigned char *s)
{
	size_t n = utf8_length(s);
	char escaped[8];

	if (n > 1) {
		put(out, (const char *)s, n);
		return n;
	}
	if (n == 0)
		snprintf(escaped, sizeof(escaped), "\\ufffd");
	else if (*s == '"' || *s == '\\')
		snprintf(escaped, sizeof(escaped), "\\%c", *s);
	else
		snprintf(escaped, sizeof(escaped), "\\u%04x", *s);
	put_text(out, escaped);
	return 1;
}

static void put_quoted(struct control_out *out, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	put(out, "\"", 1);
	for (;;) {
		size_t n = plain_length(s);

		put(out, (const char *)s, n);
		s += n;
		if (!*s)
			break;
		s += put_special(out, s);
	}
	put(out, "\"", 1);
}

/* The comma and the key in front of a value. */
static void begin_value(struct control_out *out, const char *key)
{
	if (out->depth == 0)
		return;

	unsigned level = out->depth - 1;
	if (out->has_items[level])
		put(out, ",", 1);
	out->has_items[level] = true;
	if (out->is_array[level])
		return;
	if (!key) {
		fail(out, -EINVAL);
		return;
	}
	put_quoted(out, key);
	put(out, ":", 1);
}

static void open_level(struct control_out *out, const char *key, bool is_array)
{
	begin_value(out, key);
	if (out->depth >= out->base + CONTROL_DEPTH_MAX) {
		fail(out, -EINVAL);
		return;
	}
	out->is_array[out->depth] = is_array;
	out->has_items[out->depth] = false;
	out->depth++;
	put(out, is_array ? "[" : "{", 1);
}

static void close_level(struct control_out *out)
{
	out->depth--;
	put(out, out->is_array[out->depth] ? "]" : "}", 1);
}

void control_object(struct control_out *out, const char *key)
{
	open_level(out, key, false);
}

void control_array(struct control_out *out, const char *key)
{
	open_level(out, key, true);
}

/* After a failure the levels may be wrong; they don't matter any more. */
void control_end(struct control_out *out)
{
	if (out->failed)
		return;
	if (out->depth <= out->base)
		fail(out, -EINVAL);
	else
		close_level(out);
}

void control_string(struct control_out *out, const char *key, const char *value)
{
	begin_value(out, key);
	if (value)
		put_quoted(out, value);
	else
		put_text(out, "null");
}

void control_printf(struct control_out *out, const char *key, const char *format, ...)
{
	CLEANUP(cleanup_free) char *value = NULL;
	va_list args;

	va_start(args, format);
	int n = vasprintf(&value, format, args);
	va_end(args);
	if (n < 0) {
		value = NULL; /* undefined after a failure, says vasprintf(3) */
		fail(out, -ENOMEM);
		return;
	}
	control_string(out, key, value);
}

void control_int(struct control_out *out, const char *key, long long value)
{
	char text[24];

	begin_value(out, key);
	snprintf(text, sizeof(text), "%lld", value);
	put_text(out, text);
}

void control_bool(struct control_out *out, const char *key, bool value)
{
	begin_value(out, key);
	put_text(out, value ? "true" : "false");
}

struct control_out *control_out_new(size_t max)
{
	struct control_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->max = max;
	control_object(out, NULL);
	out->base = 1;
	return out;
}

struct control_out *control_out_new_answer(void)
{
	struct control_out *out = control_out_new(CONTROL_ANSWER_MAX);

	if (!out)
		return NULL;
	control_int(out, "v", 1);
	control_bool(out, "ok", true);
	control_object(out, "result");
	out->base = 2;
	return out;
}

static void finish(struct control_out *out)
{
	if (out->finished)
		return;
	if (out->depth != out->base)
		fail(out, -EINVAL);
	while (out->depth > 0)
		close_level(out);
	put(out, "\n", 1);
	out->finished = true;
}

int control_out_finish(struct control_out *out, const char **ret_text, size_t *ret_length,
		       struct err *err)
{
	finish(out);
	switch (out->failed) {
	case 0:
		*ret_text = out->text;
		*ret_length = out->length;
		return 0;
	case -E2BIG:
		return err_set(err, -E2BIG, "the text would be longer than %zu bytes", out->max);
	case -ENOMEM:
		return err_set(err, -ENOMEM, "out of memory");
	default:
		return err_set(err, -EINVAL, "the text was put together wrongly");
	}
}

void control_out_free(struct control_out *out)
{
	if (!out)
		return;
	free(out->text);
	free(out);
}

void cleanup_control_out(struct control_out **out)
{
	control_out_free(*out);
}
