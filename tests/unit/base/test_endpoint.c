// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/endpoint.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "unit.h"

static const struct {
	const char *text, *name;
	uint32_t address;
	uint8_t length;
	bool has_port;
	uint16_t port;
} right[] = {
	{ "203.0.113.100:41234", "", 0xcb007164, 32, true, 41234 },
	{ "203.0.113.100", "", 0xcb007164, 32, false, 0 },
	{ "198.51.100.0/24", "", 0xc6336400, 24, false, 0 },
	{ "198.51.100.0/24:443", "", 0xc6336400, 24, true, 443 },
	{ "0.0.0.0/0:0", "", 0, 0, true, 0 },
	{ "bank:65535", "bank", 0, 0, true, 65535 },
	{ "bank", "bank", 0, 0, false, 0 },
	{ "eip-1.example", "eip-1.example", 0, 0, false, 0 },
	{ "1bank", "1bank", 0, 0, false, 0 },
};

static const char *const wrong[] = {
	"",
	":1",
	"203.0.113.100:",
	"203.0.113.100:65536",
	"203.0.113.100:-1",
	"203.0.113.100:1x",
	"203.0.113:1",
	"203.0.113.256",
	"198.51.100.1/24",
	"198.51.100.0/33",
	"bank/24",
	"ba nk:1",
	"bank\n",
	"2001:db8::1",
	"a123456789012345678901234567890123456789012345678901234567890123",
};

static void addresses_prefixes_and_names_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		struct err err = ERR_NULL;
		struct endpoint is;

		if (endpoint_parse(right[i].text, &is, &err))
			fail_msg("%s", err.text);
		assert_string_equal(is.name, right[i].name);
		assert_int_equal(is.prefix.addr.v, right[i].address);
		assert_int_equal(is.prefix.len, right[i].length);
		assert_int_equal(is.has_port, right[i].has_port);
		assert_int_equal(is.port, right[i].port);
	}
}

static void anything_else_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct err err = ERR_NULL;
		struct endpoint is;

		if (endpoint_parse(wrong[i], &is, &err) == 0)
			fail_msg("'%s' is taken", wrong[i]);
		assert_true(err.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_prefixes_and_names_are_told_apart),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
