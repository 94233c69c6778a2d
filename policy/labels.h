// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Labels, kept once. A hundred thousand pods have few different labels and not many different sets of them, so
 * strings, labels (key and value) and sets are interned and counted: equal is identical, and a comparison is
 * that of two pointers. Everything from one pool must be given back to it before the pool is done.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/table.h"

struct label_text { /* as it comes */
	const char *key;
	const char *value;
};

struct label { /* interned */
	struct table_item item;
	uint32_t n_refs;
	const char *key; /* interned */
	char value[];
};

struct label_set { /* interned; sorted by key, in bytes */
	struct table_item item;
	uint32_t n_refs;
	size_t n;
	const struct label *v[];
};

struct labels {
	struct table strings;
	struct table labels;
	struct table sets;
};

#define LABELS_MAX 1024 /* in one set; Kubernetes knows no limit but the object's size */

/* Each a new reference, or NULL: no memory. */
const char *labels_string(struct labels *pool, const char *text);
const struct label *labels_label(struct labels *pool, const char *key, const char *value);
/* In any order; of a key that comes twice the last one counts. At most LABELS_MAX. */
const struct label_set *labels_set(struct labels *pool, const struct label_text *v, size_t n);

/* One reference more of an interned string. NULL: NULL. */
const char *labels_string_ref(const char *text);

/* Give a reference back. NULL is fine. */
void labels_string_put(struct labels *pool, const char *text);
void labels_label_put(struct labels *pool, const struct label *label);
void labels_set_put(struct labels *pool, const struct label_set *set);

/* Frees the tables. Nothing may be in them any more. */
void labels_done(struct labels *pool);
