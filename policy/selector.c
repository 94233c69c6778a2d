// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/selector.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_CHARS = 63, PREFIX_MAX_CHARS = 253 };

struct selector_requirement {
	const char *key;            /* Exists, DoesNotExist: interned; else NULL */
	const struct label **label; /* In, NotIn: the key with each of the values */
	size_t n_labels;
	bool negated; /* NotIn, DoesNotExist */
};

static const struct {
	const char *name;
	bool has_values, negated;
} operators[] = {
	{ "In", true, false },
	{ "NotIn", true, true },
	{ "Exists", false, false },
	{ "DoesNotExist", false, true },
};

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(const char *text, size_t length)
{
	if (!length || length > NAME_MAX_CHARS || !is_alphanumeric(text[0]) ||
	    !is_alphanumeric(text[length - 1]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_alphanumeric(text[i]) && text[i] != '-' && text[i] != '_' && text[i] != '.')
			return false;
	return true;
}

/* RFC 1123, lower case: labels of letters, digits and inner hyphens, with dots between. */
static bool is_subdomain(const char *text, size_t length)
{
	char before = '.';

	if (!length || length > PREFIX_MAX_CHARS)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		bool plain = is_alphanumeric(c) && !(c >= 'A' && c <= 'Z');

		if (!plain && c != '-' && c != '.')
			return false;
		if ((c == '-' && before == '.') || (c == '.' && !is_alphanumeric(before)))
			return false;
		before = c;
	}
	return is_alphanumeric(before);
}

static bool is_key(const char *key)
{
	const char *slash = strchr(key, '/');

	if (slash && !is_subdomain(key, (size_t)(slash - key)))
		return false;
	const char *name = slash ? slash + 1 : key;

	return is_name(name, strlen(name));
}

static bool is_value(const char *value)
{
	return !*value || is_name(value, strlen(value));
}

static int check_key(const char *path, size_t index, const char *key, struct err *err)
{
	if (is_key(key))
		return 0;
	return err_set(
		err, -EINVAL,
		"%s[%zu].key: \"%.80s\" is no label key: [prefix/]name, the name 1 to 63 letters, "
		"digits, '-', '_', '.', with a letter or digit at both ends",
		path, index, key);
}

static int check_value(const char *path, size_t index, const char *value, struct err *err)
{
	if (is_value(value))
		return 0;
	return err_set(
		err, -EINVAL,
		"%s[%zu]: \"%.80s\" is no label value: at most 63 letters, digits, '-', '_', '.', "
		"with a letter or digit at both ends",
		path, index, value);
}

static int check_values(const struct selector_expression *e, size_t index, bool wanted,
			struct err *err)
{
	if (wanted && !e->n_values)
		return err_set(
			err, -EINVAL,
			"matchExpressions[%zu].values: is empty, but the operator %s needs some",
			index, e->operator);
	if (!wanted && e->n_values)
		return err_set(err, -EINVAL,
			       "matchExpressions[%zu].values: must be empty with the operator %s",
			       index, e->operator);
	if (e->n_values > SELECTOR_VALUES_MAX)
		return err_set(
			err, -EINVAL,
			"matchExpressions[%zu].values: has %zu entries; at most %d are possible",
			index, e->n_values, SELECTOR_VALUES_MAX);
	for (size_t i = 0; i < e->n_values; i++) {
		int r = check_value("values", i, e->values[i], err);
		if (r < 0)
			return err_prefix(err, r, "matchExpressions[%zu]", index);
	}
	return 0;
}

static int add_expression(struct labels *pool, const struct selector_expression *e, size_t op,
			  struct selector *ret)
{
	struct selector_requirement *q = &ret->v[ret->n++];

	q->negated = operators[op].negated;
	if (!operators[op].has_values) {
		q->key = labels_string(pool, e->key);
		return q->key ? 0 : -ENOMEM;
	}
	q->label = calloc(e->n_values, sizeof(*q->label));
	if (!q->label)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_values; i++) {
		q->label[i] = labels_label(pool, e->key, e->values[i]);
		if (!q->label[i])
			return -ENOMEM;
		q->n_labels++;
	}
	return 0;
}

static int take_labels(struct labels *pool, const struct selector_text *text, struct selector *ret,
		       struct err *err)
{
	for (size_t i = 0; i < text->n_labels; i++) {
		const struct label_text *label = &text->labels[i];
		const struct selector_expression e = { .key = label->key,
						       .values = &label->value,
						       .n_values = 1 };
		int r = check_key("matchLabels", i, label->key, err);

		if (r == 0)
			r = check_value("matchLabels", i, label->value, err);
		if (r == 0)
			r = add_expression(pool, &e, 0, ret);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_expressions(struct labels *pool, const struct selector_text *text,
			    struct selector *ret, struct err *err)
{
	for (size_t i = 0; i < text->n_expressions; i++) {
		const struct selector_expression *e = &text->expressions[i];
		size_t op = 0;
		int r = check_key("matchExpressions", i, e->key, err);

		while (op < ARRAY_SIZE(operators) && strcmp(e->operator, operators[op].name) != 0)
			op++;
		if (r == 0 && op == ARRAY_SIZE(operators))
			r = err_set(
				err, -EINVAL,
				"matchExpressions[%zu].operator: \"%.80s\" is none of In, NotIn, "
				"Exists and DoesNotExist",
				i, e->operator);
		if (r == 0)
			r = check_values(e, i, operators[op].has_values, err);
		if (r == 0)
			r = add_expression(pool, e, op, ret);
		if (r < 0)
			return r;
	}
	return 0;
}

int selector_compile(struct labels *pool, const struct selector_text *text, struct selector *ret,
		     struct err *err)
{
	size_t n = text->n_labels + text->n_expressions;
	struct selector made = SELECTOR_NULL;

	if (n > SELECTOR_REQUIREMENTS_MAX)
		return err_set(
			err, -EINVAL,
			"matchLabels: %zu labels and expressions in all; at most %d are possible",
			n, SELECTOR_REQUIREMENTS_MAX);
	made.v = calloc(n + 1, sizeof(*made.v));

	int r = made.v ? take_labels(pool, text, &made, err) : -ENOMEM;
	if (r == 0)
		r = take_expressions(pool, text, &made, err);
	if (r < 0) {
		selector_done(pool, &made);
		return r;
	}
	*ret = made;
	return 0;
}

static bool has(const struct selector_requirement *q, const struct label *label)
{
	for (size_t i = 0; i < q->n_labels; i++)
		if (q->label[i] == label)
			return true;
	return q->key && q->key == label->key;
}

/* The first requirement that doesn't hold, or NULL. */
static const struct selector_requirement *find_miss(const struct selector *selector,
						    const struct label_set *set)
{
	for (size_t i = 0; i < selector->n; i++) {
		bool found = false;

		for (size_t j = 0; j < set->n && !found; j++)
			found = has(&selector->v[i], set->v[j]);
		if (found == selector->v[i].negated)
			return &selector->v[i];
	}
	return NULL;
}

bool selector_matches(const struct selector *selector, const struct label_set *set)
{
	return !find_miss(selector, set);
}

static const char *name_operator(const struct selector_requirement *q)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (operators[i].has_values == !q->key && operators[i].negated == q->negated)
			return operators[i].name;
	return "";
}

bool selector_find_miss(const struct selector *selector, const struct label_set *set,
			struct selector_miss *ret)
{
	const struct selector_requirement *q = find_miss(selector, set);

	if (!q)
		return false;
	*ret = (struct selector_miss){ .key = q->key ? q->key : q->label[0]->key,
				       .operator= name_operator(q),
				       .wanted = q->label,
				       .n_wanted = q->n_labels };
	for (size_t j = 0; j < set->n && !ret->value; j++)
		if (set->v[j]->key == ret->key)
			ret->value = set->v[j]->value;
	return true;
}

void selector_done(struct labels *pool, struct selector *selector)
{
	for (size_t i = 0; i < selector->n; i++) {
		struct selector_requirement *q = &selector->v[i];

		for (size_t j = 0; j < q->n_labels; j++)
			labels_label_put(pool, q->label[j]);
		free(q->label);
		labels_string_put(pool, q->key);
	}
	free(selector->v);
	*selector = SELECTOR_NULL;
}
