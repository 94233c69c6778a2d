// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/who.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "natlog/who_internal.h"

enum { FIRST_SIZE = 64 };

struct who_item {
	struct natlog_who is;
	uint64_t hash;
	uint32_t users, serial;
	char text[]; /* the strings of `is`, each with its end */
};

/* FNV-1a with a secret beginning. The strings are names that the API server took. */
static uint64_t hash_of(const struct who_table *table, const struct natlog_who *who)
{
	uint64_t hash = HASH_START ^ table->seed ^ who->public.v;
	const char *strings[WHO_STRINGS];

	who_strings(who, strings);
	for (size_t i = 0; i < WHO_STRINGS; i++)
		hash = hash_name(hash, strings[i]);
	return hash ^ hash >> 29;
}

static bool is_equal(const struct natlog_who *a, const struct natlog_who *b)
{
	const char *strings_a[WHO_STRINGS], *strings_b[WHO_STRINGS];

	who_strings(a, strings_a);
	who_strings(b, strings_b);
	for (size_t i = 0; i < WHO_STRINGS; i++) {
		if (strcmp(strings_a[i], strings_b[i]) != 0)
			return false;
	}
	return a->public.v == b->public.v;
}

/* Where it is, or the free place where it would be. */
static size_t slot_of(const struct who_table *table, const struct natlog_who *who, uint64_t hash)
{
	size_t i = hash & (table->n_slots - 1);

	for (; table->slots[i]; i = (i + 1) & (table->n_slots - 1)) {
		const struct who_item *item = table->v[table->slots[i] - 1];

		if (item->hash == hash && is_equal(&item->is, who))
			break;
	}
	return i;
}

static void enter(struct who_table *table, uint32_t number)
{
	size_t i = table->v[number - 1]->hash & (table->n_slots - 1);

	while (table->slots[i])
		i = (i + 1) & (table->n_slots - 1);
	table->slots[i] = number;
}

static bool grow(struct who_table *table)
{
	size_t size = table->size ? table->size * 2 : FIRST_SIZE;
	struct who_item **v = calloc(size, sizeof(struct who_item *));
	uint32_t *slots = calloc(size * 2, sizeof(*slots));
	uint32_t *numbers = calloc(size, sizeof(*numbers));

	if (!v || !slots || !numbers) {
		free(v);
		free(slots);
		free(numbers);
		return false;
	}
	if (table->n)
		memcpy(v, table->v, table->n * sizeof(struct who_item *));
	free(table->v);
	free(table->slots);
	free(table->free);
	table->v = v;
	table->slots = slots;
	table->n_slots = size * 2;
	table->free = numbers; /* none are, or it wouldn't grow */
	table->size = size;
	for (size_t i = 0; i < table->n; i++)
		enter(table, (uint32_t)i + 1);
	return true;
}

static struct who_item *make(const struct natlog_who *who, uint64_t hash)
{
	const char *strings[WHO_STRINGS];
	size_t lengths[WHO_STRINGS], size = 0;
	struct who_item *item;

	who_strings(who, strings);
	for (size_t i = 0; i < WHO_STRINGS; i++)
		size += lengths[i] = strlen(strings[i]) + 1;
	item = malloc(sizeof(*item) + size);
	if (!item)
		return NULL;
	char *at = item->text;

	for (size_t i = 0; i < WHO_STRINGS; i++) {
		memcpy(at, strings[i], lengths[i]);
		strings[i] = at;
		at += lengths[i];
	}
	item->is = who_from_strings(strings, who->public);
	item->hash = hash;
	item->users = 1;
	return item;
}

uint32_t who_take(struct who_table *table, const struct natlog_who *who)
{
	uint64_t hash = hash_of(table, who);
	size_t slot;
	uint32_t number;

	if (table->n_slots) {
		slot = slot_of(table, who, hash);
		if (table->slots[slot]) {
			table->v[table->slots[slot] - 1]->users++;
			return table->slots[slot];
		}
	}
	if (who_count(table) >= table->most)
		return 0;
	if (!table->n_free && table->n == table->size && !grow(table))
		return 0;
	struct who_item *item = make(who, hash);

	if (!item)
		return 0;
	number = table->n_free ? table->free[--table->n_free] : (uint32_t)++table->n;
	item->serial = table->made = table->made % UINT32_MAX + 1;
	table->v[number - 1] = item;
	enter(table, number);
	return number;
}

uint32_t who_take_again(struct who_table *table, uint32_t number)
{
	if (number)
		table->v[number - 1]->users++;
	return number;
}

/* What stands behind a place that becomes free, and would be looked for from there on, moves up. */
static void close_up(struct who_table *table, size_t hole)
{
	const size_t mask = table->n_slots - 1;

	for (size_t i = (hole + 1) & mask; table->slots[i]; i = (i + 1) & mask) {
		size_t home = table->v[table->slots[i] - 1]->hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		table->slots[hole] = table->slots[i];
		hole = i;
	}
	table->slots[hole] = 0;
}

void who_give(struct who_table *table, uint32_t number)
{
	struct who_item *item = number ? table->v[number - 1] : NULL;

	if (!item || --item->users)
		return;
	close_up(table, slot_of(table, &item->is, item->hash));
	free(item);
	table->v[number - 1] = NULL;
	table->free[table->n_free++] = number;
}

const struct natlog_who *who_of(const struct who_table *table, uint32_t number)
{
	return number && table->v[number - 1] ? &table->v[number - 1]->is : NULL;
}

uint32_t who_serial(const struct who_table *table, uint32_t number)
{
	return number ? table->v[number - 1]->serial : 0;
}

size_t who_count(const struct who_table *table)
{
	return table->n - table->n_free;
}

void who_done(struct who_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->v[i]);
	free(table->v);
	free(table->slots);
	free(table->free);
	*table = (struct who_table){ 0 };
}
