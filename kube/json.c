// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/json.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <jansson.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 65536
#define TEXT_MAX 1024
#define PLACE_MAX 160

/* Where in the object we are, as people write it. */
struct place {
	char text[PLACE_MAX];
	size_t length;
	struct err *err;
};

static void place_enter(struct place *place, const char *path)
{
	int n = snprintf(place->text + place->length, PLACE_MAX - place->length, "%s%s",
			 place->length ? "." : "", path);
	char *const from = place->text + place->length;

	if (n < 0 || (size_t)n >= PLACE_MAX - place->length)
		n = (int)(PLACE_MAX - place->length - 1);
	place->length += (size_t)n;
	for (char *p = from; *p; p++)
		if (*p == '/')
			*p = '.';
}

static void place_enter_item(struct place *place, size_t i)
{
	const int n = snprintf(place->text + place->length, PLACE_MAX - place->length, "[%zu]", i);

	if (n > 0 && (size_t)n < PLACE_MAX - place->length)
		place->length += (size_t)n;
}

static void place_leave(struct place *place, size_t length)
{
	place->length = length;
	place->text[length] = '\0';
}

static int fail(const struct place *place, int rc, const char *what)
{
	return err_set(place->err, rc, "%s: %s", place->text, what);
}

int kube_json_parse(const char *text, size_t length, struct json_t **ret, struct err *err)
{
	json_error_t error;
	/* A NUL may be in what others wrote and we don't look at; read_text refuses it elsewhere. */
	json_t *const json =
		json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (!json && json_error_code(&error) == json_error_out_of_memory)
		return err_set(err, -ENOMEM, "no memory for an object");
	if (!json)
		return err_set(err, -EPROTO, "no JSON: %s", error.text);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, -EPROTO, "no JSON object");
	}
	*ret = json;
	return 0;
}

void kube_json_free(struct json_t *json)
{
	json_decref(json);
}

const struct json_t *kube_json_get(const struct json_t *json, const char *path)
{
	char key[64];

	while (json && *path) {
		const size_t n = strcspn(path, "/");
		if (n >= sizeof(key))
			return NULL;
		memcpy(key, path, n);
		key[n] = '\0';
		json = json_object_get(json, key);
		path += n + (path[n] == '/');
	}
	return json && !json_is_null(json) ? json : NULL;
}

const char *kube_json_text(const struct json_t *json, const char *path)
{
	return json_string_value(kube_json_get(json, path));
}

static size_t items_max(const struct kube_field *field)
{
	return field->max ? field->max : ITEMS_MAX;
}

static int read_text(const struct json_t *json, size_t max, const char **ret,
		     const struct place *place)
{
	if (!json_is_string(json))
		return fail(place, -EPROTO, "isn't a text");
	if (json_string_length(json) > max)
		return fail(place, -EMSGSIZE, "is too long");
	const char *const text = json_string_value(json);
	if (!text || strlen(text) != json_string_length(json))
		return fail(place, -EPROTO, "has a NUL");
	*ret = text;
	return 0;
}

static int read_enum(const struct kube_field *field, const char *text, int *ret,
		     const struct place *place)
{
	for (int i = 1; field->names[i]; i++) {
		if (strcmp(field->names[i], text) == 0) {
			*ret = i;
			return 0;
		}
	}
	return field->flags & KUBE_OPEN ? 0 : fail(place, -EPROTO, "has an unknown value");
}

static void read_address(const char *text, struct kube_address *ret)
{
	*ret = (struct kube_address){ .text = text };
	if (ip4_parse(text, &ret->v4, NULL) == 0)
		ret->family = 4;
	else if (inet_pton(AF_INET6, text, ret->v6) == 1)
		ret->family = 6;
}

static int read_texts(const struct kube_field *field, const struct json_t *json,
		      struct kube_texts *ret, struct place *place)
{
	const size_t length = place->length;

	for (size_t i = 0; i < json_array_size(json); i++) {
		place_enter_item(place, i);
		const int r = read_text(json_array_get(json, i), TEXT_MAX, &ret->v[ret->n], place);
		if (r < 0)
			return r;
		ret->n++;
		place_leave(place, length);
	}
	(void)field;
	return 0;
}

static int read_prefixes(const struct json_t *json, struct ip4_prefixes *ret, struct place *place)
{
	const size_t length = place->length;

	for (size_t i = 0; i < json_array_size(json); i++) {
		struct err why = ERR_NULL;
		const char *text = NULL;

		place_enter_item(place, i);
		const int r = read_text(json_array_get(json, i), TEXT_MAX, &text, place);
		if (r < 0)
			return r;
		if (ip4_prefix_parse(text, &ret->v[ret->n], &why) < 0)
			return fail(place, -EPROTO, why.text);
		ret->n++;
		place_leave(place, length);
	}
	return 0;
}

static int read_fields(const struct kube_table *table, const struct json_t *json, char *value,
		       struct place *place);

static int read_list(const struct kube_field *field, const struct json_t *json,
		     struct kube_list *ret, struct place *place)
{
	const size_t length = place->length;

	for (size_t i = 0; i < json_array_size(json); i++) {
		char *const item = (char *)ret->v + i * field->sub->size;
		place_enter_item(place, i);
		ret->n++;
		const int r = read_fields(field->sub, json_array_get(json, i), item, place);
		if (r < 0)
			return r;
		place_leave(place, length);
	}
	return 0;
}

/* The three kinds of arrays share their layout and their ceilings. */
static int read_array(const struct kube_field *field, const struct json_t *json, void *value,
		      struct place *place)
{
	const size_t size = field->type == KUBE_TEXTS    ? sizeof(const char *) :
			    field->type == KUBE_PREFIXES ? sizeof(struct ip4_prefix) :
							   field->sub->size;
	struct kube_list *const list = value;

	if (!json_is_array(json))
		return fail(place, -EPROTO, "isn't a list");
	const size_t n = json_array_size(json);
	if (n > items_max(field))
		return fail(place, -EMSGSIZE, "has too many items");
	if (n == 0)
		return 0;
	list->v = calloc(n, size);
	if (!list->v)
		return fail(place, -ENOMEM, "no memory");
	if (field->type == KUBE_TEXTS)
		return read_texts(field, json, value, place);
	if (field->type == KUBE_PREFIXES)
		return read_prefixes(json, value, place);
	return read_list(field, json, value, place);
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct kube_label *)a)->key, ((const struct kube_label *)b)->key);
}

static int read_labels(const struct kube_field *field, struct json_t *json, struct kube_labels *ret,
		       struct place *place)
{
	const char *key;
	size_t key_length;
	json_t *value;

	if (!json_is_object(json))
		return fail(place, -EPROTO, "isn't an object");
	const size_t n = json_object_size(json);
	if (n > items_max(field))
		return fail(place, -EMSGSIZE, "has too many items");
	if (n == 0)
		return 0;
	ret->v = calloc(n, sizeof(*ret->v));
	if (!ret->v)
		return fail(place, -ENOMEM, "no memory");
	json_object_keylen_foreach(json, key, key_length, value)
	{
		const int r = read_text(value, TEXT_MAX, &ret->v[ret->n].value, place);
		if (r < 0)
			return r;
		if (strlen(key) != key_length)
			return fail(place, -EPROTO, "a key has a NUL");
		ret->v[ret->n++].key = key;
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), compare_labels);
	return 0;
}

/* What is written as a text, and what is made of it. */
static int read_word(const struct kube_field *field, const char *text, void *value,
		     const struct place *place)
{
	if ((field->flags & KUBE_REQUIRED) && *text == '\0')
		return fail(place, -EPROTO, "is empty");
	if (field->type == KUBE_ENUM)
		return read_enum(field, text, value, place);
	if (field->type == KUBE_IP4 && *text && ip4_parse(text, value, NULL) < 0)
		return fail(place, -EPROTO, "isn't an IPv4 address");
	if (field->type == KUBE_ADDRESS)
		read_address(text, value);
	if (field->type == KUBE_TEXT)
		*(const char **)value = text;
	return 0;
}

static int read_scalar(const struct kube_field *field, const struct json_t *json, void *value,
		       const struct place *place)
{
	const char *text = NULL;

	if (field->type == KUBE_BOOL) {
		*(bool *)value = json_is_true(json);
		return json_is_boolean(json) ? 0 : fail(place, -EPROTO, "isn't true or false");
	}
	if (field->type == KUBE_I64) {
		*(int64_t *)value = json_integer_value(json);
		return json_is_integer(json) ? 0 : fail(place, -EPROTO, "isn't a number");
	}
	const int r = read_text(json, field->max ? field->max : TEXT_MAX, &text, place);
	return r < 0 || !text ? r : read_word(field, text, value, place);
}

static int read_value(const struct kube_field *field, const struct json_t *json, void *value,
		      struct place *place)
{
	switch (field->type) {
	case KUBE_IS_THERE:
		*(bool *)value = true;
		return 0;
	case KUBE_TEXTS:
	case KUBE_PREFIXES:
	case KUBE_LIST:
		return read_array(field, json, value, place);
	case KUBE_LABELS:
		return read_labels(field, (struct json_t *)json, value, place);
	case KUBE_OBJECT:
		return read_fields(field->sub, json, value, place);
	case KUBE_TEXT:
	case KUBE_BOOL:
	case KUBE_I64:
	case KUBE_ENUM:
	case KUBE_ADDRESS:
	case KUBE_IP4:
		break;
	}
	return read_scalar(field, json, value, place);
}

static int read_fields(const struct kube_table *table, const struct json_t *json, char *value,
		       struct place *place)
{
	const size_t length = place->length;

	if (!json_is_object(json))
		return fail(place, -EPROTO, "isn't an object");
	for (size_t i = 0; i < table->n; i++) {
		const struct kube_field *const field = &table->fields[i];
		const struct json_t *const found = kube_json_get(json, field->path);
		int r = 0;

		place_enter(place, field->path);
		if (found)
			r = read_value(field, found, value + field->offset, place);
		else if (field->flags & KUBE_REQUIRED)
			r = fail(place, -EPROTO, "is missing");
		if (r < 0)
			return r;
		place_leave(place, length);
	}
	return 0;
}

int kube_json_read(const struct kube_table *table, const struct json_t *json, void *ret,
		   struct err *err)
{
	struct place place = { .err = err };

	memset(ret, 0, table->size);
	const int r = read_fields(table, json, ret, &place);
	if (r < 0)
		kube_json_done(table, ret);
	return r;
}

static void done_fields(const struct kube_table *table, char *value)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct kube_field *const field = &table->fields[i];
		struct kube_list *const list = (void *)(value + field->offset);

		switch (field->type) {
		case KUBE_LIST:
			for (size_t k = 0; k < list->n; k++)
				done_fields(field->sub, (char *)list->v + k * field->sub->size);
			free(list->v);
			break;
		case KUBE_TEXTS:
		case KUBE_PREFIXES:
		case KUBE_LABELS:
			free(list->v);
			break;
		case KUBE_OBJECT:
			done_fields(field->sub, (char *)list);
			break;
		default:
			break;
		}
	}
}

void kube_json_done(const struct kube_table *table, void *value)
{
	done_fields(table, value);
	memset(value, 0, table->size);
}

bool kube_table_wants(const struct kube_table *table, const char *section, const char *key)
{
	const size_t section_length = strlen(section);
	const size_t key_length = strlen(key);

	for (size_t i = 0; i < table->n; i++) {
		const char *const path = table->fields[i].path;
		if (strncmp(path, section, section_length) != 0)
			continue;
		if (path[section_length] == '\0')
			return true;
		const char *const rest = path + section_length + 1;
		if (path[section_length] == '/' && strncmp(rest, key, key_length) == 0 &&
		    (rest[key_length] == '\0' || rest[key_length] == '/'))
			return true;
	}
	return false;
}
