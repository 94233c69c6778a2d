// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The connection tables of two gateways beside each other. Failures end the program. */
#pragma once

#include "base/ip4.h"

struct ip4 compare_address(const char *text);
/* NETNS ADDRESS OTHER_NETNS OTHER_ADDRESS END_NS, as in bench_entries.c; prints a JSON object. */
void compare_tables(char *argv[]);
