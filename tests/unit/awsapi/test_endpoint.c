// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Where calls go: never elsewhere because a name had more than a name in it. */
#include "awsapi/call.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <errno.h>

static void an_endpoint_is_made_of_names_only(void **state)
{
	struct aws_endpoint endpoint;
	(void)state;

	assert_int_equal(aws_endpoint_init(&endpoint, AWS_AUTOSCALING, "cn-north-1",
					   "amazonaws.com.cn", NULL),
			 0);
	assert_string_equal(endpoint.url, "https://autoscaling.cn-north-1.amazonaws.com.cn/");
	assert_string_equal(endpoint.region, "cn-north-1");
	assert_int_equal(aws_endpoint_init(&endpoint, AWS_STS, "r", NULL, "http://127.0.0.1:5000/"),
			 0);
	assert_string_equal(endpoint.url, "http://127.0.0.1:5000/");
	static const struct {
		const char *region, *domain, *url;
	} wrong[] = {
		{ "", "amazonaws.com", NULL },
		{ "evil.example/", "amazonaws.com", NULL },
		{ "a.b", "amazonaws.com", NULL },
		{ "eu-central-1", "", NULL },
		{ "eu-central-1", "example.com/", NULL },
		{ "eu-central-1", "example.com\r\nX: y", NULL },
		{ "eu-central-1", "amazonaws.com", "ftp://example.com/" },
		{ "eu-central-1", "amazonaws.com", "" },
		{ "eu-central-1-and-much-longer-than-any", "amazonaws.com", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(aws_endpoint_init(&endpoint, AWS_EC2, wrong[i].region,
						   wrong[i].domain, wrong[i].url),
				 -EINVAL);
}

static void a_regions_name_tells_its_domain(void **state)
{
	static const struct {
		const char *region, *domain;
	} rows[] = {
		{ "eu-central-1", "amazonaws.com" },   { "us-gov-west-1", "amazonaws.com" },
		{ "cn-north-1", "amazonaws.com.cn" },  { "us-iso-east-1", "c2s.ic.gov" },
		{ "us-isob-east-1", "sc2s.sgov.gov" }, { "eusc-de-east-1", "amazonaws.eu" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(aws_region_domain(rows[i].region), rows[i].domain);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_is_made_of_names_only),
		cmocka_unit_test(a_regions_name_tells_its_domain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
