// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Each get is a small state machine; `run` moves all of them on and arms the one timer for the next deadline.
 * A get that failed for good is delivered from the timer, one in a pass: after a callback nothing here is
 * touched any more, so that it may free us.
 */
#include "awsapi/imds.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mono.h"
#include "base/secret.h"
#include "http/http.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define URL_MAX 256
#define TTL_MAX_SEC 21600
#define TOKEN_MAX 4096         /* bytes; 56 are usual */
#define RENEW_BEFORE_MS 300000 /* a token's end; less where tokens are short */
#define RENEW_AGAIN_MS 10000   /* after a failure, while the old one is still good */
#define ANSWER_MAX (256U << 10)
#define ATTEMPTS_MAX 4
#define BACKOFF_BASE_MS 100
#define BACKOFF_CAP_MS 2000
#define GETS_MAX 256

/* The service is on the host below us: it answers at once or not at all. */
#define CONNECT_MS 1000
#define TOTAL_MS 3000

enum get_state {
	GET_WAITING, /* for `due`, and then for a token */
	GET_ASKING,
	GET_ENDED, /* failed; to be delivered */
};

struct imds_get {
	struct imds *imds;
	struct imds_get *next, **link;
	enum get_state state;
	char path[IMDS_PATH_MAX];
	struct mono due;
	struct http_transfer *transfer;
	struct backoff backoff;
	bool refused_once; /* by 401 */
	enum http_class class;
	char error[320];
	imds_done_fn done;
	void *data;
};

struct imds {
	struct loop *loop;
	struct http *http;
	struct loop_timer *timer;
	char base_url[URL_MAX];
	struct http_limits limits;
	uint32_t ttl_sec;
	uint64_t random;
	struct secret token; /* set: valid until token_until, unless the service says otherwise */
	struct mono token_until; /* counted from when it was asked for */
	struct mono renew_at;
	struct mono token_asked;
	struct http_transfer *token_transfer;
	struct imds_get *first;
	size_t n;
};

static void run(struct imds *imds);

static void arm(struct imds *imds, int64_t ms)
{
	/* Can fail only for lack of memory; then the next request or answer moves everything on. */
	(void)loop_timer_arm_ms(imds->timer, ms);
}

static void unlink_get(struct imds_get *get)
{
	*get->link = get->next;
	if (get->next)
		get->next->link = get->link;
	get->imds->n--;
}

static void end_get(struct imds_get *get, const struct imds_answer *answer)
{
	const imds_done_fn done = get->done;
	void *const data = get->data;

	unlink_get(get);
	done(answer, data);
	free(get);
}

/* Again after a while, or at an end. */
static void fail_get(struct imds_get *get, enum http_class class, int64_t asked_ms,
		     const char *error)
{
	const bool again = class == HTTP_CLASS_RETRY || class == HTTP_CLASS_THROTTLED;
	const int64_t delay_ms = again ? backoff_next_ms(&get->backoff, class, asked_ms) : -1;

	if (delay_ms >= 0) {
		get->state = GET_WAITING;
		get->due = mono_add_ms(mono_now(), delay_ms);
		return;
	}
	get->state = GET_ENDED;
	get->class = class;
	snprintf(get->error, sizeof(get->error), "instance metadata: %s", error);
}

static void describe(const struct http_response *response, const char *path, char *ret, size_t size)
{
	if (response->rc != 0)
		snprintf(ret, size, "%.120s: %.120s", path, response->error);
	else if (response->status == 403)
		snprintf(ret, size, "the service is disabled for this instance (HTTP 403)");
	else if (response->status == 200)
		snprintf(ret, size, "%.120s: isn't text (is it compressed?)", path);
	else
		snprintf(ret, size, "%.120s: HTTP status %ld", path, response->status);
}

/*
 * 503 comes when the service throttles ("Query throttling" in the user guide); 429 isn't documented, but means
 * that.
 */
static enum http_class classify(const struct http_response *response)
{
	if (response->rc == 0 && response->status == 503)
		return HTTP_CLASS_THROTTLED;
	if (response->rc == 0 && response->status == 200 &&
	    memchr(response->body, '\0', response->body_length))
		return HTTP_CLASS_RETRY;
	/* Nothing but 200 is an answer; 204 would be one without text. */
	if (response->rc == 0 && response->status > 200 && response->status < 300)
		return HTTP_CLASS_RETRY;
	return http_classify(response->rc, response->status);
}

static void on_answer(const struct http_response *response, void *data)
{
	struct imds_get *const get = data;
	struct imds *const imds = get->imds;
	enum http_class class = classify(response);
	char error[256];

	get->transfer = NULL;
	if (class == HTTP_CLASS_OK) {
		const struct imds_answer answer = { .class = class,
						    .text = response->body,
						    .length = response->body_length,
						    .error = "" };
		end_get(get, &answer);
		return;
	}
	describe(response, get->path, error, sizeof(error));
	if (class == HTTP_CLASS_CREDENTIALS && !get->refused_once) {
		/* Another get may have seen to a new token since this one was sent. */
		if (mono_diff_ms(imds->token_asked, get->due) <= 0)
			secret_done(&imds->token);
		get->refused_once = true;
		get->state = GET_WAITING;
		get->due = mono_now();
	} else {
		fail_get(get, class, response->retry_after_ms, error);
	}
	run(imds);
}

static void ask(struct imds_get *get)
{
	struct imds *const imds = get->imds;
	const struct http_header header = { "X-aws-ec2-metadata-token",
					    secret_reveal(&imds->token) };
	char url[URL_MAX + IMDS_PATH_MAX + 16];
	const struct http_request request = {
		.method = HTTP_GET,
		.url = url,
		.headers = &header,
		.n_headers = 1,
		.limits = imds->limits,
		.no_proxy = true,
	};
	struct err err = ERR_NULL;

	snprintf(url, sizeof(url), "%s/latest/%s", imds->base_url, get->path);
	get->due = mono_now(); /* from now on: when it was sent */
	get->transfer = http_start(imds->http, &request, on_answer, get, &err);
	if (get->transfer)
		get->state = GET_ASKING;
	else
		fail_get(get, HTTP_CLASS_RETRY, -1, err.text);
}

static void describe_token(const struct http_response *response, char *ret, size_t size)
{
	if (response->rc == -ETIMEDOUT)
		snprintf(ret, size,
			 "no answer to the token request (in a container the hop limit must be 2)");
	else if (response->rc == 0 && response->status == 200)
		snprintf(ret, size, "the token isn't usable");
	else
		describe(response, "api/token", ret, size);
}

static void take_token(struct imds *imds)
{
	const int64_t ttl_ms = (int64_t)imds->ttl_sec * 1000;
	const int64_t margin_ms = ttl_ms / 4 < RENEW_BEFORE_MS ? ttl_ms / 4 : RENEW_BEFORE_MS;

	imds->token_until = mono_add_ms(imds->token_asked, ttl_ms);
	imds->renew_at = mono_add_ms(imds->token_until, -margin_ms);
}

/* The old token is used on while it's good. */
static bool put_off_renewal(struct imds *imds)
{
	const struct mono now = mono_now();

	if (!secret_is_set(&imds->token) || mono_diff_ms(imds->token_until, now) <= 0)
		return false;
	imds->renew_at = mono_add_ms(now, RENEW_AGAIN_MS);
	if (mono_diff_ms(imds->renew_at, imds->token_until) > 0)
		imds->renew_at = imds->token_until;
	return true;
}

static void fail_waiting(struct imds *imds, enum http_class class,
			 const struct http_response *response)
{
	const struct mono now = mono_now();
	char error[256];

	describe_token(response, error, sizeof(error));
	for (struct imds_get *get = imds->first; get; get = get->next)
		if (get->state == GET_WAITING && mono_diff_ms(get->due, now) <= 0)
			fail_get(get, class, response->retry_after_ms, error);
}

static void on_token(const struct http_response *response, void *data)
{
	struct imds *const imds = data;
	enum http_class class = classify(response);

	imds->token_transfer = NULL;
	if (class == HTTP_CLASS_OK &&
	    (response->body_length > TOKEN_MAX ||
	     secret_set(&imds->token, response->body, response->body_length) < 0))
		class = HTTP_CLASS_RETRY;
	if (class == HTTP_CLASS_OK)
		take_token(imds);
	else if (!put_off_renewal(imds))
		fail_waiting(imds, class == HTTP_CLASS_NOT_FOUND ? HTTP_CLASS_PERMANENT : class,
			     response);
	run(imds);
}

static void ask_token(struct imds *imds)
{
	char ttl[16];
	const struct http_header header = { "X-aws-ec2-metadata-token-ttl-seconds", ttl };
	char url[URL_MAX + 32];
	const struct http_request request = {
		.method = HTTP_PUT,
		.url = url,
		.headers = &header,
		.n_headers = 1,
		.limits = imds->limits,
		.no_proxy = true,
	};
	struct http_response failure = { .rc = -ENOMEM, .retry_after_ms = -1 };
	struct err err = ERR_NULL;

	snprintf(ttl, sizeof(ttl), "%" PRIu32, imds->ttl_sec);
	snprintf(url, sizeof(url), "%s/latest/api/token", imds->base_url);
	imds->token_asked = mono_now();
	imds->token_transfer = http_start(imds->http, &request, on_token, imds, &err);
	if (imds->token_transfer || put_off_renewal(imds))
		return;
	snprintf(failure.error, sizeof(failure.error), "%.200s", err.text);
	fail_waiting(imds, HTTP_CLASS_RETRY, &failure);
}

static bool has_token(const struct imds *imds, struct mono now)
{
	return secret_is_set(&imds->token) && mono_diff_ms(imds->renew_at, now) > 0;
}

static bool is_due(const struct imds_get *get, struct mono now)
{
	return get->state == GET_WAITING && mono_diff_ms(get->due, now) <= 0;
}

/* Milliseconds until something is to be done without an answer; -1: never. */
static int64_t next_deadline_ms(const struct imds *imds, struct mono now)
{
	int64_t next = -1;

	for (const struct imds_get *get = imds->first; get; get = get->next) {
		if (get->state == GET_ENDED)
			return 0;
		/* Who waits for the token is moved on by its arrival. */
		if (get->state != GET_WAITING || (is_due(get, now) && imds->token_transfer))
			continue;
		const int64_t ms = mono_diff_ms(get->due, now) + 1;
		if (next < 0 || ms < next)
			next = ms > 0 ? ms : 0;
	}
	return next;
}

static void run(struct imds *imds)
{
	const struct mono now = mono_now();

	for (struct imds_get *get = imds->first; get; get = get->next) {
		if (!is_due(get, now))
			continue;
		if (has_token(imds, now))
			ask(get);
		else if (!imds->token_transfer)
			ask_token(imds);
	}
	const int64_t next_ms = next_deadline_ms(imds, now);
	if (next_ms >= 0)
		arm(imds, next_ms);
}

static void timer_expired(void *data)
{
	struct imds *const imds = data;

	for (struct imds_get *get = imds->first; get; get = get->next) {
		if (get->state != GET_ENDED)
			continue;
		arm(imds, 0);
		const struct imds_answer answer = { .class = get->class,
						    .text = "",
						    .error = get->error };
		end_get(get, &answer);
		return;
	}
	run(imds);
}

static int set_base_url(struct imds *imds, const char *url, struct err *err)
{
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	if (n == 0 || n >= sizeof(imds->base_url))
		return err_set(err, -EINVAL, "not a base URL for the instance metadata service");
	memcpy(imds->base_url, url, n);
	return 0;
}

void imds_free(struct imds *imds)
{
	if (!imds)
		return;
	for (struct imds_get *get = imds->first, *next; get; get = next) {
		next = get->next;
		http_cancel(get->transfer);
		free(get);
	}
	http_cancel(imds->token_transfer);
	loop_timer_free(imds->timer);
	secret_done(&imds->token);
	free(imds);
}

static void cleanup_imds(struct imds **imds)
{
	imds_free(*imds);
}

struct imds *imds_new(const struct imds_options *options, struct err *err)
{
	CLEANUP(cleanup_imds) struct imds *imds = calloc(1, sizeof(*imds));
	const uint32_t ttl = options->token_ttl_sec;

	if (!imds) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	imds->loop = options->loop;
	imds->http = options->http;
	imds->ttl_sec = ttl > 0 && ttl < TTL_MAX_SEC ? ttl : TTL_MAX_SEC;
	imds->limits = (struct http_limits){
		.connect_ms = CONNECT_MS,
		.total_ms = options->timeout_ms ? options->timeout_ms : TOTAL_MS,
		.body_max = ANSWER_MAX,
	};
	imds->random = options->seed ? options->seed : (uint64_t)mono_now().ns;
	if (set_base_url(imds, options->base_url ? options->base_url : IMDS_URL, err) < 0)
		return NULL;
	imds->timer = loop_timer_new(imds->loop, timer_expired, imds);
	if (!imds->timer) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	return TAKE_PTR(imds);
}

/* What the service's names consist of; "%", "?" and "#" would mean something else. */
static bool path_is_valid(const char *path)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789/-_.:+=,@";

	return path[0] && path[0] != '/' && path[strspn(path, allowed)] == '\0' &&
	       strlen(path) < IMDS_PATH_MAX && !strstr(path, "..");
}

static void link_get(struct imds *imds, struct imds_get *get)
{
	get->imds = imds;
	get->next = imds->first;
	get->link = &imds->first;
	if (get->next)
		get->next->link = &get->next;
	imds->first = get;
	imds->n++;
}

struct imds_get *imds_get(struct imds *imds, const char *path, imds_done_fn done, void *data,
			  struct err *err)
{
	if (!path_is_valid(path)) {
		err_set(err, -EINVAL, "instance metadata: there can't be such a path");
		return NULL;
	}
	if (imds->n >= GETS_MAX) {
		err_set(err, -EBUSY, "instance metadata: %d requests are under way", GETS_MAX);
		return NULL;
	}
	CLEANUP(cleanup_free) struct imds_get *get = calloc(1, sizeof(*get));
	if (!get || loop_timer_arm_ms(imds->timer, 0) < 0) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	get->state = GET_WAITING;
	get->due = mono_now();
	get->backoff = (struct backoff){ .base_ms = BACKOFF_BASE_MS,
					 .cap_ms = BACKOFF_CAP_MS,
					 .attempts_max = ATTEMPTS_MAX,
					 .random = ++imds->random };
	snprintf(get->path, sizeof(get->path), "%s", path);
	get->done = done;
	get->data = data;
	link_get(imds, get);
	return TAKE_PTR(get);
}

void imds_cancel(struct imds_get *get)
{
	if (!get)
		return;
	http_cancel(get->transfer);
	unlink_get(get);
	free(get);
}
