// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The log's files: what is in which, and what a crash, another process and a person leave there. */
#include "natlog/file.h"

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
#include "natlog/stamp.h"

#define NS INT64_C(1000000000)

static void open_log(struct log_file *file, const struct log_folder *folder)
{
	struct err err = ERR_NULL;

	log_file_init(file);
	if (log_file_open(file, &folder->options, stamp_now_ns(), &err))
		fail_msg("%s", err.text);
	assert_true(log_file_is_open(file));
}

static void write_line(struct log_file *file, const char *line)
{
	struct err err = ERR_NULL;
	size_t done = 0;

	if (log_file_write(file, line, strlen(line), &done, &err))
		fail_msg("%s", err.text);
	assert_int_equal(done, strlen(line));
}

static void tick(struct log_file *file, int64_t now_ns)
{
	struct err err = ERR_NULL;

	if (log_file_tick(file, now_ns, &err))
		fail_msg("%s", err.text);
}

static void assert_text(const struct log_folder *folder, const char *ending, const char *wanted)
{
	CLEANUP(cleanup_free) char *text = log_folder_text(folder, ending);

	if (!text)
		fail_msg("there is no nat.log%s", ending);
	assert_string_equal(text, wanted);
}

static void lines_are_appended_also_by_the_next_process(void **state)
{
	const struct log_folder *folder = *state;
	struct log_file file;
	struct stat st;

	open_log(&file, folder);
	write_line(&file, "one\n");
	log_file_close(&file);
	open_log(&file, folder);
	write_line(&file, "two\n");
	log_file_close(&file);
	assert_text(folder, "", "one\ntwo\n");
	assert_int_equal(stat(folder->options.path, &st), 0);
	assert_int_equal(st.st_mode & 0137, 0);
}

static void a_full_file_becomes_the_first_of_so_many(void **state)
{
	struct log_folder *folder = *state;
	struct log_file file;
	char line[16];

	folder->options.max_bytes = 8;
	open_log(&file, folder);
	for (int i = 0; i < 10; i++) {
		snprintf(line, sizeof(line), "n=%d\n", i);
		write_line(&file, line);
	}
	log_file_close(&file);
	assert_text(folder, "", "n=8\nn=9\n");
	assert_text(folder, ".1", "n=6\nn=7\n");
	assert_text(folder, ".2", "n=4\nn=5\n");
	assert_text(folder, ".3", "n=2\nn=3\n");
	assert_false(log_folder_has(folder, ".4"));
}

static void without_any_to_keep_a_full_file_goes(void **state)
{
	struct log_folder *folder = *state;
	struct log_file file;

	folder->options.max_bytes = 8;
	folder->options.keep = 0;
	open_log(&file, folder);
	write_line(&file, "one\ntwo\n");
	write_line(&file, "three\n");
	log_file_close(&file);
	assert_text(folder, "", "three\n");
	assert_false(log_folder_has(folder, ".1"));
}

static void what_is_longer_than_a_file_may_be_is_written_all_the_same(void **state)
{
	struct log_folder *folder = *state;
	struct log_file file;

	folder->options.max_bytes = 4;
	open_log(&file, folder);
	write_line(&file, "one two\n");
	write_line(&file, "three four\n");
	log_file_close(&file);
	assert_text(folder, "", "three four\n");
	assert_text(folder, ".1", "one two\n");
	assert_false(log_folder_has(folder, ".2"));
}

static void an_old_file_is_rotated_an_empty_one_is_not(void **state)
{
	struct log_folder *folder = *state;
	int64_t now = stamp_now_ns();
	struct log_file file;

	folder->options.max_age_s = 3600;
	open_log(&file, folder);
	tick(&file, now + 7200 * NS);
	assert_false(log_folder_has(folder, ".1"));
	write_line(&file, "one\n");
	tick(&file, now + 3500 * NS);
	assert_false(log_folder_has(folder, ".1"));
	tick(&file, now + 3610 * NS);
	assert_text(folder, ".1", "one\n");
	assert_text(folder, "", "");
	tick(&file, now + 3620 * NS);
	assert_false(log_folder_has(folder, ".2"));
	log_file_close(&file);
}

static void a_line_that_a_crash_cut_off_does_not_spoil_the_next(void **state)
{
	const struct log_folder *folder = *state;
	struct log_file file;

	log_folder_put(folder, "", "one\ntw");
	open_log(&file, folder);
	write_line(&file, "three\n");
	log_file_close(&file);
	assert_text(folder, "", "one\ntw\nthree\n");
}

static void one_that_was_moved_away_is_begun_anew_when_it_is_opened(void **state)
{
	const struct log_folder *folder = *state;
	struct err err = ERR_NULL;
	struct log_file file;
	char moved[512];

	open_log(&file, folder);
	write_line(&file, "one\n");
	snprintf(moved, sizeof(moved), "%s.moved", folder->options.path);
	assert_int_equal(rename(folder->options.path, moved), 0);
	write_line(&file, "two\n");
	assert_int_equal(log_file_open(&file, &folder->options, stamp_now_ns(), &err), 0);
	write_line(&file, "three\n");
	log_file_close(&file);
	assert_text(folder, ".moved", "one\ntwo\n");
	assert_text(folder, "", "three\n");
}

static void the_state_says_until_when_it_is_complete(void **state)
{
	const struct log_folder *folder = *state;
	struct err err = ERR_NULL;
	struct log_file file;
	int64_t until = 7;

	open_log(&file, folder);
	assert_int_equal(log_file_until(&file, &until), -ENOENT);
	assert_int_equal(log_file_mark(&file, 1795939811 * NS + 123456000, &err), 0);
	assert_int_equal(log_file_mark(&file, 1795939812 * NS + 123456000, &err), 0);
	log_file_close(&file);
	assert_text(folder, ".state", "{\"until\":\"2026-11-29T08:10:12.123456Z\"}\n");
	open_log(&file, folder);
	assert_int_equal(log_file_until(&file, &until), 0);
	assert_true(until == 1795939812 * NS + 123456000);
	log_file_close(&file);
}

/* That the log has a gap is still known, and it's as long as it can be. */
static void a_state_that_was_spoilt_is_a_gap_from_the_beginning(void **state)
{
	static const char *const rows[] = {
		"x",
		"{}",
		"{\"until\":\"2026-11-29T08:10:12.123456Z\"}",
		"{\"until\":\"2026-11-29T08:10:12.123456Z\"}\n\n",
		"{\"until\":\"2026-13-29T08:10:12.123456Z\"}\n",
	};
	const struct log_folder *folder = *state;
	struct log_file file;
	int64_t until;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		log_folder_put(folder, ".state", rows[i]);
		open_log(&file, folder);
		until = 7;
		assert_int_equal(log_file_until(&file, &until), 0);
		assert_int_equal(until, 0);
		log_file_close(&file);
	}
}

static void two_processes_do_not_write_one_log(void **state)
{
	const struct log_folder *folder = *state;
	struct err err = ERR_NULL;
	struct log_file first, second;

	open_log(&first, folder);
	log_file_init(&second);
	assert_int_equal(log_file_open(&second, &folder->options, stamp_now_ns(), &err), -EAGAIN);
	assert_false(log_file_is_open(&second));
	assert_non_null(strstr(err.text, "another process"));
	log_file_close(&first);
	assert_int_equal(log_file_open(&second, &folder->options, stamp_now_ns(), &err), 0);
	log_file_close(&second);
}

static void what_cannot_be_opened_is_told_with_its_path(void **state)
{
	struct log_folder *folder = *state;
	struct log_folder_case {
		const char *path;
		int rc;
	} rows[] = { { "/nowhere/nat.log", -ENOENT },
		     { "/dev/null", -EINVAL },
		     { "/tmp", -EISDIR } };
	struct log_file file;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct log_file_options options = folder->options;
		struct err err = ERR_NULL;
		char state_path[512];

		snprintf(options.path, sizeof(options.path), "%s", rows[i].path);
		snprintf(state_path, sizeof(state_path), "%s.state", rows[i].path);
		log_file_init(&file);
		assert_int_equal(log_file_open(&file, &options, stamp_now_ns(), &err), rows[i].rc);
		assert_non_null(strstr(err.text, rows[i].path));
		log_file_close(&file);
		(void)unlink(state_path);
	}
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	const struct log_folder *folder = *state;
	struct err err = ERR_NULL;
	struct log_file file;

	assert_int_equal(symlink("/tmp/elsewhere", folder->options.path), 0);
	log_file_init(&file);
	assert_int_equal(log_file_open(&file, &folder->options, stamp_now_ns(), &err), -ELOOP);
	log_file_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(lines_are_appended_also_by_the_next_process),
		in_a_folder(a_full_file_becomes_the_first_of_so_many),
		in_a_folder(without_any_to_keep_a_full_file_goes),
		in_a_folder(what_is_longer_than_a_file_may_be_is_written_all_the_same),
		in_a_folder(an_old_file_is_rotated_an_empty_one_is_not),
		in_a_folder(a_line_that_a_crash_cut_off_does_not_spoil_the_next),
		in_a_folder(one_that_was_moved_away_is_begun_anew_when_it_is_opened),
		in_a_folder(the_state_says_until_when_it_is_complete),
		in_a_folder(a_state_that_was_spoilt_is_a_gap_from_the_beginning),
		in_a_folder(two_processes_do_not_write_one_log),
		in_a_folder(what_cannot_be_opened_is_told_with_its_path),
		in_a_folder(a_link_in_its_place_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
