// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/login.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "http/http.h"
#include "kube/config.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bed {
	char dir[64];
	char token_path[96], ca_path[96];
	struct kube_config config;
	struct kube_login *login;
	struct mono now;
	unsigned asked, refused; /* token_fn; so often because of a refusal */
	int64_t good_sec;
	int rc;
};

static void put(const char *path, const char *text)
{
	FILE *const file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int make_token(bool is_refused, struct kube_token *ret, void *data, struct err *err)
{
	struct bed *const bed = data;

	bed->asked++;
	bed->refused += is_refused;
	if (bed->rc != 0)
		return err_set(err, bed->rc, "the source is away");
	if (asprintf(&ret->text, "k8s-aws-v1.%u", bed->asked) < 0)
		return -ENOMEM;
	ret->good_sec = bed->good_sec;
	return 0;
}

static void setup(struct bed *bed)
{
	*bed = (struct bed){ .dir = "/tmp/eipgw-login-XXXXXX",
			     .good_sec = 900,
			     .now = { 1000000 } };
	assert_non_null(mkdtemp(bed->dir));
	snprintf(bed->token_path, sizeof(bed->token_path), "%s/token", bed->dir);
	snprintf(bed->ca_path, sizeof(bed->ca_path), "%s/ca.crt", bed->dir);
	bed->config = KUBE_CONFIG_NULL;
	bed->login = kube_login_new(&bed->config);
	assert_non_null(bed->login);
}

static void teardown(struct bed *bed)
{
	kube_login_free(bed->login);
	kube_config_done(&bed->config);
	unlink(bed->token_path);
	unlink(bed->ca_path);
	rmdir(bed->dir);
}

static const char *token_after(struct bed *bed, int64_t ms)
{
	const struct http_tls *tls = NULL;
	const char *token = NULL;
	struct err err = ERR_NULL;

	bed->now = mono_add_ms(bed->now, ms);
	if (kube_login_get(bed->login, bed->now, &token, &tls, &err) != 0)
		fail_msg("%s", err.text);
	return token;
}

static void files_are_read_again_after_a_minute(void **state)
{
	const struct http_tls *tls = NULL;
	const char *token = NULL;
	struct bed bed;
	(void)state;

	setup(&bed);
	bed.config.token.path = strdup(bed.token_path);
	bed.config.ca.path = strdup(bed.ca_path);
	put(bed.token_path, "first\n");
	put(bed.ca_path, "-----BEGIN A");
	assert_string_equal(token_after(&bed, 0), "first");
	put(bed.token_path, "second");
	put(bed.ca_path, "-----BEGIN B");
	assert_string_equal(token_after(&bed, 59999), "first");
	assert_string_equal(token_after(&bed, 1), "second");
	assert_int_equal(kube_login_get(bed.login, bed.now, &token, &tls, NULL), 0);
	assert_string_equal(tls->ca, "-----BEGIN B");
	teardown(&bed);
}

static void what_cannot_be_read_again_stays(void **state)
{
	struct bed bed;
	(void)state;

	setup(&bed);
	bed.config.token.path = strdup(bed.token_path);
	put(bed.token_path, "first");
	assert_string_equal(token_after(&bed, 0), "first");
	unlink(bed.token_path);
	assert_string_equal(token_after(&bed, 70000), "first");
	put(bed.token_path, " \n");
	assert_string_equal(token_after(&bed, 70000), "first");
	put(bed.token_path, "a\nb");
	assert_string_equal(token_after(&bed, 70000), "first");
	put(bed.token_path, "third");
	assert_string_equal(token_after(&bed, 70000), "third");
	teardown(&bed);
}

static void without_a_first_time_there_is_no_login_and_a_reason(void **state)
{
	const struct http_tls *tls = NULL;
	const char *token = NULL;
	struct err err = ERR_NULL;
	struct bed bed;
	(void)state;

	setup(&bed);
	bed.config.token.path = strdup(bed.token_path);
	assert_int_equal(kube_login_get(bed.login, bed.now, &token, &tls, &err), -EACCES);
	assert_non_null(strstr(err.text, bed.token_path));
	/* And not only a minute later. */
	put(bed.token_path, "now");
	assert_string_equal(token_after(&bed, 1), "now");
	teardown(&bed);
}

static void a_file_that_is_no_pem_is_told(void **state)
{
	const struct http_tls *tls = NULL;
	const char *token = NULL;
	struct err err = ERR_NULL;
	struct bed bed;
	(void)state;

	setup(&bed);
	bed.config.ca.path = strdup(bed.ca_path);
	put(bed.ca_path, "garbage");
	assert_int_equal(kube_login_get(bed.login, bed.now, &token, &tls, &err), -EACCES);
	assert_non_null(strstr(err.text, "isn't PEM"));
	teardown(&bed);
}

static void a_token_is_kept_for_most_of_its_time(void **state)
{
	static const struct {
		int64_t good_sec, least_ms, most_ms;
	} rows[] = {
		{ 900, 600000, 720000 },
		{ 30, 20000, 24000 },
		{ 3, 2000, 2400 },
		{ 1, 1000, 1000 },
		{ 0, 1000, 1000 },
		{ -60, 1000, 1000 },
		{ INT64_MAX, 57600000, 69120000 },
	};
	static const uint64_t randoms[] = { 0, 1, 119999, 120000, 120001, UINT64_MAX };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t k = 0; k < ARRAY_SIZE(randoms); k++) {
			const int64_t ms = kube_token_keep_ms(rows[i].good_sec, randoms[k]);

			assert_true(ms >= rows[i].least_ms && ms <= rows[i].most_ms);
		}
	assert_int_equal(kube_token_keep_ms(900, 0), 600000);
	assert_int_equal(kube_token_keep_ms(900, 120000), 720000);
	assert_int_equal(kube_token_keep_ms(900, 120001), 600000);
}

static void a_token_is_asked_for_well_before_it_ends(void **state)
{
	struct bed bed;
	(void)state;

	setup(&bed);
	bed.config.token_fn = make_token;
	bed.config.token_data = &bed;
	assert_string_equal(token_after(&bed, 0), "k8s-aws-v1.1");
	for (int i = 0; i < 9; i++)
		assert_string_equal(token_after(&bed, 66000), "k8s-aws-v1.1");
	assert_string_equal(token_after(&bed, 126000), "k8s-aws-v1.2");
	assert_int_equal(bed.asked, 2);
	assert_int_equal(bed.refused, 0);
	teardown(&bed);
}

static void while_its_source_is_away_a_token_is_used_on(void **state)
{
	struct bed bed;
	(void)state;

	setup(&bed);
	bed.config.token_fn = make_token;
	bed.config.token_data = &bed;
	assert_string_equal(token_after(&bed, 0), "k8s-aws-v1.1");
	bed.rc = -EAGAIN;
	assert_string_equal(token_after(&bed, 720000), "k8s-aws-v1.1");
	assert_int_equal(bed.asked, 2);
	/* Requests in a burst don't ask it each time. */
	for (int i = 0; i < 4; i++)
		assert_string_equal(token_after(&bed, 1000), "k8s-aws-v1.1");
	assert_int_equal(bed.asked, 2);
	bed.rc = 0;
	assert_string_equal(token_after(&bed, 1000), "k8s-aws-v1.3");
	teardown(&bed);
}

static void without_a_first_token_the_sources_reason_is_told(void **state)
{
	const struct http_tls *tls = NULL;
	const char *token = NULL;
	struct err err = ERR_NULL;
	struct bed bed;
	(void)state;

	setup(&bed);
	bed.config.token_fn = make_token;
	bed.config.token_data = &bed;
	bed.rc = -EAGAIN;
	assert_int_equal(kube_login_get(bed.login, bed.now, &token, &tls, &err), -EACCES);
	assert_string_equal(err.text, "the source is away");
	bed.rc = 0;
	assert_string_equal(token_after(&bed, 1), "k8s-aws-v1.2");
	teardown(&bed);
}

static void a_refused_token_is_replaced_but_not_each_time(void **state)
{
	struct bed bed;
	(void)state;

	setup(&bed);
	bed.config.token_fn = make_token;
	bed.config.token_data = &bed;
	assert_string_equal(token_after(&bed, 0), "k8s-aws-v1.1");
	kube_login_refused(bed.login);
	assert_string_equal(token_after(&bed, 9999), "k8s-aws-v1.1");
	assert_string_equal(token_after(&bed, 1), "k8s-aws-v1.2");
	assert_string_equal(token_after(&bed, 10000), "k8s-aws-v1.2");
	assert_int_equal(bed.refused, 1);
	teardown(&bed);
}

static void without_anything_nobody_logs_in(void **state)
{
	struct bed bed;
	(void)state;

	setup(&bed);
	assert_null(token_after(&bed, 0));
	bed.config.token.text = strdup("fixed");
	assert_string_equal(token_after(&bed, 60000), "fixed");
	teardown(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read_again_after_a_minute),
		cmocka_unit_test(what_cannot_be_read_again_stays),
		cmocka_unit_test(without_a_first_time_there_is_no_login_and_a_reason),
		cmocka_unit_test(a_file_that_is_no_pem_is_told),
		cmocka_unit_test(a_token_is_kept_for_most_of_its_time),
		cmocka_unit_test(a_token_is_asked_for_well_before_it_ends),
		cmocka_unit_test(while_its_source_is_away_a_token_is_used_on),
		cmocka_unit_test(without_a_first_token_the_sources_reason_is_told),
		cmocka_unit_test(a_refused_token_is_replaced_but_not_each_time),
		cmocka_unit_test(without_anything_nobody_logs_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
