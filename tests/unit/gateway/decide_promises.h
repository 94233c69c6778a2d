// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What holds at each step of a world, whatever is broken. */
#pragma once

struct world;

void promises_check(struct world *w);
/* The first one stays in w->broken. */
void promise_broken(struct world *w, const char *what);
