// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who we are and what we may, as the API server is asked and answers. */
#include "kube/access.h"

#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void questions_are_as_the_api_wants_them(void **state)
{
	static const struct kube_right core = { "list", "", "pods", NULL, NULL };
	static const struct kube_right all = { "patch", "eipgw.io", "egresspolicies", "status",
					       "n" };
	char *text = kube_whoami_question();
	(void)state;

	assert_non_null(strstr(text, "\"kind\":\"SelfSubjectReview\""));
	assert_null(strstr(text, "resourceAttributes"));
	free(text);
	text = kube_access_question(&core);
	assert_non_null(strstr(text, "\"resource\":\"pods\",\"verb\":\"list\""));
	assert_null(strstr(text, "subresource"));
	assert_null(strstr(text, "namespace"));
	free(text);
	text = kube_access_question(&all);
	assert_string_equal(text,
			    "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":"
			    "\"SelfSubjectAccessReview\",\"spec\":{\"resourceAttributes\":{"
			    "\"group\":\"eipgw.io\",\"namespace\":\"n\",\"resource\":"
			    "\"egresspolicies\",\"subresource\":\"status\",\"verb\":\"patch\"}}}");
	free(text);
}

static void answers_are_read(void **state)
{
	static const char me[] = "{\"status\":{\"userInfo\":{\"username\":\"u\",\"groups\":"
				 "[\"a\",\"b\"]}}}";
	static const char kinds[] = "{\"resources\":[{\"name\":\"a\"},{\"name\":\"a/status\"}]}";
	static const char yes[] = "{\"status\":{\"allowed\":true}}";
	static const char no[] = "{\"status\":{\"allowed\":false,\"reason\":\"x\"}}";
	struct kube_whoami whoami;
	bool is_so = false;
	(void)state;

	assert_int_equal(kube_whoami_read(me, strlen(me), "b", &whoami, NULL), 0);
	assert_string_equal(whoami.user, "u");
	assert_string_equal(whoami.groups, "a, b");
	assert_true(whoami.has_group);
	assert_int_equal(kube_whoami_read(me, strlen(me), "c", &whoami, NULL), 0);
	assert_false(whoami.has_group);
	assert_int_equal(kube_access_read(yes, strlen(yes), &is_so, NULL), 0);
	assert_true(is_so);
	assert_int_equal(kube_access_read(no, strlen(no), &is_so, NULL), 0);
	assert_false(is_so);
	assert_int_equal(kube_served_read(kinds, strlen(kinds), "a", &is_so, NULL), 0);
	assert_true(is_so);
	assert_int_equal(kube_served_read(kinds, strlen(kinds), "b", &is_so, NULL), 0);
	assert_false(is_so);
	assert_int_equal(kube_access_read("<html>", 6, &is_so, NULL), -EPROTO);
}

static void more_groups_than_fit_are_cut_and_still_known(void **state)
{
	char text[8192] = "{\"status\":{\"userInfo\":{\"groups\":[";
	struct kube_whoami whoami;
	(void)state;

	for (int i = 0; i < 100; i++)
		strncat(text, "\"system:some-long-group\",", sizeof(text) - strlen(text) - 1);
	strncat(text, "\"last\"]}}}", sizeof(text) - strlen(text) - 1);
	assert_int_equal(kube_whoami_read(text, strlen(text), "last", &whoami, NULL), 0);
	assert_true(whoami.has_group);
	assert_int_equal(strlen(whoami.groups), sizeof(whoami.groups) - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_as_the_api_wants_them),
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(more_groups_than_fit_are_cut_and_still_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
