// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Any text goes into the reader of user data. What it accepts and completes is a configuration that eipgwd reads again from
 * its dump; what it refuses comes with a sentence. Then the same text as Systems Manager's answer.
 */
#include "conf/user_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "awsapi/parameter.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"

static void check(int condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static void check_reason(const struct err *err)
{
	check(err->text[0] != '\0', "refused without a reason");
	for (const char *p = err->text; *p; p++)
		check((unsigned char)*p >= 0x20 && *p != 0x7f, "control character in the reason");
}

static void check_dump(const struct gateway_config *config)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct gateway_config again;
	size_t length = 0;
	FILE *const out = open_memstream(&text, &length);

	check(out && config_dump(&gateway_config_table, config, out) == 0, "dump failed");
	fclose(out);
	check(config_parse(&gateway_config_table, text, length, &again, NULL) == 0,
	      "the configuration isn't read again");
	check(gateway_config_check(&again, NULL) == 0, "the configuration isn't accepted again");
	config_done(&gateway_config_table, &again);
}

static void read_user_data(const char *text, size_t size)
{
	static const struct user_data_instance instance = {
		"i-0123456789abcdef0", "ens5", { 0x0a0001c8 }, "/run/eipgw/group.secret"
	};
	struct user_data data;
	struct err err = ERR_NULL;

	if (user_data_parse(text, size, &data, &err)) {
		check_reason(&err);
		return;
	}
	check(size <= USER_DATA_MAX, "more than EC2 allows was accepted");
	if (user_data_complete(&data, &instance, &err))
		check_reason(&err);
	else
		check_dump(&data.configuration);
	user_data_done(&data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char value[PARAMETER_BYTES_MAX + 1] = "";
	struct err err = ERR_NULL;

	read_user_data((const char *)data, size);
	if (parameter_read(200, (const char *)data, size, value, &err) != HTTP_CLASS_OK)
		check(err.text[0] != '\0', "failed without a reason");
	(void)parameter_read(400, (const char *)data, size, value, &err);
	return 0;
}
