// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * "Create a signed AWS API request" and "Authenticating requests: using query parameters" of the AWS
 * documentation: canonical request, string to sign, signing key, signature.
 */
#include "awsapi/presign.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "awsapi/params.h"
#include "base/cleanup.h"
#include "base/err.h"

#define HASH_BYTES 32
#define CANONICAL_BYTES_MAX 16384
#define KEY_BYTES_MAX 256
/* The URL itself is good for a minute, as the AWS CLI makes it; the cluster adds its 15 minutes. */
#define EXPIRES "60"
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TOKEN_PREFIX "k8s-aws-v1."

void aws_secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void cleanup_secret(char **text)
{
	aws_secret_free(*text);
}

static void to_hex(const unsigned char bytes[static HASH_BYTES], char *ret)
{
	for (size_t i = 0; i < HASH_BYTES; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* ret = HMAC(key, text); `ret` may be `key`. */
static int hmac(const void *key, size_t key_length, const char *text, unsigned char *ret)
{
	unsigned char out[HASH_BYTES];
	unsigned length = 0;

	if (key_length > INT_MAX ||
	    !HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text, strlen(text),
		  out, &length) ||
	    length != HASH_BYTES)
		return -EIO;
	memcpy(ret, out, HASH_BYTES);
	explicit_bzero(out, sizeof(out));
	return 0;
}

/* The key for one day, region and service. */
static int derive_key(const struct aws_scope *scope, unsigned char ret[static HASH_BYTES])
{
	char first[KEY_BYTES_MAX];
	char day[9];

	const int length = snprintf(first, sizeof(first), "AWS4%s", scope->secret_key);
	if (length < 0 || (size_t)length >= sizeof(first))
		return -EINVAL;
	snprintf(day, sizeof(day), "%.8s", scope->date);
	int rc = hmac(first, (size_t)length, day, ret);
	explicit_bzero(first, sizeof(first));
	if (rc == 0)
		rc = hmac(ret, HASH_BYTES, scope->region, ret);
	if (rc == 0)
		rc = hmac(ret, HASH_BYTES, scope->service, ret);
	if (rc == 0)
		rc = hmac(ret, HASH_BYTES, "aws4_request", ret);
	return rc;
}

int aws_sigv4_sign(const struct aws_scope *scope, const char *canonical_request,
		   char ret[static AWS_SIGNATURE_TEXT_MAX], struct err *err)
{
	unsigned char hash[HASH_BYTES];
	unsigned char key[HASH_BYTES];
	char hex[AWS_SIGNATURE_TEXT_MAX];
	char to_sign[512];

	if (strlen(scope->date) != AWS_DATE_TEXT_MAX - 1)
		return err_set(err, -EINVAL, "'%s' is no date of a signature", scope->date);
	if (!EVP_Digest(canonical_request, strlen(canonical_request), hash, NULL, EVP_sha256(),
			NULL))
		return err_set(err, -EIO, "libcrypto can't hash a request");
	to_hex(hash, hex);
	const int length = snprintf(to_sign, sizeof(to_sign),
				    "AWS4-HMAC-SHA256\n%s\n%.8s/%s/%s/aws4_request\n%s",
				    scope->date, scope->date, scope->region, scope->service, hex);
	if (length < 0 || (size_t)length >= sizeof(to_sign))
		return err_set(err, -EINVAL, "the scope of a signature is too long");
	int rc = derive_key(scope, key);
	if (rc == 0)
		rc = hmac(key, sizeof(key), to_sign, hash);
	explicit_bzero(key, sizeof(key));
	if (rc != 0)
		return err_set(err, rc, "a request can't be signed");
	to_hex(hash, ret);
	return 0;
}

static int format_date(int64_t now_sec, char ret[static AWS_DATE_TEXT_MAX])
{
	const time_t now = now_sec;
	struct tm tm;

	if (now_sec < 0 || !gmtime_r(&now, &tm) ||
	    strftime(ret, AWS_DATE_TEXT_MAX, "%Y%m%dT%H%M%SZ", &tm) != AWS_DATE_TEXT_MAX - 1)
		return -EINVAL;
	return 0;
}

/* The query without the signature; the names are in order as they stand. */
static int put_query(const struct aws_presign *presign, const char *date, struct aws_params *ret)
{
	char credential[256];

	const int length = snprintf(credential, sizeof(credential), "%s/%.8s/%s/sts/aws4_request",
				    presign->access_key, date, presign->region);
	if (length < 0 || (size_t)length >= sizeof(credential))
		return -EINVAL;
	aws_params_add(ret, "Action", "GetCallerIdentity");
	aws_params_add(ret, "Version", "2011-06-15");
	aws_params_add(ret, "X-Amz-Algorithm", "AWS4-HMAC-SHA256");
	aws_params_add(ret, "X-Amz-Credential", credential);
	aws_params_add(ret, "X-Amz-Date", date);
	aws_params_add(ret, "X-Amz-Expires", EXPIRES);
	aws_params_add_given(ret, "X-Amz-Security-Token", presign->session_token);
	aws_params_add(ret, "X-Amz-SignedHeaders", "host;x-k8s-aws-id");
	return ret->rc;
}

/* Both are signed as they stand, so they must have nothing that would have to be trimmed or folded. */
static bool is_plain(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *text != '\0';
}

static int sign_query(const struct aws_presign *presign, const char *date, const char *query,
		      char ret[static AWS_SIGNATURE_TEXT_MAX], struct err *err)
{
	const struct aws_scope scope = { date, presign->region, "sts", presign->secret_key };
	const size_t size = CANONICAL_BYTES_MAX;

	CLEANUP(cleanup_secret) char *canonical = calloc(1, size);
	if (!canonical)
		return err_set(err, -ENOMEM, "no memory to sign a URL");
	const int length =
		snprintf(canonical, size,
			 "GET\n/\n%s\nhost:%s\nx-k8s-aws-id:%s\n\nhost;x-k8s-aws-id\n" EMPTY_HASH,
			 query, presign->host, presign->cluster);
	if (length < 0 || (size_t)length >= size)
		return err_set(err, -EINVAL, "the session token is too long to sign a URL with it");
	return aws_sigv4_sign(&scope, canonical, ret, err);
}

int aws_presign_url(const struct aws_presign *presign, char **ret, struct err *err)
{
	CLEANUP(aws_params_done) struct aws_params query = { 0 };
	char signature[AWS_SIGNATURE_TEXT_MAX];
	char date[AWS_DATE_TEXT_MAX];
	char *url = NULL;

	if (!is_plain(presign->host) || !is_plain(presign->cluster))
		return err_set(err, -EINVAL, "no name of a host or cluster to sign a URL for");
	int rc = format_date(presign->now_sec, date);
	if (rc == 0)
		rc = put_query(presign, date, &query);
	if (rc != 0)
		return err_set(err, rc, "the URL to sign can't be put together");
	rc = sign_query(presign, date, query.text, signature, err);
	if (rc != 0)
		return rc;
	if (asprintf(&url, "https://%s/?%s&X-Amz-Signature=%s", presign->host, query.text,
		     signature) < 0)
		return err_set(err, -ENOMEM, "no memory for a signed URL");
	*ret = url;
	return 0;
}

/* base64url without padding (RFC 4648, 5). */
static void to_url_alphabet(char *text)
{
	for (; *text; text++) {
		if (*text == '+')
			*text = '-';
		else if (*text == '/')
			*text = '_';
		else if (*text == '=')
			*text = '\0';
	}
}

int aws_eks_token(const struct aws_presign *presign, char **ret, struct err *err)
{
	CLEANUP(cleanup_secret) char *url = NULL;
	const int rc = aws_presign_url(presign, &url, err);
	if (rc != 0 || !url)
		return rc;

	const size_t length = strlen(url);
	const size_t prefix = sizeof(TOKEN_PREFIX) - 1;
	char *const token = calloc(1, prefix + 4 * ((length + 2) / 3) + 1);
	if (!token)
		return err_set(err, -ENOMEM, "no memory for a token");
	memcpy(token, TOKEN_PREFIX, prefix);
	EVP_EncodeBlock((unsigned char *)token + prefix, (const unsigned char *)url, (int)length);
	to_url_alphabet(token + prefix);
	*ret = token;
	return 0;
}
