// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * libyaml's events build the tree. Its buffers and each event's text are wiped before it frees them; what it leaves
 * behind when a scalar grows while it is read (up to half of it) can't be reached.
 */
#include "kube/yaml.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <yaml.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	yaml_parser_t parser;
	struct err *err;
	struct yaml_node *open[YAML_DEPTH_MAX]; /* maps and lists */
	char *key[YAML_DEPTH_MAX];              /* of a map: has come, and waits for its value */
	size_t depth;
	size_t n_nodes;
	struct yaml_node *root;
	bool is_done;
};

static void wipe_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void yaml_tree_free(struct yaml_node *node)
{
	while (node) {
		struct yaml_node *const next = node->next;

		yaml_tree_free(node->first);
		wipe_free(node->key);
		wipe_free(node->text);
		free(node);
		node = next;
	}
}

static void wipe_parser(yaml_parser_t *parser)
{
	if (parser->raw_buffer.start)
		explicit_bzero(parser->raw_buffer.start,
			       (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
	if (parser->buffer.start)
		explicit_bzero(parser->buffer.start,
			       (size_t)(parser->buffer.end - parser->buffer.start));
}

static void reader_done(struct reader *reader)
{
	wipe_parser(&reader->parser);
	yaml_parser_delete(&reader->parser);
	for (size_t i = 0; i < YAML_DEPTH_MAX; i++)
		wipe_free(reader->key[i]);
	yaml_tree_free(reader->root);
}

static void event_done(yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		explicit_bzero(event->data.scalar.value, event->data.scalar.length);
	yaml_event_delete(event);
}

static unsigned line_of(const yaml_event_t *event)
{
	return (unsigned)event->start_mark.line + 1;
}

static int fail(const struct reader *reader, const yaml_event_t *event, const char *what)
{
	return err_set(reader->err, -EPROTO, "line %u: %s", line_of(event), what);
}

static struct yaml_node *top(const struct reader *reader)
{
	return reader->depth ? reader->open[reader->depth - 1] : NULL;
}

/* Puts it where it belongs: into what is open, under the key that waits. It is owned by the tree then. */
static int attach(struct reader *reader, struct yaml_node *node)
{
	struct yaml_node *const parent = top(reader);

	if (!parent) {
		reader->root = node;
		return 0;
	}
	if (parent->kind == YAML_MAP)
		node->key = TAKE_PTR(reader->key[reader->depth - 1]);
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	return 0;
}

static int new_node(struct reader *reader, const yaml_event_t *event, enum yaml_kind kind,
		    struct yaml_node **ret)
{
	struct yaml_node *const parent = top(reader);

	if (++reader->n_nodes > YAML_NODES_MAX)
		return err_set(reader->err, -EMSGSIZE, "line %u: more than %d values",
			       line_of(event), YAML_NODES_MAX);
	if (parent && parent->kind == YAML_MAP && !reader->key[reader->depth - 1])
		return fail(reader, event, "a key that is no text");
	struct yaml_node *const node = calloc(1, sizeof(*node));
	if (!node)
		return err_set(reader->err, -ENOMEM, "out of memory");
	node->kind = kind;
	node->line = line_of(event);
	*ret = node;
	return attach(reader, node);
}

static int open_node(struct reader *reader, const yaml_event_t *event, enum yaml_kind kind)
{
	const yaml_char_t *const anchor = kind == YAML_MAP ? event->data.mapping_start.anchor :
							     event->data.sequence_start.anchor;
	struct yaml_node *node = NULL;

	if (anchor)
		return fail(reader, event, "anchors and aliases aren't read");
	if (reader->depth == YAML_DEPTH_MAX)
		return err_set(reader->err, -EMSGSIZE, "line %u: nested more than %d deep",
			       line_of(event), YAML_DEPTH_MAX);
	const int r = new_node(reader, event, kind, &node);
	if (r == 0)
		reader->open[reader->depth++] = node;
	return r;
}

static char *copy_scalar(const yaml_event_t *event)
{
	const size_t length = event->data.scalar.length;
	char *const text = malloc(length + 1);

	if (text) {
		memcpy(text, event->data.scalar.value, length);
		text[length] = '\0';
	}
	return text;
}

/* YAML 1.2's core schema. */
static bool is_null(const yaml_event_t *event, const char *text)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i], text) == 0)
			return true;
	return false;
}

static int take_key(struct reader *reader, const struct yaml_node *map, const yaml_event_t *event,
		    char *text)
{
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		if (strcmp(n->key, text) == 0) {
			wipe_free(text);
			return fail(reader, event, "a key comes twice");
		}
	}
	reader->key[reader->depth - 1] = text;
	return 0;
}

static int take_scalar(struct reader *reader, const yaml_event_t *event)
{
	const size_t length = event->data.scalar.length;
	struct yaml_node *node = NULL;

	if (event->data.scalar.anchor)
		return fail(reader, event, "anchors and aliases aren't read");
	if (memchr(event->data.scalar.value, '\0', length))
		return fail(reader, event, "a NUL in a text");
	char *const text = copy_scalar(event);
	if (!text)
		return err_set(reader->err, -ENOMEM, "out of memory");
	const struct yaml_node *const parent = top(reader);
	if (parent && parent->kind == YAML_MAP && !reader->key[reader->depth - 1])
		return take_key(reader, parent, event, text);
	const bool null = is_null(event, text);
	const int r = new_node(reader, event, null ? YAML_NULL : YAML_TEXT, &node);
	if (r < 0 || null || !node)
		wipe_free(text);
	else
		node->text = text;
	return r;
}

static int take(struct reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return reader->root ? fail(reader, event, "more than one document") : 0;
	case YAML_STREAM_END_EVENT:
		reader->is_done = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return fail(reader, event, "anchors and aliases aren't read");
	case YAML_SCALAR_EVENT:
		return take_scalar(reader, event);
	case YAML_MAPPING_START_EVENT:
		return open_node(reader, event, YAML_MAP);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(reader, event, YAML_LIST);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		reader->depth--;
		return 0;
	default:
		return 0;
	}
}

/* What libyaml says is about its grammar; it doesn't show the text. */
static int fail_parse(const struct reader *reader)
{
	const yaml_parser_t *const parser = &reader->parser;

	if (parser->error == YAML_MEMORY_ERROR)
		return err_set(reader->err, -ENOMEM, "out of memory");
	return err_set(reader->err, -EPROTO, "line %zu: no YAML: %s", parser->problem_mark.line + 1,
		       parser->problem ? parser->problem : "unreadable");
}

int yaml_tree_read(const char *text, size_t length, struct yaml_node **ret, struct err *err)
{
	CLEANUP(reader_done) struct reader reader = { .err = err };

	if (length > YAML_BYTES_MAX)
		return err_set(err, -EMSGSIZE, "more than %u bytes", YAML_BYTES_MAX);
	if (!yaml_parser_initialize(&reader.parser))
		return err_set(err, -ENOMEM, "out of memory");
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
	while (!reader.is_done) {
		yaml_event_t event;

		if (!yaml_parser_parse(&reader.parser, &event))
			return fail_parse(&reader);
		const int r = take(&reader, &event);
		event_done(&event);
		if (r < 0)
			return r;
	}
	if (!reader.root)
		return err_set(err, -EPROTO, "there's nothing in it");
	*ret = TAKE_PTR(reader.root);
	return 0;
}

const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
	if (!node || node->kind != YAML_MAP)
		return NULL;
	for (node = node->first; node; node = node->next)
		if (strcmp(node->key, key) == 0)
			return node->kind == YAML_NULL ? NULL : node;
	return NULL;
}
