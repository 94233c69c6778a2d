// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/listen.h"

static const struct ip4 own = { 0x0a00010b };
static const struct ip4 none = { 0 };

static void where_metrics_are_served_is_one_address_or_nowhere(void **state)
{
	static const struct {
		const char *listen;
		uint32_t address;
		uint16_t port;
		const char *error; /* NULL: none */
	} rows[] = {
		{ "", 0, 0, NULL },
		{ "127.0.0.1:9430", 0x7f000001, 9430, NULL },
		{ "10.0.1.200:1", 0x0a0001c8, 1, NULL },
		{ ":65535", 0x0a00010b, 65535, NULL },
		{ "0.0.0.0:9430", 0, 0, "metrics.listen: 0.0.0.0 isn't one host's address" },
		{ "224.0.0.1:9430", 0, 0, "metrics.listen: 224.0.0.1 isn't one host's address" },
		{ "255.255.255.255:1", 0, 0, "metrics.listen: 255.255.255.255 isn't one" },
		{ "127.0.0.1", 0, 0, "metrics.listen: \"127.0.0.1\" doesn't end with :PORT" },
		{ "127.0.0.1:", 0, 0, "metrics.listen: \"127.0.0.1:\" doesn't" },
		{ "127.0.0.1:0", 0, 0, "metrics.listen: \"127.0.0.1:0\" doesn't" },
		{ "127.0.0.1:65536", 0, 0, "metrics.listen: \"127.0.0.1:65536\" doesn't" },
		{ "127.0.0.1:0x10", 0, 0, "metrics.listen: \"127.0.0.1:0x10\" doesn't" },
		{ "127.0.0.1:123456", 0, 0, "metrics.listen: \"127.0.0.1:123456\" doesn't" },
		{ "9430", 0, 0, "metrics.listen: \"9430\" doesn't" },
		{ "localhost:9430", 0, 0, "metrics.listen: " },
		{ "[::1]:9430", 0, 0, "metrics.listen: " },
		{ "*:9430", 0, 0, "metrics.listen: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct listen_conf conf;
		struct listen_place place = { none, 0 };
		struct err err = ERR_NULL;

		snprintf(conf.listen, sizeof(conf.listen), "%s", rows[i].listen);
		const int rc = metrics_config_read(&conf, own, &place, &err);

		assert_int_equal(rc == 0, !rows[i].error);
		assert_int_equal(place.address.v, rows[i].address);
		assert_int_equal(place.port, rows[i].port);
		if (rows[i].error)
			assert_ptr_equal(strstr(err.text, rows[i].error), err.text);
	}
}

static void the_page_is_at_loopback_unless_an_address_is_named(void **state)
{
	const struct listen_conf conf = { ":9441" }, named = { "10.0.1.200:9441" },
				 wrong = { "0.0.0.0:9441" };
	struct listen_place place;
	struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(admin_config_read(&conf, &place, &err), 0);
	assert_int_equal(place.address.v, 0x7f000001);
	assert_int_equal(place.port, 9441);
	assert_int_equal(admin_config_read(&named, &place, &err), 0);
	assert_int_equal(place.address.v, 0x0a0001c8);
	assert_true(admin_config_read(&wrong, &place, &err) < 0);
	assert_non_null(strstr(err.text, "admin.listen: 0.0.0.0 isn't one host's address"));
}

static void the_hosts_own_address_must_be_known(void **state)
{
	const struct listen_conf conf = { ":9430" };
	struct listen_place place;
	struct err err = ERR_NULL;

	(void)state;
	assert_true(metrics_config_read(&conf, none, &place, &err) < 0);
	assert_string_equal(err.text,
			    "metrics.listen: has no address, and the file has none of this host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_metrics_are_served_is_one_address_or_nowhere),
		cmocka_unit_test(the_hosts_own_address_must_be_known),
		cmocka_unit_test(the_page_is_at_loopback_unless_an_address_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
