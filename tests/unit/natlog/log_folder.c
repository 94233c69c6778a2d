// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "log_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmocka_all.h"

enum { TEXT_MAX = 8 << 20, PATH_BYTES = 512 };

int log_folder_set_up(void **state)
{
	struct log_folder *folder = calloc(1, sizeof(*folder));

	assert_non_null(folder);
	snprintf(folder->path, sizeof(folder->path), "/tmp/eipgw-natlog-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	snprintf(folder->options.path, sizeof(folder->options.path), "%s/nat.log", folder->path);
	folder->options.max_bytes = 1 << 20;
	folder->options.keep = 3;
	*state = folder;
	return 0;
}

int log_folder_tear_down(void **state)
{
	struct log_folder *folder = *state;
	DIR *dir = opendir(folder->path);
	const struct dirent *entry;
	char path[PATH_BYTES];

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder->path, entry->d_name);
		if (entry->d_name[0] != '.')
			assert_int_equal(unlink(path), 0);
	}
	closedir(dir);
	assert_int_equal(rmdir(folder->path), 0);
	free(folder);
	return 0;
}

static const char *path_of(const struct log_folder *folder, const char *ending, char *buf)
{
	snprintf(buf, PATH_BYTES, "%s/nat.log%s", folder->path, ending);
	return buf;
}

char *log_folder_text(const struct log_folder *folder, const char *ending)
{
	char path[PATH_BYTES];
	CLEANUP(cleanup_fd) int fd = open(path_of(folder, ending, path), O_RDONLY | O_CLOEXEC);
	char *text;
	ssize_t got;

	if (fd < 0)
		return NULL;
	text = malloc(TEXT_MAX);
	assert_non_null(text);
	got = read(fd, text, TEXT_MAX - 1);
	assert_true(got >= 0);
	text[got] = '\0';
	return text;
}

bool log_folder_has(const struct log_folder *folder, const char *ending)
{
	char path[PATH_BYTES];

	return access(path_of(folder, ending, path), F_OK) == 0;
}

void log_folder_put(const struct log_folder *folder, const char *ending, const char *text)
{
	char path[PATH_BYTES];
	CLEANUP(cleanup_fd)
	int fd =
		open(path_of(folder, ending, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}
