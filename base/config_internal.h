// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What the parts of base/config share. config.c gets the text and the JSON tree, config_read.c turns the
 * tree into structs, config_path.c says where something stands, config_done.c, config_dump.c and
 * config_help.c each walk a table.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"

struct err;

#define CONFIG_IFNAME_SIZE 16 /* IFNAMSIZ */
#define CONFIG_LIST_MAX 65536 /* items, where the table gives no ceiling */

/*
 * The way from the top to a value, as a chain of frames on the stack: it becomes text only when there is
 * an error to report, so that a list of 100,000 items costs nothing.
 */
struct config_at {
	const struct config_at *parent; /* NULL at the top */
	const char *key;                /* in an object; NULL: an item of a list */
	size_t index;                   /* in a list */
	struct err *err;                /* may be NULL */
};

/* "policies[0].pod_cidrs[1]", or "top level". Returns `buf`. */
const char *config_at_format(const struct config_at *at, char buf[static CONFIG_PATH_TEXT_MAX]);
/* Puts "PATH: text" into at->err and returns `code`. */
int config_at_fail(const struct config_at *at, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "PATH: " in front of what at->err holds and returns `code`. */
int config_at_prefix(const struct config_at *at, int code);

/*
 * The path of the value that the first `length` bytes of a JSON text end in, or of the key if they end
 * behind one; "top level" outside of everything. Returns `buf`.
 */
const char *config_locate(const char *text, size_t length, char buf[static CONFIG_PATH_TEXT_MAX]);

/*
 * A JSON text to a tree, which the caller owns. 0; -ENOMEM; -EINVAL with the library's words and position
 * in `error`.
 */
int config_decode(const char *text, size_t length, size_t flags, json_t **ret, json_error_t *error);
void config_cleanup_json(json_t **value);

/* Reads a JSON object into the zeroed struct `ret`. What it owns after a failure config_done frees. */
int config_read_object(const struct config_table *table, json_t *value, void *ret,
		       const struct config_at *at);

static inline uint32_t config_list_max(const struct config_key *key)
{
	return key->max > 0 ? key->max : CONFIG_LIST_MAX;
}

/* The upper bound of a CONFIG_U32: a table that leaves it out means "no bound". */
static inline uint32_t config_u32_max(const struct config_key *key)
{
	return key->max > 0 ? key->max : UINT32_MAX;
}
