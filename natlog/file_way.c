// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/file_way.h"

#include <stdlib.h>

#include "natlog/file.h"
#include "natlog/indexer.h"
#include "natlog/stamp.h"

struct way {
	struct log_file file;
	struct indexer *indexer; /* NULL: no memory for it */
};

static struct way *make(void)
{
	struct way *way = calloc(1, sizeof(*way));

	if (!way)
		return NULL;
	log_file_init(&way->file);
	way->indexer = indexer_new();
	return way;
}

static void close_file(struct way *way)
{
	log_file_close(&way->file);
}

static void free_way(struct way *way)
{
	close_file(way);
	indexer_free(way->indexer);
	free(way);
}

static int open_file(struct way *way, const struct output_how *how, const char *gateway,
		     struct err *err)
{
	(void)gateway;
	if (way->indexer)
		indexer_look_again(way->indexer);
	return log_file_open(&way->file, &how->file, stamp_now_ns(), err);
}

static bool is_open(const struct way *way)
{
	return log_file_is_open(&way->file);
}

static int until(const struct way *way, int64_t *ret_ns)
{
	return log_file_until(&way->file, ret_ns);
}

static int put(struct way *way, const char *bytes, size_t n, size_t *done, struct err *err)
{
	return log_file_write(&way->file, bytes, n, done, err);
}

static int put_gap(struct way *way, const struct natlog_gap *gap, struct err *err)
{
	char line[NATLOG_LINE_MAX];
	size_t n = natlog_gap_line(line, gap), done = 0;
	int rc = put(way, line, n, &done, err);

	/* Half of a line is ended when the file is opened again. */
	if (rc)
		close_file(way);
	return rc;
}

static int mark(struct way *way, int64_t until_ns, struct err *err)
{
	return log_file_mark(&way->file, until_ns, err);
}

static int tick(struct way *way, int64_t now_ns, struct err *err)
{
	int rc = log_file_tick(&way->file, now_ns, err);

	return rc || !way->indexer || !indexer_step(way->indexer, &way->file) ? rc : WAY_PENDING;
}

const struct way_ops file_way = {
	.make = make,
	.free = free_way,
	.open = open_file,
	.is_open = is_open,
	.close = close_file,
	.until = until,
	.put = put,
	.put_gap = put_gap,
	.mark = mark,
	.tick = tick,
};
