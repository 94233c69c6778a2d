// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A log as the writer's process makes it, with all that is in it, so that each answer can be compared with a look at all records. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log_folder.h"
#include "nat/flow.h"
#include "natlog/file.h"
#include "natlog/indexer.h"

#define BEGIN INT64_C(1795939811000000000)
#define MS INT64_C(1000000)

enum { RECORDS = 3000 };

struct record {
	int64_t start_ns, end_ns;
	struct ct_flow flow;
	bool is_gone; /* from the log */
};

struct history {
	struct log_folder *folder;
	struct log_file file;
	struct indexer *indexer;
	struct record v[RECORDS];
	size_t n;
	uint64_t random;
};

uint64_t next_random(struct history *history);
void put_bytes(struct history *history, const char *bytes, size_t n);
void put_record(struct history *history);
/* Each is indexed, as far as that goes. */
void put_records(struct history *history, size_t n);
/* The indexer's steps, at most so many. */
void step(struct history *history, unsigned most);
void open_log(struct history *history);
void close_log(struct history *history);
/* A new one, in files of about 500. */
void write_history(struct history *history, struct log_folder *folder, size_t n);
/* Many questions; each answer must be right. How many bytes had to be read through for one, at most. */
uint64_t ask_many(struct history *history);
