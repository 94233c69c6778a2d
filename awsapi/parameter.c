// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/parameter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "awsapi/call.h"
#include "awsapi/failure.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "http/http.h"

/* Each byte of a value may be six in JSON; the rest is names and dates. */
#define ANSWER_MAX (6 * PARAMETER_BYTES_MAX + 4096)

struct parameter_get {
	struct http_transfer *transfer;
	parameter_done_fn done;
	void *data;
};

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* "com.amazonaws.ssm#ParameterNotFound" in some partitions: the name is behind the '#'. */
static const char *code_of(const json_t *answer)
{
	const char *type = text_of(answer, "__type");
	const char *hash = type ? strchr(type, '#') : NULL;

	return hash ? hash + 1 : type;
}

static enum http_class read_failure(long status, const json_t *answer, struct err *err)
{
	const char *code = code_of(answer);
	const char *message = text_of(answer, "message");
	enum http_class class = HTTP_CLASS_COUNT;

	if (!message)
		message = text_of(answer, "Message");
	if (code && strcmp(code, "ParameterNotFound") == 0)
		class = HTTP_CLASS_NOT_FOUND;
	else if (code)
		class = aws_classify_code(code);
	if (class == HTTP_CLASS_COUNT || class == HTTP_CLASS_OK)
		class = http_classify(0, status);
	if (class == HTTP_CLASS_OK)
		class = HTTP_CLASS_RETRY;
	err_set(err, -EIO, "ssm:GetParameter: HTTP %ld: %.100s%s%.300s", status,
		code ? code : "no answer of its own", message ? ": " : "", message ? message : "");
	return class;
}

enum http_class parameter_read(long status, const char *body, size_t length,
			       char value[static PARAMETER_BYTES_MAX + 1], struct err *err)
{
	CLEANUP(cleanup_json)
	json_t *answer = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
	const json_t *text = json_object_get(json_object_get(answer, "Parameter"), "Value");

	if (status != 200)
		return read_failure(status, answer, err);
	if (!json_is_string(text)) {
		err_set(err, -EPROTO, "ssm:GetParameter: the answer has no value");
		return HTTP_CLASS_RETRY;
	}
	if (json_string_length(text) > PARAMETER_BYTES_MAX) {
		err_set(err, -EMSGSIZE, "ssm:GetParameter: the value has more than %d bytes",
			PARAMETER_BYTES_MAX);
		return HTTP_CLASS_PERMANENT;
	}
	memcpy(value, json_string_value(text), json_string_length(text) + 1);
	return HTTP_CLASS_OK;
}

static void on_response(const struct http_response *response, void *data)
{
	CLEANUP(cleanup_free) struct parameter_get *get = data;
	char value[PARAMETER_BYTES_MAX + 1] = "";
	struct err err = ERR_NULL;
	struct parameter_answer answer = { .value = value, .error = err.text };

	if (response->rc) {
		answer.class = http_classify(response->rc, 0);
		err_set(&err, response->rc, "ssm:GetParameter: %s", response->error);
	} else {
		answer.class = parameter_read(response->status, response->body,
					      response->body_length, value, &err);
		answer.length = strlen(value);
	}
	get->done(&answer, get->data);
	explicit_bzero(value, sizeof(value));
}

/* To be freed. */
static char *make_body(const char *name)
{
	CLEANUP(cleanup_json)
	json_t *body = json_pack("{s:s, s:b}", "Name", name, "WithDecryption", 1);

	return body ? json_dumps(body, JSON_COMPACT) : NULL;
}

struct parameter_get *parameter_get(const struct parameter_options *options, struct err *err)
{
	const struct aws_caller *caller = options->caller;
	static const struct http_header headers[] = {
		{ "Content-Type", "application/x-amz-json-1.1" },
		{ "X-Amz-Target", "AmazonSSM.GetParameter" },
	};
	CLEANUP(cleanup_free) struct parameter_get *get = calloc(1, sizeof(*get));
	CLEANUP(cleanup_free) char *body = make_body(options->name);
	struct aws_credentials credentials = { 0 };

	if (!get || !body) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (caller->credentials(&credentials, caller->credentials_data)) {
		err_set(err, -EAGAIN, "ssm:GetParameter: there are no credentials");
		return NULL;
	}
	const struct http_signature signature = { .region = options->endpoint->region,
						  .service = aws_service_names[AWS_SSM],
						  .access_key = credentials.access_key,
						  .secret_key = credentials.secret_key,
						  .session_token = credentials.session_token };
	const struct http_request request = { .method = HTTP_POST,
					      .url = options->endpoint->url,
					      .headers = headers,
					      .n_headers = ARRAY_SIZE(headers),
					      .body = body,
					      .body_length = strlen(body),
					      .limits = { 5000, 10000, 0, ANSWER_MAX },
					      .signature = &signature,
					      .ca_file = caller->ca_file,
					      .interface = caller->interface };

	get->done = options->done;
	get->data = options->data;
	get->transfer = http_start(caller->http, &request, on_response, get, err);
	return get->transfer ? TAKE_PTR(get) : NULL;
}

void parameter_cancel(struct parameter_get *get)
{
	if (!get)
		return;
	http_cancel(get->transfer);
	free(get);
}
