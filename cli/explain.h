// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#pragma once

#include <stdio.h>

struct control_node;

/* The result of `explain` as text: the answer first, then the steps that led to it. */
void explain_print(FILE *out, const struct control_node *explanation);
