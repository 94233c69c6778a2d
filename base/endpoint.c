// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/endpoint.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

enum { HEAD_MAX = ENDPOINT_NAME_MAX };

static int parse_port(const char *text, uint16_t *ret)
{
	unsigned port = 0;

	if (!*text || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (unsigned)(*text - '0');
	}
	*ret = (uint16_t)port;
	return port > UINT16_MAX ? -EINVAL : 0;
}

/* Egress IPs are named as Kubernetes names objects, so the first character tells an address from most names. */
static bool is_name(const char *text)
{
	size_t digits = strspn(text, "0123456789./");

	return text[digits] &&
	       text[strspn(text,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] ==
		       '\0';
}

static int parse_head(const char *head, struct endpoint *ret, struct err *err)
{
	if (is_name(head)) {
		memcpy(ret->name, head, strlen(head) + 1);
		return 0;
	}
	if (strchr(head, '/'))
		return ip4_prefix_parse(head, &ret->prefix, err);
	ret->prefix.len = 32;
	return ip4_parse(head, &ret->prefix.addr, err);
}

int endpoint_parse(const char *text, struct endpoint *ret, struct err *err)
{
	const char *const colon = strrchr(text, ':');
	const size_t n = colon ? (size_t)(colon - text) : strlen(text);
	char head[HEAD_MAX];

	*ret = (struct endpoint){ .has_port = colon };
	if (n == 0 || n >= sizeof(head))
		return err_set(err, -EINVAL, "'%.80s': an address or a name is expected", text);
	if (colon && parse_port(colon + 1, &ret->port))
		return err_set(err, -EINVAL, "'%.80s': behind the colon a port is expected", text);
	memcpy(head, text, n);
	head[n] = '\0';
	return parse_head(head, ret, err);
}
