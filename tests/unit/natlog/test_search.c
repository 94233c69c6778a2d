// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Whatever becomes of the indexes, an answer is what the lines say: the log's files are written as the writer's process does, and each
 * answer is compared with a look at all records. What the index is good for is seen in how much had to be read through.
 */
#include "natlog/search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmocka_all.h"
#include "log_folder.h"
#include "log_history.h"
#include "natlog/record.h"
#include "natlog/search_files.h"

/* ---- what becomes of indexes */

static void with_whole_indexes_nothing_is_read_through(void **state)
{
	struct history history;

	write_history(&history, *state, RECORDS);
	assert_int_equal(ask_many(&history), 0);
}

static void remove_indexes(const struct history *history, const char *keep)
{
	char path[LOG_PATH_MAX + 32];

	for (int i = 0; i < 10; i++) {
		char ending[32];

		snprintf(ending, sizeof(ending), i ? ".%d.index" : ".index", i);
		snprintf(path, sizeof(path), "%s%s", history->folder->options.path, ending);
		if (strcmp(ending, keep) != 0)
			(void)unlink(path);
	}
}

static uint64_t bytes_of_log(const struct history *history)
{
	struct search_query query = { .port = 1 };
	struct search_answer answer = { 0 };

	assert_int_equal(search_run(history->folder->options.path, &query, &answer, NULL), 0);
	const uint64_t bytes = answer.bytes;

	search_answer_done(&answer);
	return bytes;
}

static void without_indexes_all_is_read_through(void **state)
{
	struct history history;

	write_history(&history, *state, RECORDS);
	remove_indexes(&history, "");
	assert_int_equal(ask_many(&history), bytes_of_log(&history));
}

static void removed_indexes_are_made_again(void **state)
{
	struct history history;

	write_history(&history, *state, RECORDS);
	remove_indexes(&history, ".2.index");
	open_log(&history);
	step(&history, 100000);
	close_log(&history);
	assert_int_equal(ask_many(&history), 0);
}

static int open_index(const struct history *history, unsigned number, off_t *ret_size)
{
	char path[LOG_PATH_MAX + 32];
	struct stat st;

	snprintf(path, sizeof(path), number ? "%s.%u.index" : "%s.index",
		 history->folder->options.path, number);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > INDEX_PAGE);
	*ret_size = st.st_size;
	return fd;
}

/* Whatever a crash, a disk or a person made of them: pages first, of which each is noticed, and then all. */
static void a_spoilt_index_spoils_no_answer(void **state)
{
	struct history history;
	off_t size;

	write_history(&history, *state, RECORDS);
	for (int i = 0; i < 40; i++) {
		CLEANUP(cleanup_fd) int fd = open_index(&history, (unsigned)i % 5, &size);
		const off_t least = i < 35 ? INDEX_PAGE : 0;

		if (i == 35)
			assert_true(ask_many(&history) > 0);
		assert_int_equal(
			pwrite(fd, "\xa5\x5a\xa5", 3,
			       least + (off_t)(next_random(&history) % (uint64_t)(size - least))),
			3);
	}
	CLEANUP(cleanup_fd) int fd = open_index(&history, 2, &size);

	assert_int_equal(ftruncate(fd, size / 2), 0);
	assert_true(ask_many(&history) > 0);
	open_log(&history);
	step(&history, 100000);
	close_log(&history);
	(void)ask_many(&history);
}

static void an_index_of_another_file_is_not_used(void **state)
{
	struct history history;
	char from[LOG_PATH_MAX + 32], to[LOG_PATH_MAX + 32];

	write_history(&history, *state, RECORDS);
	snprintf(from, sizeof(from), "%s.2.index", history.folder->options.path);
	snprintf(to, sizeof(to), "%s.1.index", history.folder->options.path);
	assert_int_equal(rename(from, to), 0);
	assert_true(ask_many(&history) > 0);
	open_log(&history);
	step(&history, 100000);
	close_log(&history);
	assert_int_equal(ask_many(&history), 0);
}

/* As logrotate does with copytruncate. `n` are written before the indexer looks again. */
static void cut(struct log_folder *folder, size_t n)
{
	struct history history;
	struct search_files files;

	write_history(&history, folder, RECORDS - 500);
	folder->options.max_bytes = 1 << 30;
	open_log(&history);
	step(&history, 100000);
	assert_int_equal(search_files_open(folder->options.path, &files, NULL), 0);
	for (size_t i = 0; i < history.n; i++)
		history.v[i].is_gone = history.v[i].end_ns >= files.v[0].first_ns;
	search_files_done(&files);
	assert_int_equal(truncate(folder->options.path, 0), 0);
	(void)ask_many(&history);
	for (size_t i = 0; i < n; i++)
		put_record(&history);
	put_records(&history, 500 - n);
	(void)ask_many(&history);
	close_log(&history);
	assert_int_equal(ask_many(&history), 0);
}

static void a_log_that_was_cut_is_indexed_anew(void **state)
{
	cut(*state, 0);
}

static void a_log_that_was_cut_and_has_grown_larger_is_indexed_anew(void **state)
{
	cut(*state, 499);
}

/* PATH.index is of the new file then. */
static void files_that_logrotate_moved_are_found(void **state)
{
	struct history history;
	char moved[LOG_PATH_MAX + 32];

	write_history(&history, *state, RECORDS - 200);
	snprintf(moved, sizeof(moved), "%s-20261129", history.folder->options.path);
	assert_int_equal(rename(history.folder->options.path, moved), 0);
	(void)ask_many(&history);
	open_log(&history);
	put_records(&history, 200);
	close_log(&history);
	assert_true(ask_many(&history) > 0);
}

static void while_it_is_written_an_answer_has_all_that_is_there(void **state)
{
	struct history history = { .folder = *state, .random = 3 };

	history.folder->options.max_bytes = 200 << 10;
	history.folder->options.keep = 10;
	log_file_init(&history.file);
	open_log(&history);
	for (int i = 0; i < 6; i++) {
		put_records(&history, 200);
		(void)ask_many(&history);
		for (int j = 0; j < 150; j++)
			put_record(&history);
		(void)ask_many(&history);
	}
	close_log(&history);
}

static void names_are_told_from_others_and_sorted(void **state)
{
	static const char *const ours[] = { "nat.log",           "nat.log.1",
					    "nat.log.2",         "nat.log.10",
					    "nat.log-20261129",  "nat.log-20261128",
					    "nat.log-2026112803" };
	static const char *const others[] = { "nat.log.index",   "nat.log.1.index",
					      "nat.log.state",   "nat.log.1.gz",
					      "nat.log.",        "nat.lo",
					      "nat.log.1.state", "other.log",
					      "nat.log-",        "nat.log.123456789012345" };
	uint64_t rank, before = 0;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(search_files_rank("nat.log", ours[i], &rank), 0);
		assert_true(!i || rank > before);
		before = rank;
	}
	assert_int_equal(search_files_rank("nat.log", ours[6], &rank), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(search_files_rank("nat.log", others[i], &rank), -ENOENT);
}

static void gaps_and_bounds_are_told(void **state)
{
	struct history history = { .folder = *state, .random = 5 };
	struct natlog_gap gap = { .gateway = "gw-a", .cause = NATLOG_RESTART };
	struct search_query query = { .port = 40000, .most_held = 10, .most_before = 1 };
	struct search_answer answer = { 0 };
	char line[NATLOG_LINE_MAX];
	struct err err = ERR_NULL;

	log_file_init(&history.file);
	open_log(&history);
	put_records(&history, 100);
	gap.from_ns = history.v[99].end_ns;
	gap.to_ns = gap.from_ns + 1000 * MS;
	put_bytes(&history, line, natlog_gap_line(line, &gap));
	assert_int_equal(log_file_mark(&history.file, gap.to_ns + MS, &err), 0);
	for (int indexed = 0; indexed < 2; indexed++) {
		query.from_ns = query.to_ns = gap.from_ns + MS;
		assert_int_equal(search_run(history.folder->options.path, &query, &answer, &err),
				 0);
		assert_int_equal(answer.gaps.n, 1);
		assert_true(answer.gaps.v[0].start_ns == gap.from_ns &&
			    answer.gaps.v[0].end_ns == gap.to_ns);
		assert_true(answer.first_ns == history.v[0].end_ns);
		assert_true(answer.until_ns == gap.to_ns + MS);
		assert_int_equal(answer.read_through > 0, !indexed);
		search_answer_done(&answer);
		query.from_ns = query.to_ns = gap.to_ns + MS;
		assert_int_equal(search_run(history.folder->options.path, &query, &answer, &err),
				 0);
		assert_int_equal(answer.gaps.n, 0);
		search_answer_done(&answer);
		if (!indexed) {
			step(&history, 10);
			close_log(&history);
		}
	}
	assert_int_equal(search_run("/nowhere/nat.log", &query, &answer, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere"));
}

/* A line that a crash cut off, and what is no line at all. */
static void nonsense_in_a_log_hides_no_neighbour(void **state)
{
	struct history history = { .folder = *state, .random = 7 };
	static char junk[300 << 10];

	log_file_init(&history.file);
	open_log(&history);
	memset(junk, 'x', sizeof(junk));
	put_records(&history, 50);
	put_bytes(&history, "{\"v\":1,\"type\":\"flow\",\"egr\n", 26);
	put_records(&history, 50);
	put_bytes(&history, junk, sizeof(junk));
	put_bytes(&history, "\n\0\n", 3);
	put_records(&history, 50);
	(void)ask_many(&history);
	close_log(&history);
	assert_int_equal(ask_many(&history), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(with_whole_indexes_nothing_is_read_through),
		in_a_folder(without_indexes_all_is_read_through),
		in_a_folder(removed_indexes_are_made_again),
		in_a_folder(a_spoilt_index_spoils_no_answer),
		in_a_folder(an_index_of_another_file_is_not_used),
		in_a_folder(a_log_that_was_cut_is_indexed_anew),
		in_a_folder(a_log_that_was_cut_and_has_grown_larger_is_indexed_anew),
		in_a_folder(files_that_logrotate_moved_are_found),
		in_a_folder(while_it_is_written_an_answer_has_all_that_is_there),
		in_a_folder(gaps_and_bounds_are_told),
		in_a_folder(nonsense_in_a_log_hides_no_neighbour),
		cmocka_unit_test(names_are_told_from_others_and_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
