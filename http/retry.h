// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what to do after a failed request. Exponential back-off with full jitter and a cap (AWS
 * Architecture Blog, "Exponential Backoff And Jitter"), bounded by a budget of attempts that belongs to the
 * kind of work: fail-over calls never share one with routine reads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Each remote error is put into one of these where its API is known. */
enum http_class {
	HTTP_CLASS_OK,
	HTTP_CLASS_RETRY,       /* passing: again after a back-off */
	HTTP_CLASS_THROTTLED,   /* again after the delay that was asked for, or a longer back-off */
	HTTP_CLASS_CREDENTIALS, /* new credentials first */
	HTTP_CLASS_NOT_FOUND,
	HTTP_CLASS_CONFLICT,  /* somebody else has it */
	HTTP_CLASS_PERMANENT, /* a person must act */
	HTTP_CLASS_COUNT
};
extern const char *const http_class_names[HTTP_CLASS_COUNT];

/* For what has no error grammar of its own: transport errors (rc of http_response) and bare statuses. */
enum http_class http_classify(int rc, long status);

struct backoff {
	uint32_t base_ms, cap_ms;
	uint32_t attempts_max; /* 0: no limit */
	uint32_t attempt;      /* so many have failed in a row; shown by status */
	uint64_t random;       /* state of the generator; seed it with anything but 0 */
};

/*
 * After a failure: the delay before the next attempt in ms, or -1 when the budget is used up: attempts_max
 * counts the first try too. The delay is anything from 0 to base_ms * 2^(failures - 1), at most cap_ms; four
 * times that window after throttling, the whole cap for what is permanent. It is at least `asked_ms`
 * (Retry-After), -1 for none; an asked delay is bounded by 5 minutes. The class doesn't end the budget: whether
 * it's worth trying again is the caller's to know.
 */
int64_t backoff_next_ms(struct backoff *backoff, enum http_class why, int64_t asked_ms);
void backoff_reset(struct backoff *backoff); /* after a success */
