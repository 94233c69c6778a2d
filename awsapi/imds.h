// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The instance metadata service, version 2 only: a session token is fetched by PUT, renewed before it ends
 * and once more when the service says 401; each GET carries it. What failed for the moment is tried again a
 * few times, since the service throttles. Never by a proxy (it's link-local).
 *
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "http/retry.h"

#define IMDS_URL "http://169.254.169.254"
#define IMDS_PATH_MAX 512

struct err;
struct http;
struct imds;
struct imds_get;
struct loop;

struct imds_options {
	struct loop *loop; /* both are borrowed and outlive the imds */
	struct http *http;
	const char *base_url;   /* NULL: IMDS_URL */
	uint32_t token_ttl_sec; /* 0: 21600, the longest */
	uint32_t timeout_ms;    /* of one request; 0: 3000 */
	uint64_t seed;          /* of the jitter; 0: some */
};

struct imds_answer {
	/*
	 * OK; NOT_FOUND: 404, which for many paths is an answer too; PERMANENT: the service is disabled (403) or
	 * refuses the request; RETRY, THROTTLED, CREDENTIALS: failed although it was tried again.
	 */
	enum http_class class;
	const char *text; /* NUL after `length` bytes and none within; "" when not OK */
	size_t length;
	const char *error; /* a sentence when not OK */
};

/* `answer` is valid during the call. Everything else is allowed in it, imds_free too. */
typedef void (*imds_done_fn)(const struct imds_answer *answer, void *data);

/* NULL: out of memory, or no usable base URL. */
struct imds *imds_new(const struct imds_options *options, struct err *err);
/* Cancels what is under way. NULL is fine. */
void imds_free(struct imds *imds);

/*
 * Asks for BASE/latest/PATH, e.g. "meta-data/instance-id". The callback comes once, from the loop. NULL: out of
 * memory, or the path has characters that no path has.
 */
struct imds_get *imds_get(struct imds *imds, const char *path, imds_done_fn done, void *data,
			  struct err *err);
/* The callback isn't called. NULL is fine; not allowed in or after its callback. */
void imds_cancel(struct imds_get *get);
