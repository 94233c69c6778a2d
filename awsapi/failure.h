// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What a failed call was: from either error grammar (EC2's <Response><Errors>, the others'
 * <ErrorResponse><Error>), from a bare status (proxies and load balancers answer with HTML), or from the
 * transport. Codes are classified by one table, aws_error_rows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "awsapi/ec2.h"
#include "http/retry.h"

struct http_response;

struct aws_failure {
	enum http_class class;
	long status;             /* 0: no answer came */
	char code[AWS_CODE_MAX]; /* AWS's, e.g. "InvalidAllocationID.NotFound"; "" if none */
	char text[512];          /* one sentence: action, code, message; never has secrets */
	char request_id[AWS_ID_MAX];
	int64_t retry_after_ms; /* -1: not asked */
	int64_t date_sec;       /* AWS's clock, seconds since 1970; -1: unknown */
	uint32_t attempts;      /* so many requests were made */
	bool is_clock;          /* this machine's clock is to blame */
};

struct aws_error_row {
	const char *pattern; /* fnmatch(3) */
	enum http_class class;
	const char *source;
};

/* The first row that matches counts. */
extern const struct aws_error_row aws_error_rows[];
extern const size_t aws_error_rows_count;

/* The class of a code; HTTP_CLASS_COUNT for one that no row knows. */
enum http_class aws_classify_code(const char *code);

/*
 * Everything but `attempts`. The class is OK for a 2xx answer, and for a dry run that would have been
 * permitted ("DryRunOperation", which comes as an error). A code that no row knows is classified by status.
 */
void aws_failure_read(const char *action, const struct http_response *response,
		      struct aws_failure *ret);

/* The policy of the credentials doesn't allow the call: EC2's code, or the other services'. */
bool aws_failure_is_denied(const struct aws_failure *failure);

/* What it is in the words of message.h. */
int aws_failure_id(const struct aws_failure *failure);

/* A failure that no answer tells: `text` after the action. */
void aws_failure_set(struct aws_failure *ret, const char *action, enum http_class class,
		     const char *text);

/* More than this between AWS's clock and ours, and signatures are refused; AWS allows 300 s. */
#define AWS_SKEW_MAX_SEC 240
/*
 * If AWS refused the credentials and its clock isn't ours (`now_sec`, seconds since 1970), the clock is what is
 * wrong: then true, and the text says by how much.
 */
bool aws_failure_blame_clock(struct aws_failure *failure, const char *action, int64_t now_sec);
