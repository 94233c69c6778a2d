// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside http/: libcurl's memory, which is wiped when it is given back. */
#pragma once

/*
 * Before anything else of libcurl; each call wants a memory_library_done. 0 or -EIO. libcurl keeps copies of
 * keys, tokens and headers that nobody else could reach.
 */
int memory_library_init(void);
void memory_library_done(void);
