// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside awsapi/: gets one set of credentials from its source, once. */
#pragma once

#include "awsapi/credentials_source.h"
#include "http/retry.h"

struct aws_endpoint;
struct credentials_fetch;
struct http;
struct imds;

struct credentials_fetched {
	enum http_class class;
	struct credentials_set *set; /* when OK; may be moved out */
	const char *error;           /* a sentence when not OK; never has a secret */
	int64_t retry_after_ms;      /* -1: not asked */
};

/* Everything else is allowed in it. */
typedef void (*credentials_fetched_fn)(const struct credentials_fetched *fetched, void *data);

struct credentials_fetch_options {
	const struct credentials_source
		*source; /* of any kind but ENVIRONMENT; borrowed until the end */
	struct http *http;
	struct imds *imds;              /* IMDS */
	const struct aws_endpoint *sts; /* WEB_IDENTITY */
	const char *ca_file;            /* of STS and of https agents; NULL: the system's */
	credentials_fetched_fn done;
	void *data;
};

/* The callback comes once, from the loop. NULL: it can't be started, with the reason in `err`. */
struct credentials_fetch *credentials_fetch_start(const struct credentials_fetch_options *options,
						  struct err *err);
/* The callback isn't called. NULL is fine; not allowed in or after its callback. */
void credentials_fetch_cancel(struct credentials_fetch *fetch);
