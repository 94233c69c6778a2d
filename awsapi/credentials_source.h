// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Where credentials come from: the first of the usual chain that the environment names. As in the AWS SDKs a
 * source that is named and doesn't work is an error, and not passed over for the next one. Pure.
 */
#pragma once

#include <stddef.h>

#include "awsapi/credentials_set.h"

struct err;

enum credentials_kind {
	CREDENTIALS_ENVIRONMENT, /* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN */
	CREDENTIALS_WEB_IDENTITY, /* AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_SESSION_NAME */
	CREDENTIALS_CONTAINER, /* AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or ..._FULL_URI */
	CREDENTIALS_IMDS,      /* the instance's role */
	CREDENTIALS_KIND_COUNT
};
extern const char *const credentials_kind_names[CREDENTIALS_KIND_COUNT];

struct credentials_source {
	enum credentials_kind kind;
	struct credentials_set set; /* ENVIRONMENT */
	char role_arn[2049];        /* WEB_IDENTITY */
	char session_name[65];
	char token_file[4096]; /* WEB_IDENTITY, CONTAINER; "": none */
	char url[1025];        /* CONTAINER */
	struct secret
		token; /* CONTAINER: the value of the Authorization header, when not from a file */
};

#define CREDENTIALS_SOURCE_NULL ((struct credentials_source){ .kind = CREDENTIALS_IMDS })

/* The value of an environment variable, or NULL. An empty one counts as not set. */
typedef const char *(*credentials_env_fn)(const char *name, void *data);

/* 0, -EINVAL (incomplete or not allowed, with the reason in `err`), -ENOMEM. *ret must be empty. */
int credentials_source_choose(credentials_env_fn env, void *data, struct credentials_source *ret,
			      struct err *err);
void credentials_source_done(struct credentials_source *source);

/*
 * Whether the keys may be asked for there: https to anywhere; http only to loopback, to the agents of ECS
 * (169.254.170.2) and EKS Pod Identity (169.254.170.23, fd00:ec2::23). 0 or -EINVAL with the reason.
 */
int credentials_check_container_url(const char *url, struct err *err);
