// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/query.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

static void paths_and_queries_are_encoded(void **state)
{
	struct kube_query query;
	(void)state;

	kube_query_init(&query, "/api/v1/namespaces");
	kube_query_segment(&query, "a/b ?");
	kube_query_add(&query, "fieldSelector", "spec.nodeName=ip-10-0-1-11.ec2.internal,x!=y");
	kube_query_add(&query, "continue", "");
	kube_query_add(&query, "labelSelector", NULL);
	kube_query_add_number(&query, "limit", 500);
	kube_query_add(&query, "x", "\xc3\xa4+&#");

	assert_int_equal(query.rc, 0);
	assert_string_equal(
		query.text,
		"/api/v1/namespaces/a%2Fb%20%3F?fieldSelector=spec.nodeName%3Dip-10-0-1-11.ec2.internal%2Cx%21%3Dy"
		"&limit=500&x=%C3%A4%2B%26%23");
}

static void what_does_not_fit_is_told(void **state)
{
	static char text[KUBE_PATH_MAX / 3 + 1];
	struct kube_query query;
	(void)state;

	memset(text, '/', sizeof(text) - 1);
	kube_query_init(&query, "/");
	kube_query_add(&query, "q", text);
	assert_int_equal(query.rc, -EMSGSIZE);
	assert_true(strlen(query.text) < KUBE_PATH_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_and_queries_are_encoded),
		cmocka_unit_test(what_does_not_fit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
