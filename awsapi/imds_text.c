// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/imds_text.h"

#include "awsapi/imds_identity.h"
#include "base/cleanup.h"
#include "base/ip4.h"

#include <errno.h>
#include <string.h>

size_t imds_text_line(const char **text, const char **ret_line)
{
	while ((*text)[0]) {
		const char *const line = *text;
		size_t n = strcspn(line, "\n");

		*text = line + n + (line[n] == '\n');
		while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '/'))
			n--;
		if (n == 0)
			continue;
		*ret_line = line;
		return n;
	}
	return 0;
}

int imds_text_count(const char *text, size_t *ret)
{
	const char *line;
	size_t n = 0;

	while (imds_text_line(&text, &line) > 0)
		if (++n > IMDS_LIST_MAX)
			return -EMSGSIZE;
	*ret = n;
	return 0;
}

static int word(const char *line, size_t length, char *ret, size_t size)
{
	if (length == 0 || length >= size)
		return -EPROTO;
	for (size_t i = 0; i < length; i++)
		if (line[i] <= 0x20 || line[i] > 0x7e)
			return -EPROTO;
	memcpy(ret, line, length);
	ret[length] = '\0';
	return 0;
}

int imds_text_word(const char *text, char *ret, size_t size)
{
	size_t length = strlen(text);

	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	return word(text, length, ret, size);
}

int imds_text_addresses(const char *text, struct imds_addresses *ret)
{
	const char *line;
	size_t n;
	size_t length;
	int r = imds_text_count(text, &n);

	if (r < 0)
		return r;
	CLEANUP(cleanup_free) struct ip4 *v = n > 0 ? calloc(n, sizeof(*v)) : NULL;
	if (n > 0 && !v)
		return -ENOMEM;
	for (size_t i = 0; (length = imds_text_line(&text, &line)) > 0; i++) {
		char address[IP4_TEXT_MAX];
		r = word(line, length, address, sizeof(address));
		if (r < 0 || ip4_parse(address, &v[i], NULL) < 0)
			return -EPROTO;
	}
	free(ret->v);
	*ret = (struct imds_addresses){ .v = TAKE_PTR(v), .n = n };
	return 0;
}

int imds_text_prefixes(const char *text, struct ip4_prefixes *ret)
{
	const char *line;
	size_t n;
	size_t length;
	int r = imds_text_count(text, &n);

	if (r < 0)
		return r;
	CLEANUP(cleanup_free) struct ip4_prefix *v = n > 0 ? calloc(n, sizeof(*v)) : NULL;
	if (n > 0 && !v)
		return -ENOMEM;
	for (size_t i = 0; (length = imds_text_line(&text, &line)) > 0; i++) {
		char prefix[IP4_PREFIX_TEXT_MAX];
		r = word(line, length, prefix, sizeof(prefix));
		if (r < 0 || ip4_prefix_parse(prefix, &v[i], NULL) < 0)
			return -EPROTO;
	}
	ip4_prefixes_done(ret);
	*ret = (struct ip4_prefixes){ .v = TAKE_PTR(v), .n = n };
	return 0;
}
