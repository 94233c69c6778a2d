// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One parameter of Systems Manager, decrypted. Its API isn't EC2's: JSON both ways, the action in a header
 * (Systems Manager API Reference, GetParameter).
 */
#pragma once

#include <stddef.h>

#include "http/retry.h"

#define PARAMETER_BYTES_MAX 8192 /* of an advanced parameter's value */

struct aws_caller;
struct aws_endpoint;
struct err;
struct parameter_get;

struct parameter_answer {
	enum http_class class;
	const char *
		value; /* when OK: NUL after `length` bytes, none within. A secret: it's wiped after the call */
	size_t length;
	const char *error; /* a sentence when not OK; never has the value */
};

typedef void (*parameter_done_fn)(const struct parameter_answer *answer, void *data);

struct parameter_options {
	const struct aws_caller *caller;
	const struct aws_endpoint *endpoint; /* of AWS_SSM */
	const char *name;                    /* or ARN */
	parameter_done_fn done;
	void *data;
};

/* Asks once; the callback comes once, from the loop. NULL with the reason. */
struct parameter_get *parameter_get(const struct parameter_options *options, struct err *err);
/* The callback isn't called. NULL is fine; not allowed in or after it. */
void parameter_cancel(struct parameter_get *get);

/*
 * Pure: what an answer says. `value` has room for PARAMETER_BYTES_MAX + 1 bytes and is filled on OK. The class; other than OK: with a
 * sentence in `err`.
 */
enum http_class parameter_read(long status, const char *body, size_t length,
			       char value[static PARAMETER_BYTES_MAX + 1], struct err *err);
