// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"

static const struct {
	struct gateway_limits limits;
	const char *error; /* NULL: it's fine */
} rows[] = {
	{ { .shared_ports = 4096 }, NULL },
	{ { .first_port = 1024, .last_port = 65535 }, NULL },
	{ { .first_port = 1023, .last_port = 65535 }, "limits.first_port: is below 1024" },
	{ { .last_port = 65535 }, "limits.first_port: is below 1024" },
	{ { .first_port = 2000 }, "limits.last_port: is before limits.first_port" },
	{ { .ports_per_pod = 256, .shared_ports = 4096 }, NULL },
	{ { .ports_per_pod = 15, .shared_ports = 4096 }, "limits.ports_per_pod: is below 16" },
	{ { .ports_per_pod = 256, .shared_ports = 64256 }, NULL },
	{ { .ports_per_pod = 256, .shared_ports = 64257 },
	  "limits.shared_ports: leaves no block of 256 of the range's 64512 ports" },
	{ { .first_port = 2000, .last_port = 2499, .ports_per_pod = 100, .shared_ports = 400 },
	  NULL },
	{ { .first_port = 2000, .last_port = 2499, .ports_per_pod = 100, .shared_ports = 401 },
	  "limits.shared_ports: leaves no block of 100 of the range's 500 ports" },
};

static void ports_are_checked_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = ERR_NULL;

		print_message("%zu\n", i);
		assert_int_equal(limits_config_check(&rows[i].limits, &err) == 0, !rows[i].error);
		assert_string_equal(err.text, rows[i].error ? rows[i].error : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_checked_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
