// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The life of credentials: fetched, replaced, kept through an outage. Their sources are played by a script. */
#include "../http/serve_http.h"

#include "awsapi/call.h"
#include "awsapi/credentials.h"
#include "awsapi/imds.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW 1795406706 /* 2026-11-23T04:05:06Z */
#define TOKEN                                            \
	{                                                \
		.path = "/latest/api/token", .body = "t" \
	}
#define ROLE                                                                               \
	{                                                                                  \
		.path = "/latest/meta-data/iam/security-credentials/", .body = "gw-role\n" \
	}
#define KEYS(key, expiration)                                                             \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"" key "\",\"SecretAccessKey\":\"hush\"," \
	"\"Token\":\"tok\",\"Expiration\":\"" expiration "\"}"
#define ROLE_KEYS(key, expiration)                                            \
	{                                                                     \
		.path = "/latest/meta-data/iam/security-credentials/gw-role", \
		.body = KEYS(key, expiration),                                \
	}
#define IN_6_HOURS "2026-11-23T10:05:06Z"
#define IN_12_MINUTES "2026-11-23T04:17:06Z"
#define IN_5_MINUTES "2026-11-23T04:10:06Z"
#define AN_HOUR_AGO "2026-11-23T03:05:06Z"

/*
 * Timers of a second and more fire at once, and what they were armed for is recorded: the delays themselves
 * are looked at, instead of waited for. Those of libcurl and of the metadata service's retries stay.
 */
static bool skip_waits = true;
static int64_t armed_ms[64];
static size_t n_armed;
static struct loop_timer *recorded; /* the timer of the credentials */

int __real_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms);
int __wrap_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms);
struct loop_timer *__real_loop_timer_new(struct loop *loop, loop_timer_fn fn, void *data);
struct loop_timer *__wrap_loop_timer_new(struct loop *loop, loop_timer_fn fn, void *data);

int __wrap_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms)
{
	if (timer != recorded)
		return __real_loop_timer_arm_ms(timer, ms);
	if (n_armed < ARRAY_SIZE(armed_ms))
		armed_ms[n_armed++] = ms;
	return __real_loop_timer_arm_ms(timer, skip_waits ? 0 : ms);
}

/* The last one made before the flag falls is the credentials' own. */
static bool record_next;

struct loop_timer *__wrap_loop_timer_new(struct loop *loop, loop_timer_fn fn, void *data)
{
	struct loop_timer *const timer = __real_loop_timer_new(loop, fn, data);

	if (record_next)
		recorded = timer;
	return timer;
}

struct bed {
	struct loop *loop;
	struct http *http;
	struct imds *imds;
	struct credentials *credentials;
	struct aws_endpoint sts;
	struct serve_http server;
	size_t changes;
	bool free_in_callback;
};

static int64_t now = NOW;

static int64_t wall_sec(void)
{
	return now;
}

static const char *env(const char *name, void *data)
{
	const size_t length = strlen(name);

	for (const char *const *e = data; *e; e++)
		if (strncmp(*e, name, length) == 0 && (*e)[length] == '=')
			return *e + length + 1;
	return NULL;
}

#define ENV(...) ((const char *[]){ __VA_ARGS__, NULL })

static void on_change(void *data)
{
	struct bed *const bed = data;

	bed->changes++;
	if (bed->free_in_callback)
		credentials_free(TAKE_PTR(bed->credentials));
	loop_stop(bed->loop);
}

static void bed_make(struct bed *bed, const struct serve_reply *replies, size_t n)
{
	*bed = (struct bed){ .changes = 0 };
	now = NOW;
	skip_waits = true;
	serve_http_start(&bed->server, replies, n);
	bed->loop = loop_new();
	bed->http = http_new(bed->loop, NULL);
	const struct imds_options imds = {
		.loop = bed->loop, .http = bed->http, .base_url = bed->server.url, .seed = 7
	};
	bed->imds = imds_new(&imds, NULL);
	assert_non_null(bed->imds);
	assert_int_equal(aws_endpoint_init(&bed->sts, AWS_STS, "eu-west-1", "amazonaws.com",
					   bed->server.url),
			 0);
}

static void bed_start(struct bed *bed, const char **environment)
{
	const struct credentials_options options = { .loop = bed->loop,
						     .http = bed->http,
						     .imds = bed->imds,
						     .sts = &bed->sts,
						     .seed = 5,
						     .env = env,
						     .env_data = environment,
						     .wall_sec = wall_sec,
						     .on_change = on_change,
						     .data = bed };
	struct err err = ERR_NULL;

	n_armed = 0;
	record_next = true;
	bed->credentials = credentials_new(&options, &err);
	record_next = false;
	if (!bed->credentials)
		fail_msg("%s", err.text);
}

/* Until something is told, `n` times. */
static void bed_wait(struct bed *bed, size_t n)
{
	while (n-- > 0)
		assert_int_equal(loop_run(bed->loop), 0);
}

static void bed_done(struct bed *bed)
{
	credentials_free(bed->credentials);
	recorded = NULL;
	imds_free(bed->imds);
	http_free(bed->http);
	loop_free(bed->loop);
	serve_http_stop(&bed->server);
}

static void assert_key(const struct bed *bed, const char *key)
{
	struct aws_credentials view;

	assert_int_equal(credentials_get(&view, bed->credentials), 0);
	assert_string_equal(view.access_key, key);
	assert_string_equal(view.secret_key, "hush");
	assert_string_equal(view.session_token, "tok");
}

static void the_role_of_the_instance_is_fetched_and_replaced_in_time(void **state)
{
	const struct serve_reply replies[] = { TOKEN, ROLE, ROLE_KEYS("ASIDFIRST", IN_6_HOURS),
					       ROLE, ROLE_KEYS("ASIDSECOND", IN_6_HOURS) };
	struct credentials_status status;
	struct aws_credentials view;
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies));
	bed_start(&bed, ENV("A=b"));
	assert_int_equal(credentials_get(&view, bed.credentials), -EAGAIN);
	bed_wait(&bed, 1);

	assert_key(&bed, "ASIDFIRST");
	credentials_status(bed.credentials, &status);
	assert_int_equal(status.kind, CREDENTIALS_IMDS);
	assert_int_equal(status.age, CREDENTIALS_FRESH);
	assert_int_equal(status.expires_sec, NOW + 6 * 3600);
	assert_int_equal(status.failures, 0);
	assert_string_equal(status.error, "");
	assert_int_equal(armed_ms[n_armed - 1], (6 * 3600 - 900) * 1000);

	bed_wait(&bed, 1);
	assert_key(&bed, "ASIDSECOND");
	bed_done(&bed);
}

static void what_is_there_is_used_on_through_an_outage(void **state)
{
	const struct serve_reply replies[] = {
		TOKEN,
		ROLE,
		ROLE_KEYS("ASIDFIRST", IN_6_HOURS),
		{ .status = 403 },
		{ .status = 403 },
		ROLE,
		{ .body = "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}" },
		ROLE,
		ROLE_KEYS("ASIDSECOND", IN_12_MINUTES),
	};
	struct credentials_status status;
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies));
	bed_start(&bed, ENV("A=b"));
	bed_wait(&bed, 1);

	/* Not urgent yet. */
	now = NOW + 6 * 3600 - 800;
	bed_wait(&bed, 1);
	assert_key(&bed, "ASIDFIRST");
	credentials_status(bed.credentials, &status);
	assert_int_equal(status.age, CREDENTIALS_ADVISORY);
	assert_int_equal(status.failure, HTTP_CLASS_PERMANENT);
	assert_int_equal(status.failures, 1);
	assert_non_null(strstr(status.error, "disabled"));
	assert_int_equal(armed_ms[n_armed - 1], 60000);

	/* Beyond their end. */
	now = NOW + 6 * 3600;
	bed_wait(&bed, 2);
	assert_key(&bed, "ASIDFIRST");
	credentials_status(bed.credentials, &status);
	assert_int_equal(status.age, CREDENTIALS_EXPIRED);
	assert_int_equal(status.failures, 3);
	assert_non_null(strstr(status.error, "AssumeRoleUnauthorizedAccess"));
	assert_in_range(armed_ms[n_armed - 1], 0, 4000);

	now = NOW;
	bed_wait(&bed, 1);
	assert_key(&bed, "ASIDSECOND");
	credentials_status(bed.credentials, &status);
	assert_int_equal(status.failures, 0);
	assert_in_range(armed_ms[n_armed - 1], 30000, 40000);
	bed_done(&bed);
}

static void ended_ones_that_the_source_hands_out_are_used_with_patience(void **state)
{
	const struct serve_reply replies[] = { TOKEN, ROLE, ROLE_KEYS("ASIDOLD", AN_HOUR_AGO) };
	struct credentials_status status;
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies));
	bed_start(&bed, ENV("A=b"));
	bed_wait(&bed, 1);

	assert_key(&bed, "ASIDOLD");
	credentials_status(bed.credentials, &status);
	assert_int_equal(status.age, CREDENTIALS_EXPIRED);
	assert_in_range(armed_ms[n_armed - 1], 720000, 1200000);
	bed_done(&bed);
}

static void a_role_whose_keys_never_end_is_not_believed(void **state)
{
	const struct serve_reply replies[] = {
		TOKEN, ROLE, { .body = "{\"AccessKeyId\":\"ASID\",\"SecretAccessKey\":\"hush\"}" }
	};
	struct credentials_status status;
	struct aws_credentials view;
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies));
	bed_start(&bed, ENV("A=b"));
	bed_wait(&bed, 1);

	assert_int_equal(credentials_get(&view, bed.credentials), -EAGAIN);
	credentials_status(bed.credentials, &status);
	assert_non_null(strstr(status.error, "without an expiration"));
	bed_done(&bed);
}

static void an_instance_without_role_says_so_and_is_asked_again(void **state)
{
	const struct serve_reply replies[] = {
		TOKEN, { .status = 404 }, ROLE, ROLE_KEYS("ASIDFIRST", IN_6_HOURS)
	};
	struct credentials_status status;
	struct aws_credentials view;
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies));
	bed_start(&bed, ENV("A=b"));
	bed_wait(&bed, 1);

	assert_int_equal(credentials_get(&view, bed.credentials), -EAGAIN);
	credentials_status(bed.credentials, &status);
	assert_int_equal(status.age, CREDENTIALS_NONE);
	assert_int_equal(status.failure, HTTP_CLASS_PERMANENT);
	assert_non_null(strstr(status.error, "instance profile"));
	assert_in_range(armed_ms[n_armed - 1], 0, 60000);

	bed_wait(&bed, 1);
	assert_key(&bed, "ASIDFIRST");
	bed_done(&bed);
}

static void keys_of_the_environment_never_end(void **state)
{
	struct credentials_status status;
	struct aws_credentials view;
	struct bed bed;
	(void)state;

	bed_make(&bed, NULL, 0);
	bed_start(&bed, ENV("AWS_ACCESS_KEY_ID=AKIDENV", "AWS_SECRET_ACCESS_KEY=hush"));
	assert_int_equal(bed.changes, 0);
	bed_wait(&bed, 1);

	assert_int_equal(credentials_get(&view, bed.credentials), 0);
	assert_string_equal(view.access_key, "AKIDENV");
	assert_null(view.session_token);
	credentials_status(bed.credentials, &status);
	assert_int_equal(status.kind, CREDENTIALS_ENVIRONMENT);
	assert_int_equal(n_armed, 1); /* at the start, and never again */
	credentials_refuse(bed.credentials);
	assert_int_equal(n_armed, 1);
	assert_int_equal(serve_http_count(&bed.server), 0);
	bed_done(&bed);
}

static void put_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void the_token_file_of_a_container_is_read_each_time(void **state)
{
	const struct serve_reply replies[] = { { .body = KEYS("ASIDONE", IN_5_MINUTES) },
					       { .body = KEYS("ASIDTWO", IN_6_HOURS) } };
	char file[] = "/tmp/eipgw-credentials-XXXXXX";
	char url[128], token_file[128];
	struct credentials_status status;
	struct bed bed;
	(void)state;

	close(mkstemp(file));
	bed_make(&bed, replies, ARRAY_SIZE(replies));
	snprintf(url, sizeof(url), "AWS_CONTAINER_CREDENTIALS_FULL_URI=%s/v1/credentials",
		 bed.server.url);
	snprintf(token_file, sizeof(token_file), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=%s", file);
	put_file(file, "first\n");
	bed_start(&bed, ENV(url, token_file));
	bed_wait(&bed, 1);
	assert_key(&bed, "ASIDONE");
	assert_non_null(strstr(serve_http_request(&bed.server, 0), "\r\nAuthorization: first\r\n"));

	put_file(file, "forged\r\nX-Evil: 1\n");
	bed_wait(&bed, 1);
	credentials_status(bed.credentials, &status);
	assert_non_null(strstr(status.error, "not a token"));
	assert_null(strstr(status.error, "forged"));
	assert_key(&bed, "ASIDONE");

	put_file(file, "second");
	bed_wait(&bed, 1);
	assert_key(&bed, "ASIDTWO");
	assert_int_equal(serve_http_count(&bed.server), 2);
	assert_non_null(
		strstr(serve_http_request(&bed.server, 1), "\r\nAuthorization: second\r\n"));
	assert_memory_equal(serve_http_request(&bed.server, 1), "GET /v1/credentials ", 20);
	bed_done(&bed);
	unlink(file);
}

#define STS_ANSWER                                                                          \
	"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>" \
	"<AccessKeyId>ASIDWEB</AccessKeyId><SecretAccessKey>hush</SecretAccessKey>"         \
	"<SessionToken>tok</SessionToken><Expiration>" IN_6_HOURS                           \
	"</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"                     \
	"</AssumeRoleWithWebIdentityResponse>"
#define STS_ERROR                                                                             \
	"<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>" \
	"the word</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"

static void a_web_identity_is_changed_into_keys_by_an_unsigned_post(void **state)
{
	const struct serve_reply replies[] = { { .status = 400, .body = STS_ERROR },
					       { .body = STS_ANSWER } };
	char file[] = "/tmp/eipgw-credentials-XXXXXX";
	char token_file[128];
	struct credentials_status status;
	struct bed bed;
	(void)state;

	close(mkstemp(file));
	put_file(file, "a.b+c/d==\n");
	snprintf(token_file, sizeof(token_file), "AWS_WEB_IDENTITY_TOKEN_FILE=%s", file);
	bed_make(&bed, replies, ARRAY_SIZE(replies));
	bed_start(&bed, ENV(token_file, "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/gw",
			    "AWS_ROLE_SESSION_NAME=me"));
	bed_wait(&bed, 1);
	credentials_status(bed.credentials, &status);
	assert_int_equal(status.failure, HTTP_CLASS_CREDENTIALS);
	assert_non_null(strstr(status.error, "InvalidIdentityToken"));

	bed_wait(&bed, 1);
	assert_key(&bed, "ASIDWEB");
	const char *const text = serve_http_request(&bed.server, 1);
	assert_memory_equal(text, "POST / ", 7);
	assert_null(strcasestr(text, "Authorization:"));
	assert_non_null(strstr(text, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&"
				     "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fgw&"
				     "RoleSessionName=me&WebIdentityToken=a.b%2Bc%2Fd%3D%3D"));
	bed_done(&bed);
	unlink(file);
}

static void refused_keys_are_fetched_again_but_not_in_a_storm(void **state)
{
	const struct serve_reply replies[] = { TOKEN, ROLE, ROLE_KEYS("ASIDFIRST", IN_6_HOURS),
					       ROLE, ROLE_KEYS("ASIDSECOND", IN_6_HOURS) };
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies));
	bed_start(&bed, ENV("A=b"));
	bed_wait(&bed, 1);
	skip_waits = false;
	credentials_refuse(bed.credentials);
	credentials_refuse(bed.credentials);

	assert_in_range(armed_ms[n_armed - 1], 8000, 10000);
	skip_waits = true;
	credentials_refuse(bed.credentials);
	bed_wait(&bed, 1);
	assert_key(&bed, "ASIDSECOND");
	bed_done(&bed);
}

static void the_callback_may_free_them(void **state)
{
	const struct serve_reply replies[] = { TOKEN, ROLE, ROLE_KEYS("ASIDFIRST", IN_6_HOURS) };
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies));
	bed.free_in_callback = true;
	bed_start(&bed, ENV("A=b"));
	bed_wait(&bed, 1);

	assert_null(bed.credentials);
	bed_done(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_role_of_the_instance_is_fetched_and_replaced_in_time),
		cmocka_unit_test(what_is_there_is_used_on_through_an_outage),
		cmocka_unit_test(ended_ones_that_the_source_hands_out_are_used_with_patience),
		cmocka_unit_test(a_role_whose_keys_never_end_is_not_believed),
		cmocka_unit_test(an_instance_without_role_says_so_and_is_asked_again),
		cmocka_unit_test(keys_of_the_environment_never_end),
		cmocka_unit_test(the_token_file_of_a_container_is_read_each_time),
		cmocka_unit_test(a_web_identity_is_changed_into_keys_by_an_unsigned_post),
		cmocka_unit_test(refused_keys_are_fetched_again_but_not_in_a_storm),
		cmocka_unit_test(the_callback_may_free_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
