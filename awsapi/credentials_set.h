// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One set of credentials, and the readers of the answers that bring them. Pure. */
#pragma once

#include "base/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define CREDENTIALS_KEY_MAX 129 /* access key ids have 16 to 128 characters, and NUL */

struct credentials_set {
	char access_key[CREDENTIALS_KEY_MAX]; /* names the key; not secret */
	struct secret secret_key;
	struct secret session_token; /* not set: none */
	int64_t expires_sec;         /* seconds since 1970; 0: never */
};

#define CREDENTIALS_SET_NULL ((struct credentials_set){ .expires_sec = 0 })

/* Wipes it; it's empty afterwards. */
void credentials_set_done(struct credentials_set *set);
/* `to` takes over what `from` has, which is empty afterwards. */
void credentials_set_move(struct credentials_set *from, struct credentials_set *to);
/* Checks and copies; session_token may be NULL or "". -EINVAL: not of the form of keys; -ENOMEM. */
int credentials_set_fill(struct credentials_set *set, const char *access_key,
			 const char *secret_key, const char *session_token);

enum credentials_set_result {
	CREDENTIALS_E_REFUSED = 1, /* the answer says that there are none; its reason is in `err` */
};

/*
 * From JSON: of the metadata service's role, and of container agents. `Code`, if any, must be "Success". 0;
 * CREDENTIALS_E_REFUSED; -EPROTO, -ENOMEM with the reason in `err`, which never has a secret. *ret is set on
 * success only, and must be empty.
 */
int credentials_set_read_json(const char *text, size_t length, struct credentials_set *ret,
			      struct err *err);
/* From STS's answer to AssumeRoleWithWebIdentity. 0, -EPROTO, -EMSGSIZE, -ENOMEM. */
int credentials_set_read_sts(const char *text, size_t length, struct credentials_set *ret,
			     struct err *err);
