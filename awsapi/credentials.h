// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The credentials that requests are signed with: fetched from their source (credentials_source.h), again in time
 * (credentials_rule.h), and at once when AWS refused them. What is there is used on while its source is away.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "awsapi/credentials_rule.h"
#include "awsapi/credentials_source.h"

struct aws_credentials;
struct aws_endpoint;
struct credentials;
struct err;
struct http;
struct imds;
struct loop;

struct credentials_options {
	struct loop *loop; /* all four are borrowed and outlive the credentials */
	struct http *http;
	struct imds *imds;
	const struct aws_endpoint *sts; /* needed for web identity only, else NULL */
	const char *ca_file;            /* NULL: the system's; borrowed */
	uint64_t seed;                  /* of the jitter; 0: some */
	credentials_env_fn env;         /* NULL: the process's environment */
	void *env_data;
	int64_t (*wall_sec)(void); /* seconds since 1970; NULL: the system's clock */
	/*
	 * From the loop, after a set came and after a failure. Everything else is allowed in it,
	 * credentials_free too.
	 */
	void (*on_change)(void *data);
	void *data;
};

/* Begins to fetch. NULL with the reason in `err`: out of memory, or the environment asks for what isn't allowed. */
struct credentials *credentials_new(const struct credentials_options *options, struct err *err);
/* Wipes them. NULL is fine. */
void credentials_free(struct credentials *credentials);

/*
 * What to sign with now; an aws_credentials_fn (call.h), `data` is the credentials. *ret points into the credentials, and is valid until the
 * loop goes on. 0, or -EAGAIN: none have come yet.
 */
int credentials_get(struct aws_credentials *ret, void *data);
/*
 * AWS said that they have ended or aren't valid: they are fetched again at once, but no more often than every
 * 10 seconds. on_change tells the outcome.
 */
void credentials_refuse(struct credentials *credentials);

struct credentials_status {
	enum credentials_kind kind;
	enum credentials_age age;
	char access_key[CREDENTIALS_KEY_MAX]; /* "": none; names the key, isn't secret */
	int64_t expires_sec;                  /* 0: never */
	uint32_t failures;                    /* in a row */
	enum http_class failure;              /* of the last one; OK: none */
	char error[512];                      /* "": the last fetch succeeded */
};
void credentials_status(const struct credentials *credentials, struct credentials_status *ret);
