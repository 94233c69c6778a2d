// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/guard.h"

#include "netns.h"

#include <string.h>

static void the_filter_is_added_once_and_to_each_new_device(void **state)
{
	struct netns *ns = *state;
	bool added;

	netns_make_tunnel(ns);
	assert_ok(ns, guard_ensure(ns->rtnl, ns->tunnel.ifindex, &added, &ns->err));
	assert_true(added);

	assert_ok(ns, guard_ensure(ns->rtnl, ns->tunnel.ifindex, &added, &ns->err));
	assert_false(added);

	netns_ip("link del egw0");
	netns_make_tunnel(ns);
	assert_ok(ns, guard_ensure(ns->rtnl, ns->tunnel.ifindex, &added, &ns->err));
	assert_true(added);
}

static void a_device_that_is_not_there_is_an_error_that_says_so(void **state)
{
	struct netns *ns = *state;
	bool added = true;

	assert_true(guard_ensure(ns->rtnl, 4711, &added, &ns->err) < 0);
	assert_non_null(strstr(ns->err.text, "filter on the tunnel device"));
	assert_false(added);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_netns(the_filter_is_added_once_and_to_each_new_device),
		in_a_netns(a_device_that_is_not_there_is_an_error_that_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
