// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/labels.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct string {
	struct table_item item;
	uint32_t n_refs;
	char text[];
};

static struct string *string_of(const char *text)
{
	return (struct string *)((char *)(uintptr_t)text - offsetof(struct string, text));
}

static bool same_string(const struct table_item *item, const void *key)
{
	return !strcmp(((const struct string *)item)->text, key);
}

const char *labels_string(struct labels *pool, const char *text)
{
	size_t size = strlen(text) + 1;
	uint32_t hash = table_hash(0, text, size);
	struct string *s = (struct string *)table_find(&pool->strings, hash, same_string, text);

	if (!s) {
		s = table_reserve(&pool->strings, 1) < 0 ? NULL : calloc(1, sizeof(*s) + size);
		if (!s)
			return NULL;
		s->item.hash = hash;
		memcpy(s->text, text, size);
		table_put(&pool->strings, &s->item);
	}
	s->n_refs++;
	return s->text;
}

const char *labels_string_ref(const char *text)
{
	if (text)
		string_of(text)->n_refs++;
	return text;
}

void labels_string_put(struct labels *pool, const char *text)
{
	struct string *s = text ? string_of(text) : NULL;

	if (!s || --s->n_refs)
		return;
	table_remove(&pool->strings, &s->item);
	free(s);
}

static bool same_label(const struct table_item *item, const void *key)
{
	const struct label *label = (const struct label *)item;
	const struct label_text *text = key;

	return !strcmp(label->value, text->value) && !strcmp(label->key, text->key);
}

const struct label *labels_label(struct labels *pool, const char *key, const char *value)
{
	const struct label_text text = { key, value };
	size_t size = strlen(value) + 1;
	uint32_t hash = table_hash(table_hash(0, key, strlen(key) + 1), value, size);
	struct label *label = (struct label *)table_find(&pool->labels, hash, same_label, &text);

	if (!label) {
		if (table_reserve(&pool->labels, 1) < 0)
			return NULL;
		CLEANUP(cleanup_free) struct label *made = calloc(1, sizeof(*made) + size);
		if (!made || !(made->key = labels_string(pool, key)))
			return NULL;
		made->item.hash = hash;
		memcpy(made->value, value, size);
		table_put(&pool->labels, &made->item);
		label = TAKE_PTR(made);
	}
	label->n_refs++;
	return label;
}

void labels_label_put(struct labels *pool, const struct label *label)
{
	struct label *mine = (struct label *)(uintptr_t)label;

	if (!mine || --mine->n_refs)
		return;
	table_remove(&pool->labels, &mine->item);
	labels_string_put(pool, mine->key);
	free(mine);
}

static int compare_texts(const void *a, const void *b)
{
	const struct label_text *const *x = a;
	const struct label_text *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	/* Of equal ones the later first, so that it is the one that stays. */
	return order ? order : (*x < *y) - (*x > *y);
}

/* Pointers to the texts, sorted by key, each key once. *n becomes how many. */
static const struct label_text **sort(const struct label_text *v, size_t *n)
{
	const struct label_text **sorted = calloc(*n + 1, sizeof(*sorted));
	size_t kept = 0;

	if (!sorted)
		return NULL;
	for (size_t i = 0; i < *n; i++)
		sorted[i] = &v[i];
	if (*n)
		qsort(sorted, *n, sizeof(*sorted), compare_texts);
	for (size_t i = 0; i < *n; i++)
		if (!kept || strcmp(sorted[kept - 1]->key, sorted[i]->key) != 0)
			sorted[kept++] = sorted[i];
	*n = kept;
	return sorted;
}

static bool same_set(const struct table_item *item, const void *key)
{
	const struct label_set *a = (const struct label_set *)item;
	const struct label_set *b = key;

	return a->n == b->n && !memcmp(a->v, b->v, a->n * sizeof(a->v[0]));
}

static void drop_set(struct labels *pool, struct label_set *set)
{
	for (size_t i = 0; set && i < set->n; i++)
		labels_label_put(pool, set->v[i]);
	free(set);
}

const struct label_set *labels_set(struct labels *pool, const struct label_text *v, size_t n)
{
	CLEANUP(cleanup_free) const struct label_text **sorted = sort(v, &n);
	struct label_set *set, *known;

	if (!sorted || table_reserve(&pool->sets, 1) < 0)
		return NULL;
	set = calloc(1, sizeof(*set) + n * sizeof(set->v[0]));
	for (size_t i = 0; set && i < n; i++) {
		set->v[i] = labels_label(pool, sorted[i]->key, sorted[i]->value);
		if (!set->v[i]) {
			drop_set(pool, set);
			return NULL;
		}
		set->n++;
	}
	if (!set)
		return NULL;
	set->item.hash = table_hash(0, set->v, n * sizeof(set->v[0]));
	known = (struct label_set *)table_find(&pool->sets, set->item.hash, same_set, set);
	if (known) {
		drop_set(pool, set);
		set = known;
	} else {
		table_put(&pool->sets, &set->item);
	}
	set->n_refs++;
	return set;
}

void labels_set_put(struct labels *pool, const struct label_set *set)
{
	struct label_set *mine = (struct label_set *)(uintptr_t)set;

	if (!mine || --mine->n_refs)
		return;
	table_remove(&pool->sets, &mine->item);
	drop_set(pool, mine);
}

void labels_done(struct labels *pool)
{
	assert(!pool->strings.n && !pool->labels.n && !pool->sets.n);
	table_done(&pool->strings);
	table_done(&pool->labels);
	table_done(&pool->sets);
}
