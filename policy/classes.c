// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/classes.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64

struct policy_class_entry {
	size_t offset; /* in policy_classes.rules */
	size_t n;
	uint64_t hash;
};

static uint64_t rule_hash(uint16_t rank, uint16_t egress)
{
	return hash_finish(((uint64_t)rank << 16 | egress) + 1);
}

/* Where `rank` stands in the open rules, or would stand. */
static size_t position(const struct policy_open *open, uint16_t rank)
{
	size_t low = 0;
	size_t high = open->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (open->rules[middle].policy < rank)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void policy_open_add(struct policy_open *open, uint16_t rank, uint16_t egress)
{
	size_t at = position(open, rank);

	memmove(&open->rules[at + 1], &open->rules[at], (open->n - at) * sizeof(open->rules[0]));
	open->rules[at] = (struct policy_rule){ .policy = rank, .egress = egress };
	open->n++;
	open->hash += rule_hash(rank, egress);
}

void policy_open_remove(struct policy_open *open, uint16_t rank)
{
	size_t at = position(open, rank);

	open->hash -= rule_hash(rank, open->rules[at].egress);
	open->n--;
	memmove(&open->rules[at], &open->rules[at + 1], (open->n - at) * sizeof(open->rules[0]));
}

static uint32_t *find_slot(const struct policy_classes *classes, const struct policy_open *open)
{
	size_t i = hash_finish(open->hash) & (classes->n_slots - 1);

	for (;; i = (i + 1) & (classes->n_slots - 1)) {
		uint32_t *slot = &classes->slots[i];
		if (!*slot)
			return slot;

		const struct policy_class_entry *e = &classes->v[*slot - 1];
		if (e->hash == open->hash && e->n == open->n &&
		    !memcmp(&classes->rules[e->offset], open->rules, e->n * sizeof(open->rules[0])))
			return slot;
	}
}

static int grow_slots(struct policy_classes *classes)
{
	if (classes->n_slots > 2 * classes->n)
		return 0;

	size_t n_slots = classes->n_slots ? 2 * classes->n_slots : SLOTS_FIRST;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;

	for (size_t c = 0; c < classes->n; c++) {
		size_t i = hash_finish(classes->v[c].hash) & (n_slots - 1);

		while (slots[i])
			i = (i + 1) & (n_slots - 1);
		slots[i] = (uint32_t)c + 1;
	}
	free(classes->slots);
	classes->slots = slots;
	classes->n_slots = n_slots;
	return 0;
}

static int grow_entries(struct policy_classes *classes)
{
	if (classes->n < classes->capacity)
		return 0;

	size_t capacity = classes->capacity ? 2 * classes->capacity : 16;
	struct policy_class_entry *v = reallocarray(classes->v, capacity, sizeof(*v));
	if (!v)
		return -ENOMEM;
	classes->v = v;
	classes->capacity = capacity;
	return 0;
}

static int grow_rules(struct policy_classes *classes, size_t n)
{
	if (classes->rules_capacity - classes->n_rules >= n)
		return 0;

	size_t capacity = 2 * classes->rules_capacity + n;
	struct policy_rule *rules = reallocarray(classes->rules, capacity, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	classes->rules = rules;
	classes->rules_capacity = capacity;
	return 0;
}

static int append(struct policy_classes *classes, const struct policy_open *open)
{
	if (classes->n >= POLICY_CLASS_MAX || classes->n_rules + open->n > POLICY_RULES_MAX)
		return -ENOSPC;

	int r = grow_entries(classes);
	if (r == 0)
		r = grow_rules(classes, open->n);
	if (r < 0)
		return r;

	memcpy(&classes->rules[classes->n_rules], open->rules, open->n * sizeof(open->rules[0]));
	classes->v[classes->n++] = (struct policy_class_entry){
		.offset = classes->n_rules,
		.n = open->n,
		.hash = open->hash,
	};
	classes->n_rules += open->n;
	return 0;
}

int policy_classes_get(struct policy_classes *classes, const struct policy_open *open,
		       uint32_t *ret)
{
	int r = grow_slots(classes);
	if (r < 0)
		return r;

	uint32_t *slot = find_slot(classes, open);
	if (!*slot) {
		r = append(classes, open);
		if (r < 0)
			return r;
		*slot = (uint32_t)classes->n;
	}
	*ret = *slot - 1;
	return 0;
}

/* The contract of policy_class.key; see policy.h. */
uint64_t policy_class_key(const struct policy_input *input, const struct policy_rule *rules,
			  size_t n)
{
	uint64_t h = HASH_START;

	for (size_t i = 0; i < n; i++) {
		unsigned egress = rules[i].egress;

		h = hash_name(h, input->specs[rules[i].policy].name);
		h = hash_name(h, egress == POLICY_EGRESS_NONE ? "" : input->egress_names[egress]);
	}
	h = hash_finish(h);
	return h ? h : 1;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int policy_classes_check_keys(const struct policy_class *classes, size_t n, struct err *err)
{
	CLEANUP(cleanup_free) uint64_t *keys = calloc(n ? n : 1, sizeof(*keys));
	if (!keys)
		return -ENOMEM;

	for (size_t i = 0; i < n; i++)
		keys[i] = classes[i].key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (keys[i - 1] == keys[i])
			return err_set(err, -EINVAL,
				       "policies: two classes hash to %016llx; rename a policy",
				       (unsigned long long)keys[i]);
	return 0;
}

int policy_classes_finish(struct policy_classes *classes, const struct policy_input *input,
			  const uint16_t *policy_at, struct policy_result *ret, struct err *err)
{
	CLEANUP(cleanup_free)
	struct policy_class *v = calloc(classes->n ? classes->n : 1, sizeof(*v));
	if (!v)
		return -ENOMEM;

	for (size_t i = 0; i < classes->n_rules; i++)
		classes->rules[i].policy = policy_at[classes->rules[i].policy];
	for (size_t c = 0; c < classes->n; c++) {
		v[c].rules = &classes->rules[classes->v[c].offset];
		v[c].n_rules = classes->v[c].n;
		v[c].key = policy_class_key(input, v[c].rules, v[c].n_rules);
	}

	int r = policy_classes_check_keys(v, classes->n, err);
	if (r < 0)
		return r;

	ret->n_classes = classes->n;
	ret->classes = TAKE_PTR(v);
	ret->rules = TAKE_PTR(classes->rules);
	policy_classes_done(classes);
	return 0;
}

void policy_classes_done(struct policy_classes *classes)
{
	free(classes->v);
	free(classes->rules);
	free(classes->slots);
	*classes = POLICY_CLASSES_NULL;
}
