// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Shared by who.c and who_pack.c: all that there is of somebody, apart from an address, as strings in a fixed order. */
#pragma once

#include "natlog/who.h"

enum { WHO_STRINGS = 7 };

/* Those that aren't known are "". */
void who_strings(const struct natlog_who *who, const char *ret[static WHO_STRINGS]);
struct natlog_who who_from_strings(const char *strings[static WHO_STRINGS], struct ip4 public);
