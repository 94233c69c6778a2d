// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * XML answers into plain structs, by tables. A table says which elements of an answer are wanted, by their
 * path below the place where the table begins, and where their text goes. Everything else is passed over,
 * in whatever order it comes: AWS adds elements without notice and promises no order.
 *
 * Read as a stream, without a tree. A DOCTYPE is refused (so there are no entities but the five built in),
 * and so are more bytes, depth or items than the ceilings allow.
 */
#pragma once

#include <stddef.h>

struct err;

#define XML_BYTES_MAX (16U << 20)
#define XML_DEPTH_MAX 24
#define XML_FIELDS_MAX 32   /* of one table */
#define XML_ITEMS_MAX 65536 /* of all lists of one answer together */

enum xml_type {
	XML_AS_TEXT,     /* char[size]; longer text is an error, not a cut */
	XML_AS_CUT_TEXT, /* char[size]; a line for people to read: cut, control characters masked */
	XML_AS_BOOL,     /* bool; "true" or "false" */
	XML_AS_TRUE,     /* nothing is stored; text other than "true" is an error */
	XML_AS_U32,      /* uint32_t */
	XML_AS_IP4,      /* struct ip4; an empty element counts as absent */
	XML_AS_PREFIX,   /* struct ip4_prefix; likewise */
	XML_AS_LIST, /* struct { T *v; size_t n; }: each such element is one more T, read by `sub` */
};

enum xml_flags {
	XML_IS_REQUIRED = 1, /* an item that ends without it is an error */
};

struct xml_table;

struct xml_field {
	const char *path; /* "association/publicIp"; of a list: of its items, "tagSet/item" */
	enum xml_type type;
	unsigned flags;
	size_t offset;               /* in the struct of the table */
	size_t size;                 /* of the char array */
	size_t max;                  /* XML_AS_LIST: so many items at most */
	const struct xml_table *sub; /* XML_AS_LIST */
};

struct xml_table {
	size_t size; /* of the struct */
	const struct xml_field *fields;
	size_t n;
	const char *
		root; /* of a table that xml_read gets: the outermost element. NULL: whatever it is */
};

/*
 * Reads `length` bytes of `text` into the struct at `value`. It must be zeroed, or the result of an earlier call with the same table: then lists grow, which
 * is how the pages of an answer are put together, and other fields are overwritten.
 * 0; -EPROTO (no well-formed XML, DOCTYPE, wrong value), -EMSGSIZE (a ceiling), -ENOMEM, with the reason in
 * `err`. After a failure the struct is as after xml_done. What passed through on the way is wiped from memory.
 */
int xml_read(const struct xml_table *table, const char *text, size_t length, void *value,
	     struct err *err);

/* Frees all lists and zeroes the struct. */
void xml_done(const struct xml_table *table, void *value);
