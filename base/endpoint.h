// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: "203.0.113.100:41234", "198.51.100.0/24:443", "bank:41234", as people write whom they mean. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip4.h"

struct err;

#define ENDPOINT_NAME_MAX 64

struct endpoint {
	char name[ENDPOINT_NAME_MAX]; /* "": it is an address */
	struct ip4_prefix prefix;     /* one address has 32 bits */
	bool has_port;
	uint16_t port;
};

/* 0; -EINVAL with the reason. */
int endpoint_parse(const char *text, struct endpoint *ret, struct err *err);
