// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The book over a restart of the daemon: in a file, written again and again by a process that has a copy of the memory, so that
 * neither the disk nor the size holds the loop up, and at most a fiftieth of one processor is spent on it. The file is replaced whole,
 * or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "natlog/book.h"

struct keep;
struct loop;

#define KEEP_PATH_MAX 300

/* `path`: copied; "", NULL: nothing is kept. NULL: no memory. */
struct keep *keep_new(struct loop *loop, const char *path);
/* NULL: there is nothing that can be used; why is said, where somebody should know. */
struct book *keep_load(struct keep *keep, size_t most);
/* From now on it is written when it has changed. Borrowed until keep_free. */
void keep_begin(struct keep *keep, const struct book *book);
/* Writes it once more, and waits for that, for at most so long: who writes it goes on then. NULL is fine. */
void keep_free(struct keep *keep, int wait_ms);

struct keep_status {
	size_t loaded;   /* connections, from a former process */
	unsigned saves;  /* that went well */
	int64_t last_ms; /* how long the last one took */
};
void keep_status(const struct keep *keep, struct keep_status *ret);
