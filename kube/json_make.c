// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is absent (NULL, an empty list, the first name of an enum) isn't written; numbers and booleans always are. */
#include "kube/json.h"

#include "base/cleanup.h"

#include <jansson.h>

#include <string.h>

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

/* One that lacks something, for want of memory, isn't shown. */
static json_t *whole(json_t *json, size_t n)
{
	if (json && (json_is_array(json) ? json_array_size(json) : json_object_size(json)) == n)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *make_texts(const struct kube_texts *texts)
{
	json_t *const list = json_array();

	for (size_t i = 0; list && i < texts->n; i++)
		json_array_append_new(list, json_string(texts->v[i]));
	return whole(list, texts->n);
}

static json_t *make_prefixes(const struct ip4_prefixes *prefixes)
{
	json_t *const list = json_array();
	char text[IP4_PREFIX_TEXT_MAX];

	for (size_t i = 0; list && i < prefixes->n; i++)
		json_array_append_new(list, json_string(ip4_prefix_format(prefixes->v[i], text)));
	return whole(list, prefixes->n);
}

static json_t *make_labels(const struct kube_labels *labels)
{
	json_t *const object = json_object();

	for (size_t i = 0; object && i < labels->n; i++)
		json_object_set_new(object, labels->v[i].key, json_string(labels->v[i].value));
	return whole(object, labels->n);
}

static json_t *make_list(const struct kube_field *field, const struct kube_list *value)
{
	json_t *const list = json_array();

	for (size_t i = 0; list && i < value->n; i++)
		json_array_append_new(
			list,
			kube_json_make(field->sub, (const char *)value->v + i * field->sub->size));
	return whole(list, value->n);
}

/* Empty, or without what it must have, it isn't there: where that is something else, a KUBE_IS_THERE says so. */
static json_t *make_object(const struct kube_field *field, const void *value)
{
	json_t *const object = kube_json_make(field->sub, value);

	for (size_t i = 0; object && i < field->sub->n; i++) {
		const struct kube_field *const part = &field->sub->fields[i];
		if ((part->flags & KUBE_REQUIRED) && !kube_json_get(object, part->path)) {
			json_decref(object);
			return json_null();
		}
	}
	if (!object || json_object_size(object) > 0)
		return object;
	json_decref(object);
	return json_null();
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *make_ip4(struct ip4 address)
{
	char text[IP4_TEXT_MAX];

	return text_or_null(address.v ? ip4_format(address, text) : NULL);
}

static json_t *make_enum(const struct kube_field *field, int value)
{
	return text_or_null(value ? field->names[value] : NULL);
}

static json_t *make_scalar(const struct kube_field *field, const void *value)
{
	switch (field->type) {
	case KUBE_TEXT:
		return text_or_null(*(const char *const *)value);
	case KUBE_BOOL:
		return json_boolean(*(const bool *)value);
	case KUBE_I64:
		return json_integer(*(const int64_t *)value);
	case KUBE_ENUM:
		return make_enum(field, *(const int *)value);
	case KUBE_IS_THERE:
		return *(const bool *)value ? json_object() : json_null();
	case KUBE_ADDRESS:
		return text_or_null(((const struct kube_address *)value)->text);
	case KUBE_IP4:
		return make_ip4(*(const struct ip4 *)value);
	default:
		return json_null();
	}
}

static json_t *make_value(const struct kube_field *field, const void *value)
{
	switch (field->type) {
	case KUBE_OBJECT:
		return make_object(field, value);
	case KUBE_TEXTS:
	case KUBE_PREFIXES:
	case KUBE_LABELS:
	case KUBE_LIST:
		break;
	default:
		return make_scalar(field, value);
	}
	if (((const struct kube_list *)value)->n == 0)
		return json_null();
	if (field->type == KUBE_TEXTS)
		return make_texts(value);
	if (field->type == KUBE_PREFIXES)
		return make_prefixes(value);
	return field->type == KUBE_LABELS ? make_labels(value) : make_list(field, value);
}

/* "spec/nodeName": into the object "spec", which is made if it isn't there. Takes `value`. */
static int put(json_t *object, const char *path, json_t *value)
{
	const char *const slash = strchr(path, '/');
	char key[64];

	if (!slash)
		return json_object_set_new(object, path, value);
	const size_t n = (size_t)(slash - path);
	if (n >= sizeof(key)) {
		json_decref(value);
		return -1;
	}
	memcpy(key, path, n);
	key[n] = '\0';
	if (!json_object_get(object, key) && json_object_set_new(object, key, json_object()) < 0) {
		json_decref(value);
		return -1;
	}
	return put(json_object_get(object, key), slash + 1, value);
}

struct json_t *kube_json_make(const struct kube_table *table, const void *value)
{
	CLEANUP(cleanup_json) json_t *object = json_object();

	for (size_t i = 0; object && i < table->n; i++) {
		const struct kube_field *const field = &table->fields[i];
		json_t *const part = make_value(field, (const char *)value + field->offset);

		if (!part)
			return NULL;
		if (json_is_null(part))
			json_decref(part);
		else if (put(object, field->path, part) < 0)
			return NULL;
	}
	return TAKE_PTR(object);
}

char *kube_json_print(const struct json_t *json)
{
	return json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
}
