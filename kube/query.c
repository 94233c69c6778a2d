// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void append(struct kube_query *query, const char *text, size_t n)
{
	if (query->rc != 0)
		return;
	if (n >= sizeof(query->text) - query->length) {
		query->rc = -EMSGSIZE;
		return;
	}
	memcpy(query->text + query->length, text, n);
	query->length += n;
	query->text[query->length] = '\0';
}

/* RFC 3986, 2.3: what needs no encoding anywhere. */
static void append_encoded(struct kube_query *query, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	char code[4];

	for (; *text; text++) {
		if (strchr(plain, *text)) {
			append(query, text, 1);
			continue;
		}
		snprintf(code, sizeof(code), "%%%02X", (unsigned)(unsigned char)*text);
		append(query, code, 3);
	}
}

void kube_query_init(struct kube_query *query, const char *path)
{
	query->length = 0;
	query->rc = 0;
	append(query, path, strlen(path));
}

void kube_query_segment(struct kube_query *query, const char *segment)
{
	append(query, "/", 1);
	append_encoded(query, segment);
}

void kube_query_add(struct kube_query *query, const char *name, const char *value)
{
	if (!value || !value[0])
		return;
	append(query, query->rc == 0 && strchr(query->text, '?') ? "&" : "?", 1);
	append(query, name, strlen(name));
	append(query, "=", 1);
	append_encoded(query, value);
}

void kube_query_add_number(struct kube_query *query, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	kube_query_add(query, name, text);
}
