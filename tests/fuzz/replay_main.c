// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Stands in for libFuzzer where that isn't built in: runs the fuzzer's function on each file of the
 * directories that are given as arguments. No file at all is a failure, for then nothing was tested.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "fuzz.h"

#define INPUT_MAX (1u << 20) /* bytes; a corpus is made of small files */

static void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int replay_file(const char *path)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "rb");
	CLEANUP(cleanup_free) uint8_t *data = malloc(INPUT_MAX);

	if (!file || !data) {
		fprintf(stderr, "%s: can't read it\n", path);
		return -1;
	}
	const size_t length = fread(data, 1, INPUT_MAX, file);
	if (ferror(file) || length == INPUT_MAX) {
		fprintf(stderr, "%s: can't read it, or larger than %u bytes\n", path, INPUT_MAX);
		return -1;
	}
	/* A block of just the input's size, so that AddressSanitizer sees a read behind its end. */
	CLEANUP(cleanup_free) uint8_t *exact = malloc(length > 0 ? length : 1);
	if (!exact)
		return -1;
	memcpy(exact, data, length);
	(void)LLVMFuzzerTestOneInput(exact, length);
	return 0;
}

/* Returns how many files were run, or -1. */
static int replay_dir(const char *path)
{
	CLEANUP(cleanup_dir) DIR *dir = opendir(path);
	int count = 0;

	if (!dir) {
		fprintf(stderr, "%s: can't open the directory\n", path);
		return -1;
	}
	for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		char file[4096];
		struct stat st;

		if (snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) >= (int)sizeof(file))
			return -1;
		if (stat(file, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (replay_file(file) < 0)
			return -1;
		count++;
	}
	return count;
}

int main(int argc, char *argv[])
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		const int n = replay_dir(argv[i]);

		if (n < 0)
			return 1;
		count += n;
	}
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
