// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Keeps the indexes of a log (natlog/index.h) up to date, in the writer's process: it reads in the log's files what was written,
 * a bounded piece at a time, so that following, catching up after a restart, and making an index that is missing or spoilt are
 * one and the same. The newest file comes first, then the rotated ones. Whatever goes wrong here is tried again later, and never
 * the log's concern: who asks reads in the log what the index lacks.
 *
 * What was read and isn't in a whole run yet is in memory only; the next process reads it again.
 */
#pragma once

#include <stdbool.h>

struct indexer;
struct log_file;

struct indexer *indexer_new(void); /* NULL: no memory */
/* Writes what is in memory. */
void indexer_free(struct indexer *indexer);
/* For an open file. True: there is more to do at once. */
bool indexer_step(struct indexer *indexer, const struct log_file *file);
/* The files may be others: what was found complete is looked at again. */
void indexer_look_again(struct indexer *indexer);

/* The index of a log's file. False: its name would be too long. */
#define INDEX_PATH_MAX 512
bool index_path(const char *log, char buf[static INDEX_PATH_MAX]);
