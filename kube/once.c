// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/once.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "kube/client.h"
#include "kube/kinds.h"
#include "kube/query.h"
#include "kube/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 5000,
	TOTAL_MS = 60000,
	STALL_MS = 10000,
	BODY_MAX = 4 << 20, /* an object of etcd has at most 1.5 MB, which JSON makes longer */
	PAGE_LIMIT = 500,
	OBJECTS_MAX = 1 << 16
};

static void cleanup_json(struct json_t **json)
{
	kube_json_free(*json);
}

static void note_unreadable(struct kube_objects *objects, const struct json_t *json,
			    const char *why)
{
	const char *const space = json ? kube_json_text(json, "metadata/namespace") : NULL;
	const char *const name = json ? kube_json_text(json, "metadata/name") : NULL;

	if (objects->n_unreadable++ == 0)
		snprintf(objects->unreadable, sizeof(objects->unreadable),
			 "%s %.60s%s%.80s: %.240s", objects->kind->name, space ? space : "",
			 space ? "/" : "", name ? name : "", why);
}

static int make_room(struct kube_objects *objects)
{
	void **const v = reallocarray(objects->v, objects->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	objects->v = v;
	struct json_t **const json = reallocarray(objects->json, objects->n + 1, sizeof(*json));
	if (!json)
		return -ENOMEM;
	objects->json = json;
	return 0;
}

int kube_objects_add(struct kube_objects *objects, const char *text, size_t length)
{
	CLEANUP(cleanup_free) void *object = calloc(1, objects->kind->table->size);
	CLEANUP(cleanup_json) struct json_t *json = NULL;
	struct err why = ERR_NULL;

	if (!object || objects->n >= OBJECTS_MAX || make_room(objects) < 0)
		return -ENOMEM;
	int r = kube_json_parse(text, length, &json, &why);
	if (r == 0)
		r = kube_json_read(objects->kind->table, json, object, &why);
	if (r < 0) {
		note_unreadable(objects, json, why.text);
		return r;
	}
	objects->json[objects->n] = TAKE_PTR(json);
	objects->v[objects->n++] = TAKE_PTR(object);
	return 0;
}

void kube_objects_done(struct kube_objects *objects)
{
	for (size_t i = 0; i < objects->n; i++) {
		kube_json_done(objects->kind->table, objects->v[i]);
		free(objects->v[i]);
		kube_json_free(objects->json[i]);
	}
	free(objects->v);
	free(objects->json);
	*objects = KUBE_OBJECTS_NULL;
}

/* What is being asked. */
struct once {
	struct loop *loop;
	const struct kube_wanted *wanted;
	struct kube_objects *objects;
	struct kube_stream *stream; /* of a list */
	struct kube_failure *failure;
	struct err err; /* of the stream */
};

/* One that can't be read is left out; without memory there's no answer. */
static int take_item(const char *text, size_t length, void *data)
{
	struct once *const once = data;
	const int r = kube_objects_add(once->objects, text, length);

	return r == -ENOMEM ? err_set(&once->err, r, "out of memory") : 0;
}

static int on_data(const char *bytes, size_t n, void *data)
{
	struct once *const once = data;

	return kube_stream_feed(once->stream, bytes, n, &once->err);
}

static void on_done(const struct kube_failure *failure, const char *body, size_t length, void *data)
{
	struct once *const once = data;

	*once->failure = *failure;
	if (failure->class == HTTP_CLASS_OK && !once->stream &&
	    kube_objects_add(once->objects, body, length) < 0)
		kube_failure_set(once->failure, once->wanted->kind->name, HTTP_CLASS_PERMANENT,
				 once->objects->n_unreadable ? once->objects->unreadable :
							       "out of memory");
	loop_stop(once->loop);
}

/* "/api/v1/pods" -> "/api/v1/namespaces/NAMESPACE/pods/NAME" */
static void set_path(const struct kube_wanted *wanted, struct kube_query *query)
{
	const char *const path = wanted->kind->path;
	const char *const last = strrchr(path, '/');
	char base[128];

	snprintf(base, sizeof(base), "%.*s", wanted->namespace ? (int)(last - path) : 127, path);
	kube_query_init(query, base);
	if (wanted->namespace) {
		kube_query_segment(query, "namespaces");
		kube_query_segment(query, wanted->namespace);
		kube_query_segment(query, last + 1);
	}
	if (wanted->name)
		kube_query_segment(query, wanted->name);
}

/* The answer, or the failure, is in `once`. */
static void ask(struct kube_client *client, struct once *once, const struct kube_query *query)
{
	const struct kube_request request = {
		.method = HTTP_GET,
		.path = query->text,
		.limits = { CONNECT_MS, TOTAL_MS, STALL_MS, BODY_MAX },
		.on_data = once->stream ? on_data : NULL,
	};
	const char *const name = once->wanted->kind->name;

	if (query->rc < 0) {
		kube_failure_set(once->failure, name, HTTP_CLASS_PERMANENT,
				 "the request is too long");
		return;
	}
	if (kube_call_start(client, &request, on_done, once, once->failure) &&
	    loop_run(once->loop) != 0)
		kube_failure_set(once->failure, name, HTTP_CLASS_RETRY, "the loop failed");
}

static void cleanup_stream(struct kube_stream **stream)
{
	kube_stream_free(*stream);
}

/* One page; *ret_next is the token of the next one. */
static int ask_page(struct kube_client *client, struct once *once, char *next)
{
	const struct kube_stream_options options = { .mode = KUBE_STREAM_LIST,
						     .table = once->wanted->kind->table,
						     .on_object = take_item,
						     .data = once };
	CLEANUP(cleanup_stream) struct kube_stream *stream = kube_stream_new(&options);
	struct kube_list_end end = { .next = "" };
	struct kube_query query;

	once->stream = stream;
	if (!stream) {
		kube_failure_set(once->failure, once->wanted->kind->name, HTTP_CLASS_RETRY,
				 "out of memory");
		return -EIO;
	}
	set_path(once->wanted, &query);
	kube_query_add(&query, "fieldSelector", once->wanted->field_selector);
	kube_query_add(&query, "labelSelector", once->wanted->label_selector);
	kube_query_add_number(&query, "limit", PAGE_LIMIT);
	kube_query_add(&query, "continue", next);
	ask(client, once, &query);
	if (once->failure->class == HTTP_CLASS_OK &&
	    kube_stream_end_list(stream, &end, &once->err) < 0)
		kube_failure_set(once->failure, once->wanted->kind->name, HTTP_CLASS_RETRY,
				 once->err.text);
	else if (once->err.text[0])
		kube_failure_set(once->failure, once->wanted->kind->name, HTTP_CLASS_PERMANENT,
				 once->err.text);
	memcpy(next, end.next, sizeof(end.next));
	return once->failure->class == HTTP_CLASS_OK ? 0 : -EIO;
}

static int ask_list(struct kube_client *client, struct once *once)
{
	char next[KUBE_CONTINUE_MAX] = "";
	int r;

	do
		r = ask_page(client, once, next);
	while (r == 0 && next[0]);
	return r;
}

int kube_once_sync(struct kube_client *client, const struct kube_wanted *wanted,
		   struct kube_objects *ret, struct kube_failure *ret_failure)
{
	struct kube_objects objects = { .kind = wanted->kind };
	struct once once = { .loop = kube_client_loop(client),
			     .wanted = wanted,
			     .objects = &objects,
			     .failure = ret_failure };
	struct kube_query query;

	*ret_failure = (struct kube_failure){ .class = HTTP_CLASS_OK };
	if (wanted->name) {
		set_path(wanted, &query);
		ask(client, &once, &query);
	} else {
		(void)ask_list(client, &once);
	}
	if (ret_failure->class != HTTP_CLASS_OK) {
		kube_objects_done(&objects);
		return -EIO;
	}
	*ret = objects;
	return 0;
}
