// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/credentials_set.h"

#include "awsapi/timestamp.h"
#include "awsapi/xml.h"
#include "base/cleanup.h"
#include "base/err.h"

#include <jansson.h>

#include <ctype.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void credentials_set_done(struct credentials_set *set)
{
	secret_done(&set->secret_key);
	secret_done(&set->session_token);
	*set = CREDENTIALS_SET_NULL;
}

void credentials_set_move(struct credentials_set *from, struct credentials_set *to)
{
	credentials_set_done(to);
	*to = *from;
	*from = CREDENTIALS_SET_NULL;
}

static bool is_access_key(const char *text)
{
	size_t n = 0;

	for (; text[n]; n++)
		if (!isalnum((unsigned char)text[n]) && text[n] != '_' && text[n] != '-')
			return false;
	return n >= 4 && n < CREDENTIALS_KEY_MAX;
}

int credentials_set_fill(struct credentials_set *set, const char *access_key,
			 const char *secret_key, const char *session_token)
{
	struct credentials_set new = CREDENTIALS_SET_NULL;

	if (!is_access_key(access_key))
		return -EINVAL;
	memcpy(new.access_key, access_key, strlen(access_key) + 1);
	int r = secret_set(&new.secret_key, secret_key, strlen(secret_key));
	if (r == 0 && session_token && session_token[0])
		r = secret_set(&new.session_token, session_token, strlen(session_token));
	if (r < 0) {
		credentials_set_done(&new);
		return r;
	}
	credentials_set_move(&new, set);
	return 0;
}

/* The strings are checked and taken; `expiration` NULL: they never expire. */
static int take(struct credentials_set *ret, const char *const texts[static 3],
		const char *expiration, struct err *err)
{
	int64_t expires_sec = 0;

	if (!texts[0] || !texts[1])
		return err_set(err, -EPROTO, "credentials without a key");
	if (expiration && (timestamp_parse(expiration, &expires_sec) < 0 || expires_sec == 0))
		return err_set(err, -EPROTO, "credentials whose expiration isn't a time");
	const int r = credentials_set_fill(ret, texts[0], texts[1], texts[2]);
	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	if (r < 0)
		return err_set(err, -EPROTO, "credentials that don't look like a key");
	ret->expires_sec = expires_sec;
	return 0;
}

static void wiping_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

/* NULL: not there, null, or not a string; then *ret_wrong says so. */
static const char *member(const json_t *json, const char *key, bool *ret_wrong)
{
	const json_t *const value = json_object_get(json, key);

	if (!value || json_is_null(value))
		return NULL;
	if (!json_is_string(value))
		*ret_wrong = true;
	return json_string_value(value);
}

static int read_json(const char *text, size_t length, struct credentials_set *ret, struct err *err)
{
	json_error_t error;
	bool wrong = false;
	CLEANUP(cleanup_json)
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

	/* The library's sentence quotes what it read: it isn't passed on. */
	if (!json || !json_is_object(json))
		return err_set(err, -EPROTO, "credentials that aren't a JSON object");
	const char *const code = member(json, "Code", &wrong);
	const char *const expiration = member(json, "Expiration", &wrong);
	const char *const texts[] = { member(json, "AccessKeyId", &wrong),
				      member(json, "SecretAccessKey", &wrong),
				      member(json, "Token", &wrong) };
	if (wrong)
		return err_set(err, -EPROTO, "credentials with a value that isn't a string");
	if (code && strcmp(code, "Success") != 0)
		return err_set(err, CREDENTIALS_E_REFUSED, "no credentials: %.64s", code);
	return take(ret, texts, expiration, err);
}

/* While it's read, jansson wipes what it gives back; afterwards it does as before. */
int credentials_set_read_json(const char *text, size_t length, struct credentials_set *ret,
			      struct err *err)
{
	json_malloc_t old_malloc;
	json_free_t old_free;

	json_get_alloc_funcs(&old_malloc, &old_free);
	json_set_alloc_funcs(malloc, wiping_free);
	const int r = read_json(text, length, ret, err);
	json_set_alloc_funcs(old_malloc, old_free);
	return r;
}

struct sts_answer {
	char access_key[CREDENTIALS_KEY_MAX];
	char secret_key[256];
	char session_token[16384];
	char expiration[64];
};

#define STS_FIELD(name, member)                                                                   \
	{                                                                                         \
		.path = "AssumeRoleWithWebIdentityResult/Credentials/" name, .type = XML_AS_TEXT, \
		.flags = XML_IS_REQUIRED, .offset = offsetof(struct sts_answer, member),          \
		.size = sizeof(((struct sts_answer *)NULL)->member),                              \
	}

static const struct xml_field sts_fields[] = {
	STS_FIELD("AccessKeyId", access_key),
	STS_FIELD("SecretAccessKey", secret_key),
	STS_FIELD("SessionToken", session_token),
	STS_FIELD("Expiration", expiration),
};

static const struct xml_table sts_table = { .size = sizeof(struct sts_answer),
					    .fields = sts_fields,
					    .n = ARRAY_SIZE(sts_fields),
					    .root = "AssumeRoleWithWebIdentityResponse" };

int credentials_set_read_sts(const char *text, size_t length, struct credentials_set *ret,
			     struct err *err)
{
	struct sts_answer answer = { .access_key = "" };
	int r = xml_read(&sts_table, text, length, &answer, err);

	if (r == 0) {
		const char *const texts[] = { answer.access_key, answer.secret_key,
					      answer.session_token };
		r = take(ret, texts, answer.expiration, err);
	}
	explicit_bzero(&answer, sizeof(answer));
	return r;
}
