// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A call is either waiting for its timer (before the first request and between attempts) or for its
 * transfer. Pages grow in one struct; an answer that can't be read empties it, and the first page is asked
 * for again.
 */
#include "awsapi/call.h"

#include <assert.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "awsapi/ec2.h"
#include "awsapi/xml.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/seed.h"
#include "http/http.h"

#define PAGES_MAX 200

static const struct {
	struct http_limits limits;
	uint32_t base_ms, cap_ms, attempts_max;
} budgets[] = {
	[AWS_BUDGET_ROUTINE] = { { 5000, 20000, 10000, XML_BYTES_MAX }, 1000, 20000, 5 },
	[AWS_BUDGET_FAILOVER] = { { 1500, 5000, 2000, XML_BYTES_MAX }, 100, 2000, 12 },
	[AWS_BUDGET_ONE] = { { 5000, 10000, 0, XML_BYTES_MAX }, 1000, 1000, 1 },
};
static_assert(ARRAY_SIZE(budgets) == AWS_BUDGET_COUNT, "each budget has its numbers");

struct aws_call {
	const struct aws_caller *caller;
	struct aws_endpoint endpoint;
	struct aws_request request;
	enum aws_budget budget;
	aws_call_done_fn done;
	void *data;
	struct backoff backoff;
	struct loop_timer *timer;
	struct http_transfer *transfer; /* NULL: between attempts */
	uint32_t attempts;
	unsigned pages;    /* so many are in `value` */
	size_t first_page; /* length of the parameters without NextToken */
	void *value;
};

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool is_host_text(const char *text)
{
	for (const char *p = text; *p; p++)
		if (!is_host_char(*p))
			return false;
	return *text != '\0';
}

/* Partitions by their regions' names (botocore, partitions.json). */
static const struct {
	const char *pattern; /* fnmatch(3) */
	const char *domain;
} domains[] = {
	{ "cn-*", "amazonaws.com.cn" },    { "eusc-*", "amazonaws.eu" },
	{ "us-iso-*", "c2s.ic.gov" },      { "us-isob-*", "sc2s.sgov.gov" },
	{ "eu-isoe-*", "cloud.adc-e.uk" }, { "us-isof-*", "csp.hci.ic.gov" },
	{ "*", "amazonaws.com" },
};

const char *aws_region_domain(const char *region)
{
	size_t i = 0;

	while (fnmatch(domains[i].pattern, region, 0) != 0)
		i++;
	return domains[i].domain;
}

int aws_endpoint_init(struct aws_endpoint *ret, enum aws_service service, const char *region,
		      const char *domain, const char *url)
{
	struct aws_endpoint endpoint = { .service = service };
	int length;

	/* What comes from IMDS or a file must not lead elsewhere: "eu-central-1.evil/". */
	if (!is_host_text(region) || strchr(region, '.') ||
	    strlen(region) >= sizeof(endpoint.region))
		return -EINVAL;
	if (url)
		length = snprintf(endpoint.url, sizeof(endpoint.url), "%s", url);
	else if (is_host_text(domain))
		length = snprintf(endpoint.url, sizeof(endpoint.url), "https://%s.%s.%s/",
				  aws_service_names[service], region, domain);
	else
		return -EINVAL;
	if (length < 0 || (size_t)length >= sizeof(endpoint.url))
		return -EINVAL;
	if (strncmp(endpoint.url, "https://", 8) != 0 && strncmp(endpoint.url, "http://", 7) != 0)
		return -EINVAL;
	memcpy(endpoint.region, region, strlen(region) + 1);
	*ret = endpoint;
	return 0;
}

static void call_free(struct aws_call *call)
{
	if (!call)
		return;
	loop_timer_free(call->timer);
	if (call->value)
		aws_action_done(call->request.action, call->value);
	free(call->value);
	aws_request_done(&call->request);
	free(call);
}

void aws_call_cancel(struct aws_call *call)
{
	if (call && call->transfer)
		http_cancel(call->transfer);
	call_free(call);
}

/* The call is over: told, then freed. */
static void finish(struct aws_call *call, struct aws_failure *failure)
{
	failure->attempts = call->attempts;
	call->done(failure, failure->class == HTTP_CLASS_OK ? call->value : NULL, call->data);
	call_free(call);
}

/* AWS has certainly done nothing: it refused to look, or never heard of it. */
static bool is_undone(const struct aws_failure *failure, int rc)
{
	return failure->class == HTTP_CLASS_THROTTLED || rc == -ECONNREFUSED || rc == -EHOSTUNREACH;
}

static bool may_repeat(const struct aws_call *call, const struct aws_failure *failure, int rc)
{
	if (failure->class != HTTP_CLASS_RETRY && failure->class != HTTP_CLASS_THROTTLED)
		return false;
	return !(call->request.action->flags & AWS_ACTION_ONCE) || is_undone(failure, rc);
}

/* `rc` is that of the transport, 0 if there was an answer. */
static void fail_attempt(struct aws_call *call, struct aws_failure *failure, int rc)
{
	int64_t delay_ms = -1;

	if (may_repeat(call, failure, rc))
		delay_ms = backoff_next_ms(&call->backoff, failure->class, failure->retry_after_ms);
	if (delay_ms < 0 || loop_timer_arm_ms(call->timer, delay_ms) != 0)
		finish(call, failure);
}

static char *token_of(const struct aws_call *call)
{
	const size_t offset = call->request.action->next_token;

	return offset ? (char *)call->value + offset : NULL;
}

/* The parameters of the next page: 0, 1: there's none, negative: they can't be put together. */
static int turn_page(struct aws_call *call)
{
	char *const token = token_of(call);

	if (!token || *token == '\0')
		return 1;
	call->request.params.length = call->first_page;
	aws_params_add(&call->request.params, "NextToken", token);
	token[0] = '\0';
	return call->request.params.rc;
}

static void back_to_first_page(struct aws_call *call)
{
	aws_action_done(call->request.action, call->value);
	call->request.params.length = call->first_page;
	call->request.params.text[call->first_page] = '\0';
	call->pages = 0;
}

static void take_answer(struct aws_call *call, const struct http_response *response,
			struct aws_failure *failure)
{
	const struct aws_action *const action = call->request.action;
	struct err err = ERR_NULL;

	if (aws_action_read(action, response->body, response->body_length, call->value, &err) !=
	    0) {
		char text[ERR_TEXT_MAX + 64];
		snprintf(text, sizeof(text), "the answer can't be read: %s", err.text);
		aws_failure_set(failure, action->name, HTTP_CLASS_RETRY, text);
		failure->status = response->status;
		back_to_first_page(call);
		fail_attempt(call, failure, 0);
		return;
	}
	backoff_reset(&call->backoff);
	const int rc = turn_page(call);
	if (rc > 0) {
		finish(call, failure);
		return;
	}
	if (rc < 0 || ++call->pages >= PAGES_MAX || loop_timer_arm_ms(call->timer, 0) != 0) {
		aws_failure_set(failure, action->name, HTTP_CLASS_PERMANENT,
				"the answer has too many pages");
		finish(call, failure);
	}
}

static void on_response(const struct http_response *response, void *data)
{
	struct aws_call *const call = data;
	struct aws_failure failure;

	call->transfer = NULL;
	aws_failure_read(call->request.action->name, response, &failure);
	if (failure.class != HTTP_CLASS_OK)
		fail_attempt(call, &failure, response->rc);
	else if (failure.code[0])
		finish(call, &failure); /* a permitted dry run */
	else
		take_answer(call, response, &failure);
}

static struct http_transfer *send_request(struct aws_call *call,
					  const struct aws_credentials *credentials,
					  struct err *err)
{
	static const struct http_header headers[] = {
		{ "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" },
	};
	const struct http_signature signature = {
		.region = call->endpoint.region,
		.service = aws_service_names[call->endpoint.service],
		.access_key = credentials->access_key,
		.secret_key = credentials->secret_key,
		.session_token = credentials->session_token,
	};
	const struct http_request request = {
		.method = HTTP_POST,
		.url = call->endpoint.url,
		.headers = headers,
		.n_headers = ARRAY_SIZE(headers),
		.body = call->request.params.text,
		.body_length = call->request.params.length,
		.limits = budgets[call->budget].limits,
		.signature = &signature,
		.ca_file = call->caller->ca_file,
		.interface = call->caller->interface,
		/* A kept connection may lead to what has just failed. */
		.fresh_connection = call->backoff.attempt > 0,
	};

	return http_start(call->caller->http, &request, on_response, call, err);
}

static void start_attempt(void *data)
{
	struct aws_call *const call = data;
	const char *const name = call->request.action->name;
	struct aws_credentials credentials = { 0 };
	struct aws_failure failure;
	struct err err = ERR_NULL;

	if (call->caller->credentials(&credentials, call->caller->credentials_data) != 0) {
		aws_failure_set(&failure, name, HTTP_CLASS_CREDENTIALS,
				"there are no credentials to sign it with");
		finish(call, &failure);
		return;
	}
	call->attempts++;
	call->transfer = send_request(call, &credentials, &err);
	if (call->transfer)
		return;
	aws_failure_set(&failure, name, HTTP_CLASS_RETRY, err.text);
	fail_attempt(call, &failure, -EHOSTUNREACH); /* nothing was sent */
}

struct aws_call *aws_call_start(const struct aws_call_options *options, struct err *err)
{
	struct aws_request request = *options->request;
	struct aws_call *const call = calloc(1, sizeof(*call));

	*options->request = (struct aws_request){ 0 };
	assert(request.action && request.action->service == options->endpoint->service);
	if (!call) {
		aws_request_done(&request);
		err_set(err, -ENOMEM, "no memory for a call");
		return NULL;
	}
	*call = (struct aws_call){
		.caller = options->caller,
		.endpoint = *options->endpoint,
		.request = request,
		.budget = options->budget,
		.done = options->done,
		.data = options->data,
		.backoff = { .base_ms = budgets[options->budget].base_ms,
			     .cap_ms = budgets[options->budget].cap_ms,
			     .attempts_max = budgets[options->budget].attempts_max,
			     .random = seed_guessable() },
		.timer = loop_timer_new(options->caller->loop, start_attempt, call),
		.first_page = request.params.length,
		.value = calloc(1, request.action->answer->size),
	};
	const char *const why = !call->timer || !call->value ? "no memory for a call" :
				request.params.rc != 0       ? "the request can't be put together" :
				loop_timer_arm_ms(call->timer, 0) ? "no timer for a call" :
								    NULL;
	if (!why)
		return call;
	err_set(err, -ENOMEM, "%s: %s", request.action->name, why);
	call_free(call);
	return NULL;
}
