// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/reflector_internal.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>
#include <string.h>

/* One object. A namespace is nothing but its metadata, and all kinds begin with theirs. */

#define META (kube_namespaces.table)

void kube_reflector_remove(struct kube_reflector *reflector, struct kube_known_object *known)
{
	if (known->is_reported)
		reflector->options.callbacks.on_removed(known->user, reflector->options.data);
	kube_known_remove(&reflector->known, known);
}

static void report(struct kube_reflector *reflector, struct kube_known_object *known)
{
	const enum kube_change change = known->is_reported ? KUBE_CHANGED : KUBE_ADDED;

	known->is_reported = true;
	reflector->options.callbacks.on_object(change, reflector->object, &known->user,
					       reflector->options.data);
}

static void report_unreadable(struct kube_reflector *reflector, const struct kube_meta *meta,
			      struct kube_known_object *known, const char *why)
{
	if (reflector->options.callbacks.on_unreadable)
		reflector->options.callbacks.on_unreadable(meta, why, &known->user,
							   reflector->options.data);
}

/* The entry of the object as it is now; one of the same name that was another is removed. NULL: no memory. */
static struct kube_known_object *settle(struct kube_reflector *reflector,
					const struct kube_meta *meta)
{
	struct kube_known_object *known = kube_known_find(&reflector->known, meta);

	if (known && !kube_known_is_same(known, meta)) {
		kube_reflector_remove(reflector, known);
		known = NULL;
	}
	return known ? known : kube_known_add(&reflector->known, meta);
}

/* 0, or an error that is the stream's: the object can't be told from others, or there's no memory. */
static int put_object(struct kube_reflector *reflector, const struct json_t *json, struct err *err)
{
	const struct kube_table *const table = reflector->options.kind->table;
	struct kube_namespace any;
	struct err why = ERR_NULL;
	int r = kube_json_read(META, json, &any, err);

	if (r < 0)
		return r;
	struct kube_known_object *known = kube_known_find(&reflector->known, &any.meta);
	const bool is_known = known && !reflector->heart.is_distrusting &&
			      kube_known_is_current(known, &any.meta);
	if (!is_known)
		known = settle(reflector, &any.meta);
	if (!known)
		r = err_set(err, -ENOMEM, "no memory for another object");
	if (known) {
		known->is_seen = true;
		kube_known_note(known, &any.meta);
	}
	if (known && !is_known && !reflector->is_dying) {
		r = kube_json_read(table, json, reflector->object, &why);
		if (r == 0)
			report(reflector, known);
		else if (r != -ENOMEM)
			report_unreadable(reflector, &any.meta, known, why.text);
		if (r == 0)
			kube_json_done(table, reflector->object);
		r = r == -ENOMEM ? err_set(err, r, "no memory for an object") : 0;
	}
	kube_json_done(META, &any);
	return r;
}

static int drop_object(struct kube_reflector *reflector, const struct json_t *json, struct err *err)
{
	struct kube_namespace any;
	const int r = kube_json_read(META, json, &any, err);

	if (r < 0)
		return r;
	struct kube_known_object *const known = kube_known_find(&reflector->known, &any.meta);
	if (known && kube_known_is_same(known, &any.meta))
		kube_reflector_remove(reflector, known);
	kube_json_done(META, &any);
	return 0;
}

/* What comes. */

static void cleanup_json(struct json_t **json)
{
	kube_json_free(*json);
}

int kube_reflector_fail(struct kube_reflector *reflector, int r, const struct err *err)
{
	const enum http_class class = r == -EMSGSIZE ? HTTP_CLASS_PERMANENT : HTTP_CLASS_RETRY;
	const bool is_list = reflector->heart.state == KUBE_REFLECT_LISTING;

	kube_failure_set(&reflector->failure, reflector->options.kind->name, class, err->text);
	reflector->verdict = (struct kube_reflect_event){
		.type = is_list ? KUBE_REFLECT_FAILED : KUBE_REFLECT_BAD,
		.class = class,
		.asked_ms = -1,
	};
	return r;
}

int kube_reflector_take_item(const char *text, size_t length, void *data)
{
	CLEANUP(cleanup_json) struct json_t *json = NULL;
	struct kube_reflector *const reflector = data;
	struct err err = ERR_NULL;
	int r = kube_json_parse(text, length, &json, &err);

	if (r == 0)
		r = put_object(reflector, json, &err);
	if (r < 0)
		return kube_reflector_fail(reflector, r, &err);
	return reflector->is_dying ? -ECANCELED : 0;
}

struct kube_reflect_event kube_reflector_failed(const struct kube_failure *failure)
{
	return (struct kube_reflect_event){
		.type = KUBE_REFLECT_FAILED,
		.class = failure->class,
		.special = failure->special,
		.asked_ms = failure->retry_after_ms,
	};
}

static int take_event(struct kube_reflector *reflector, const char *type,
		      const struct json_t *object, struct err *err)
{
	if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0)
		return put_object(reflector, object, err);
	if (strcmp(type, "DELETED") == 0)
		return drop_object(reflector, object, err);
	return strcmp(type, "BOOKMARK") == 0 ? 0 :
					       err_set(err, -EPROTO, "an unknown kind of event");
}

/* Versions that go back end the watch: -ESTALE. */
static int note_version(struct kube_reflector *reflector, const struct json_t *json,
			struct err *err)
{
	const char *const version = kube_json_text(json, "object/metadata/resourceVersion");
	const struct kube_reflect_event heard = { .type = KUBE_REFLECT_HEARD, .version = version };

	if (!version || strlen(version) >= KUBE_VERSION_MAX)
		return err_set(err, -EPROTO, "an event without a version");
	reflector->decision = kube_reflect_step(&reflector->heart, &heard, mono_now());
	if (reflector->decision.action == KUBE_REFLECT_NOTHING)
		return 0;
	kube_failure_set(&reflector->failure, reflector->options.kind->name, HTTP_CLASS_RETRY,
			 "the server's versions went back; all is listed anew");
	return -ESTALE;
}

int kube_reflector_take_word(const char *text, size_t length, void *data)
{
	CLEANUP(cleanup_json) struct json_t *json = NULL;
	struct kube_reflector *const reflector = data;
	struct err err = ERR_NULL;
	int r = kube_json_parse(text, length, &json, &err);

	if (r < 0)
		return kube_reflector_fail(reflector, r, &err);
	const struct json_t *const object = kube_json_get(json, "object");
	const char *const type = kube_json_text(json, "type");
	if (!type || !object) {
		r = err_set(&err, -EPROTO, "an event without type or object");
		return kube_reflector_fail(reflector, r, &err);
	}
	if (strcmp(type, "ERROR") == 0) {
		kube_failure_read_status(reflector->options.kind->name, object,
					 &reflector->failure);
		reflector->verdict = kube_reflector_failed(&reflector->failure);
		return -ECONNABORTED;
	}
	r = note_version(reflector, json, &err);
	if (r == -ESTALE)
		return r;
	if (r == 0)
		r = take_event(reflector, type, object, &err);
	if (r < 0)
		return kube_reflector_fail(reflector, r, &err);
	return reflector->is_dying ? -ECANCELED : 0;
}
