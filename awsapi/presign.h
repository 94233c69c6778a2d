// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Signature Version 4 in a URL's query, for the one thing that libcurl can't sign: the STS URL that an EKS
 * cluster takes as a bearer token. Whoever has it can ask, until it expires, who we are, and nothing else.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;

#define AWS_SIGNATURE_TEXT_MAX 65 /* hex and NUL */
#define AWS_DATE_TEXT_MAX 17      /* "20150830T123600Z" and NUL */
#define AWS_EKS_TOKEN_SEC 900     /* so long a cluster takes it */

/* What a signature is made for, and with. */
struct aws_scope {
	const char *date; /* "20150830T123600Z" */
	const char *region, *service;
	const char *secret_key;
};

/* Pure: the signature over a canonical request. 0, -EINVAL, -EIO: libcrypto failed. */
int aws_sigv4_sign(const struct aws_scope *scope, const char *canonical_request,
		   char ret[static AWS_SIGNATURE_TEXT_MAX], struct err *err);

struct aws_presign {
	const char *host; /* "sts.eu-central-1.amazonaws.com" */
	const char *region;
	const char *cluster; /* header x-k8s-aws-id, which is signed, too */
	const char *access_key, *secret_key, *session_token; /* the token may be NULL */
	int64_t now_sec;                                     /* seconds since 1970 */
};

/* The URL of GetCallerIdentity, which must be fetched by GET with the header x-k8s-aws-id. Freed by
 * aws_secret_free. 0, -EINVAL, -ENOMEM, -EIO. */
int aws_presign_url(const struct aws_presign *presign, char **ret, struct err *err);
/* The same as a bearer token for the cluster: "k8s-aws-v1." and the URL in base64url. */
int aws_eks_token(const struct aws_presign *presign, char **ret, struct err *err);

/* Wipes the text, and frees it. NULL is fine. */
void aws_secret_free(char *text);
