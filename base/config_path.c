// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Where something stands in a configuration. There are two sources: the frames of the reader, and, for
 * what the JSON library refuses (it gives a position only), a scan of the text up to there.
 */
#include "base/config_internal.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define KEY_TEXT_MAX 64     /* bytes of a key that are shown */
#define LOCATE_DEPTH_MAX 16 /* deeper than any table; what is below isn't shown */

static const char TOP_LEVEL[] = "top level";

struct path_text {
	char *buf; /* CONFIG_PATH_TEXT_MAX */
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct path_text *path, const char *format,
						      ...)
{
	const size_t room = CONFIG_PATH_TEXT_MAX - path->length;
	va_list args;

	va_start(args, format);
	const int n = vsnprintf(path->buf + path->length, room, format, args);
	va_end(args);
	if (n > 0)
		path->length += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_key(struct path_text *path, const char *key, size_t length)
{
	const size_t shown = length < KEY_TEXT_MAX ? length : KEY_TEXT_MAX;

	add(path, "%s%.*s", path->length > 0 ? "." : "", (int)shown, key);
}

static void add_frames(struct path_text *path, const struct config_at *at)
{
	if (!at || !at->parent)
		return; /* the top frame has no name */
	add_frames(path, at->parent);
	if (at->key)
		add_key(path, at->key, strlen(at->key));
	else
		add(path, "[%zu]", at->index);
}

const char *config_at_format(const struct config_at *at, char buf[static CONFIG_PATH_TEXT_MAX])
{
	struct path_text path = { .buf = buf };

	buf[0] = '\0';
	add_frames(&path, at);
	if (path.length == 0)
		add(&path, "%s", TOP_LEVEL);
	return buf;
}

int config_at_fail(const struct config_at *at, int code, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	if (!at->err)
		return code;
	va_start(args, format);
	const int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)err_set(at->err, code, "%s", n < 0 ? "" : text);
	return config_at_prefix(at, code);
}

int config_at_prefix(const struct config_at *at, int code)
{
	char path[CONFIG_PATH_TEXT_MAX];

	if (!at->err)
		return code;
	return err_prefix(at->err, code, "%s", config_at_format(at, path));
}

/* An object or list that is open where the scan stands. */
struct level {
	bool is_list;
	bool expects_key; /* the next string is a key */
	const char *key;  /* the last one, with its escapes, or NULL */
	size_t key_length;
	size_t index;
};

struct scan {
	struct level levels[LOCATE_DEPTH_MAX];
	size_t depth; /* may be more than there are levels */
};

static struct level *innermost(struct scan *scan)
{
	if (scan->depth == 0 || scan->depth > LOCATE_DEPTH_MAX)
		return NULL;
	return &scan->levels[scan->depth - 1];
}

/* Notes the string that begins behind text[i]; returns the index of its closing quote or `length`. */
static size_t scan_string(struct scan *scan, const char *text, size_t i, size_t length)
{
	struct level *const level = innermost(scan);
	const size_t begin = i + 1;

	for (i = begin; i < length && text[i] != '"'; i++)
		if (text[i] == '\\')
			i++;
	if (i > length)
		i = length;
	if (level && level->expects_key) {
		level->key = text + begin;
		level->key_length = i - begin;
		level->expects_key = false;
	}
	return i;
}

static void scan_punctuation(struct scan *scan, char c)
{
	if (c == '{' || c == '[') {
		scan->depth++;
		struct level *const level = innermost(scan);
		if (level)
			*level = (struct level){ .is_list = c == '[', .expects_key = c == '{' };
	} else if ((c == '}' || c == ']') && scan->depth > 0) {
		scan->depth--;
	} else if (c == ',') {
		struct level *const level = innermost(scan);
		if (!level)
			return;
		level->index++;
		level->expects_key = !level->is_list;
		level->key = NULL;
	}
}

const char *config_locate(const char *text, size_t length, char buf[static CONFIG_PATH_TEXT_MAX])
{
	struct scan scan = { .depth = 0 };
	struct path_text path = { .buf = buf };

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '"')
			i = scan_string(&scan, text, i, length);
		else
			scan_punctuation(&scan, text[i]);
	}
	buf[0] = '\0';
	for (size_t i = 0; i < scan.depth && i < LOCATE_DEPTH_MAX; i++) {
		const struct level *const level = &scan.levels[i];

		if (level->is_list)
			add(&path, "[%zu]", level->index);
		else if (level->key)
			add_key(&path, level->key, level->key_length);
	}
	if (path.length == 0)
		add(&path, "%s", TOP_LEVEL);
	return buf;
}
