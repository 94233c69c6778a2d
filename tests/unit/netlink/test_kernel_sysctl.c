// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Kernel parameters, in a namespace of their own. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "netlink/sysctl.h"
#include "netns.h"

#define RP_FILTER "net/ipv4/conf/lo/rp_filter"

static void a_value_is_written_and_read_back(void **state)
{
	struct netns *ns = *state;
	char value[SYSCTL_VALUE_MAX];

	assert_ok(ns, sysctl_write_checked(RP_FILTER, "2", &ns->err));
	assert_int_equal(sysctl_read(RP_FILTER, value, sizeof(value)), 0);
	assert_string_equal(value, "2");
	assert_ok(ns, sysctl_write_checked(RP_FILTER, "1", &ns->err));
	assert_int_equal(sysctl_read("/proc/sys/" RP_FILTER, value, sizeof(value)), 0);
	assert_string_equal(value, "1");
}

static void tabs_are_read_as_blanks(void **state)
{
	struct netns *ns = *state;
	char value[SYSCTL_VALUE_MAX];

	assert_ok(ns,
		  sysctl_write_checked("net/ipv4/ip_local_port_range", "20000 30000", &ns->err));
	assert_int_equal(sysctl_read("net/ipv4/ip_local_port_range", value, sizeof(value)), 0);
	assert_string_equal(value, "20000 30000");
}

static void a_missing_key_is_named(void **state)
{
	struct netns *ns = *state;
	char value[SYSCTL_VALUE_MAX];

	assert_int_equal(sysctl_write_checked("net/ipv4/conf/egw0/rp_filter", "2", &ns->err),
			 -ENOENT);
	assert_non_null(strstr(ns->err.text, "net/ipv4/conf/egw0/rp_filter"));
	assert_int_equal(sysctl_read("net/ipv4/conf/egw0/rp_filter", value, sizeof(value)),
			 -ENOENT);
}

static void a_value_that_the_kernel_refuses_or_bends_is_an_error(void **state)
{
	struct netns *ns = *state;

	assert_int_equal(sysctl_write_checked(RP_FILTER, "many", &ns->err), -EINVAL);
	assert_non_null(strstr(ns->err.text, RP_FILTER));
	assert_int_equal(sysctl_write_checked(RP_FILTER, "02", &ns->err), -EIO); /* shows 2 */
	assert_non_null(strstr(ns->err.text, "was set to 02 and shows 2"));
}

static void a_key_cannot_leave_its_directory(void **state)
{
	struct netns *ns = *state;
	char value[SYSCTL_VALUE_MAX];
	char long_key[1024];

	memset(long_key, 'a', sizeof(long_key) - 1);
	long_key[sizeof(long_key) - 1] = '\0';
	assert_int_equal(sysctl_read("net/../net/ipv4/ip_forward", value, sizeof(value)), -EINVAL);
	assert_int_equal(sysctl_write_checked("../../etc/x", "1", &ns->err), -EINVAL);
	assert_int_equal(sysctl_read(long_key, value, sizeof(value)), -EINVAL);
}

static void a_value_that_does_not_fit_is_an_error(void **state)
{
	char value[2];

	(void)state;
	assert_int_equal(sysctl_read("net/ipv4/tcp_rmem", value, sizeof(value)), -EOVERFLOW);
}

static void make_read_only(void)
{
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
}

/* As in a container; what a device has, netlink can set. */
static void in_a_read_only_tree_values_may_be_there_and_a_device_s_can_be_set(void **state)
{
	static const char *const others[] = { "net/ipv4/conf/all/rp_filter",
					      "net/ipv4/conf/default/rp_filter",
					      "net/ipv4/conf/lo/forwarding",
					      "net/ipv4/conf/rp_filter", "net/ipv4/ip_forward" };
	struct netns *ns = *state;
	char value[SYSCTL_VALUE_MAX];

	assert_ok(ns, sysctl_write_checked("net/ipv4/ip_forward", "1", &ns->err));
	make_read_only();

	assert_ok(ns, sysctl_write_checked("net/ipv4/ip_forward", "1", &ns->err));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		int rc = sysctl_write_checked(others[i], "7", &ns->err);

		assert_true(rc == -EROFS || rc == -ENOENT);
		assert_non_null(strstr(ns->err.text, others[i]));
	}
	for (int i = 0; i < 3; i++) {
		const char text[2] = { (char)('0' + i), '\0' };

		assert_ok(ns, sysctl_write_checked(RP_FILTER, text, &ns->err));
		assert_int_equal(sysctl_read(RP_FILTER, value, sizeof(value)), 0);
		assert_string_equal(value, text);
	}
	assert_ok(ns, sysctl_write_checked("net/ipv4/conf/lo/send_redirects", "0", &ns->err));
	assert_int_equal(sysctl_write_checked(RP_FILTER, "many", &ns->err), -EROFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_netns(a_value_is_written_and_read_back),
		in_a_netns(tabs_are_read_as_blanks),
		in_a_netns(a_missing_key_is_named),
		in_a_netns(a_value_that_the_kernel_refuses_or_bends_is_an_error),
		in_a_netns(a_key_cannot_leave_its_directory),
		in_a_netns(a_value_that_does_not_fit_is_an_error),
		/* last: it stays read-only */
		in_a_netns(in_a_read_only_tree_values_may_be_there_and_a_device_s_can_be_set),
	};

	return cmocka_run_group_tests_name("netlink/kernel_sysctl", tests, NULL, NULL);
}
