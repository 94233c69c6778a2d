// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The answer to a list, or a watch, cut into objects, whatever way its bytes come. Pure.
 *
 * Memory is bounded by one object, and by what is wanted of it: of metadata, spec and status only the fields that the
 * table has are kept, the others become null. What others can make large (annotations, containers, managed fields)
 * is never stored.
 *
 * What is kept is JSON if the answer is; kube_json_parse finds out. Of what is passed over only quotes and brackets
 * are looked at.
 */
#pragma once

#include <stddef.h>

struct err;
struct kube_stream;
struct kube_table;

#define KUBE_OBJECT_MAX (2U << 20)
#define KUBE_VERSION_MAX 64 /* of a resourceVersion, with NUL; etcd's have 20 digits */
#define KUBE_CONTINUE_MAX 8192

enum kube_stream_mode {
	KUBE_STREAM_LIST,  /* one object with "items": each item by itself */
	KUBE_STREAM_WATCH, /* objects one after the other, each with the wanted one at "object" */
};

/* An object, NUL-terminated, borrowed. Not 0: the reading ends with that. */
typedef int (*kube_object_fn)(const char *text, size_t length, void *data);

struct kube_stream_options {
	enum kube_stream_mode mode;
	const struct kube_table *table; /* NULL: everything is kept */
	size_t object_max;              /* bytes of what is kept of one; 0: KUBE_OBJECT_MAX */
	kube_object_fn on_object;
	void *data;
};

/* NULL: no memory. */
struct kube_stream *kube_stream_new(const struct kube_stream_options *options);
void kube_stream_free(struct kube_stream *stream);
/*
 * 0; -EPROTO: can't be JSON; -EMSGSIZE: an object is too large, `err` names it; -ENOMEM; or what on_object said.
 * After anything but 0 there's nothing to be done with the stream but to free it, which on_object must not do.
 */
int kube_stream_feed(struct kube_stream *stream, const char *bytes, size_t n, struct err *err);

struct kube_list_end {
	char version[KUBE_VERSION_MAX]; /* metadata.resourceVersion */
	char next[KUBE_CONTINUE_MAX];   /* metadata.continue; "": that was the last page */
};

/* Of a watch: it has ended between two objects. -EPROTO: within one. */
int kube_stream_end(const struct kube_stream *stream, struct err *err);
/* Of a list: the same, and what its head says; an answer without a version is no list. -EMSGSIZE. */
int kube_stream_end_list(const struct kube_stream *stream, struct kube_list_end *ret,
			 struct err *err);
