// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One piece of work by a process of its own, with a copy of this one's memory as it is now, and with none of its descriptors. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/mono.h"

/* `work` returns 0 or -errno. Its process id; -errno. */
pid_t aside_start(const char *name, int (*work)(const void *data), const void *data);
/* Whether it has ended, and with what; by then at the latest. To be asked until it says so. */
bool aside_has_ended(pid_t pid, struct mono deadline, int *ret);
