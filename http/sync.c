// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/http.h"
#include "http/transfer.h"

#include <errno.h>
#include <string.h>

struct call {
	struct loop *loop;
	struct http_response response;
	char *text; /* body, NUL, content type, NUL: what the response points to after the call */
};

static void on_done(const struct http_response *response, void *data)
{
	struct call *const call = data;
	const size_t type_size = strlen(response->content_type) + 1;
	const size_t body_size = response->body_length + 1;

	call->response = *response;
	call->text = malloc(body_size + type_size);
	loop_stop(call->loop);
	if (!call->text) {
		call->response = (struct http_response){ .rc = -ENOMEM, .error = "out of memory" };
		return;
	}
	memcpy(call->text, response->body, body_size);
	memcpy(call->text + body_size, response->content_type, type_size);
	call->response.body = call->text;
	call->response.content_type = call->text + body_size;
}

static int run(struct call *call, const struct http_request *request, struct err *err)
{
	struct http *const http = http_new(call->loop, err);
	struct http_transfer *transfer = NULL;

	if (!http)
		return -ENOMEM;
	int r = http_start_checked(http, request, &transfer, err);
	if (r == 0) {
		transfer->done = on_done;
		transfer->data = call;
		r = loop_run(call->loop);
		if (r < 0)
			err_set(err, r, "the event loop failed");
	}
	http_free(http);
	if (r == 0 && call->response.rc < 0)
		r = err_set(err, call->response.rc, "%s", call->response.error);
	return r;
}

int http_call_sync(const struct http_request *request, struct http_response *ret, char **ret_body,
		   struct err *err)
{
	struct call call = { 0 };

	if (request->on_data)
		return err_set(err, -EINVAL, "a blocking request keeps its answer");
	call.loop = loop_new();
	if (!call.loop)
		return err_set(err, -ENOMEM, "out of memory");
	const int r = run(&call, request, err);
	loop_free(call.loop);
	if (r < 0) {
		free(call.text);
		return r;
	}
	*ret = call.response;
	*ret_body = call.text;
	return 0;
}
