// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who had which ports, as the log's file has it, with the process that writes: over changes of the pod, and over restarts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "cmocka_all.h"
#include "log_folder.h"
#include "natlog/book.h"
#include "natlog/line.h"
#include "natlog/natlog.h"

enum { ENDS_MS = 30000 };

static const struct natlog_ports some = { { 0x0a000132 }, { 0x0a0001c9 }, 2048, 4095 };
static const struct natlog_ports others = { { 0x0a000133 }, { 0x0a0001c9 }, 4096, 6143 };
static const struct natlog_who old = { .namespace = "shop",
				       .name = "old",
				       .uid = "1",
				       .egress = "bank",
				       .public = { 0xcb007164 } };
static const struct natlog_who new = { .namespace = "shop",
				       .name = "new",
				       .uid = "2",
				       .egress = "bank",
				       .public = { 0xcb007164 } };

struct ground {
	struct log_folder *folder;
	struct loop *loop;
	struct natlog *natlog;
	char book[128];
};

static bool ask(const struct ct_flow *flow, int64_t start_ns, struct natlog_who *ret, void *data)
{
	(void)flow;
	(void)start_ns;
	(void)ret;
	(void)data;
	return false;
}

static bool carried(struct ip4 nat, int64_t from_ns, int64_t to_ns, void *data)
{
	(void)nat;
	(void)from_ns;
	(void)to_ns;
	(void)data;
	return true;
}

static void start(struct ground *ground)
{
	static const struct natlog_ops ops = { .ask = ask, .carried = carried };
	const struct natlog_options options = { .loop = ground->loop,
						.gateway = "gw-a",
						.book = ground->book,
						.most_flows = 10,
						.most_waiting = 1 << 20,
						.is_blocks_only = true,
						.ops = &ops };
	struct output_hows hows = { .v = { { .kind = OUTPUT_FILE } }, .n = 1 };
	struct err err = ERR_NULL;

	hows.v[0].file = ground->folder->options;
	ground->natlog = natlog_new(&options, &hows, &err);
	if (!ground->natlog)
		fail_msg("%s", err.text);
	natlog_begin(ground->natlog);
}

static void stop(struct ground *ground)
{
	natlog_free(TAKE_PTR(ground->natlog), ENDS_MS);
}

static void set_up(struct ground *ground, void **state)
{
	*ground = (struct ground){ .folder = *state, .loop = loop_new() };
	assert_non_null(ground->loop);
	snprintf(ground->book, sizeof(ground->book), "%s/nat.log.book", ground->folder->path);
	start(ground);
}

/* "begin old, end old, ..."; gaps are left out. All but the order of the fields is looked at elsewhere. */
static void check(struct ground *ground, const char *wanted)
{
	CLEANUP(cleanup_free) char *text = NULL;
	char found[512] = "", event[16], name[32], *rest;
	const char *at;

	stop(ground);
	loop_free(ground->loop);
	text = log_folder_text(ground->folder, "");
	rest = text;
	while (rest && (at = strsep(&rest, "\n"))) {
		struct line line;

		if (line_parse(at, strlen(at), &line) || line_kind(&line) < LINE_IS_BLOCK)
			continue;
		(void)line_text(&line, LINE_EVENT, event, sizeof(event));
		(void)line_text(&line, LINE_POD_NAME, name, sizeof(name));
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s %s",
			 found[0] ? ", " : "", event, name[0] ? name : "-");
	}
	assert_string_equal(found, wanted);
}

static void a_block_begins_once_and_ends_once(void **state)
{
	struct natlog_status status;
	struct ground ground;

	set_up(&ground, state);
	natlog_block_is(ground.natlog, &some, &old, NATLOG_START);
	natlog_block_is(ground.natlog, &some, &old, NATLOG_FOUND);
	natlog_block_is(ground.natlog, &others, &new, NATLOG_START);
	natlog_status(ground.natlog, &status);
	assert_int_equal(status.blocks, 2);
	assert_int_equal(status.open_blocks, 2);
	assert_int_equal(status.open, 0);
	natlog_block_ends(ground.natlog, &some);
	natlog_block_ends(ground.natlog, &some);
	natlog_status(ground.natlog, &status);
	assert_int_equal(status.blocks, 3);
	assert_int_equal(status.open_blocks, 1);
	check(&ground, "begin old, begin new, end old");
}

/* The address is the source's still, and another pod's, or another one's to the internet. */
static void who_has_it_is_another_one(void **state)
{
	static const struct natlog_who nobody = { .egress = "bank" };
	struct natlog_who elsewhere = new;
	struct book_entry entry;
	struct ground ground;

	set_up(&ground, state);
	natlog_block_is(ground.natlog, &some, &old, NATLOG_START);
	natlog_block_is(ground.natlog, &some, &nobody, NATLOG_FOUND); /* no news */
	natlog_block_is(ground.natlog, &some, &new, NATLOG_FOUND);
	assert_true(natlog_block_find(ground.natlog, &some, &entry));
	assert_string_equal(entry.who->name, "new");
	assert_int_equal(entry.basis, NATLOG_FOUND);
	elsewhere.public = (struct ip4){ 0xcb007165 };
	natlog_block_is(ground.natlog, &some, &elsewhere, NATLOG_FOUND);
	check(&ground, "begin old, end old, begin new, end new, begin new");
}

static void a_restart_begins_nothing_anew(void **state)
{
	struct book_entry before, after;
	struct ground ground;

	set_up(&ground, state);
	natlog_block_is(ground.natlog, &some, &old, NATLOG_START);
	natlog_block_is(ground.natlog, &others, &new, NATLOG_START);
	assert_true(natlog_block_find(ground.natlog, &some, &before));
	stop(&ground);
	start(&ground);
	natlog_block_is(ground.natlog, &some, &old, NATLOG_FOUND);
	natlog_blocks_are_told(ground.natlog);
	/* One went meanwhile: when, nobody knows. */
	assert_false(natlog_block_find(ground.natlog, &others, &after));
	assert_true(natlog_block_find(ground.natlog, &some, &after));
	assert_true(after.start_ns == before.start_ns && after.basis == NATLOG_START);
	natlog_block_ends(ground.natlog, &some);
	check(&ground, "begin old, begin new, end old");
}

static void without_what_was_remembered_it_begins_anew(void **state)
{
	struct book_entry entry;
	struct ground ground;

	set_up(&ground, state);
	natlog_block_is(ground.natlog, &some, &old, NATLOG_START);
	stop(&ground);
	assert_int_equal(unlink(ground.book), 0);
	start(&ground);
	natlog_block_ends(ground.natlog, &others); /* of whom nobody knows when he began */
	natlog_block_is(ground.natlog, &some, &old, NATLOG_FOUND);
	assert_true(natlog_block_find(ground.natlog, &some, &entry));
	assert_int_equal(entry.basis, NATLOG_FOUND);
	check(&ground, "begin old, begin old");
}

static void what_does_not_fit_is_told_and_counted(void **state)
{
	struct natlog_status status;
	struct ground ground;

	set_up(&ground, state);
	for (uint32_t i = 0; i < 12; i++) {
		const struct natlog_ports ports = { { 1 + i }, { 0x0a0001c9 }, 2048, 4095 };

		natlog_block_is(ground.natlog, &ports, &old, NATLOG_START);
		natlog_block_is(ground.natlog, &ports, &old, NATLOG_FOUND);
	}
	natlog_status(ground.natlog, &status);
	assert_int_equal(status.blocks, 12);
	assert_int_equal(status.open_blocks, 10);
	assert_int_equal(status.unremembered, 2);
	stop(&ground);
	loop_free(ground.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(a_block_begins_once_and_ends_once),
		in_a_folder(who_has_it_is_another_one),
		in_a_folder(a_restart_begins_nothing_anew),
		in_a_folder(without_what_was_remembered_it_begins_anew),
		in_a_folder(what_does_not_fit_is_told_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
