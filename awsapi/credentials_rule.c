// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/credentials_rule.h"

#include "base/cleanup.h"

#include <assert.h>

#define SHORT_LIVED_MS (30 * 1000)
#define UNHURRIED_MS (60 * 1000)
#define EXTENSION_SEC (10 * 60)
#define EXTENSION_JITTER_MIN_SEC 120
#define EXTENSION_JITTER_MAX_SEC 600
#define WAIT_MAX_SEC (24 * 60 * 60) /* the wall clock may jump: look again */

const char *const credentials_age_names[] = {
	[CREDENTIALS_NONE] = "none",         [CREDENTIALS_FRESH] = "fresh",
	[CREDENTIALS_ADVISORY] = "advisory", [CREDENTIALS_MANDATORY] = "mandatory",
	[CREDENTIALS_EXPIRED] = "expired",
};
static_assert(ARRAY_SIZE(credentials_age_names) == CREDENTIALS_AGE_COUNT, "each age has a name");

enum credentials_age credentials_age(int64_t expires_sec, int64_t now_sec)
{
	if (expires_sec == 0)
		return CREDENTIALS_FRESH;
	if (expires_sec <= now_sec)
		return CREDENTIALS_EXPIRED;
	if (expires_sec - now_sec <= CREDENTIALS_MANDATORY_SEC)
		return CREDENTIALS_MANDATORY;
	return expires_sec - now_sec <= CREDENTIALS_ADVISORY_SEC ? CREDENTIALS_ADVISORY :
								   CREDENTIALS_FRESH;
}

int64_t credentials_wait_ms(int64_t expires_sec, int64_t now_sec, uint64_t random)
{
	const int64_t jitter_sec =
		EXTENSION_JITTER_MIN_SEC +
		(int64_t)(random % (EXTENSION_JITTER_MAX_SEC - EXTENSION_JITTER_MIN_SEC + 1));

	if (expires_sec == 0)
		return -1;
	switch (credentials_age(expires_sec, now_sec)) {
	case CREDENTIALS_EXPIRED:
		return (EXTENSION_SEC + jitter_sec) * 1000;
	case CREDENTIALS_MANDATORY:
	case CREDENTIALS_ADVISORY:
		/* Somebody who hands out short-lived ones isn't asked without a pause. */
		return SHORT_LIVED_MS + jitter_sec * 10;
	default:
		break;
	}
	const int64_t wait_sec = expires_sec - now_sec - CREDENTIALS_ADVISORY_SEC;
	return (wait_sec < WAIT_MAX_SEC ? wait_sec : WAIT_MAX_SEC) * 1000;
}

int64_t credentials_retry_ms(enum credentials_age age, struct backoff *backoff, enum http_class why,
			     int64_t asked_ms)
{
	const int64_t delay_ms = backoff_next_ms(backoff, why, asked_ms);
	const bool unhurried = age == CREDENTIALS_FRESH || age == CREDENTIALS_ADVISORY;

	return unhurried && delay_ms < UNHURRIED_MS ? UNHURRIED_MS : delay_ms;
}
