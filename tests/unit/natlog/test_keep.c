// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The book's file: when it is written, and by whom. */
#include "natlog/keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "cmocka_all.h"
#include "log_folder.h"

enum { DEADLINE_MS = 60000, TICK_MS = 20, MOST = 1000, WAIT_MS = 30000 };

struct ground {
	struct log_folder *folder;
	char path[160];
	struct loop *loop;
	struct loop_timer *tick;
	struct keep *keep;
	struct book *book;
	unsigned wanted;
	int64_t waited_ms;
};

static struct ct_flow flow_at(unsigned n)
{
	return (struct ct_flow){ .orig = { .src = { 0x0a000000 + n }, .protocol = IPPROTO_UDP },
				 .id = n };
}

static void begin_flow(struct ground *g, unsigned n)
{
	const struct ct_flow flow = flow_at(n);
	const struct natlog_who who = { .name = "pod" };

	assert_true(book_begin(
		g->book, &flow,
		&(struct book_entry){ .who = &who, .start_ns = 5, .basis = NATLOG_START }));
}

static void open_keep(struct ground *g)
{
	const struct book_options options = { .most = MOST, .seed = { 1, 2, 3, 4 } };

	g->keep = keep_new(g->loop, g->path);
	assert_non_null(g->keep);
	g->book = keep_load(g->keep, MOST);
	if (!g->book)
		g->book = book_new(&options);
	assert_non_null(g->book);
	keep_begin(g->keep, g->book);
}

static void close_keep(struct ground *g)
{
	keep_free(g->keep, WAIT_MS);
	book_free(g->book);
}

static void on_tick(void *data)
{
	struct ground *g = data;
	struct keep_status status;

	keep_status(g->keep, &status);
	g->waited_ms += TICK_MS;
	if (g->waited_ms > DEADLINE_MS)
		fail_msg("not within %d ms", DEADLINE_MS);
	if (status.saves >= g->wanted)
		loop_stop(g->loop);
	else
		loop_timer_arm_ms(g->tick, TICK_MS);
}

static void wait_saves(struct ground *g, unsigned wanted)
{
	g->wanted = wanted;
	g->waited_ms = 0;
	loop_timer_arm_ms(g->tick, 0);
	assert_int_equal(loop_run(g->loop), 0);
}

static void begin(struct ground *g, void **state)
{
	*g = (struct ground){ .folder = *state, .loop = loop_new() };
	assert_non_null(g->loop);
	g->tick = loop_timer_new(g->loop, on_tick, g);
	assert_non_null(g->tick);
	snprintf(g->path, sizeof(g->path), "%s/nat.log.book", g->folder->path);
	open_keep(g);
}

static void end(struct ground *g)
{
	close_keep(g);
	loop_timer_free(g->tick);
	loop_free(g->loop);
}

static void what_changes_is_written_and_read_by_the_next_one(void **state)
{
	struct keep_status status;
	struct ground g;
	struct stat st;

	begin(&g, state);
	begin_flow(&g, 1);
	wait_saves(&g, 1);
	assert_int_equal(stat(g.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	begin_flow(&g, 2);
	close_keep(&g); /* which writes it, too */
	open_keep(&g);
	keep_status(g.keep, &status);
	assert_int_equal(status.loaded, 2);
	assert_int_equal(book_count(g.book), 2);
	assert_false(log_folder_has(g.folder, ".book.new"));
	end(&g);
}

static void what_is_damaged_is_not_used_and_replaced(void **state)
{
	struct ground g;

	begin(&g, state);
	begin_flow(&g, 1);
	close_keep(&g);
	assert_int_equal(truncate(g.path, 100), 0);
	open_keep(&g);
	assert_int_equal(book_count(g.book), 0);
	begin_flow(&g, 2);
	close_keep(&g);
	open_keep(&g);
	assert_int_equal(book_count(g.book), 1);
	end(&g);
}

/* There is no such folder yet. */
static void what_cannot_be_written_is_tried_again(void **state)
{
	char folder[128];
	struct ground g;

	begin(&g, state);
	close_keep(&g);
	snprintf(folder, sizeof(folder), "%s/there", g.folder->path);
	snprintf(g.path, sizeof(g.path), "%s/book", folder);
	open_keep(&g);
	begin_flow(&g, 1);
	keep_free(g.keep, WAIT_MS);
	assert_int_equal(access(g.path, F_OK), -1);
	g.keep = keep_new(g.loop, g.path);
	keep_begin(g.keep, g.book);
	assert_int_equal(mkdir(folder, 0700), 0);
	wait_saves(&g, 1);
	assert_int_equal(access(g.path, F_OK), 0);
	end(&g);
	assert_int_equal(unlink(g.path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(what_changes_is_written_and_read_by_the_next_one),
		in_a_folder(what_is_damaged_is_not_used_and_replaced),
		in_a_folder(what_cannot_be_written_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
