// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * At any time either a fetch is under way or the timer is armed for the next one, or, when the set never ends,
 * neither. Whether there is something to sign with is another question, answered by `set` alone.
 */
#include "awsapi/credentials.h"

#include "awsapi/call.h"
#include "awsapi/credentials_fetch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mono.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS 60000
#define REFUSED_PAUSE_MS 10000

struct credentials {
	struct credentials_options options;
	struct credentials_source source;
	struct loop_timer *timer;
	struct credentials_fetch *fetch;
	struct credentials_set set; /* no access key: none yet */
	struct backoff backoff;
	enum http_class failure;
	char error[512];
	struct mono fetched_at; /* when the last fetch began */
};

static int64_t system_wall_sec(void)
{
	return time(NULL);
}

static const char *system_env(const char *name, void *data)
{
	(void)data;
	return secure_getenv(name);
}

static bool has_set(const struct credentials *credentials)
{
	return credentials->set.access_key[0];
}

static enum credentials_age age_of(const struct credentials *credentials)
{
	return has_set(credentials) ? credentials_age(credentials->set.expires_sec,
						      credentials->options.wall_sec()) :
				      CREDENTIALS_NONE;
}

static void arm(struct credentials *credentials, int64_t ms)
{
	if (ms < 0)
		loop_timer_disarm(credentials->timer);
	else
		(void)loop_timer_arm_ms(credentials->timer, ms);
}

static void take_failure(struct credentials *credentials, enum http_class class, int64_t asked_ms,
			 const char *error)
{
	credentials->failure = class;
	snprintf(credentials->error, sizeof(credentials->error), "%s", error);
	arm(credentials,
	    credentials_retry_ms(age_of(credentials), &credentials->backoff, class, asked_ms));
}

static void take_set(struct credentials *credentials, struct credentials_set *set)
{
	credentials_set_move(set, &credentials->set);
	credentials->failure = HTTP_CLASS_OK;
	credentials->error[0] = '\0';
	backoff_reset(&credentials->backoff);
	arm(credentials,
	    credentials_wait_ms(credentials->set.expires_sec, credentials->options.wall_sec(),
				credentials->backoff.random++));
}

static void tell(const struct credentials *credentials)
{
	if (credentials->options.on_change)
		credentials->options.on_change(credentials->options.data); /* may free us */
}

static void on_fetched(const struct credentials_fetched *fetched, void *data)
{
	struct credentials *const credentials = data;

	credentials->fetch = NULL;
	if (fetched->class == HTTP_CLASS_OK)
		take_set(credentials, fetched->set);
	else
		take_failure(credentials, fetched->class, fetched->retry_after_ms, fetched->error);
	tell(credentials);
}

static void fetch(struct credentials *credentials)
{
	const struct credentials_options *const options = &credentials->options;
	const struct credentials_fetch_options fetch_options = {
		.source = &credentials->source,
		.http = options->http,
		.imds = options->imds,
		.sts = options->sts,
		.ca_file = options->ca_file,
		.done = on_fetched,
		.data = credentials,
	};
	struct err err = ERR_NULL;

	credentials->fetched_at = mono_now();
	credentials->fetch = credentials_fetch_start(&fetch_options, &err);
	if (credentials->fetch)
		return;
	take_failure(credentials, HTTP_CLASS_RETRY, -1, err.text);
	tell(credentials);
}

/* The keys of the environment are there from the beginning; they are announced from the loop, too. */
static void timer_expired(void *data)
{
	struct credentials *const credentials = data;

	if (credentials->source.kind != CREDENTIALS_ENVIRONMENT) {
		fetch(credentials);
		return;
	}
	if (secret_is_set(&credentials->source.set.secret_key))
		take_set(credentials, &credentials->source.set);
	tell(credentials);
}

void credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return;
	credentials_fetch_cancel(credentials->fetch);
	loop_timer_free(credentials->timer);
	credentials_source_done(&credentials->source);
	credentials_set_done(&credentials->set);
	free(credentials);
}

static void cleanup_credentials(struct credentials **credentials)
{
	credentials_free(*credentials);
}

static int set_up(struct credentials *credentials, struct err *err)
{
	struct credentials_options *const options = &credentials->options;
	const int r = credentials_source_choose(options->env, options->env_data,
						&credentials->source, err);

	if (r < 0)
		return err_prefix(err, r, "credentials");
	if (credentials->source.kind == CREDENTIALS_WEB_IDENTITY && !options->sts)
		return err_set(err, -EINVAL, "credentials: web identity needs a region");
	credentials->timer = loop_timer_new(options->loop, timer_expired, credentials);
	if (!credentials->timer || loop_timer_arm_ms(credentials->timer, 0) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}

struct credentials *credentials_new(const struct credentials_options *options, struct err *err)
{
	CLEANUP(cleanup_credentials)
	struct credentials *credentials = calloc(1, sizeof(*credentials));

	if (!credentials) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	credentials->options = *options;
	if (!options->env)
		credentials->options.env = system_env;
	if (!options->wall_sec)
		credentials->options.wall_sec = system_wall_sec;
	credentials->backoff = (struct backoff){
		.base_ms = BACKOFF_BASE_MS,
		.cap_ms = BACKOFF_CAP_MS,
		.random = options->seed ? options->seed : (uint64_t)mono_now().ns,
	};
	if (set_up(credentials, err) < 0)
		return NULL;
	return TAKE_PTR(credentials);
}

int credentials_get(struct aws_credentials *ret, void *data)
{
	const struct credentials *const credentials = data;
	const struct credentials_set *const set = &credentials->set;

	if (!has_set(credentials))
		return -EAGAIN;
	*ret = (struct aws_credentials){
		.access_key = set->access_key,
		.secret_key = secret_reveal(&set->secret_key),
		.session_token = secret_is_set(&set->session_token) ?
					 secret_reveal(&set->session_token) :
					 NULL,
	};
	return 0;
}

void credentials_refuse(struct credentials *credentials)
{
	const int64_t since_ms = mono_diff_ms(mono_now(), credentials->fetched_at);

	/* Nobody has others for us than the environment. */
	if (credentials->fetch || credentials->source.kind == CREDENTIALS_ENVIRONMENT ||
	    !has_set(credentials))
		return;
	arm(credentials, since_ms < REFUSED_PAUSE_MS ? REFUSED_PAUSE_MS - since_ms : 0);
}

void credentials_status(const struct credentials *credentials, struct credentials_status *ret)
{
	*ret = (struct credentials_status){
		.kind = credentials->source.kind,
		.age = age_of(credentials),
		.expires_sec = credentials->set.expires_sec,
		.failures = credentials->backoff.attempt,
		.failure = credentials->failure,
	};
	memcpy(ret->access_key, credentials->set.access_key, sizeof(ret->access_key));
	memcpy(ret->error, credentials->error, sizeof(ret->error));
}
