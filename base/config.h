// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Strict JSON configuration, driven by tables. A table says for each key its type, where the value goes,
 * its bounds and one line of help; the reader, the dumper, the manual's check and --help use the same
 * table. Anything that the table doesn't know is an error that names the key's path
 * ("policies[0].pod_cidrs[1]") and, where the parser knows it, line and column: unknown key, duplicate
 * key, wrong type, value out of bounds, list too long, NUL in a string, trailing text.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/ip4.h"
#include "base/ip6.h"

struct err;

#define CONFIG_NAME_MAX 64          /* 63 characters and NUL */
#define CONFIG_ITEM_MAX 256         /* bytes of a text in a list, with NUL */
#define CONFIG_FILE_MAX (64u << 20) /* bytes */
#define CONFIG_PATH_TEXT_MAX 160

enum config_type {
	CONFIG_NAME,      /* char[CONFIG_NAME_MAX]; [a-z0-9]([a-z0-9.-]*[a-z0-9])? */
	CONFIG_IFNAME,    /* char[16]; a legal Linux interface name (or the beginning of one) */
	CONFIG_IP4,       /* struct ip4 */
	CONFIG_PREFIXES,  /* struct ip4_prefixes; a list of "A.B.C.D/LEN" */
	CONFIG_PREFIXES6, /* struct ip6_prefixes; a list of "ADDRESS/LEN" */
	CONFIG_U32,       /* uint32_t between min and max; a number, or a string "0x..." */
	CONFIG_ENUM,      /* int, index into enum_names */
	CONFIG_NAMES,     /* struct config_names; a list of CONFIG_NAME without duplicates */
	CONFIG_OBJECT,    /* a struct described by `sub`, embedded at offset */
	CONFIG_LIST,      /* struct config_list of structs described by `sub` */
	CONFIG_TEXT,  /* char[max + 1]; any UTF-8 of at most max bytes without control characters */
	CONFIG_TEXTS, /* struct config_texts; a list of such texts, none of them empty */
	CONFIG_TYPE_COUNT
};

struct config_names {
	char (*v)[CONFIG_NAME_MAX];
	size_t n;
};

struct config_texts {
	char (*v)[CONFIG_ITEM_MAX];
	size_t n;
};

struct config_list {
	void *v; /* n structs of sub->size bytes */
	size_t n;
};

enum config_flags { CONFIG_REQUIRED = 1 };

struct config_table;

struct config_key {
	const char *name;
	enum config_type type;
	size_t offset; /* of the value in the table's struct */
	unsigned flags;
	uint32_t min, max; /* CONFIG_U32: bounds; lists: max items (0 = 65536); CONFIG_TEXT */
	const char *def;   /* the default as JSON text, or NULL: all bytes 0 */
	const struct config_table *sub;
	const char *const *enum_names; /* NULL-terminated */
	const char *help;              /* one line; units */
};

struct config_table {
	size_t size; /* of the struct */
	const struct config_key *keys;
	size_t n_keys;
};

/*
 * Reads JSON text into `ret` (table->size bytes, contents ignored on entry). 0; -EINVAL with path and
 * reason in `err`; -ENOMEM. On failure nothing is owned by `ret`.
 */
int config_parse(const struct config_table *table, const char *text, size_t length, void *ret,
		 struct err *err);
/* The same from a file of at most CONFIG_FILE_MAX bytes; -errno when it can't be read. */
int config_load(const struct config_table *table, const char *path, void *ret, struct err *err);
/* The first of the two paths, unless nothing is there and something is at the other one, which may be NULL. */
const char *config_choose(const char *path, const char *other);
/* Frees what the struct owns and zeroes it. */
void config_done(const struct config_table *table, void *obj);
/* Writes the complete object as JSON (every key, defaults too) that config_parse reads to the same. */
int config_dump(const struct config_table *table, const void *obj, FILE *out);
/* Prints key, type, default and help of each key, recursively, a line each (for --help and the manual). */
void config_help(const struct config_table *table, FILE *out);
