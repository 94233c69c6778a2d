// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One reader per type. A reader gets a JSON value and fills the zeroed place in the struct; what it has
 * allocated belongs to the struct at once, so that config_done frees it after any failure.
 */
#include "base/config_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

#define SHOWN_TEXT_MAX 64 /* so much of a wrong text is repeated in the error */

typedef int (*reader_fn)(const struct config_key *key, json_t *value, void *ret,
			 const struct config_at *at);

static int read_value(const struct config_key *key, json_t *value, void *ret,
		      const struct config_at *at);

static const char *type_text(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a number";
	case JSON_REAL:
		return "a number with a fraction or exponent";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

static int fail_type(const struct config_at *at, const char *expected, const json_t *value)
{
	return err_mark(at->err, MSG_CONFIG_TYPE,
			config_at_fail(at, -EINVAL, "expected %s, found %s", expected,
				       type_text(value)));
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* NULL, or the reason why the text is no name. */
static const char *check_name(const char *text, size_t length)
{
	if (length == 0)
		return "the name is empty";
	if (length >= CONFIG_NAME_MAX)
		return "the name is longer than 63 characters";
	for (size_t i = 0; i < length; i++)
		if (!is_name_char(text[i]) && text[i] != '.' && text[i] != '-')
			return "a name consists of a-z, 0-9, '.' and '-'";
	if (!is_name_char(text[0]) || !is_name_char(text[length - 1]))
		return "a name begins and ends with a-z or 0-9";
	return NULL;
}

/* The kernel's rules (dev_valid_name), without '%', which the kernel fills in, and without what isn't
 * ASCII or would have to be quoted. */
static const char *check_ifname(const char *text, size_t length)
{
	if (length == 0)
		return "the interface name is empty";
	if (length >= CONFIG_IFNAME_SIZE)
		return "an interface name has at most 15 characters";
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return "this can't be an interface name";
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr("/:%\"\\", text[i]))
			return "an interface name has no blanks and none of / : % \" \\";
	return NULL;
}

static int read_text(json_t *value, const char *(*check)(const char *, size_t), char *ret,
		     const struct config_at *at)
{
	if (!json_is_string(value))
		return fail_type(at, "a string", value);
	const char *const text = json_string_value(value);
	const size_t length = json_string_length(value);
	const char *const reason = check(text, length);
	if (reason)
		return err_mark(at->err, MSG_CONFIG_VALUE,
				config_at_fail(at, -EINVAL, "'%.*s': %s", SHOWN_TEXT_MAX, text,
					       reason));
	memcpy(ret, text, length + 1);
	return 0;
}

static int read_name(const struct config_key *key, json_t *value, void *ret,
		     const struct config_at *at)
{
	(void)key;
	return read_text(value, check_name, ret, at);
}

static int read_ifname(const struct config_key *key, json_t *value, void *ret,
		       const struct config_at *at)
{
	(void)key;
	return read_text(value, check_ifname, ret, at);
}

static bool has_control(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const unsigned char c = (unsigned char)text[i];

		/* C1 is written 0xc2 0x80 to 0xc2 0x9f in UTF-8. */
		if (c < ' ' || c == 0x7f ||
		    (c == 0xc2 && i + 1 < length && (unsigned char)text[i + 1] < 0xa0))
			return true;
	}
	return false;
}

static int copy_free_text(json_t *value, uint32_t max, char *ret, const struct config_at *at)
{
	if (!json_is_string(value))
		return fail_type(at, "a string", value);
	const char *const text = json_string_value(value);
	const size_t length = json_string_length(value);
	if (length > max)
		return err_mark(at->err, MSG_CONFIG_VALUE,
				config_at_fail(at, -EINVAL, "%zu bytes, at most %u are allowed",
					       length, max));
	if (has_control(text, length))
		return err_mark(at->err, MSG_CONFIG_VALUE,
				config_at_fail(at, -EINVAL, "the text has control characters"));
	memcpy(ret, text, length + 1);
	return 0;
}

static int read_free_text(const struct config_key *key, json_t *value, void *ret,
			  const struct config_at *at)
{
	return copy_free_text(value, key->max, ret, at);
}

static int read_ip4(const struct config_key *key, json_t *value, void *ret,
		    const struct config_at *at)
{
	(void)key;
	if (!json_is_string(value))
		return fail_type(at, "a string with an IPv4 address", value);
	const int r = ip4_parse(json_string_value(value), ret, at->err);
	return r < 0 ? err_mark(at->err, MSG_CONFIG_VALUE, config_at_prefix(at, r)) : 0;
}

/* "0x" and one to eight digits. */
static bool parse_hex(const char *text, json_int_t *ret)
{
	uint32_t v = 0;
	size_t digits = 0;

	if (text[0] != '0' || text[1] != 'x')
		return false;
	for (const char *p = text + 2; *p; p++, digits++) {
		const char lower = (char)(*p | 0x20);

		if (digits == 8)
			return false;
		if (*p >= '0' && *p <= '9')
			v = v << 4 | (uint32_t)(*p - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (uint32_t)(lower - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return digits > 0;
}

static int read_u32(const struct config_key *key, json_t *value, void *ret,
		    const struct config_at *at)
{
	json_int_t v = 0;

	if (json_is_integer(value))
		v = json_integer_value(value);
	else if (!json_is_string(value))
		return fail_type(at, "a number or a string \"0x...\"", value);
	else if (!parse_hex(json_string_value(value), &v))
		return err_mark(
			at->err, MSG_CONFIG_VALUE,
			config_at_fail(at, -EINVAL,
				       "'%.*s' is no number: write 4096 or, as a string, \"0x1000\"",
				       SHOWN_TEXT_MAX, json_string_value(value)));
	if (v < (json_int_t)key->min || v > (json_int_t)config_u32_max(key))
		return err_mark(at->err, MSG_CONFIG_VALUE,
				config_at_fail(at, -EINVAL, "%lld is not between %u and %u",
					       (long long)v, key->min, config_u32_max(key)));
	*(uint32_t *)ret = (uint32_t)v;
	return 0;
}

static int read_enum(const struct config_key *key, json_t *value, void *ret,
		     const struct config_at *at)
{
	char known[ERR_TEXT_MAX / 2] = "";
	size_t length = 0;

	if (!json_is_string(value))
		return fail_type(at, "a string", value);
	for (int i = 0; key->enum_names[i]; i++) {
		if (strcmp(key->enum_names[i], json_string_value(value)) == 0) {
			*(int *)ret = i;
			return 0;
		}
		const int n = snprintf(known + length, sizeof(known) - length, "%s\"%s\"",
				       i > 0 ? ", " : "", key->enum_names[i]);
		if (n > 0 && (size_t)n < sizeof(known) - length)
			length += (size_t)n;
	}
	return err_mark(at->err, MSG_CONFIG_VALUE,
			config_at_fail(at, -EINVAL, "'%.*s' is none of %s", SHOWN_TEXT_MAX,
				       json_string_value(value), known));
}

/* Checks that the value is a list of the allowed length and allocates room for it (NULL when empty). */
static int start_list(const struct config_key *key, json_t *value, size_t item_size, void **ret,
		      const struct config_at *at)
{
	if (!json_is_array(value))
		return fail_type(at, "a list", value);
	const size_t n = json_array_size(value);
	if (n > config_list_max(key))
		return err_mark(at->err, MSG_CONFIG_AMOUNT,
				config_at_fail(at, -EINVAL, "%zu items, at most %u are allowed", n,
					       config_list_max(key)));
	if (n < key->min)
		return err_mark(at->err, MSG_CONFIG_AMOUNT,
				config_at_fail(at, -EINVAL, "%zu items, at least %u are needed", n,
					       key->min));
	if (n == 0)
		return 0;
	*ret = calloc(n, item_size);
	return *ret ? 0 : config_at_fail(at, -ENOMEM, "out of memory");
}

static int parse_prefix(enum config_type type, const char *text, void *v, size_t index,
			struct err *err)
{
	if (type == CONFIG_PREFIXES6)
		return ip6_prefix_parse(text, (struct ip6_prefix *)v + index, err);
	return ip4_prefix_parse(text, (struct ip4_prefix *)v + index, err);
}

/* Of either family. When an item is wrong, the list is the caller's all the same. */
static int read_prefixes(const struct config_key *key, json_t *value, void *ret,
			 const struct config_at *at)
{
	const bool is6 = key->type == CONFIG_PREFIXES6;
	void *v = NULL;
	int r = start_list(key, value, is6 ? sizeof(struct ip6_prefix) : sizeof(struct ip4_prefix),
			   &v, at);
	const size_t n = v ? json_array_size(value) : 0;

	if (is6)
		*(struct ip6_prefixes *)ret = (struct ip6_prefixes){ v, n };
	else
		*(struct ip4_prefixes *)ret = (struct ip4_prefixes){ v, n };
	for (size_t i = 0; i < n; i++) {
		const struct config_at here = { .parent = at, .index = i, .err = at->err };
		const json_t *const item = json_array_get(value, i);

		if (!json_is_string(item))
			return fail_type(&here,
					 is6 ? "a string with an IPv6 prefix" :
					       "a string with an IPv4 prefix",
					 item);
		r = parse_prefix(key->type, json_string_value(item), v, i, at->err);
		if (r < 0)
			return err_mark(at->err, MSG_CONFIG_VALUE, config_at_prefix(&here, r));
	}
	return r;
}

/* The names stand in one array, so that the order of pointers is the order in the list. */
static int compare_names(const void *a, const void *b)
{
	const char *const x = *(const char *const *)a;
	const char *const y = *(const char *const *)b;
	const int order = strcmp(x, y);

	return order != 0 ? order : (x > y) - (x < y);
}

static int reject_same_names(const struct config_names *names, const struct config_at *at)
{
	if (names->n < 2)
		return 0;
	CLEANUP(cleanup_free) const char **sorted = calloc(names->n, sizeof(*sorted));
	if (!sorted)
		return config_at_fail(at, -ENOMEM, "out of memory");
	for (size_t i = 0; i < names->n; i++)
		sorted[i] = names->v[i];
	qsort(sorted, names->n, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < names->n; i++) {
		const size_t index = (size_t)(sorted[i] - names->v[0]) / CONFIG_NAME_MAX;
		const struct config_at here = { .parent = at, .index = index, .err = at->err };

		if (strcmp(sorted[i], sorted[i - 1]) == 0)
			return err_mark(here.err, MSG_CONFIG_TWICE,
					config_at_fail(&here, -EINVAL, "'%s' is in the list twice",
						       sorted[i]));
	}
	return 0;
}

static int read_names(const struct config_key *key, json_t *value, void *ret,
		      const struct config_at *at)
{
	struct config_names *const names = ret;
	void *items = NULL;
	int r = start_list(key, value, sizeof(*names->v), &items, at);

	if (r < 0)
		return r;
	names->v = items;
	names->n = names->v ? json_array_size(value) : 0;
	for (size_t i = 0; i < names->n; i++) {
		const struct config_at here = { .parent = at, .index = i, .err = at->err };

		r = read_text(json_array_get(value, i), check_name, names->v[i], &here);
		if (r < 0)
			return r;
	}
	return reject_same_names(names, at);
}

static int read_texts(const struct config_key *key, json_t *value, void *ret,
		      const struct config_at *at)
{
	struct config_texts *const texts = ret;
	void *items = NULL;
	int r = start_list(key, value, sizeof(*texts->v), &items, at);

	if (r < 0)
		return r;
	texts->v = items;
	texts->n = texts->v ? json_array_size(value) : 0;
	for (size_t i = 0; i < texts->n; i++) {
		const struct config_at here = { .parent = at, .index = i, .err = at->err };

		r = copy_free_text(json_array_get(value, i), CONFIG_ITEM_MAX - 1, texts->v[i],
				   &here);
		if (r < 0)
			return r;
		if (!texts->v[i][0])
			return err_mark(here.err, MSG_CONFIG_VALUE,
					config_at_fail(&here, -EINVAL, "the text is empty"));
	}
	return 0;
}

static int read_sub(const struct config_key *key, json_t *value, void *ret,
		    const struct config_at *at)
{
	return config_read_object(key->sub, value, ret, at);
}

static int read_list(const struct config_key *key, json_t *value, void *ret,
		     const struct config_at *at)
{
	struct config_list *const list = ret;
	int r = start_list(key, value, key->sub->size, &list->v, at);

	if (r < 0)
		return r;
	list->n = list->v ? json_array_size(value) : 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct config_at here = { .parent = at, .index = i, .err = at->err };

		r = config_read_object(key->sub, json_array_get(value, i),
				       (char *)list->v + i * key->sub->size, &here);
		if (r < 0)
			return r;
	}
	return 0;
}

static const reader_fn readers[] = {
	[CONFIG_NAME] = read_name,
	[CONFIG_IFNAME] = read_ifname,
	[CONFIG_IP4] = read_ip4,
	[CONFIG_PREFIXES] = read_prefixes,
	[CONFIG_PREFIXES6] = read_prefixes,
	[CONFIG_U32] = read_u32,
	[CONFIG_ENUM] = read_enum,
	[CONFIG_NAMES] = read_names,
	[CONFIG_OBJECT] = read_sub,
	[CONFIG_LIST] = read_list,
	[CONFIG_TEXT] = read_free_text,
	[CONFIG_TEXTS] = read_texts,
};
static_assert(ARRAY_SIZE(readers) == CONFIG_TYPE_COUNT, "each type has a reader");

static int read_value(const struct config_key *key, json_t *value, void *ret,
		      const struct config_at *at)
{
	return readers[key->type](key, value, ret, at);
}

/* The default goes through the same reader as what a user writes. */
static int read_default(const struct config_key *key, void *ret, const struct config_at *at)
{
	CLEANUP(config_cleanup_json) json_t *value = NULL;
	json_error_t error;

	if (!key->def)
		return 0;
	const int r = config_decode(key->def, strlen(key->def), JSON_DECODE_ANY, &value, &error);
	if (r == -ENOMEM)
		return config_at_fail(at, r, "out of memory");
	if (r < 0)
		return config_at_fail(at, r, "the built-in default is no JSON: %s", error.text);
	return read_value(key, value, ret, at);
}

static bool is_known(const struct config_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_keys; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return true;
	return false;
}

static int fail_unknown_key(const struct config_table *table, const struct config_at *at)
{
	char known[ERR_TEXT_MAX / 2] = "";
	size_t length = 0;

	for (size_t i = 0; i < table->n_keys; i++) {
		const int n = snprintf(known + length, sizeof(known) - length, "%s%s",
				       i > 0 ? ", " : "", table->keys[i].name);
		if (n > 0 && (size_t)n < sizeof(known) - length)
			length += (size_t)n;
	}
	return err_mark(at->err, MSG_CONFIG_UNKNOWN_KEY,
			config_at_fail(at, -EINVAL, "unknown key; the keys here are %s", known));
}

static int reject_unknown_keys(const struct config_table *table, json_t *object,
			       const struct config_at *at)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		const struct config_at here = { .parent = at, .key = name, .err = at->err };

		if (!is_known(table, name))
			return fail_unknown_key(table, &here);
	}
	return 0;
}

int config_read_object(const struct config_table *table, json_t *value, void *ret,
		       const struct config_at *at)
{
	if (!json_is_object(value))
		return fail_type(at, "an object", value);
	/* Unknown keys first: "missing key" would be a poor answer to a misspelt one. */
	int r = reject_unknown_keys(table, value, at);
	for (size_t i = 0; i < table->n_keys && r == 0; i++) {
		const struct config_key *const key = &table->keys[i];
		const struct config_at here = { .parent = at, .key = key->name, .err = at->err };
		json_t *const member = json_object_get(value, key->name);
		void *const field = (char *)ret + key->offset;

		if (member)
			r = read_value(key, member, field, &here);
		else if (key->flags & CONFIG_REQUIRED)
			r = err_mark(here.err, MSG_CONFIG_MISSING_KEY,
				     config_at_fail(&here, -EINVAL, "the key is missing"));
		else
			r = read_default(key, field, &here);
	}
	return r;
}
