// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Paths with queries, put together and percent-encoded. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kube/client.h"

struct kube_query {
	char text[KUBE_PATH_MAX];
	size_t length;
	int rc; /* 0, or -EMSGSIZE: it didn't fit, and is not to be used */
};

/* `path` is taken as it is. */
void kube_query_init(struct kube_query *query, const char *path);
/* "/SEGMENT", encoded. */
void kube_query_segment(struct kube_query *query, const char *segment);
/* "?NAME=VALUE" or "&NAME=VALUE"; an empty value counts as none, and isn't added. */
void kube_query_add(struct kube_query *query, const char *name, const char *value);
void kube_query_add_number(struct kube_query *query, const char *name, uint64_t value);
