// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Any bytes as credentials: the first byte says whether the rest is JSON, STS's XML, a container's URL or a time.
 * What is taken can be sent as a header; what is refused leaves nothing behind and has a reason.
 */
#include "awsapi/credentials_set.h"
#include "awsapi/credentials_source.h"
#include "awsapi/timestamp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"

static void check_secret(const struct secret *secret)
{
	const char *const text = secret_reveal(secret);

	assert(strlen(text) == secret->length && secret->length <= SECRET_MAX);
	for (size_t i = 0; i < secret->length; i++)
		assert(text[i] >= 0x20 && text[i] <= 0x7e);
}

static void check_set(int r, struct credentials_set *set, const struct err *err)
{
	assert((r != 0) == (err->text[0] != '\0'));
	assert((r == 0) == (set->access_key[0] != '\0'));
	assert((r == 0) == secret_is_set(&set->secret_key));
	check_secret(&set->secret_key);
	check_secret(&set->session_token);
	credentials_set_done(set);
}

/* An allowed URL of plain http names one of few hosts right behind its slashes, and nothing pretends otherwise. */
static void check_url(const char *url)
{
	static const char *const hosts[] = { "127.", "169.254.170.2", "[" };

	if (credentials_check_container_url(url, NULL) < 0 || strncmp(url, "http://", 7) != 0)
		return;
	const char *const host = url + 7;
	bool known = strncasecmp(host, "localhost", 9) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		known = known || strncmp(host, hosts[i], strlen(hosts[i])) == 0;
	assert(known);
	for (size_t n = strcspn(host, "/?#"), i = 0; i < n; i++)
		assert(!strchr("@\\% ", host[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credentials_set set = CREDENTIALS_SET_NULL;
	struct err err = ERR_NULL;
	int64_t sec = -1;

	if (size == 0)
		return 0;
	CLEANUP(cleanup_free) char *text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0]) {
	case 'j':
		check_set(credentials_set_read_json(text, size - 1, &set, &err), &set, &err);
		break;
	case 's':
		check_set(credentials_set_read_sts(text, size - 1, &set, &err), &set, &err);
		break;
	case 'u':
		check_url(text);
		break;
	case 't':
		assert((timestamp_parse(text, &sec) == 0) == (sec != -1));
		break;
	default:
		break;
	}
	return 0;
}
