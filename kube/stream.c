// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One pass over the bytes. A stack says what is open, strings are known by their quotes, and so keys by their place.
 * Everything goes into one of two texts: the object that is being read, or the head, which is the list without its
 * items. A value that isn't wanted is replaced by null, and so is the array of the items.
 *
 * Keys are compared as they are written. A key with an escape in it is never passed over: it might be a wanted one.
 */
#include "kube/stream.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "kube/json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 64 /* longer ones are in no table */
#define HEAD_MAX (64U << 10)
#define FIRST_ROOM 4096
#define KEPT_ROOM (64U << 10)

struct text {
	char *v;
	size_t length, room, max;
};

/* What becomes of the value that comes next. */
enum fate { FATE_KEEP, FATE_DROP, FATE_ITEMS };

enum items { ITEMS_NONE, ITEMS_FIRST, ITEMS_NEXT, ITEMS_COMMA, ITEMS_DONE };

struct kube_stream {
	struct kube_stream_options options;
	char open[KUBE_JSON_DEPTH_MAX]; /* '{' or '[' */
	size_t depth;
	size_t object_depth; /* of the containers that are the objects */
	bool in_string, escaped;
	bool key_is_next; /* a string that begins now is a key */
	bool is_key;      /* the one that's being read */
	char key[KEY_MAX];
	size_t key_length; /* KEY_MAX: too long */
	bool key_is_escaped;
	char section[KEY_MAX]; /* of the object: the key at its first level that we're below */
	enum fate fate;
	bool dropping;
	size_t drop_depth; /* where the dropped value stands */
	enum items items;
	bool is_done; /* the list is closed */
	struct text object, head;
	size_t name_at,
		namespace_at; /* where their values begin in the object's text; 0: not yet */
	struct err *err;
};

struct kube_stream *kube_stream_new(const struct kube_stream_options *options)
{
	struct kube_stream *const stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->options = *options;
	stream->object.max = options->object_max ? options->object_max : KUBE_OBJECT_MAX;
	stream->head.max = HEAD_MAX;
	stream->object_depth = options->mode == KUBE_STREAM_LIST ? 3 : 2;
	return stream;
}

void kube_stream_free(struct kube_stream *stream)
{
	if (!stream)
		return;
	free(stream->object.v);
	free(stream->head.v);
	free(stream);
}

static bool is_list(const struct kube_stream *stream)
{
	return stream->options.mode == KUBE_STREAM_LIST;
}

static bool in_items(const struct kube_stream *stream)
{
	return stream->items >= ITEMS_FIRST && stream->items <= ITEMS_COMMA;
}

/* The text at `at`, as far as it has come and as far as it fits. */
static void copy_value(const struct kube_stream *stream, size_t at, char ret[static KEY_MAX])
{
	size_t n = 0;

	if (at > 0 && at < stream->object.length && stream->object.v[at] == '"') {
		const char *const from = stream->object.v + at + 1;
		const size_t left = stream->object.length - at - 1;
		while (n < left && n < KEY_MAX - 1 && from[n] != '"')
			n++;
		memcpy(ret, from, n);
	}
	ret[n] = '\0';
}

static int fail_too_large(struct kube_stream *stream, const struct text *text)
{
	char name[KEY_MAX];
	char space[KEY_MAX];

	if (text == &stream->head)
		return err_set(stream->err, -EMSGSIZE,
			       "the list's own fields are larger than %u bytes", HEAD_MAX);
	copy_value(stream, stream->name_at, name);
	copy_value(stream, stream->namespace_at, space);
	return err_set(stream->err, -EMSGSIZE, "the object %s%s%s is larger than %zu bytes", space,
		       space[0] ? "/" : "", name[0] ? name : "without a name", text->max);
}

static int text_append(struct kube_stream *stream, struct text *text, const char *bytes, size_t n)
{
	if (n > text->max - text->length)
		return fail_too_large(stream, text);
	if (text->room - text->length <= n) {
		size_t room = text->room ? text->room : FIRST_ROOM;
		while (room - text->length <= n)
			room *= 2;
		char *const v = realloc(text->v, room);
		if (!v)
			return err_set(stream->err, -ENOMEM, "no memory for an object");
		text->v = v;
		text->room = room;
	}
	memcpy(text->v + text->length, bytes, n);
	text->length += n;
	text->v[text->length] = '\0';
	return 0;
}

static struct text *target(struct kube_stream *stream)
{
	return is_list(stream) && !in_items(stream) ? &stream->head : &stream->object;
}

static int emit(struct kube_stream *stream, const char *bytes, size_t n)
{
	return stream->dropping ? 0 : text_append(stream, target(stream), bytes, n);
}

static int broken(struct kube_stream *stream, const char *what)
{
	return err_set(stream->err, -EPROTO, "no JSON: %s", what);
}

static void text_reset(struct text *text)
{
	text->length = 0;
	if (text->room > KEPT_ROOM) {
		free(text->v);
		text->v = NULL;
		text->room = 0;
	}
}

static int deliver(struct kube_stream *stream)
{
	const int r = stream->options.on_object(stream->object.v, stream->object.length,
						stream->options.data);

	text_reset(&stream->object);
	stream->name_at = 0;
	stream->namespace_at = 0;
	return r;
}

static int push(struct kube_stream *stream, char c)
{
	if (stream->depth >= KUBE_JSON_DEPTH_MAX)
		return err_set(stream->err, -EPROTO, "nested more than %d deep",
			       KUBE_JSON_DEPTH_MAX);
	stream->open[stream->depth++] = c;
	stream->key_is_next = c == '{';
	return 0;
}

static bool is_filtered(const char *section)
{
	return strcmp(section, "metadata") == 0 || strcmp(section, "spec") == 0 ||
	       strcmp(section, "status") == 0;
}

/* A key of the object's second level, below metadata, spec or status. */
static enum fate judge_field(struct kube_stream *stream)
{
	if (stream->key_is_escaped || !is_filtered(stream->section))
		return FATE_KEEP;
	if (strcmp(stream->section, "metadata") == 0) {
		/* The value comes right after the colon: that's how names are found in what is too large. */
		if (strcmp(stream->key, "name") == 0)
			stream->name_at = stream->object.length + 1;
		if (strcmp(stream->key, "namespace") == 0)
			stream->namespace_at = stream->object.length + 1;
	}
	if (!stream->options.table)
		return FATE_KEEP;
	return stream->key_length < KEY_MAX && kube_table_wants(stream->options.table,
								stream->section, stream->key) ?
		       FATE_KEEP :
		       FATE_DROP;
}

/* After a key, at its colon. */
static enum fate judge_key(struct kube_stream *stream)
{
	if (stream->key_length < KEY_MAX)
		stream->key[stream->key_length] = '\0';
	else
		stream->key[0] = '\0';
	if (stream->depth == 1 && is_list(stream) && strcmp(stream->key, "items") == 0)
		return FATE_ITEMS;
	if (is_list(stream) && !in_items(stream))
		return FATE_KEEP;
	if (stream->depth <= stream->object_depth)
		snprintf(stream->section, KEY_MAX, "%s",
			 stream->depth < stream->object_depth || stream->key_is_escaped ?
				 "" :
				 stream->key);
	return stream->depth == stream->object_depth + 1 ? judge_field(stream) : FATE_KEEP;
}

/* The first byte of a value whose fate isn't to be kept as it is; 1: that was all about it. */
static int meet_fate(struct kube_stream *stream, char c)
{
	const enum fate fate = stream->fate;

	stream->fate = FATE_KEEP;
	if (fate == FATE_ITEMS && c == '[') {
		if (stream->items != ITEMS_NONE)
			return broken(stream, "items twice");
		int r = emit(stream, "null", 4);
		stream->items = ITEMS_FIRST;
		if (r == 0)
			r = push(stream, c);
		return r < 0 ? r : 1;
	}
	if (fate == FATE_DROP && (c == '{' || c == '[' || c == '"')) {
		const int r = emit(stream, "null", 4);
		stream->dropping = true;
		stream->drop_depth = stream->depth;
		return r;
	}
	return 0;
}

/* A string or container has ended. */
static int value_ended(struct kube_stream *stream)
{
	if (stream->dropping && stream->depth == stream->drop_depth)
		stream->dropping = false;
	if (stream->depth == 2 && stream->items == ITEMS_NEXT)
		return deliver(stream);
	if (stream->depth > 0)
		return 0;
	if (!is_list(stream))
		return deliver(stream);
	stream->is_done = true;
	return 0;
}

static int pop(struct kube_stream *stream, char c)
{
	if (stream->depth == 0 || stream->open[stream->depth - 1] != (c == '}' ? '{' : '['))
		return broken(stream, "brackets that don't match");
	const int r = emit(stream, &c, 1);
	if (r < 0)
		return r;
	stream->depth--;
	stream->key_is_next = false;
	return value_ended(stream);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Directly in the array of the items: commas and objects take turns. */
static int step_items(struct kube_stream *stream, char c)
{
	if (is_blank(c))
		return 0;
	if (c == '{' && stream->items != ITEMS_NEXT) {
		stream->items = ITEMS_NEXT;
		const int r = push(stream, c);
		return r < 0 ? r : emit(stream, &c, 1);
	}
	if (c == ',' && stream->items == ITEMS_NEXT) {
		stream->items = ITEMS_COMMA;
		return 0;
	}
	if (c == ']' && stream->items != ITEMS_COMMA) {
		stream->items = ITEMS_DONE;
		stream->depth--;
		stream->key_is_next = false;
		return 0;
	}
	return broken(stream, "something that is no item among the items");
}

/* Between the objects of a watch, before a list and after it. */
static int step_outside(struct kube_stream *stream, char c)
{
	if (is_blank(c))
		return 0;
	if (c != '{' || stream->is_done)
		return broken(stream, stream->is_done ? "something after the list" : "no object");
	const int r = push(stream, c);
	return r < 0 ? r : emit(stream, &c, 1);
}

static int begin_string(struct kube_stream *stream)
{
	stream->in_string = true;
	stream->escaped = false;
	stream->is_key = stream->key_is_next;
	stream->key_is_next = false;
	if (stream->is_key) {
		stream->key_length = 0;
		stream->key_is_escaped = false;
	}
	return emit(stream, "\"", 1);
}

/* Outside of strings, inside of something. */
static int step(struct kube_stream *stream, char c)
{
	int r = 0;

	if (stream->fate != FATE_KEEP && !is_blank(c)) {
		r = meet_fate(stream, c);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	switch (c) {
	case '"':
		return begin_string(stream);
	case '{':
	case '[':
		r = push(stream, c);
		break;
	case '}':
	case ']':
		return pop(stream, c);
	case ',':
		stream->key_is_next = stream->open[stream->depth - 1] == '{';
		break;
	case ':':
		if (stream->is_key && !stream->dropping)
			stream->fate = judge_key(stream);
		stream->is_key = false;
		break;
	default:
		break;
	}
	return r < 0 ? r : emit(stream, &c, 1);
}

static void keep_key(struct kube_stream *stream, const char *bytes, size_t n)
{
	if (memchr(bytes, '\\', n))
		stream->key_is_escaped = true;
	if (n >= KEY_MAX - stream->key_length) {
		stream->key_length = KEY_MAX;
		return;
	}
	memcpy(stream->key + stream->key_length, bytes, n);
	stream->key_length += n;
}

/* As much of the string as there is; *used: bytes. */
static int step_string(struct kube_stream *stream, const char *bytes, size_t n, size_t *used)
{
	size_t i = 0;

	while (i < n && (stream->escaped || bytes[i] != '"')) {
		stream->escaped = !stream->escaped && bytes[i] == '\\';
		i++;
	}
	*used = i;
	if (stream->is_key)
		keep_key(stream, bytes, i);
	int r = emit(stream, bytes, i);
	if (r < 0 || i == n)
		return r;
	*used = i + 1;
	stream->in_string = false;
	r = emit(stream, "\"", 1);
	if (r < 0 || stream->is_key)
		return r;
	return value_ended(stream);
}

int kube_stream_feed(struct kube_stream *stream, const char *bytes, size_t n, struct err *err)
{
	int r = 0;

	stream->err = err;
	for (size_t i = 0; i < n && r == 0;) {
		size_t used = 1;

		if (stream->in_string)
			r = step_string(stream, bytes + i, n - i, &used);
		else if (stream->depth == 0)
			r = step_outside(stream, bytes[i]);
		else if (stream->depth == 2 && in_items(stream))
			r = step_items(stream, bytes[i]);
		else
			r = step(stream, bytes[i]);
		i += used;
	}
	return r;
}

int kube_stream_end(const struct kube_stream *stream, struct err *err)
{
	if (stream->depth > 0)
		return err_set(err, -EPROTO, "the answer ends within an object");
	return 0;
}

struct head {
	const char *kind, *version, *next;
	bool has_items;
};

static const struct kube_field head_fields[] = {
	{ "kind", KUBE_TEXT, 0, offsetof(struct head, kind) },
	{ "metadata/resourceVersion", KUBE_TEXT, KUBE_REQUIRED, offsetof(struct head, version),
	  KUBE_VERSION_MAX - 1 },
	{ "metadata/continue", KUBE_TEXT, 0, offsetof(struct head, next), KUBE_CONTINUE_MAX - 1 },
	/* The array is null by now; this would be another thing. */
	{ "items", KUBE_IS_THERE, 0, offsetof(struct head, has_items) },
};
static const struct kube_table head_table = { sizeof(struct head), head_fields,
					      ARRAY_SIZE(head_fields) };

static void cleanup_json(struct json_t **json)
{
	kube_json_free(*json);
}

int kube_stream_end_list(const struct kube_stream *stream, struct kube_list_end *ret,
			 struct err *err)
{
	CLEANUP(cleanup_json) struct json_t *json = NULL;
	struct head head = { .kind = NULL };

	if (!stream->is_done)
		return err_set(err, -EPROTO, "the answer ends before the list does");
	int r = kube_json_parse(stream->head.v, stream->head.length, &json, err);
	if (r == 0)
		r = kube_json_read(&head_table, json, &head, err);
	if (r < 0)
		return r;
	if (head.has_items)
		return err_set(err, -EPROTO, "items is no list");
	snprintf(ret->version, sizeof(ret->version), "%s", head.version);
	snprintf(ret->next, sizeof(ret->next), "%s", head.next ? head.next : "");
	return 0;
}
