// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The same call on a loop of its own. */
#include "awsapi/call.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "awsapi/xml.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/http.h"

struct waiting {
	const struct aws_action *action;
	struct loop *loop;
	struct aws_failure *failure;
	void *value;
	int rc;
	bool is_done;
};

static void cleanup_loop(struct loop **loop)
{
	loop_free(*loop);
}

static void cleanup_http(struct http **http)
{
	http_free(*http);
}

static void on_done(const struct aws_failure *failure, void *value, void *data)
{
	struct waiting *const waiting = data;

	*waiting->failure = *failure;
	waiting->rc = value ? 0 : -EIO;
	waiting->is_done = true;
	if (value) {
		/* Taken over with all that it owns. */
		memcpy(waiting->value, value, waiting->action->answer->size);
		memset(value, 0, waiting->action->answer->size);
	}
	loop_stop(waiting->loop);
}

static int run(const struct aws_call_options *options, struct waiting *waiting, struct http *http,
	       struct err *err)
{
	struct aws_caller caller = *options->caller;
	struct aws_call_options mine = *options;

	caller.loop = waiting->loop;
	caller.http = http;
	mine.caller = &caller;
	mine.done = on_done;
	mine.data = waiting;
	struct aws_call *const call = aws_call_start(&mine, err);
	if (!call)
		return -ENOMEM;
	const int rc = loop_run(waiting->loop);
	if (!waiting->is_done)
		aws_call_cancel(call);
	return rc != 0 ? rc : waiting->rc;
}

int aws_call_sync(const struct aws_call_options *options, void *value,
		  struct aws_failure *ret_failure)
{
	const struct aws_action *const action = options->request->action;
	struct err err = ERR_NULL;
	CLEANUP(cleanup_loop) struct loop *loop = loop_new();
	CLEANUP(cleanup_http) struct http *http = loop ? http_new(loop, &err) : NULL;
	struct waiting waiting = {
		.action = action,
		.loop = loop,
		.failure = ret_failure,
		.value = value,
		.rc = -EIO,
	};

	memset(value, 0, action->answer->size);
	aws_failure_set(ret_failure, action->name, HTTP_CLASS_PERMANENT, "");
	if (!http) {
		aws_failure_set(ret_failure, action->name, HTTP_CLASS_PERMANENT,
				err.text[0] ? err.text : "no memory for a loop");
		aws_request_done(options->request);
		return -ENOMEM;
	}
	const int rc = run(options, &waiting, http, &err);
	if (rc != 0 && err.text[0])
		aws_failure_set(ret_failure, action->name, HTTP_CLASS_PERMANENT, err.text);
	return rc;
}
