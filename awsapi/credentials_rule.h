// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * When credentials are fetched again. Pure. New ones are there at least 5 minutes before the old ones end; from
 * 15 minutes before the end on they are asked for (advisory), from 10 minutes on with haste (mandatory). While
 * nobody gives new ones the old ones are used on, even beyond their end: refusing them is AWS's decision, and
 * during an outage of the source it doesn't (botocore: _evaluate_expiration in botocore/utils.py; SDK reference
 * guide, "static stability").
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http/retry.h"

#define CREDENTIALS_ADVISORY_SEC (15 * 60)
#define CREDENTIALS_MANDATORY_SEC (10 * 60)

enum credentials_age {
	CREDENTIALS_NONE,
	CREDENTIALS_FRESH,
	CREDENTIALS_ADVISORY,
	CREDENTIALS_MANDATORY,
	CREDENTIALS_EXPIRED, /* and used on */
	CREDENTIALS_AGE_COUNT
};
extern const char *const credentials_age_names[CREDENTIALS_AGE_COUNT];

/* Of a set that is there; expires_sec 0: never. */
enum credentials_age credentials_age(int64_t expires_sec, int64_t now_sec);

/*
 * How long to wait, in ms, after a set has come: -1 for ever; else until the advisory time. If the source gave a
 * set that is about to end, half a minute or so; if it gave one that has ended (its own outage), 10 minutes and
 * 2 to 10 more, by `random`.
 */
int64_t credentials_wait_ms(int64_t expires_sec, int64_t now_sec, uint64_t random);

/*
 * How long to wait after a failure, with `age` of what there is: a minute while it isn't urgent, else by the
 * back-off, which must have no limit of attempts.
 */
int64_t credentials_retry_ms(enum credentials_age age, struct backoff *backoff, enum http_class why,
			     int64_t asked_ms);
