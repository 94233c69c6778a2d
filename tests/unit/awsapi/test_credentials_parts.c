// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The pure parts of the credentials: where from, what an answer says, when again. */
#include "awsapi/credentials_rule.h"
#include "awsapi/credentials_source.h"

#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* `data` is a list of "NAME=value", ended by NULL. */
static const char *env(const char *name, void *data)
{
	const size_t length = strlen(name);

	for (const char *const *e = data; *e; e++)
		if (strncmp(*e, name, length) == 0 && (*e)[length] == '=')
			return *e + length + 1;
	return NULL;
}

#define ENV(...) ((void *)(const char *[]){ __VA_ARGS__, NULL })
#define KEYS "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret"
#define WEB "AWS_WEB_IDENTITY_TOKEN_FILE=/t", "AWS_ROLE_ARN=arn:aws:iam::1:role/r"
#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI="
#define FULL_LOOPBACK "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/"

static void the_first_source_that_is_named_is_taken(void **state)
{
	const struct {
		void *env;
		enum credentials_kind kind;
	} rows[] = {
		{ ENV("HOME=/"), CREDENTIALS_IMDS },
		{ ENV("AWS_ACCESS_KEY_ID="), CREDENTIALS_IMDS },
		{ ENV("AWS_ROLE_ARN=arn:aws:iam::1:role/r"), CREDENTIALS_IMDS },
		{ ENV(KEYS, WEB, FULL_LOOPBACK), CREDENTIALS_ENVIRONMENT },
		{ ENV(WEB, FULL_LOOPBACK), CREDENTIALS_WEB_IDENTITY },
		{ ENV(FULL_LOOPBACK), CREDENTIALS_CONTAINER },
		{ ENV("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/x"), CREDENTIALS_CONTAINER },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct credentials_source source = CREDENTIALS_SOURCE_NULL;
		struct err err = ERR_NULL;

		if (credentials_source_choose(env, rows[i].env, &source, &err) < 0 ||
		    source.kind != rows[i].kind)
			fail_msg("row %zu: %d %s", i, (int)source.kind, err.text);
		credentials_source_done(&source);
	}
}

static void each_source_takes_its_variables(void **state)
{
	struct credentials_source source = CREDENTIALS_SOURCE_NULL;
	(void)state;

	assert_int_equal(credentials_source_choose(env, ENV(KEYS, "AWS_SESSION_TOKEN=tok"), &source,
						   NULL),
			 0);
	assert_string_equal(source.set.access_key, "AKIDEXAMPLE");
	assert_string_equal(secret_reveal(&source.set.secret_key), "secret");
	assert_string_equal(secret_reveal(&source.set.session_token), "tok");
	assert_int_equal(source.set.expires_sec, 0);
	credentials_source_done(&source);

	assert_int_equal(credentials_source_choose(env, ENV(WEB), &source, NULL), 0);
	assert_string_equal(source.token_file, "/t");
	assert_string_equal(source.role_arn, "arn:aws:iam::1:role/r");
	assert_string_equal(source.session_name, "eipgw");
	credentials_source_done(&source);

	assert_int_equal(credentials_source_choose(
				 env,
				 ENV("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/x", FULL_LOOPBACK,
				     "AWS_CONTAINER_AUTHORIZATION_TOKEN=tok"),
				 &source, NULL),
			 0);
	assert_string_equal(source.url, "http://169.254.170.2/v2/x");
	assert_string_equal(secret_reveal(&source.token), "tok");
	credentials_source_done(&source);

	assert_int_equal(
		credentials_source_choose(env,
					  ENV(FULL "http://169.254.170.23/v1/credentials",
					      "AWS_CONTAINER_AUTHORIZATION_TOKEN=tok",
					      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/var/run/t"),
					  &source, NULL),
		0);
	assert_string_equal(source.token_file, "/var/run/t");
	assert_false(secret_is_set(&source.token));
	credentials_source_done(&source);
}

static void an_incomplete_source_is_an_error_and_not_passed_over(void **state)
{
	void *const rows[] = {
		ENV("AWS_ACCESS_KEY_ID=AKIDEXAMPLE"),
		ENV("AWS_SECRET_ACCESS_KEY=secret"),
		ENV("AWS_ACCESS_KEY_ID=AKID EXAMPLE", "AWS_SECRET_ACCESS_KEY=s"),
		ENV(KEYS, "AWS_SESSION_TOKEN=a\r\nX: y"),
		ENV("AWS_WEB_IDENTITY_TOKEN_FILE=/t"),
		ENV(WEB, "AWS_ROLE_SESSION_NAME=a b"),
		ENV("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=@evil.example/"),
		ENV(FULL "http://10.0.0.1/"),
		ENV(FULL_LOOPBACK, "AWS_CONTAINER_AUTHORIZATION_TOKEN=a\nb"),
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct credentials_source source = CREDENTIALS_SOURCE_NULL;
		struct err err = ERR_NULL;

		if (credentials_source_choose(env, rows[i], &source, &err) != -EINVAL ||
		    !err.text[0])
			fail_msg("row %zu was taken", i);
		assert_null(strstr(err.text, "secret"));
	}
}

static void keys_are_asked_for_over_http_only_nearby(void **state)
{
	static const struct {
		const char *url;
		bool allowed;
	} rows[] = {
		{ "http://169.254.170.2/v2/credentials/x", true },
		{ "http://169.254.170.23/v1/credentials", true },
		{ "http://169.254.170.23:80/v1/credentials", true },
		{ "http://[fd00:ec2::23]/v1/credentials", true },
		{ "http://[fd00:ec2:0:0::23]:80/v1", true },
		{ "http://127.0.0.1:8080/", true },
		{ "http://127.255.0.9/", true },
		{ "http://localhost:51679/", true },
		{ "http://[::1]/", true },
		{ "https://agent.example/creds?x=http://y", true },
		{ "http://127.0.0.1", true },
		{ "http://169.254.169.254/", false },
		{ "http://169.254.170.3/", false },
		{ "http://[fd00:ec2::24]/", false },
		{ "http://agent.example/", false },
		{ "http://127.0.0.1.evil.example/", false },
		{ "http://localhost.evil.example/", false },
		{ "http://evil.example#@127.0.0.1/", false },
		{ "http://127.0.0.1@evil.example/", false },
		{ "http://127.0.0.1\\@evil.example/", false },
		{ "http://127.0.0.1%2f@evil.example/", false },
		{ "http://127.1/", false },
		{ "http://2130706433/", false },
		{ "http://0x7f000001/", false },
		{ "http://0177.0.0.1/", false },
		{ "http://127.0.0.1:80:80/", false },
		{ "http://127.0.0.1:x/", false },
		{ "http://[::1", false },
		{ "http://[::1]x/", false },
		{ "http://[::ffff:10.0.0.1]/", false },
		{ "http://", false },
		{ "http:///x", false },
		{ "https://", false },
		{ "file:///etc/passwd", false },
		{ "HTTP://127.0.0.1/", false },
		{ "127.0.0.1", false },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((credentials_check_container_url(rows[i].url, NULL) == 0) != rows[i].allowed)
			fail_msg("%s", rows[i].url);
}

#define JSON(more) "{\"AccessKeyId\":\"ASIDEXAMPLE\",\"SecretAccessKey\":\"hush\"" more "}"

static void json_answers_become_a_set(void **state)
{
	static const char text[] =
		JSON(",\"Code\":\"Success\",\"LastUpdated\":\"x\",\"Type\":\"AWS-HMAC\","
		     "\"Token\":\"tok\",\"Expiration\":\"2026-11-23T04:05:06Z\",\"New\":[1]");
	struct credentials_set set = CREDENTIALS_SET_NULL;
	(void)state;

	assert_int_equal(credentials_set_read_json(text, strlen(text), &set, NULL), 0);

	assert_string_equal(set.access_key, "ASIDEXAMPLE");
	assert_string_equal(secret_reveal(&set.secret_key), "hush");
	assert_string_equal(secret_reveal(&set.session_token), "tok");
	assert_int_equal(set.expires_sec, 1795406706);
	credentials_set_done(&set);

	assert_int_equal(credentials_set_read_json(JSON(""), strlen(JSON("")), &set, NULL), 0);
	assert_false(secret_is_set(&set.session_token));
	assert_int_equal(set.expires_sec, 0);
	credentials_set_done(&set);
}

static void other_json_is_refused_without_telling_secrets(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{ "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"m\"}",
		  CREDENTIALS_E_REFUSED },
		{ JSON(",\"Code\":\"Failed\""), CREDENTIALS_E_REFUSED },
		{ "", -EPROTO },
		{ "<html>hush</html>", -EPROTO },
		{ "[\"hush\"]", -EPROTO },
		{ "{\"AccessKeyId\":\"ASIDEXAMPLE\"}", -EPROTO },
		{ "{\"SecretAccessKey\":\"hush\"}", -EPROTO },
		{ "{\"AccessKeyId\":1,\"SecretAccessKey\":\"hush\"}", -EPROTO },
		{ "{\"AccessKeyId\":\"A B C D\",\"SecretAccessKey\":\"hush\"}", -EPROTO },
		{ "{\"AccessKeyId\":\"ASIDEXAMPLE\",\"SecretAccessKey\":\"hush\\r\\nX: y\"}",
		  -EPROTO },
		{ "{\"AccessKeyId\":\"ASIDEXAMPLE\",\"SecretAccessKey\":\"hush\\u0000\"}",
		  -EPROTO },
		{ JSON(",\"Token\":5"), -EPROTO },
		{ JSON(",\"Expiration\":\"tomorrow\""), -EPROTO },
		{ JSON(",\"Expiration\":5"), -EPROTO },
		{ JSON(",\"AccessKeyId\":\"ASIDEXAMPLE\""), -EPROTO },
		{ "{\"AccessKeyId\":\"ASIDEXAMPLE\",\"SecretAccessKey\":\"hush", -EPROTO },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct credentials_set set = CREDENTIALS_SET_NULL;
		struct err err = ERR_NULL;
		const int r =
			credentials_set_read_json(rows[i].text, strlen(rows[i].text), &set, &err);

		if (r != rows[i].r || !err.text[0] || strstr(err.text, "hush"))
			fail_msg("%s: %d %s", rows[i].text, r, err.text);
		assert_string_equal(set.access_key, "");
	}
}

#define STS(credentials)                                                                          \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">" \
	"<AssumeRoleWithWebIdentityResult><Audience>x</Audience><Credentials>" credentials        \
	"</Credentials></AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>r"          \
	"</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>"
#define STS_KEYS                                                   \
	"<SecretAccessKey>hush</SecretAccessKey><Expiration>2026-" \
	"11-23T04:05:06Z</Expiration><AccessKeyId>ASIDEXAMPLE</AccessKeyId>"

static void the_answer_of_sts_becomes_a_set(void **state)
{
	static const char text[] = STS("<SessionToken>tok</SessionToken>" STS_KEYS);
	struct credentials_set set = CREDENTIALS_SET_NULL;
	struct err err = ERR_NULL;
	(void)state;

	assert_int_equal(credentials_set_read_sts(text, strlen(text), &set, &err), 0);

	assert_string_equal(set.access_key, "ASIDEXAMPLE");
	assert_string_equal(secret_reveal(&set.secret_key), "hush");
	assert_string_equal(secret_reveal(&set.session_token), "tok");
	assert_int_equal(set.expires_sec, 1795406706);
	credentials_set_done(&set);
	for (size_t n = 0; n < strlen(text); n++) {
		assert_true(credentials_set_read_sts(text, n, &set, &err) < 0);
		assert_null(strstr(err.text, "hush"));
		assert_string_equal(set.access_key, "");
	}
	assert_true(credentials_set_read_sts(STS(STS_KEYS), strlen(STS(STS_KEYS)), &set, &err) < 0);
}

static void the_age_follows_the_time_that_is_left(void **state)
{
	static const struct {
		int64_t left;
		enum credentials_age age;
	} rows[] = {
		{ 3600, CREDENTIALS_FRESH },    { 901, CREDENTIALS_FRESH },
		{ 900, CREDENTIALS_ADVISORY },  { 601, CREDENTIALS_ADVISORY },
		{ 600, CREDENTIALS_MANDATORY }, { 1, CREDENTIALS_MANDATORY },
		{ 0, CREDENTIALS_EXPIRED },     { -1000000, CREDENTIALS_EXPIRED },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(credentials_age(2000000 + rows[i].left, 2000000), rows[i].age);
	assert_int_equal(credentials_age(0, 2000000), CREDENTIALS_FRESH);
}

static void a_set_is_replaced_from_its_advisory_time_on(void **state)
{
	static const struct {
		int64_t left, least_ms, most_ms;
	} rows[] = {
		{ 6 * 3600, (6 * 3600 - 900) * 1000LL, (6 * 3600 - 900) * 1000LL },
		{ 901, 1000, 1000 },
		{ 900, 30000, 40000 },
		{ 1, 30000, 40000 },
		/* Handed out although it has ended: botocore's rule. */
		{ 0, 720000, 1200000 },
		{ -99999, 720000, 1200000 },
		{ 10 * 86400, 86400000, 86400000 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (uint64_t random = 0; random < 2000; random++)
			assert_in_range(credentials_wait_ms(2000000 + rows[i].left, 2000000,
							    random),
					rows[i].least_ms, rows[i].most_ms);
	assert_int_equal(credentials_wait_ms(0, 2000000, 7), -1);
}

static void failures_are_repeated_in_haste_only_when_it_matters(void **state)
{
	static const struct {
		enum credentials_age age;
		int64_t least_ms, most_ms;
	} rows[] = {
		{ CREDENTIALS_FRESH, 60000, 60000 }, { CREDENTIALS_ADVISORY, 60000, 60000 },
		{ CREDENTIALS_MANDATORY, 0, 1000 },  { CREDENTIALS_EXPIRED, 0, 1000 },
		{ CREDENTIALS_NONE, 0, 1000 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct backoff backoff = { .base_ms = 1000, .cap_ms = 60000, .random = 3 };
		const int64_t ms =
			credentials_retry_ms(rows[i].age, &backoff, HTTP_CLASS_RETRY, -1);
		assert_in_range(ms, rows[i].least_ms, rows[i].most_ms);
		assert_int_equal(backoff.attempt, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_source_that_is_named_is_taken),
		cmocka_unit_test(each_source_takes_its_variables),
		cmocka_unit_test(an_incomplete_source_is_an_error_and_not_passed_over),
		cmocka_unit_test(keys_are_asked_for_over_http_only_nearby),
		cmocka_unit_test(json_answers_become_a_set),
		cmocka_unit_test(other_json_is_refused_without_telling_secrets),
		cmocka_unit_test(the_answer_of_sts_becomes_a_set),
		cmocka_unit_test(the_age_follows_the_time_that_is_left),
		cmocka_unit_test(a_set_is_replaced_from_its_advisory_time_on),
		cmocka_unit_test(failures_are_repeated_in_haste_only_when_it_matters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
