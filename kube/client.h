// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One request to the API server: its address, our login, its answer's meaning. No repetition: that's for those who
 * know what a repetition would do (kube/reflector.h, kube/write.h).
 */
#pragma once

#include <stddef.h>

#include "http/http.h"
#include "kube/failure.h"

struct err;
struct http;
struct kube_call;
struct kube_client;
struct kube_config;
struct loop;

#define KUBE_PATH_MAX 12288 /* path and query: a page's token, two selectors */

struct kube_client_options {
	struct loop *loop;
	struct http *http;
	const struct kube_config *config;
	const char *interface; /* see struct http_request */
};

/* All of `options` is borrowed and must outlive it. NULL with the reason in `err`. */
struct kube_client *kube_client_new(const struct kube_client_options *options, struct err *err);
/* Its calls must have ended, or be cancelled. */
void kube_client_free(struct kube_client *client);
struct loop *kube_client_loop(const struct kube_client *client);

struct kube_request {
	enum http_method method;
	const char *path;         /* "/api/v1/pods?limit=500", percent-encoded; see kube/query.h */
	const char *content_type; /* of the body; NULL: no body */
	const char *body;
	struct http_limits limits;
	http_data_fn on_data; /* see struct http_request; gets the `data` of kube_call_start */
	bool fresh_connection;
};

/*
 * `failure->class` is OK and `body` the answer, NUL-terminated ("" if it was streamed), or `body` is NULL. Both are
 * borrowed. The call is gone.
 */
typedef void (*kube_done_fn)(const struct kube_failure *failure, const char *body, size_t length,
			     void *data);

/*
 * NULL: not sent, with the reason in *ret_failure; `done` isn't called then. Else it is called once, from the loop and
 * later, unless the call is cancelled.
 */
struct kube_call *kube_call_start(struct kube_client *client, const struct kube_request *request,
				  kube_done_fn done, void *data, struct kube_failure *ret_failure);
/* NULL is fine. Not from inside its own `done`; from its on_data it's allowed. */
void kube_call_cancel(struct kube_call *call);
