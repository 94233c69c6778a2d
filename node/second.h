// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Whether packets can be sent to two gateways at once, which a planned change of gateways wants. */
#pragma once

#include <stdbool.h>

/* Asks the kernel, and says in the log if it can't: then a planned change may lose packets, and nothing else is otherwise. */
bool second_is_possible(void);
