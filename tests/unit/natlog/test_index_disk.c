// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A disk that has no room for the index, and a place where none can be: the log goes on, and answers are right. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "log_folder.h"
#include "log_history.h"

static void fill(const char *path)
{
	static const char bytes[4096];
	CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
}

static void a_full_disk_keeps_nobody_from_logging_and_the_index_comes_later(void **state)
{
	struct history history = { .folder = *state, .random = 1 };
	char path[LOG_PATH_MAX + 32];

	if (mount("none", history.folder->path, "tmpfs", 0, "size=2m")) {
		print_message("SKIP: no tmpfs: %s\n", strerror(errno));
		exit(77);
	}
	snprintf(path, sizeof(path), "%s/filler", history.folder->path);
	history.folder->options.max_bytes = 10 << 20;
	log_file_init(&history.file);
	open_log(&history);
	put_records(&history, 1000);
	fill(path);
	close_log(&history);
	assert_true(ask_many(&history) > 0);
	assert_int_equal(unlink(path), 0);
	open_log(&history);
	put_records(&history, 100);
	close_log(&history);
	assert_int_equal(ask_many(&history), 0);
	assert_int_equal(umount2(history.folder->path, MNT_DETACH), 0);
}

static void where_no_index_can_be_the_log_is_written_and_read(void **state)
{
	struct history history = { .folder = *state, .random = 2 };
	char path[LOG_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s.index", history.folder->options.path);
	assert_int_equal(mkdir(path, 0700), 0);
	log_file_init(&history.file);
	open_log(&history);
	put_records(&history, 200);
	close_log(&history);
	assert_true(ask_many(&history) > 0);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(a_full_disk_keeps_nobody_from_logging_and_the_index_comes_later),
		in_a_folder(where_no_index_can_be_the_log_is_written_and_read),
	};

	/* A disk of our own. */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		print_message("SKIP: no mount namespace: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
