// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/veth.h"

/* The digits are those of sha1sum(1). */
static void a_device_is_named_after_its_pod(void **state)
{
	static const struct {
		const char *prefix, *space, *name, *device;
	} rows[] = {
		{ "eni", "default", "p1", "eni182c452fe96" },
		{ "vlan", "default", "p1", "vlan182c452fe96" },
		{ "eni", "kube-system", "coredns-5d78c9869d-2xk7p", "eni397794c850d" },
	};
	char ret[VETH_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(veth_name(rows[i].prefix, rows[i].space, rows[i].name, ret), 0);
		assert_string_equal(ret, rows[i].device);
	}
}

static void what_the_cni_could_not_have_named_is_refused(void **state)
{
	char ret[VETH_NAME_MAX], name[600];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(veth_name("enixx", "default", "p1", ret), -EINVAL);
	assert_int_equal(veth_name("eni", "default", name, ret), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_is_named_after_its_pod),
		cmocka_unit_test(what_the_cni_could_not_have_named_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
