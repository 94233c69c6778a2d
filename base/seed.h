// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Numbers that spread what many would do at the same time, such as retries. Not for secrets. */
#pragma once

#include <stdint.h>

/* Random, and never 0. Early at boot, before the kernel has entropy, it's made of the time: it can be guessed then. */
uint64_t seed_guessable(void);
