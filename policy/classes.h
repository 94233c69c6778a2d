// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The set of classes met so far in a sweep. The sweep keeps the policies that are open as a sorted
 * array and asks here, for each stretch of addresses, which class that array is; arrays that were
 * seen before give the class of that time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct err;

/* The policies that cover the sweep's position. In `rules` the member `policy` is a rank. */
struct policy_open {
	struct policy_rule rules[POLICY_MAX]; /* sorted by rank */
	size_t n;
	uint64_t hash; /* sum of the mixed rules: opening and closing cost the same for any n */
};

void policy_open_add(struct policy_open *open, uint16_t rank, uint16_t egress);
void policy_open_remove(struct policy_open *open, uint16_t rank);

struct policy_classes {
	struct policy_class_entry *v;
	size_t n, capacity;
	struct policy_rule *rules; /* of all classes, one after the other */
	size_t n_rules, rules_capacity;
	uint32_t *slots; /* open addressing; class index + 1, 0 = free */
	size_t n_slots;  /* 0 or a power of two, at least twice n */
};

#define POLICY_CLASSES_NULL ((struct policy_classes){ .v = NULL })

/* The index of the class, new or not. -ENOMEM, or -ENOSPC: POLICY_CLASS_MAX or POLICY_RULES_MAX. */
int policy_classes_get(struct policy_classes *classes, const struct policy_open *open,
		       uint32_t *ret);
/*
 * Moves all classes to the result: ranks become policy indexes (`policy_at[rank]`), keys are
 * computed from the names. `classes` is empty afterwards. -ENOMEM; -EINVAL: two keys are equal.
 */
int policy_classes_finish(struct policy_classes *classes, const struct policy_input *input,
			  const uint16_t *policy_at, struct policy_result *ret, struct err *err);
/* The key of a class with these rules; `policy` is an index of the input. */
uint64_t policy_class_key(const struct policy_input *input, const struct policy_rule *rules,
			  size_t n);
/* 0, or -EINVAL when two of the keys are equal (or -ENOMEM). */
int policy_classes_check_keys(const struct policy_class *classes, size_t n, struct err *err);
void policy_classes_done(struct policy_classes *classes);
