// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Dumps of a real kernel, kept in files by tests/fuzz/nat_corpus.c, and read without one. */
#pragma once

#include <stddef.h>

#include "nat/observe.h"

#define DUMP_TABLE "eipgw_test"

/* The bytes of dumps/NAME; fails the test if there are none. Free them. */
char *dump_file(const char *name, size_t *ret_size);
/* Takes all messages as nat_observe would. 0 or what nat/seen.h says; *ret is to be freed either way. */
int dump_take(const char *bytes, size_t size, struct nat_observed *ret);
