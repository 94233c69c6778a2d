// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "http/retry.h"

#include "base/cleanup.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#define ASKED_MAX_MS (5 * 60 * 1000)
#define DOUBLINGS_MAX 32
/* A throttled caller begins with a window that the others reach after two more failures. */
#define THROTTLED_DOUBLINGS 2

const char *const http_class_names[] = {
	[HTTP_CLASS_OK] = "ok",
	[HTTP_CLASS_RETRY] = "retry",
	[HTTP_CLASS_THROTTLED] = "throttled",
	[HTTP_CLASS_CREDENTIALS] = "credentials",
	[HTTP_CLASS_NOT_FOUND] = "not found",
	[HTTP_CLASS_CONFLICT] = "conflict",
	[HTTP_CLASS_PERMANENT] = "permanent",
};
static_assert(ARRAY_SIZE(http_class_names) == HTTP_CLASS_COUNT, "each class has a name");

/*
 * What isn't listed is permanent below 500 and passing from there on. "botocore" is its list of transient
 * errors and throttling codes (botocore/retries/standard.py); the others are RFC 9110 and its kin.
 */
static const struct {
	long status;
	enum http_class class;
} statuses[] = {
	{ 401, HTTP_CLASS_CREDENTIALS }, /* RFC 9110, 15.5.2 */
	{ 403, HTTP_CLASS_PERMANENT },   /* 15.5.4: not again with the same credentials */
	{ 404, HTTP_CLASS_NOT_FOUND },   /* 15.5.5 */
	{ 408, HTTP_CLASS_RETRY },       /* 15.5.9: may repeat */
	{ 409, HTTP_CLASS_CONFLICT },    /* 15.5.10 */
	{ 410, HTTP_CLASS_NOT_FOUND },   /* 15.5.11 */
	{ 412, HTTP_CLASS_CONFLICT },    /* 15.5.13: somebody changed it before us */
	{ 421, HTTP_CLASS_RETRY },       /* 15.5.20: another connection */
	{ 425, HTTP_CLASS_RETRY },       /* RFC 8470, 5.2 */
	{ 429, HTTP_CLASS_THROTTLED },   /* RFC 6585, 4; botocore */
	{ 501, HTTP_CLASS_PERMANENT },   /* RFC 9110, 15.6.2 */
	{ 505, HTTP_CLASS_PERMANENT },   /* 15.6.6 */
	{ 509, HTTP_CLASS_THROTTLED },   /* bandwidth limit; botocore */
	{ 511, HTTP_CLASS_PERMANENT },   /* RFC 6585, 6: a captive portal, not whom we asked */
};

static enum http_class classify_status(long status)
{
	if (status >= 200 && status < 300)
		return HTTP_CLASS_OK;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].class;
	return status >= 500 && status < 600 ? HTTP_CLASS_RETRY : HTTP_CLASS_PERMANENT;
}

enum http_class http_classify(int rc, long status)
{
	switch (rc) {
	case 0:
		return classify_status(status);
	case -EINVAL:   /* such a request can't be sent */
	case -EMSGSIZE: /* the same answer would be as long again */
	case -ENOTSUP:
		return HTTP_CLASS_PERMANENT;
	default:
		/* EPROTO too: an answer that was cut, and also a certificate that is renewed by somebody else. */
		return HTTP_CLASS_RETRY;
	}
}

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators"). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state ? *state : 1;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

static uint64_t window_ms(const struct backoff *backoff, enum http_class why)
{
	uint32_t doublings = backoff->attempt - 1;

	if (why == HTTP_CLASS_PERMANENT)
		return backoff->cap_ms;
	if (doublings > DOUBLINGS_MAX)
		doublings = DOUBLINGS_MAX;
	if (why == HTTP_CLASS_THROTTLED)
		doublings += THROTTLED_DOUBLINGS;
	const uint64_t window = (uint64_t)backoff->base_ms << (doublings < 32 ? doublings : 32);
	return window < backoff->cap_ms ? window : backoff->cap_ms;
}

int64_t backoff_next_ms(struct backoff *backoff, enum http_class why, int64_t asked_ms)
{
	if (backoff->attempt < UINT32_MAX)
		backoff->attempt++;
	if (backoff->attempts_max > 0 && backoff->attempt >= backoff->attempts_max)
		return -1;

	/* The high bits are the good ones; the bias of the remainder is below 2^-31. */
	const uint64_t random = next_random(&backoff->random) >> 1;
	const int64_t delay = (int64_t)(random % (window_ms(backoff, why) + 1));
	const int64_t asked = asked_ms < ASKED_MAX_MS ? asked_ms : ASKED_MAX_MS;
	return delay > asked ? delay : asked;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->attempt = 0;
}
