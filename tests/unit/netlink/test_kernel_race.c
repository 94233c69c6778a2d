// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Somebody else acts between the look and the step. The linker puts a function of the test in front of
 * rtnl_routes_add, so that it happens right before routes are added.
 */
#include <errno.h>
#include <string.h>

#include "sync_fixture.h"

int __real_rtnl_routes_add(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
			   size_t *ret_failed, struct err *err);
int __wrap_rtnl_routes_add(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
			   size_t *ret_failed, struct err *err);

static struct {
	struct rtnl *other; /* who deletes the tunnel */
	int times;
} scene;

int __wrap_rtnl_routes_add(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
			   size_t *ret_failed, struct err *err)
{
	struct rt_link link;

	if (scene.other && scene.times > 0 &&
	    rtnl_link_by_name(scene.other, "egw0", &link, NULL) == 0) {
		scene.times--;
		assert_int_equal(rtnl_link_del(scene.other, link.ifindex, NULL), 0);
	}
	return __real_rtnl_routes_add(rtnl, routes, n, ret_failed, err);
}

static void begin(struct sync_fixture *f, int times)
{
	scene.other = rtnl_open(&f->err);
	scene.times = times;
	assert_non_null(scene.other);
}

static void end(void)
{
	rtnl_close(scene.other);
	scene.other = NULL;
}

static void a_device_that_goes_under_a_run_is_made_anew_by_the_same_run(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_run(f, NULL);
	netns_ip("route flush table 4096");
	begin(f, 1);
	assert_true(sync_fixture_run(f, NULL) > 3);

	assert_int_equal(scene.times, 0);
	assert_int_equal(sync_fixture_run(f, NULL), 0);
	assert_string_equal(f->err.text, "");
	end();
}

static void a_device_that_always_goes_ends_the_run_with_its_error(void **state)
{
	struct sync_fixture *f = *state;

	begin(f, 1000);
	assert_int_equal(net_sync_run(f->sync, &f->desired, NULL, NULL, &f->err), -ENODEV);
	assert_non_null(strstr(f->err.text, "can't set route default encap"));
	assert_true(net_sync_stats(f->sync).failures > 0);
	scene.times = 0;

	sync_fixture_run(f, NULL);
	assert_int_equal(sync_fixture_run(f, NULL), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		synced(a_device_that_goes_under_a_run_is_made_anew_by_the_same_run),
		synced(a_device_that_always_goes_ends_the_run_with_its_error),
	};

	return cmocka_run_group_tests_name("netlink/kernel_race", tests, NULL, NULL);
}
