// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Any texts as answers of the metadata service, one after the other, ended by 0x01; an answer that begins with
 * "N" is a 404. The walk must end, whatever is asked must be a path that can be asked for, and what was read
 * must be valid. The whole input is also each of the notices.
 */
#include "awsapi/imds_identity.h"
#include "awsapi/imds_notices.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"

static void check_path(const char *path)
{
	assert(strncmp(path, "meta-data/", 10) == 0 && strlen(path) < IMDS_PATH_MAX);
	assert(!strstr(path, "..") && !strpbrk(path, " \r\n\t?#%\\<>\""));
}

static void check_identity(const struct imds_identity *identity)
{
	assert(identity->instance_id[0] && identity->region[0] && identity->n_interfaces > 0);
	assert(identity->tags.n <= AWS_TAGS_MAX);
	for (size_t i = 0; i < identity->n_interfaces; i++) {
		assert(strlen(identity->interfaces[i].mac) == IMDS_MAC_MAX - 1);
		assert(identity->interfaces[i].id[0]);
	}
}

static void walk(char *text, const char *mac)
{
	struct imds_reading reading;
	struct err err = ERR_NULL;
	char path[IMDS_PATH_MAX];
	char *rest = text;
	int r = 0;

	if (imds_reading_init(&reading, mac) < 0)
		return;
	while (r == 0 && imds_reading_next(&reading, path)) {
		check_path(path);
		char *const answer = rest ? strsep(&rest, "\x01") : NULL;
		r = imds_reading_take(&reading, answer && answer[0] != 'N' ? answer : NULL, &err);
		assert((r < 0) == (err.text[0] != '\0'));
	}
	if (r == 0 && !mac)
		check_identity(&reading.identity);
	imds_reading_done(&reading);
}

static void notices(const char *text)
{
	for (int which = 0; which < IMDS_NOTICE_COUNT; which++) {
		struct imds_notices before = { .spot_sec = 5, .lifecycle = "InService" };
		struct imds_notices after = before;
		const int r = imds_notice_take(&after, (enum imds_notice)which, text);

		assert(r == 0 || (before.spot == after.spot && before.spot_sec == after.spot_sec &&
				  before.rebalance_sec == after.rebalance_sec &&
				  strcmp(before.lifecycle, after.lifecycle) == 0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(cleanup_free) char *text = malloc(size + 1);
	CLEANUP(cleanup_free) char *again = malloc(size + 1);

	if (!text || !again)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	memcpy(again, text, size + 1);
	notices(text);
	walk(text, NULL);
	walk(again, "0a:00:00:00:00:01");
	return 0;
}
