// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Any bytes as an answer: the first byte says whether it's a list or a watch and how it's split. The objects are the
 * same however they're split. What jansson takes as JSON is cut into objects, each of which says, of what is wanted,
 * what the whole one says.
 */
#include "kube/kinds.h"
#include "kube/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"

struct seen {
	char *text;
	size_t length, n;
};

static void seen_done(struct seen *seen)
{
	free(seen->text);
}

static int on_object(const char *text, size_t length, void *data)
{
	struct seen *const seen = data;

	assert(text[length] == '\0' && text[0] == '{' && text[length - 1] == '}');
	char *const bigger = realloc(seen->text, seen->length + length + 1);
	if (!bigger)
		return -ENOMEM;
	memcpy(bigger + seen->length, text, length + 1);
	seen->text = bigger;
	seen->length += length + 1; /* with its NUL */
	seen->n++;
	return 0;
}

static int run(enum kube_stream_mode mode, const char *text, size_t size, size_t step,
	       struct seen *ret)
{
	const struct kube_stream_options options = {
		.mode = mode, .table = kube_pods.table, .on_object = on_object, .data = ret
	};
	struct kube_stream *const stream = kube_stream_new(&options);
	struct kube_list_end end;
	struct err err = ERR_NULL;
	int r = stream ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < size; i += step)
		r = kube_stream_feed(stream, text + i, step < size - i ? step : size - i, &err);
	if (r == 0)
		r = mode == KUBE_STREAM_LIST ? kube_stream_end_list(stream, &end, &err) :
					       kube_stream_end(stream, &err);
	assert((r < 0) == (err.text[0] != '\0'));
	kube_stream_free(stream);
	return r;
}

/* jansson's view of a list: its items one by one. */
static void compare_items(const char *text, size_t size, const struct seen *seen)
{
	json_t *const whole = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	const json_t *const items = json_object_get(whole, "items");
	const char *at = seen->text;

	if (!whole)
		return;
	assert(json_array_size(items) == seen->n);
	for (size_t i = 0; i < seen->n; i++, at += strlen(at) + 1) {
		const json_t *const item = json_array_get(items, i);
		struct kube_pod pod;
		struct kube_pod kept_pod;
		struct json_t *kept = NULL;

		assert(kube_json_parse(at, strlen(at), &kept, NULL) == 0);
		const int r = kube_json_read(kube_pods.table, item, &pod, NULL);
		assert(kube_json_read(kube_pods.table, kept, &kept_pod, NULL) == r);
		if (r == 0) {
			json_t *const a = kube_json_make(kube_pods.table, &pod);
			json_t *const b = kube_json_make(kube_pods.table, &kept_pod);
			assert(json_equal(a, b));
			json_decref(a);
			json_decref(b);
			kube_json_done(kube_pods.table, &pod);
			kube_json_done(kube_pods.table, &kept_pod);
		}
		kube_json_free(kept);
	}
	json_decref(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(seen_done) struct seen whole = { .n = 0 };
	CLEANUP(seen_done) struct seen split = { .n = 0 };

	if (size == 0)
		return 0;
	const char *const text = (const char *)data + 1;
	const enum kube_stream_mode mode = data[0] & 1 ? KUBE_STREAM_LIST : KUBE_STREAM_WATCH;
	const size_t step = (data[0] >> 1) % 32 + 1;
	const int r = run(mode, text, size - 1, size, &whole);

	assert(run(mode, text, size - 1, step, &split) == r);
	assert(split.n == whole.n && split.length == whole.length);
	assert(whole.n == 0 || memcmp(split.text, whole.text, whole.length) == 0);
	if (r == 0 && mode == KUBE_STREAM_LIST)
		compare_items(text, size - 1, &whole);
	return 0;
}
