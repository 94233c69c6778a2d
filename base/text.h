// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Text that came from outside and goes to a terminal or a log. */
#pragma once

#include <stddef.h>

/*
 * Replaces control characters (C0, DEL, and C1 written in UTF-8) by '?', in place, so that nothing can
 * begin a new line or steer a terminal. Other bytes stay.
 */
void text_mask_controls(char *text, size_t length);
