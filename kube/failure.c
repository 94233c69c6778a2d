// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/failure.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "http/http.h"
#include "kube/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SKEW_TOLD_SEC 120

/*
 * Reasons are the contract (apimachinery, meta/v1 types.go, StatusReason*: each says its HTTP status and what a client
 * may do); statuses are for answers of others, such as load balancers.
 */
static const struct {
	const char *reason;
	enum http_class class;
	enum kube_special special;
} reasons[] = {
	{ "Unauthorized", HTTP_CLASS_CREDENTIALS, KUBE_SPECIAL_NONE }, /* 401 */
	{ "Forbidden", HTTP_CLASS_PERMANENT, KUBE_SPECIAL_FORBIDDEN }, /* 403: RBAC, or admission */
	{ "NotFound", HTTP_CLASS_NOT_FOUND, KUBE_SPECIAL_NONE },       /* 404 */
	{ "AlreadyExists", HTTP_CLASS_CONFLICT, KUBE_SPECIAL_NONE },   /* 409 */
	{ "Conflict", HTTP_CLASS_CONFLICT, KUBE_SPECIAL_NONE },        /* 409: read again first */
	{ "Gone", HTTP_CLASS_NOT_FOUND, KUBE_SPECIAL_EXPIRED },        /* 410 */
	{ "Expired", HTTP_CLASS_NOT_FOUND,
	  KUBE_SPECIAL_EXPIRED },                               /* 410: "list without a version" */
	{ "Invalid", HTTP_CLASS_PERMANENT, KUBE_SPECIAL_NONE }, /* 422 */
	{ "BadRequest", HTTP_CLASS_PERMANENT, KUBE_SPECIAL_NONE },            /* 400 */
	{ "MethodNotAllowed", HTTP_CLASS_PERMANENT, KUBE_SPECIAL_NONE },      /* 405 */
	{ "NotAcceptable", HTTP_CLASS_PERMANENT, KUBE_SPECIAL_NONE },         /* 406 */
	{ "RequestEntityTooLarge", HTTP_CLASS_PERMANENT, KUBE_SPECIAL_NONE }, /* 413 */
	{ "UnsupportedMediaType", HTTP_CLASS_PERMANENT, KUBE_SPECIAL_NONE },  /* 415 */
	{ "TooManyRequests", HTTP_CLASS_THROTTLED, KUBE_SPECIAL_NONE },       /* 429 */
	{ "ServerTimeout", HTTP_CLASS_RETRY,
	  KUBE_SPECIAL_NONE },                              /* 500: "after retryAfterSeconds" */
	{ "Timeout", HTTP_CLASS_RETRY, KUBE_SPECIAL_NONE }, /* 504: may have been done */
	{ "InternalError", HTTP_CLASS_RETRY,
	  KUBE_SPECIAL_NONE }, /* 500: also of a store that's away */
	{ "ServiceUnavailable", HTTP_CLASS_RETRY, KUBE_SPECIAL_NONE }, /* 503 */
	{ "StorageReadError", HTTP_CLASS_PERMANENT,
	  KUBE_SPECIAL_NONE }, /* 500: an object can't be decrypted */
};

struct status {
	const char *kind, *reason, *message;
	int64_t code, retry_after_sec;
	struct {
		struct cause {
			const char *reason, *message, *field;
		} * v;
		size_t n;
	} causes;
};

static const struct kube_field cause_fields[] = {
	{ "reason", KUBE_TEXT, 0, offsetof(struct cause, reason) },
	{ "message", KUBE_TEXT, 0, offsetof(struct cause, message), 65536 },
	{ "field", KUBE_TEXT, 0, offsetof(struct cause, field) },
};
static const struct kube_table cause_table = { sizeof(struct cause), cause_fields,
					       ARRAY_SIZE(cause_fields) };

static const struct kube_field status_fields[] = {
	{ "kind", KUBE_TEXT, 0, offsetof(struct status, kind) },
	{ "reason", KUBE_TEXT, 0, offsetof(struct status, reason) },
	{ "message", KUBE_TEXT, 0, offsetof(struct status, message), 65536 },
	{ "code", KUBE_I64, 0, offsetof(struct status, code) },
	{ "details/retryAfterSeconds", KUBE_I64, 0, offsetof(struct status, retry_after_sec) },
	{ "details/causes", KUBE_LIST, 0, offsetof(struct status, causes), 1024, NULL,
	  &cause_table },
};
static const struct kube_table status_table = { sizeof(struct status), status_fields,
						ARRAY_SIZE(status_fields) };

static void cleanup_json(struct json_t **json)
{
	kube_json_free(*json);
}

void kube_failure_set(struct kube_failure *ret, const char *what, enum http_class class,
		      const char *text)
{
	*ret = (struct kube_failure){ .class = class, .retry_after_ms = -1 };
	snprintf(ret->text, sizeof(ret->text), "%s: %s", what, text);
	text_mask_controls(ret->text, strlen(ret->text));
}

/*
 * ResourceVersionTooLarge (apiserver's storage/errors.go): the watch cache hasn't come so far in three seconds; it's
 * a Timeout with a cause. Where the cause got lost, the sentence begins like this.
 */
static bool is_too_new(const struct status *status)
{
	for (size_t i = 0; i < status->causes.n; i++)
		if (status->causes.v[i].reason &&
		    strcmp(status->causes.v[i].reason, "ResourceVersionTooLarge") == 0)
			return true;
	return status->reason && status->message && strcmp(status->reason, "Timeout") == 0 &&
	       strstr(status->message, "Too large resource version");
}

static void classify(const struct status *status, struct kube_failure *ret)
{
	ret->class = http_classify(0, ret->status);
	if (ret->class == HTTP_CLASS_OK)
		ret->class =
			HTTP_CLASS_RETRY; /* a Status that isn't one of an error: not what we asked for */
	ret->special = ret->status == 410 ? KUBE_SPECIAL_EXPIRED : KUBE_SPECIAL_NONE;
	for (size_t i = 0; status->reason && i < ARRAY_SIZE(reasons); i++) {
		if (strcmp(reasons[i].reason, status->reason) == 0) {
			ret->class = reasons[i].class;
			ret->special = reasons[i].special;
		}
	}
	if (is_too_new(status))
		ret->special = KUBE_SPECIAL_TOO_NEW;
}

static void use_status(const char *what, const struct status *status, struct kube_failure *ret)
{
	if (status->code >= 100 && status->code < 600)
		ret->status = status->code;
	classify(status, ret);
	snprintf(ret->reason, sizeof(ret->reason), "%s", status->reason ? status->reason : "");
	snprintf(ret->text, sizeof(ret->text), "%s: %ld %s: %s", what, ret->status,
		 status->reason ? status->reason : "without a reason",
		 status->message ? status->message : "no message");
	if (ret->retry_after_ms < 0 && status->retry_after_sec > 0 &&
	    status->retry_after_sec < 86400)
		ret->retry_after_ms = status->retry_after_sec * 1000;
}

void kube_failure_read_status(const char *what, const struct json_t *json, struct kube_failure *ret)
{
	struct status status;

	kube_failure_set(ret, what, HTTP_CLASS_RETRY, "an error that can't be read");
	if (kube_json_read(&status_table, json, &status, NULL) < 0)
		return;
	use_status(what, &status, ret);
	text_mask_controls(ret->text, strlen(ret->text));
	kube_json_done(&status_table, &status);
}

/* Tokens have a beginning and an end: who is refused may simply have the wrong time. */
static void tell_skew(const struct http_response *response, struct kube_failure *ret)
{
	const int64_t skew = response->date_sec < 0 ? 0 : (int64_t)time(NULL) - response->date_sec;
	const size_t length = strlen(ret->text);

	if (ret->class == HTTP_CLASS_CREDENTIALS && (skew > SKEW_TOLD_SEC || skew < -SKEW_TOLD_SEC))
		snprintf(ret->text + length, sizeof(ret->text) - length,
			 " (this host's clock is %lld s %s the server's)", llabs((long long)skew),
			 skew > 0 ? "ahead of" : "behind");
}

static bool is_ok(const struct http_response *response)
{
	return response->rc == 0 && response->status >= 200 && response->status < 300;
}

void kube_failure_read(const char *what, const struct http_response *response,
		       struct kube_failure *ret)
{
	CLEANUP(cleanup_json) struct json_t *json = NULL;
	struct status status = { 0 };

	kube_failure_set(ret, what, http_classify(response->rc, response->status), response->error);
	ret->rc = response->rc;
	ret->status = response->status;
	ret->retry_after_ms = response->retry_after_ms;
	if (is_ok(response))
		ret->text[0] = '\0';
	if (response->rc != 0 || is_ok(response))
		return;
	if (kube_json_parse(response->body, response->body_length, &json, NULL) == 0 &&
	    kube_json_read(&status_table, json, &status, NULL) == 0 && status.kind &&
	    strcmp(status.kind, "Status") == 0) {
		use_status(what, &status, ret);
	} else {
		if (response->status == 410)
			ret->special = KUBE_SPECIAL_EXPIRED;
		snprintf(ret->text, sizeof(ret->text),
			 "%s: HTTP status %ld without a word of Kubernetes", what,
			 response->status);
	}
	tell_skew(response, ret);
	text_mask_controls(ret->text, strlen(ret->text));
	kube_json_done(&status_table, &status);
}

int kube_failure_id(const struct kube_failure *failure)
{
	static const int ids[HTTP_CLASS_COUNT] = {
		[HTTP_CLASS_RETRY] = MSG_KUBE_UNREACHABLE,
		[HTTP_CLASS_THROTTLED] = MSG_KUBE_THROTTLED,
		[HTTP_CLASS_CREDENTIALS] = MSG_KUBE_UNAUTHORIZED,
		[HTTP_CLASS_NOT_FOUND] = MSG_KUBE_NOT_FOUND,
		[HTTP_CLASS_CONFLICT] = MSG_KUBE_REFUSED,
		[HTTP_CLASS_PERMANENT] = MSG_KUBE_REFUSED,
	};

	return failure->special == KUBE_SPECIAL_FORBIDDEN ? MSG_KUBE_FORBIDDEN :
							    ids[failure->class];
}
