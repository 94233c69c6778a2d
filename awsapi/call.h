// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Carries a request to AWS: signs it, sends it, reads the answer into the struct of its action, fetches the
 * answer's other pages, and repeats what may be repeated with a back-off. Calls that a fail-over waits for
 * have a budget of their own: they give up on one attempt soon and try again soon.
 *
 * A call ends in exactly one call of its callback, from the loop and never from inside aws_call_start,
 * unless it's cancelled.
 */
#pragma once

#include <stddef.h>

#include "awsapi/action.h"
#include "awsapi/failure.h"

struct aws_call;
struct err;
struct http;
struct loop;

struct aws_endpoint {
	enum aws_service service;
	char url[256]; /* "https://ec2.eu-central-1.amazonaws.com/" */
	char region[32];
};

/*
 * `domain` is what IMDS calls services/domain, "amazonaws.com". With `url` not NULL that is used instead of
 * the public endpoint (VPC endpoints, tests). -EINVAL: something that isn't a region, domain or http URL.
 */
int aws_endpoint_init(struct aws_endpoint *ret, enum aws_service service, const char *region,
		      const char *domain, const char *url);
/* Pure: the domain, where no metadata tell it: by the region's name. */
const char *aws_region_domain(const char *region);

/* Borrowed: valid until the loop goes on. */
struct aws_credentials {
	const char *access_key, *secret_key;
	const char *session_token; /* NULL: none */
};

/* Asked before each request. Non-zero: there are none now; the call ends with class CREDENTIALS. */
typedef int (*aws_credentials_fn)(struct aws_credentials *ret, void *data);

/* Who calls; made once, and outlives its calls. */
struct aws_caller {
	struct loop *loop;
	struct http *http;
	aws_credentials_fn credentials;
	void *credentials_data;
	const char *ca_file;   /* NULL: the system's */
	const char *interface; /* see struct http_request */
};

enum aws_budget {
	AWS_BUDGET_ROUTINE,  /* 5 requests of at most 20 s, up to 20 s apart */
	AWS_BUDGET_FAILOVER, /* 12 requests of at most 5 s, up to 2 s apart */
	AWS_BUDGET_ONE,      /* one request of at most 10 s: the caller repeats, or a person does */
	AWS_BUDGET_COUNT
};

/*
 * The class is OK and `value` the struct of the action, or `value` is NULL. What the struct owns may be
 * taken by copying and zeroing it; the rest is freed afterwards. An answer that couldn't be read is a
 * failure of class RETRY. After a permitted dry run the struct is zeroed and the code "DryRunOperation".
 */
typedef void (*aws_call_done_fn)(const struct aws_failure *failure, void *value, void *data);

struct aws_call_options {
	const struct aws_caller *caller;
	const struct aws_endpoint *endpoint; /* copied; of the action's service */
	struct aws_request *request;         /* what it owns is taken over, in any case */
	enum aws_budget budget;
	aws_call_done_fn done;
	void *data;
};

/* NULL with the reason in `err`: out of memory, or the request couldn't be put together. */
struct aws_call *aws_call_start(const struct aws_call_options *options, struct err *err);
/* The callback isn't called. NULL is fine. Not allowed from inside its own callback (it has ended then). */
void aws_call_cancel(struct aws_call *call);

/*
 * Blocking, for the CLI: an own loop runs until the call has ended; loop and http of options->caller and
 * options->done aren't used. 0 and the struct at `value`, which aws_action_done frees; or -EIO with
 * *ret_failure filled and the struct zeroed; -ENOMEM.
 */
int aws_call_sync(const struct aws_call_options *options, void *value,
		  struct aws_failure *ret_failure);
