// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* "self_test" in gateway.json: who is asked which address the internet sees. */
#pragma once

#include <stdint.h>

#include "base/config.h"

struct err;

#define GATEWAY_ECHO_MAX 4 /* servers that are asked */

/* Whether the world sees the egress IPs' addresses; n == 0: nobody is asked. */
struct gateway_self_test {
	struct config_texts urls; /* each answers with the address that it saw */
	uint32_t interval_s;
};

extern const struct config_table self_test_config_table;

/* -EINVAL with a path. */
int self_test_config_check(const struct gateway_self_test *self_test, struct err *err);
