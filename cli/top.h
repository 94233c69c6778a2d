// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#pragma once

#include <stdio.h>

struct control_node;

/* The result of `top` as text. */
void top_print(FILE *out, const struct control_node *result);
