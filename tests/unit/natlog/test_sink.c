// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Lines on their way through the writer's process into a file: also if that is full, moved, or the process is killed. */
#include "natlog/sink.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "cmocka_all.h"
#include "log_folder.h"
#include "natlog/stamp.h"

enum { DEADLINE_MS = 60000, LOOK_MS = 5, WAIT_MS = 30000, SMALL_DISK = 256 << 10 };

struct ground {
	struct log_folder *folder;
	struct loop *loop;
	struct sink *sink;
	struct loop_timer *look;
	bool (*is_so)(const struct ground *ground);
	int64_t looked_ms;
	const char *what;
};

static void look(void *data)
{
	struct ground *ground = data;

	if (ground->is_so(ground)) {
		loop_stop(ground->loop);
		return;
	}
	ground->looked_ms += LOOK_MS;
	if (ground->looked_ms > DEADLINE_MS)
		fail_msg("not within %d ms: %s", DEADLINE_MS, ground->what);
	loop_timer_arm_ms(ground->look, LOOK_MS);
}

static void wait_until(struct ground *ground, bool (*is_so)(const struct ground *ground),
		       const char *what)
{
	ground->is_so = is_so;
	ground->what = what;
	ground->looked_ms = 0;
	loop_timer_arm_ms(ground->look, 0);
	assert_int_equal(loop_run(ground->loop), 0);
}

static struct ground begin(void **state, size_t most)
{
	struct ground ground = { .folder = *state, .loop = loop_new() };
	struct err err = ERR_NULL;

	assert_non_null(ground.loop);
	ground.sink = sink_new(ground.loop, "gw-a", most, &err);
	if (!ground.sink)
		fail_msg("%s", err.text);
	return ground;
}

static void open_sink(struct ground *ground, const struct log_file_options *file, int64_t since_ns)
{
	const struct output_how how = { .kind = OUTPUT_FILE, .file = *file };

	sink_open(ground->sink, &how, since_ns);
}

static void watch(struct ground *ground)
{
	ground->look = loop_timer_new(ground->loop, look, ground);
	assert_non_null(ground->look);
}

static void end(struct ground *ground, int wait_ms)
{
	sink_free(ground->sink, wait_ms);
	loop_timer_free(ground->look);
	loop_free(ground->loop);
}

static bool put(struct ground *ground, const char *line)
{
	char *room = sink_room(ground->sink, strlen(line));

	if (!room)
		return false;
	memcpy(room, line, strlen(line));
	sink_put(ground->sink, strlen(line));
	return true;
}

static struct sink_status status_of(const struct ground *ground)
{
	struct sink_status status;

	sink_status(ground->sink, &status);
	return status;
}

static size_t count(const struct ground *ground, const char *ending, const char *what)
{
	CLEANUP(cleanup_free) char *text = log_folder_text(ground->folder, ending);
	const char *at = text, *const text_end = text ? text + strlen(text) : NULL;
	size_t n = 0;

	/* strstr looks through all that follows each time, with the sanitizer. */
	while (at && (at = memmem(at, (size_t)(text_end - at), what, strlen(what)))) {
		at++;
		n++;
	}
	return n;
}

static bool has_line(const struct ground *ground)
{
	return count(ground, "", "line\n") > 0;
}

static bool has_until(const struct ground *ground)
{
	return status_of(ground).writer.until_ns != 0;
}

static bool has_error(const struct ground *ground)
{
	return status_of(ground).writer.error[0];
}

static bool has_no_error(const struct ground *ground)
{
	return !has_error(ground) && status_of(ground).writer.is_open;
}

static void a_line_is_in_the_file_soon(void **state)
{
	struct ground ground = begin(state, 1 << 20);

	watch(&ground);
	open_sink(&ground, &ground.folder->options, stamp_now_ns());
	assert_true(put(&ground, "line\n"));
	wait_until(&ground, has_line, "the line is in the file");
	end(&ground, WAIT_MS);
}

static void what_is_marked_is_complete_until_then(void **state)
{
	const int64_t until = INT64_C(1795939812123456000);
	struct ground ground = begin(state, 1 << 20);
	CLEANUP(cleanup_free) char *text = NULL;

	watch(&ground);
	open_sink(&ground, &ground.folder->options, 0);
	assert_true(put(&ground, "line\n"));
	sink_mark(ground.sink, until);
	wait_until(&ground, has_until, "the mark is told");
	assert_true(has_line(&ground));
	assert_true(status_of(&ground).writer.until_ns == until);
	assert_int_equal(status_of(&ground).writer.bytes, 5);
	text = log_folder_text(ground.folder, ".state");
	assert_string_equal(text, "{\"until\":\"2026-11-29T08:10:12.123456Z\"}\n");
	end(&ground, WAIT_MS);
}

static void all_that_was_put_is_written_at_the_end(void **state)
{
	struct ground ground = begin(state, 4 << 20);

	watch(&ground);
	ground.folder->options.max_bytes = 64 << 20;
	open_sink(&ground, &ground.folder->options, 0);
	for (int i = 0; i < 200000; i++)
		assert_true(put(&ground, "line\n"));
	sink_mark(ground.sink, INT64_C(1795939812123456000));
	sink_free(ground.sink, WAIT_MS);
	ground.sink = NULL;
	assert_int_equal(count(&ground, "", "line\n"), 200000);
	assert_int_equal(count(&ground, ".state", "08:10:12"), 1);
	end(&ground, 0);
}

/* The first log begins somewhere; the next process says what it doesn't know. */
static void what_nobody_heard_is_a_gap_and_a_new_log_has_none(void **state)
{
	struct ground ground = begin(state, 1 << 20);

	open_sink(&ground, &ground.folder->options, INT64_C(1795939811000000000));
	sink_mark(ground.sink, INT64_C(1795939812123456000));
	sink_free(ground.sink, WAIT_MS);
	loop_free(ground.loop);
	ground = begin(state, 1 << 20);
	assert_int_equal(count(&ground, "", "gap"), 0);
	open_sink(&ground, &ground.folder->options, INT64_C(1795939999000000000));
	assert_true(put(&ground, "line\n"));
	end(&ground, WAIT_MS);

	CLEANUP(cleanup_free) char *text = log_folder_text(ground.folder, "");

	assert_string_equal(text, "{\"v\":1,\"type\":\"gap\",\"gateway\":\"gw-a\","
				  "\"from\":\"2026-11-29T08:10:12.123456Z\","
				  "\"to\":\"2026-11-29T08:13:19.000000Z\",\"cause\":\"restart\"}\n"
				  "line\n");
}

/* The children of this process; there is one. */
static pid_t writer_of(void)
{
	char path[64], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

static bool has_second_writer(const struct ground *ground)
{
	return status_of(ground).starts == 2 && has_no_error(ground) && has_line(ground);
}

static void a_writer_that_is_killed_is_replaced_and_leaves_a_gap(void **state)
{
	struct ground ground = begin(state, 1 << 20);

	watch(&ground);
	open_sink(&ground, &ground.folder->options, stamp_now_ns());
	sink_mark(ground.sink, stamp_now_ns());
	wait_until(&ground, has_until, "the mark is told");
	assert_int_equal(kill(writer_of(), SIGKILL), 0);
	assert_true(put(&ground, "line\n"));
	wait_until(&ground, has_second_writer, "another writer writes");
	assert_int_equal(count(&ground, "", "\"cause\":\"restart\""), 1);
	end(&ground, WAIT_MS);
}

static void signals_that_end_the_daemon_do_not_end_the_writer(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct ground ground = begin(state, 1 << 20);

	watch(&ground);
	open_sink(&ground, &ground.folder->options, 0);
	wait_until(&ground, has_no_error, "the file is open");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		assert_int_equal(kill(writer_of(), signals[i]), 0);
	assert_true(put(&ground, "line\n"));
	wait_until(&ground, has_line, "the line is in the file");
	assert_int_equal(status_of(&ground).starts, 1);
	end(&ground, WAIT_MS);
}

/* Else the kernel would keep ends for a socket that nobody reads. */
static void the_writer_has_no_descriptor_of_the_daemons(void **state)
{
	struct ground ground = begin(state, 1 << 20);
	const size_t length = strlen(ground.folder->path);
	const struct dirent *entry;
	char path[64], target[256] = "";
	int n = 0;
	DIR *dir;

	watch(&ground);
	open_sink(&ground, &ground.folder->options, 0);
	wait_until(&ground, has_no_error, "the file is open");
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)writer_of());
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strtol(entry->d_name, NULL, 10) <= 2 ||
		    readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) < 0)
			continue;
		n += strncmp(target, ground.folder->path, length) != 0;
	}
	closedir(dir);
	assert_int_equal(n, 2); /* two ends, beside the log's files */
	end(&ground, WAIT_MS);
}

static void a_wrong_path_can_be_put_right(void **state)
{
	struct ground ground = begin(state, 1 << 20);
	struct log_file_options wrong = ground.folder->options;

	watch(&ground);
	snprintf(wrong.path, sizeof(wrong.path), "%s/nowhere/nat.log", ground.folder->path);
	open_sink(&ground, &wrong, stamp_now_ns());
	assert_true(put(&ground, "line\n"));
	wait_until(&ground, has_error, "the error is told");
	assert_non_null(strstr(status_of(&ground).writer.error, "nowhere"));
	open_sink(&ground, &ground.folder->options, 0);
	wait_until(&ground, has_line, "the line is in the file");
	wait_until(&ground, has_no_error, "the error is over");
	end(&ground, WAIT_MS);
}

static void one_that_waits_too_long_is_refused(void **state)
{
	struct ground ground = begin(state, 1 << 20);
	char line[1024];
	size_t n = 0;

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	/* Nobody opens the file. What fits into the socket is with the writer. */
	while (put(&ground, line))
		n += sizeof(line) - 1;
	assert_in_range(n, 1 << 20, 8 << 20);
	assert_in_range(status_of(&ground).waiting, 1 << 20, (1 << 20) + (128 << 10));
	end(&ground, 0);
}

static void fill_disk(const struct log_folder *folder)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/ballast", folder->path);
	file = fopen(path, "we");
	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	for (int i = 0; i < SMALL_DISK; i += 4096) {
		static const char page[4096];

		(void)fwrite(page, sizeof(page), 1, file);
	}
	fclose(file);
}

static void empty_disk(const struct log_folder *folder)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/ballast", folder->path);
	assert_int_equal(unlink(path), 0);
}

static void a_full_disk_is_told_and_waited_for(void **state)
{
	struct ground ground = begin(state, 8 << 20);
	static const char line[] = "a line of some length, so that a page is full soon\n";
	size_t n = 0;

	if (mount("none", ground.folder->path, "tmpfs", 0, "size=256k")) {
		print_message("SKIP: no tmpfs: %s\n", strerror(errno));
		exit(77);
	}
	watch(&ground);
	open_sink(&ground, &ground.folder->options, stamp_now_ns());
	wait_until(&ground, has_no_error, "the file is open");
	fill_disk(ground.folder);
	for (; n < 3000; n++)
		assert_true(put(&ground, line));
	sink_mark(ground.sink, stamp_now_ns());
	wait_until(&ground, has_error, "the error is told");
	assert_non_null(strstr(status_of(&ground).writer.error, strerror(ENOSPC)));
	assert_int_equal(status_of(&ground).writer.until_ns, 0);
	empty_disk(ground.folder);
	wait_until(&ground, has_until, "all is written");
	assert_int_equal(count(&ground, "", line), n);
	end(&ground, WAIT_MS);
	assert_int_equal(umount2(ground.folder->path, MNT_DETACH), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(a_line_is_in_the_file_soon),
		in_a_folder(what_is_marked_is_complete_until_then),
		in_a_folder(all_that_was_put_is_written_at_the_end),
		in_a_folder(what_nobody_heard_is_a_gap_and_a_new_log_has_none),
		in_a_folder(a_writer_that_is_killed_is_replaced_and_leaves_a_gap),
		in_a_folder(signals_that_end_the_daemon_do_not_end_the_writer),
		in_a_folder(the_writer_has_no_descriptor_of_the_daemons),
		in_a_folder(a_wrong_path_can_be_put_right),
		in_a_folder(one_that_waits_too_long_is_refused),
		in_a_folder(a_full_disk_is_told_and_waited_for),
	};

	/* A disk of our own. */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		print_message("SKIP: no mount namespace: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
