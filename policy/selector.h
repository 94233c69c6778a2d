// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Label selectors as Kubernetes has them (LabelSelector in apimachinery's meta/v1, and labels.Requirement):
 *
 *   - matchLabels and matchExpressions are ANDed; {key: value} is the same as key In [value].
 *   - In: the key is there with one of the values. NotIn: it is not there, or with another value.
 *     Exists, DoesNotExist: the key is there, or not, whatever its value.
 *   - A selector without any requirement matches everything.
 *
 * That a selector is absent is not the same as that it is empty; what it means is up to who has the selector
 * (see inventory.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/labels.h"

struct err;

#define SELECTOR_REQUIREMENTS_MAX 256 /* matchLabels and matchExpressions together */
#define SELECTOR_VALUES_MAX 256       /* of one expression */

struct selector_expression { /* an item of matchExpressions, as it comes */
	const char *key;
	const char *operator; /* "In", "NotIn", "Exists", "DoesNotExist" */
	const char *const *values;
	size_t n_values;
};

struct selector_text {                   /* borrowed for the time of the call */
	const struct label_text *labels; /* matchLabels */
	size_t n_labels;
	const struct selector_expression *expressions; /* matchExpressions */
	size_t n_expressions;
};

struct selector { /* compiled; owned by whoever holds it */
	struct selector_requirement *v;
	size_t n;
};

#define SELECTOR_NULL ((struct selector){ .v = NULL })

/*
 * 0; -EINVAL with a sentence that begins with the path of what is wrong ("matchExpressions[1].operator: ..."):
 * an unknown operator; In or NotIn without values, Exists or DoesNotExist with; a key that is no qualified name
 * ([prefix/]name: the prefix a DNS subdomain of at most 253 characters, the name 1 to 63 of [A-Za-z0-9_.-],
 * alphanumeric at both ends); a value that is neither empty nor of the name's form; more of anything than the
 * limits above; -ENOMEM. These are Kubernetes' own rules (ValidateLabelSelector; IsQualifiedName and
 * IsValidLabelValue in apimachinery's util/validation). *ret is written on success only. The pool must outlive it.
 */
int selector_compile(struct labels *pool, const struct selector_text *text, struct selector *ret,
		     struct err *err);
/* `set` is of the pool that the selector was compiled with. */
bool selector_matches(const struct selector *selector, const struct label_set *set);

/* A requirement that doesn't hold. All is borrowed of the selector and the set. */
struct selector_miss {
	const char *key;
	const char *operator; /* as in selector_expression; of matchLabels: "In" */
	const char *value;    /* that the set has for the key; NULL: the key isn't there */
	const struct label *const *wanted; /* In, NotIn: the key with each of the values */
	size_t n_wanted;
};
/* The first one; false: the selector matches. */
bool selector_find_miss(const struct selector *selector, const struct label_set *set,
			struct selector_miss *ret);
void selector_done(struct labels *pool, struct selector *selector);
