// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Whose block a port was in: by lines of beginnings and ends, with an index and without. */
#include "natlog/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmocka_all.h"
#include "log_folder.h"
#include "log_history.h"
#include "natlog/index.h"
#include "natlog/record.h"

#define S (1000 * MS)

enum { ENTRIES = 1000 };

/* A line: who began at `start` and, unless it's 0, ended at `end`; seconds after BEGIN. */
struct said {
	const char *who;
	unsigned source, egress;
	uint16_t first, last;
	int start, end;
};

static void write_line(struct history *history, const struct said *said)
{
	const struct natlog_who who = { .name = said->who,
					.egress = said->egress ? "mail" : "bank",
					.public = { 0xcb007164 + said->egress } };
	const struct natlog_block block = { .gateway = "gw-a",
					    .source = { 0x0a000100 + said->source },
					    .nat = { 0x0a0001c9 + said->egress },
					    .first_port = said->first,
					    .last_port = said->last,
					    .is_end = said->end,
					    .start_ns = BEGIN + said->start * S,
					    .end_ns = BEGIN + said->end * S,
					    .who = &who,
					    .basis = NATLOG_START };
	char line[NATLOG_LINE_MAX];

	put_bytes(history, line, natlog_block_line(line, &block));
}

static const struct said log_lines[] = {
	/* One after the other, as it should be. */
	{ "a", 1, 0, 2000, 2999, 10, 0 },
	{ "a", 1, 0, 2000, 2999, 10, 20 },
	{ "b", 2, 0, 2000, 2999, 30, 0 },
	{ "b", 2, 0, 2000, 2999, 30, 40 },
	/* Its end was lost in a crash: the next one's beginning says that it's over. */
	{ "c", 3, 0, 2000, 2999, 50, 0 },
	{ "d", 4, 0, 2000, 2999, 60, 0 },
	{ "d", 4, 0, 2000, 2999, 60, 70 },
	/* Another egress IP's, and other ports. */
	{ "m", 1, 1, 2000, 2999, 10, 0 },
	{ "n", 5, 0, 3000, 3000, 10, 0 },
	{ "n", 5, 0, 3000, 3000, 10, 80 },
	/* Of which nobody says that it ended. */
	{ "e", 6, 0, 2000, 2999, 80, 0 },
	/* Its beginning was rotated away. */
	{ "z", 9, 0, 60000, 65535, 5, 90 },
};

static const struct asked {
	uint16_t port;
	const char *egress; /* "": any */
	int at;
	const char *held;   /* names, apart by blanks; '+': its end isn't known */
	const char *before; /* likewise */
} questions[] = {
	{ 2000, "bank", 5, "", "" },       { 1999, "bank", 15, "", "" },
	{ 2000, "bank", 15, "a", "" },     { 2999, "bank", 15, "a", "" },
	{ 3000, "bank", 15, "n", "" },     { 3001, "bank", 15, "", "" },
	{ 2500, "bank", 10, "a", "" },     { 2500, "bank", 20, "a", "" },
	{ 2500, "bank", 25, "", "a" },     { 2500, "bank", 35, "b", "a" },
	{ 2500, "bank", 45, "", "b a" },   { 2500, "bank", 55, "c+", "b a" },
	{ 2500, "bank", 65, "d", "b a" },  { 2500, "bank", 75, "", "d b" },
	{ 2500, "bank", 85, "e+", "d b" }, { 2500, "mail", 85, "m+", "" },
	{ 2500, "", 35, "m+ b", "a" },     { 65535, "bank", 50, "z", "" },
	{ 59999, "bank", 50, "", "" },
};

static const char *names_of(const struct search_hits *hits, char buf[static 128])
{
	char name[16];

	buf[0] = '\0';
	for (size_t i = 0; i < hits->n; i++) {
		const struct line *line = &hits->v[i].line;

		assert_true(line_text(line, LINE_POD_NAME, name, sizeof(name)));
		snprintf(buf + strlen(buf), 128 - strlen(buf), "%s%s%s", i ? " " : "", name,
			 line_kind(line) == LINE_IS_BLOCK_BEGIN ? "+" : "");
	}
	return buf;
}

static void ask(const struct history *history, const struct asked *asked)
{
	struct search_query query = { .port = asked->port,
				      .from_ns = BEGIN + asked->at * S,
				      .to_ns = BEGIN + asked->at * S,
				      .protocol = 17, /* nothing that a block would have */
				      .destination = { 1 },
				      .most_held = 10,
				      .most_before = 2 };
	struct search_answer answer = { 0 };
	struct err err = ERR_NULL;
	char held[128], before[128];

	snprintf(query.egress, sizeof(query.egress), "%s", asked->egress);
	if (search_run(history->folder->options.path, &query, &answer, &err))
		fail_msg("%s", err.text);
	if (strcmp(names_of(&answer.blocks, held), asked->held) != 0 ||
	    strcmp(names_of(&answer.blocks_before, before), asked->before) != 0)
		fail_msg("%u of %s at %d: held by '%s', before '%s'", asked->port, asked->egress,
			 asked->at, held, before);
	assert_int_equal(answer.held.n, 0);
	search_answer_done(&answer);
}

static void a_block_is_found_by_each_of_its_ports(void **state)
{
	struct history history = { .folder = *state, .random = 3 };

	log_file_init(&history.file);
	open_log(&history);
	put_records(&history, 50);
	for (size_t i = 0; i < ARRAY_SIZE(log_lines); i++)
		write_line(&history, &log_lines[i]);
	put_records(&history, 50);
	for (int indexed = 0; indexed < 2; indexed++) {
		for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
			ask(&history, &questions[i]);
		if (indexed)
			break;
		step(&history, 1000);
		close_log(&history);
	}
}

static void without_connections_the_log_says_so(void **state)
{
	struct history history = { .folder = *state, .random = 3 };
	struct search_query query = { .port = 2500, .from_ns = BEGIN, .to_ns = BEGIN };
	struct search_answer answer = { 0 };

	log_file_init(&history.file);
	open_log(&history);
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			put_records(&history, 1);
		if (i % 2)
			step(&history, 1000);
		else
			write_line(&history, &log_lines[i]);
		assert_int_equal(search_run(history.folder->options.path, &query, &answer, NULL),
				 0);
		assert_int_equal(answer.has_flows, i >= 2);
		assert_true(answer.first_ns == BEGIN + 10 * S);
		search_answer_done(&answer);
	}
	close_log(&history);
}

/* ---- the index */

struct found {
	size_t n;
	uint16_t port;
};

static void count(const struct index_entry *entry, void *data)
{
	struct found *found = data;

	assert_true(index_has_port(entry, found->port));
	found->n++;
}

/* Whatever lies between a block's first port and the one that is asked for, on however many pages. */
static void the_index_tells_each_that_has_the_port(void **state)
{
	static struct index_entry entries[ENTRIES], sorted[ENTRIES];
	struct index_run run = { .n = ENTRIES, .to = ENTRIES };
	CLEANUP(cleanup_fd) int fd = memfd_create("index", MFD_CLOEXEC);
	struct history random = { .random = 9 };

	(void)state;
	for (uint32_t i = 0; i < ENTRIES; i++) {
		const uint16_t port = (uint16_t)(next_random(&random) % 4000);
		const uint64_t kind = next_random(&random) % 8;

		entries[i] = (struct index_entry){ .end_ns = i, .offset = i, .port = port };
		entries[i].kind = kind == 0 ? INDEX_BLOCK :
				  kind == 1 ? INDEX_BLOCK_BEGIN :
					      INDEX_FLOW;
		entries[i].destination = kind < 2 ? port + (uint32_t)(next_random(&random) % 300) :
						    (uint32_t)i;
	}
	memcpy(sorted, entries, sizeof(entries));
	assert_int_equal(index_append(fd, &run, sorted), 0);
	assert_int_equal(index_read_run(fd, 0, &run), 0);
	assert_true(run.n_blocks > 100 && run.widest > 250 && run.widest <= 300);
	for (uint16_t port = 0; port < 4400; port++) {
		struct found found = { .port = port };
		size_t wanted = 0;

		for (size_t i = 0; i < ENTRIES; i++)
			wanted += index_has_port(&entries[i], port);
		assert_int_equal(index_find(fd, &run, port, count, &found), 0);
		assert_int_equal(found.n, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(a_block_is_found_by_each_of_its_ports),
		in_a_folder(without_connections_the_log_says_so),
		cmocka_unit_test(the_index_tells_each_that_has_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
