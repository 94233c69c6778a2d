// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/credentials_fetch.h"

#include "awsapi/call.h"
#include "awsapi/failure.h"
#include "awsapi/imds.h"
#include "awsapi/imds_text.h"
#include "awsapi/params.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define ROLE_PATH "meta-data/iam/security-credentials/"
#define ROLE_NAME_MAX 65 /* IAM's limit, and NUL */
#define ANSWER_MAX (64U << 10)

/* An agent on this host, or STS: seconds are plenty, since what is there is used on meanwhile. */
static const struct http_limits limits = {
	.connect_ms = 3000,
	.total_ms = 10000,
	.body_max = ANSWER_MAX,
};

struct credentials_fetch {
	struct credentials_fetch_options options;
	struct imds_get *get;
	struct http_transfer *transfer;
};

static void end_fetch(struct credentials_fetch *fetch, const struct credentials_fetched *fetched)
{
	fetch->options.done(fetched, fetch->options.data);
	free(fetch);
}

static void fail(struct credentials_fetch *fetch, enum http_class class, int64_t asked_ms,
		 const char *error)
{
	const struct credentials_fetched fetched = { .class = class,
						     .error = error,
						     .retry_after_ms = asked_ms };

	end_fetch(fetch, &fetched);
}

/* The end of a fetch whose answer was read with this outcome; the set is wiped unless it was moved out. */
static void finish(struct credentials_fetch *fetch, int r, struct credentials_set *set,
		   const struct err *err)
{
	const struct credentials_fetched fetched = {
		.class = HTTP_CLASS_OK, .set = set, .error = "", .retry_after_ms = -1
	};

	if (r == 0)
		end_fetch(fetch, &fetched);
	else
		fail(fetch, HTTP_CLASS_RETRY, -1, err->text);
	credentials_set_done(set);
}

/* The instance's role: its name, then its credentials. */

static void on_role_credentials(const struct imds_answer *answer, void *data)
{
	struct credentials_fetch *const fetch = data;
	struct credentials_set set = CREDENTIALS_SET_NULL;
	struct err err = ERR_NULL;

	fetch->get = NULL;
	if (answer->class != HTTP_CLASS_OK) {
		fail(fetch, answer->class, -1, answer->error);
		return;
	}
	int r = credentials_set_read_json(answer->text, answer->length, &set, &err);
	if (r == 0 && set.expires_sec == 0) {
		credentials_set_done(&set);
		r = err_set(&err, -EPROTO, "credentials without an expiration");
	}
	if (r != 0)
		err_prefix(&err, r, "instance role");
	finish(fetch, r, &set, &err);
}

static void on_role_name(const struct imds_answer *answer, void *data)
{
	struct credentials_fetch *const fetch = data;
	const char *text = answer->text;
	const char *line = NULL;
	char path[sizeof(ROLE_PATH) + ROLE_NAME_MAX];
	struct err err = ERR_NULL;

	fetch->get = NULL;
	if (answer->class == HTTP_CLASS_NOT_FOUND) {
		fail(fetch, HTTP_CLASS_PERMANENT, -1,
		     "this instance has no role: attach an instance profile");
		return;
	}
	if (answer->class != HTTP_CLASS_OK) {
		fail(fetch, answer->class, -1, answer->error);
		return;
	}
	const size_t length = imds_text_line(&text, &line);
	if (length == 0 || length >= ROLE_NAME_MAX) {
		fail(fetch, HTTP_CLASS_RETRY, -1, "instance role: its name isn't one");
		return;
	}
	snprintf(path, sizeof(path), ROLE_PATH "%.*s", (int)length, line);
	fetch->get = imds_get(fetch->options.imds, path, on_role_credentials, fetch, &err);
	if (!fetch->get)
		fail(fetch, HTTP_CLASS_RETRY, -1, err.text);
}

static int start_imds(struct credentials_fetch *fetch, struct err *err)
{
	fetch->get = imds_get(fetch->options.imds, ROLE_PATH, on_role_name, fetch, err);
	return fetch->get ? 0 : -ENOMEM;
}

/*
 * A token file, which somebody else replaces now and then: it's read anew each time. One newline at its end
 * is no part of it; others are refused, since they would forge a header.
 */
static int read_token(const char *path, struct secret *ret, struct err *err)
{
	char bytes[SECRET_MAX + 2];
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t n = 0;
	ssize_t got = -1;

	if (fd < 0) {
		const int code = -errno;
		return err_set(err, code, "%s: %s", path, strerror(-code));
	}
	while (n < sizeof(bytes) && (got = read(fd, bytes + n, sizeof(bytes) - n)) > 0)
		n += (size_t)got;
	int r = got < 0 ? -errno : 0;
	if (r == 0) {
		n -= n > 0 && bytes[n - 1] == '\n';
		r = secret_set(ret, bytes, n);
	}
	explicit_bzero(bytes, sizeof(bytes));
	if (r == -EINVAL)
		return err_set(err, r, "%s: not a token", path);
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

/* Containers and Pod Identity: one GET. */

static void on_container(const struct http_response *response, void *data)
{
	struct credentials_fetch *const fetch = data;
	const enum http_class class = http_classify(response->rc, response->status);
	struct credentials_set set = CREDENTIALS_SET_NULL;
	struct err err = ERR_NULL;
	char error[400];

	fetch->transfer = NULL;
	if (class != HTTP_CLASS_OK) {
		if (response->rc != 0)
			snprintf(error, sizeof(error), "container credentials: %s",
				 response->error);
		else
			snprintf(error, sizeof(error), "container credentials: HTTP status %ld",
				 response->status);
		fail(fetch, class, response->retry_after_ms, error);
		return;
	}
	const int r = credentials_set_read_json(response->body, response->body_length, &set, &err);
	if (r != 0)
		err_prefix(&err, r, "container credentials");
	finish(fetch, r, &set, &err);
}

static int start_container(struct credentials_fetch *fetch, struct err *err)
{
	const struct credentials_source *const source = fetch->options.source;
	struct secret token = SECRET_NULL;
	int r = source->token_file[0] ? read_token(source->token_file, &token, err) :
					secret_copy(&source->token, &token);

	const struct http_header header = { "Authorization", secret_reveal(&token) };
	const struct http_request request = {
		.method = HTTP_GET,
		.url = source->url,
		.headers = &header,
		.n_headers = secret_is_set(&token),
		.limits = limits,
		.ca_file = fetch->options.ca_file,
	};
	if (r == 0) {
		fetch->transfer =
			http_start(fetch->options.http, &request, on_container, fetch, err);
		r = fetch->transfer ? 0 : -EIO;
	}
	secret_done(&token);
	return r;
}

/* Web identity: one unsigned POST to STS. */

static void on_sts(const struct http_response *response, void *data)
{
	struct credentials_fetch *const fetch = data;
	struct credentials_set set = CREDENTIALS_SET_NULL;
	struct aws_failure failure;
	struct err err = ERR_NULL;

	fetch->transfer = NULL;
	aws_failure_read("AssumeRoleWithWebIdentity", response, &failure);
	if (failure.class != HTTP_CLASS_OK) {
		fail(fetch, failure.class, failure.retry_after_ms, failure.text);
		return;
	}
	const int r = credentials_set_read_sts(response->body, response->body_length, &set, &err);
	if (r != 0)
		err_prefix(&err, r, "AssumeRoleWithWebIdentity");
	finish(fetch, r, &set, &err);
}

static int post_sts(struct credentials_fetch *fetch, const struct aws_params *params,
		    struct err *err)
{
	const struct http_request request = {
		.method = HTTP_POST,
		.url = fetch->options.sts->url,
		.body = params->text,
		.body_length = params->length,
		.limits = limits,
		.ca_file = fetch->options.ca_file,
	};

	if (params->rc < 0)
		return err_set(err, params->rc,
			       "AssumeRoleWithWebIdentity: the request is too long");
	fetch->transfer = http_start(fetch->options.http, &request, on_sts, fetch, err);
	return fetch->transfer ? 0 : -EIO;
}

static int start_web_identity(struct credentials_fetch *fetch, struct err *err)
{
	const struct credentials_source *const source = fetch->options.source;
	struct secret token = SECRET_NULL;
	struct aws_params params = { .rc = 0 };
	int r = read_token(source->token_file, &token, err);

	if (r < 0)
		return r;
	aws_params_add(&params, "Action", "AssumeRoleWithWebIdentity");
	aws_params_add(&params, "Version", "2011-06-15");
	aws_params_add(&params, "RoleArn", source->role_arn);
	aws_params_add(&params, "RoleSessionName", source->session_name);
	aws_params_add(&params, "WebIdentityToken", secret_reveal(&token));
	secret_done(&token);
	r = post_sts(fetch, &params, err);
	aws_params_done(&params);
	return r;
}

struct credentials_fetch *credentials_fetch_start(const struct credentials_fetch_options *options,
						  struct err *err)
{
	static int (*const starts[])(struct credentials_fetch *, struct err *) = {
		[CREDENTIALS_WEB_IDENTITY] = start_web_identity,
		[CREDENTIALS_CONTAINER] = start_container,
		[CREDENTIALS_IMDS] = start_imds,
	};
	CLEANUP(cleanup_free) struct credentials_fetch *fetch = calloc(1, sizeof(*fetch));

	if (!fetch) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	fetch->options = *options;
	if (starts[options->source->kind](fetch, err) < 0)
		return NULL;
	return TAKE_PTR(fetch);
}

void credentials_fetch_cancel(struct credentials_fetch *fetch)
{
	if (!fetch)
		return;
	imds_cancel(fetch->get);
	http_cancel(fetch->transfer);
	free(fetch);
}
