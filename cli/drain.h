// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The object `drain` of a gateway's answers, for people. */
#pragma once

#include <stdio.h>

struct control_node;

/* Nothing for NULL, or where nobody wants it drained and nothing failed. */
void drain_print(FILE *out, const struct control_node *drain);
