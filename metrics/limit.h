// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside metrics/ only: so many connections of an evhttp at most, each for so long at most. More wait in the kernel. */
#pragma once

struct evhttp;
struct limit;
struct loop;

#define LIMIT_CONNECTIONS_MAX 8
#define LIMIT_CONNECTION_MS 10000

/* Lets it accept from the listening socket, which it owns then (*fd is -1). NULL: out of memory. */
struct limit *limit_new(struct loop *loop, struct evhttp *http, int *fd);
void limit_free(struct limit *limit); /* NULL is fine; not before its evhttp */
