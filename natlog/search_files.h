// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside search.c: the files of a log as they are now, opened, each with the runs of its index that are its own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "natlog/index.h"

struct err;

struct search_file {
	int log_fd, index_fd; /* the latter -1: none */
	uint64_t size;
	struct index_run *runs; /* from the beginning, without holes */
	size_t n_runs;
	int64_t first_ns; /* the end of the first record; 0: there is none */
};

struct search_files {
	struct search_file *v; /* the newest first */
	size_t n;
	int64_t until_ns; /* as PATH.state says, or else the last record; 0: nobody says */
};

/* PATH, PATH.1, PATH.2 and so on, and what logrotate calls PATH-20261129. 0; -errno with the reason. */
int search_files_open(const char *path, struct search_files *ret, struct err *err);
void search_files_done(struct search_files *files);

/* Whether a file's name, in the folder of the log `base`, is one of its. *ret sorts them: the newest first. Public for tests. */
int search_files_rank(const char *base, const char *name, uint64_t *ret); /* 0; -ENOENT: it isn't */
