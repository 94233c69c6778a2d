// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What an EKS token is made of, and for how long; the signature itself is test_presign.c's. */
#include "awsapi/eks.h"

#include "awsapi/call.h"
#include "awsapi/credentials.h"
#include "awsapi/presign.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

static void a_token_ends_no_later_than_its_credentials(void **state)
{
	static const struct {
		int64_t end_sec, good_sec;
	} rows[] = {
		{ 0, 900 },    /* keys without an end */
		{ 5000, 900 }, /* it is 1000 now */
		{ 1900, 900 }, { 1899, 899 }, { 1300, 300 },
		{ 1001, 1 },   { 1000, 900 }, /* ended: used on */
		{ 100, 900 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(aws_eks_good_sec(rows[i].end_sec, 1000), rows[i].good_sec);
}

static const char *env(const char *name, void *data)
{
	const char *const *words = data;

	for (; *words; words += 2)
		if (strcmp(words[0], name) == 0)
			return words[1];
	return NULL;
}

static void stop(void *data)
{
	loop_stop(data);
}

static void it_is_made_of_the_credentials_that_are_there(void **state)
{
	static const char *words[] = { "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY",
				       "secret", NULL };
	struct loop *const loop = loop_new();
	struct http *const http = http_new(loop, NULL);
	const struct credentials_options options = { .loop = loop,
						     .http = http,
						     .env = env,
						     .env_data = words,
						     .on_change = stop,
						     .data = loop };
	struct credentials *const credentials = credentials_new(&options, NULL);
	struct aws_endpoint sts;
	const struct aws_eks eks = { &sts, "prod", credentials };
	const struct aws_presign presign = { .host = "sts.cn-north-1.amazonaws.com.cn",
					     .region = "cn-north-1",
					     .cluster = "prod",
					     .access_key = "AKIDEXAMPLE",
					     .secret_key = "secret",
					     .now_sec = 1440938160 };
	struct err err = ERR_NULL;
	char *token = NULL, *expected = NULL;
	int64_t good_sec = 0;
	(void)state;

	assert_non_null(credentials);
	assert_int_equal(aws_endpoint_init(&sts, AWS_STS, "cn-north-1",
					   aws_region_domain("cn-north-1"), NULL),
			 0);
	assert_int_equal(aws_eks_login(&eks, 1440938160, &token, &good_sec, &err), -EAGAIN);
	assert_string_equal(err.text, "credentials: none have come yet");
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(aws_eks_login(&eks, 1440938160, &token, &good_sec, &err), 0);
	assert_int_equal(good_sec, 900);
	assert_int_equal(aws_eks_token(&presign, &expected, NULL), 0);
	assert_string_equal(token, expected);
	aws_secret_free(token);
	aws_secret_free(expected);
	credentials_free(credentials);
	http_free(http);
	loop_free(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_ends_no_later_than_its_credentials),
		cmocka_unit_test(it_is_made_of_the_credentials_that_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
