// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A frame is an item that is being read: its table, its struct, and how deep it began. The path of the
 * current element below the frame is kept as text and compared with the paths of the frame's table. While
 * a list's item is read only lists inside of it grow, so a frame's struct doesn't move under it.
 */
#include "awsapi/xml.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/ip4.h"
#include "base/text.h"

#define FRAMES_MAX 6 /* lists within lists; tables are ours, so this is a programmer's limit */
#define PATH_MAX_BYTES 512     /* longer paths can't be in a table: they are passed over */
#define LEAF_MAX_BYTES 8192    /* the text of one wanted element */
#define CHUNK_BYTES (1U << 20) /* expat counts in int */

struct frame {
	const struct xml_table *table;
	char *value;
	size_t depth;      /* of the element that is the item */
	size_t path_start; /* where paths below it begin in the reader's */
	uint32_t seen;     /* bit per field */
};
static_assert(XML_FIELDS_MAX <= 32, "seen has a bit per field");

/* The layout that every list has: struct { T *v; size_t n; }. */
struct list {
	void *v;
	size_t n;
};

struct reader {
	XML_Parser parser;
	struct err *err;
	int rc; /* why the parser was stopped */
	struct frame frames[FRAMES_MAX];
	size_t n_frames;
	size_t depth;
	size_t n_items;
	char path[PATH_MAX_BYTES];    /* of the current element below the outermost */
	size_t path_length;           /* may be more than fits: then nothing matches */
	const struct xml_field *leaf; /* its text is being collected */
	size_t leaf_depth;
	char text[LEAF_MAX_BYTES + 1];
	size_t text_length;
};

/*
 * expat's memory holds what it has read, credentials too: it is wiped before it is freed. The size stands
 * in front of each block.
 */
union block {
	size_t size;
	max_align_t align;
};

static void wipe_free(void *p)
{
	if (!p)
		return;
	union block *const block = (union block *)p - 1;
	explicit_bzero(block, sizeof(*block) + block->size);
	free(block);
}

static void *wipe_malloc(size_t size)
{
	if (size > SIZE_MAX - sizeof(union block))
		return NULL;
	union block *const block = calloc(1, sizeof(*block) + size);
	if (!block)
		return NULL;
	block->size = size;
	return block + 1;
}

static void *wipe_realloc(void *p, size_t size)
{
	void *const bigger = wipe_malloc(size);
	if (!bigger || !p)
		return bigger;
	const size_t old = ((union block *)p - 1)->size;
	memcpy(bigger, p, old < size ? old : size);
	wipe_free(p);
	return bigger;
}

static const XML_Memory_Handling_Suite wiping_memory = { wipe_malloc, wipe_realloc, wipe_free };

static void load_list(const void *place, struct list *ret)
{
	memcpy(ret, place, sizeof(*ret));
}

static void store_list(void *place, const struct list *list)
{
	memcpy(place, list, sizeof(*list));
}

void xml_done(const struct xml_table *table, void *value)
{
	char *const bytes = value;

	for (size_t i = 0; i < table->n; i++) {
		const struct xml_field *const field = &table->fields[i];
		struct list list;
		if (field->type != XML_AS_LIST)
			continue;
		load_list(bytes + field->offset, &list);
		for (size_t k = 0; k < list.n; k++)
			xml_done(field->sub, (char *)list.v + k * field->sub->size);
		free(list.v);
	}
	explicit_bzero(value, table->size);
}

/* Ends the reading; the first reason stays. */
__attribute__((format(printf, 3, 4))) static void fail(struct reader *reader, int rc,
						       const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	if (reader->rc != 0)
		return;
	va_start(args, format);
	const int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	reader->rc = err_set(reader->err, rc, "%s", length < 0 ? "unreadable answer" : text);
	XML_StopParser(reader->parser, XML_FALSE);
}

static struct frame *innermost(struct reader *reader)
{
	return &reader->frames[reader->n_frames - 1];
}

static void push_frame(struct reader *reader, const struct xml_table *table, void *value)
{
	assert(reader->n_frames < FRAMES_MAX && table->n <= XML_FIELDS_MAX);
	reader->frames[reader->n_frames++] = (struct frame){
		.table = table,
		.value = value,
		.depth = reader->depth,
		.path_start = reader->path_length > 0 ? reader->path_length + 1 : 0,
	};
}

/* "addressesSet" and "item" to "addressesSet/item". */
static void path_enter(struct reader *reader, const char *name)
{
	const size_t length = strlen(name);
	const size_t slash = reader->path_length > 0;

	if (reader->path_length + slash + length < PATH_MAX_BYTES) {
		if (slash)
			reader->path[reader->path_length] = '/';
		memcpy(reader->path + reader->path_length + slash, name, length);
	}
	reader->path_length += slash + length;
}

static void path_leave(struct reader *reader, const char *name)
{
	const size_t length = strlen(name);

	assert(reader->path_length >= length);
	reader->path_length -= length;
	if (reader->path_length > 0)
		reader->path_length--;
}

static const struct xml_field *find_field(const struct reader *reader, const struct frame *frame)
{
	if (reader->path_length >= PATH_MAX_BYTES)
		return NULL;
	const char *const path = reader->path + frame->path_start;
	const size_t length = reader->path_length - frame->path_start;
	for (size_t i = 0; i < frame->table->n; i++) {
		const struct xml_field *const field = &frame->table->fields[i];
		if (strlen(field->path) == length && memcmp(field->path, path, length) == 0)
			return field;
	}
	return NULL;
}

/* One more zeroed item at the end of the list; NULL after fail. Grows by doubling: n is a power of 2 then. */
static void *list_append(struct reader *reader, const struct xml_field *field, void *place)
{
	const size_t size = field->sub->size;
	struct list list;

	load_list(place, &list);
	if (list.n >= field->max || ++reader->n_items > XML_ITEMS_MAX) {
		fail(reader, -EMSGSIZE, "more than %zu items in %s",
		     list.n >= field->max ? field->max : (size_t)XML_ITEMS_MAX, field->path);
		return NULL;
	}
	if ((list.n & (list.n - 1)) == 0) {
		void *const bigger = reallocarray(list.v, list.n ? 2 * list.n : 1, size);
		if (!bigger) {
			fail(reader, -ENOMEM, "no memory for the items of %s", field->path);
			return NULL;
		}
		list.v = bigger;
	}
	void *const item = (char *)list.v + list.n++ * size;
	memset(item, 0, size);
	store_list(place, &list);
	return item;
}

static void XMLCALL on_begin(void *data, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *const reader = data;
	(void)attributes;

	if (reader->rc != 0)
		return;
	if (++reader->depth > XML_DEPTH_MAX) {
		fail(reader, -EMSGSIZE, "elements are nested more than %d deep", XML_DEPTH_MAX);
		return;
	}
	if (reader->depth == 1) {
		const char *const root = reader->frames[0].table->root;
		if (root && strcmp(name, root) != 0)
			fail(reader, -EPROTO, "expected %s, found <%.64s>", root, name);
		return;
	}
	path_enter(reader, name);
	struct frame *const frame = innermost(reader);
	const struct xml_field *const field = reader->leaf ? NULL : find_field(reader, frame);
	if (!field)
		return;
	frame->seen |= 1U << (field - frame->table->fields);
	if (field->type == XML_AS_LIST) {
		void *const item = list_append(reader, field, frame->value + field->offset);
		if (item)
			push_frame(reader, field->sub, item);
		return;
	}
	reader->leaf = field;
	reader->leaf_depth = reader->depth;
	reader->text_length = 0;
}

static void XMLCALL on_text(void *data, const XML_Char *text, int length)
{
	struct reader *const reader = data;

	/* Text of elements inside of a wanted one isn't its own. */
	if (reader->rc != 0 || !reader->leaf || reader->depth != reader->leaf_depth)
		return;
	size_t n = (size_t)length;
	const size_t room = LEAF_MAX_BYTES - reader->text_length;
	if (n > room) {
		if (reader->leaf->type != XML_AS_CUT_TEXT) {
			fail(reader, -EMSGSIZE, "%s is longer than %d bytes", reader->leaf->path,
			     LEAF_MAX_BYTES);
			return;
		}
		n = room;
	}
	memcpy(reader->text + reader->text_length, text, n);
	reader->text_length += n;
}

static void store_text(struct reader *reader, const struct xml_field *field, char *place)
{
	const char *text = reader->text;
	size_t length = reader->text_length;

	if (field->type == XML_AS_CUT_TEXT) {
		text += strspn(text, " \t\r\n");
		length = strcspn(text, "\r\n");
	}
	if (length >= field->size) {
		if (field->type != XML_AS_CUT_TEXT) {
			fail(reader, -EMSGSIZE, "%s is longer than %zu bytes", field->path,
			     field->size - 1);
			return;
		}
		length = field->size - 1;
		/* Not in the midst of a character. */
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	memset(place, 0, field->size);
	memcpy(place, text, length);
	if (field->type == XML_AS_CUT_TEXT)
		text_mask_controls(place, length);
}

static bool parse_u32(const char *text, uint32_t *ret)
{
	uint64_t value = 0;

	if (*text == '\0')
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*ret = (uint32_t)value;
	return true;
}

/* False: the text is no value of the type. `place` is as big and aligned as the table says. */
static bool store_value(const char *text, enum xml_type type, void *place)
{
	const bool is_true = strcmp(text, "true") == 0;

	switch (type) {
	case XML_AS_TRUE:
		return is_true;
	case XML_AS_BOOL:
		*(bool *)place = is_true;
		return is_true || strcmp(text, "false") == 0;
	case XML_AS_U32:
		return parse_u32(text, place);
	case XML_AS_IP4:
		return *text == '\0' || ip4_parse(text, place, NULL) == 0;
	case XML_AS_PREFIX:
		return *text == '\0' || ip4_prefix_parse(text, place, NULL) == 0;
	case XML_AS_TEXT:
	case XML_AS_CUT_TEXT:
	case XML_AS_LIST:
		break;
	}
	return false;
}

static void store_leaf(struct reader *reader)
{
	const struct xml_field *const field = reader->leaf;
	char *const place = innermost(reader)->value + field->offset;

	reader->leaf = NULL;
	reader->text[reader->text_length] = '\0';
	if (field->type == XML_AS_TEXT || field->type == XML_AS_CUT_TEXT)
		store_text(reader, field, place);
	else if (!store_value(reader->text, field->type, place))
		fail(reader, -EPROTO, "%s has the value \"%.64s\"", field->path, reader->text);
}

/* The item has ended: what it must have is there. */
static void check_required(struct reader *reader, const struct frame *frame)
{
	for (size_t i = 0; i < frame->table->n; i++) {
		const struct xml_field *const field = &frame->table->fields[i];
		if ((field->flags & XML_IS_REQUIRED) && !(frame->seen & (1U << i)))
			fail(reader, -EPROTO, "%s is missing", field->path);
	}
}

static void XMLCALL on_end(void *data, const XML_Char *name)
{
	struct reader *const reader = data;

	if (reader->rc != 0)
		return;
	if (reader->leaf && reader->depth == reader->leaf_depth)
		store_leaf(reader);
	if (reader->depth == innermost(reader)->depth) {
		check_required(reader, innermost(reader));
		if (reader->depth > 1)
			reader->n_frames--;
	}
	if (reader->depth > 1)
		path_leave(reader, name);
	reader->depth--;
}

/* Entities, and with them most of what can go wrong with XML, begin here. */
static void XMLCALL on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
			       const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	fail(data, -EPROTO, "the answer has a DOCTYPE");
}

static void parse(struct reader *reader, const char *text, size_t length)
{
	for (bool is_last = false; !is_last && reader->rc == 0;) {
		const size_t n = length < CHUNK_BYTES ? length : CHUNK_BYTES;
		is_last = n == length;
		if (XML_Parse(reader->parser, text, (int)n, is_last) == XML_STATUS_ERROR) {
			const enum XML_Error why = XML_GetErrorCode(reader->parser);
			fail(reader, why == XML_ERROR_NO_MEMORY ? -ENOMEM : -EPROTO,
			     "no XML: %s in line %lu", XML_ErrorString(why),
			     XML_GetCurrentLineNumber(reader->parser));
		}
		text += n;
		length -= n;
	}
}

int xml_read(const struct xml_table *table, const char *text, size_t length, void *value,
	     struct err *err)
{
	int rc;

	if (length > XML_BYTES_MAX) {
		xml_done(table, value);
		return err_set(err, -EMSGSIZE, "the answer is longer than %u bytes", XML_BYTES_MAX);
	}
	struct reader *const reader = calloc(1, sizeof(*reader));
	if (reader)
		reader->parser = XML_ParserCreate_MM(NULL, &wiping_memory, NULL);
	if (!reader || !reader->parser) {
		free(reader);
		xml_done(table, value);
		return err_set(err, -ENOMEM, "no memory to read an answer");
	}
	reader->err = err;
	push_frame(reader, table, value);
	reader->frames[0].depth = 1;
	XML_SetUserData(reader->parser, reader);
	XML_SetElementHandler(reader->parser, on_begin, on_end);
	XML_SetCharacterDataHandler(reader->parser, on_text);
	XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);

	parse(reader, text, length);

	rc = reader->rc;
	XML_ParserFree(reader->parser);
	explicit_bzero(reader, sizeof(*reader));
	free(reader);
	if (rc != 0)
		xml_done(table, value);
	return rc;
}
