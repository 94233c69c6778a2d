// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside kube/: how the tables of the kinds are written. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"
#include "kube/json.h"
#include "kube/kinds.h"

/* A row: path, type, and the member of struct `s`. */
#define ROW(s, path_, type_, member, ...)                                               \
	{                                                                               \
		.path = (path_), .type = (type_), .offset = offsetof(struct s, member), \
		__VA_ARGS__                                                             \
	}

#define TABLE(s, fields_)                                                               \
	{                                                                               \
		.size = sizeof(struct s), .fields = (fields_), .n = ARRAY_SIZE(fields_) \
	}

/*
 * Names have at most 253 characters in Kubernetes, a uid 36; more is no reason to refuse an object, but not
 * endlessly so. Without one of them an object can't be told from another.
 */
#define META_ROWS(s)                                                                             \
	ROW(s, "metadata/name", KUBE_TEXT, meta.name, .flags = KUBE_REQUIRED),                   \
		ROW(s, "metadata/namespace", KUBE_TEXT, meta.namespace),                         \
		ROW(s, "metadata/uid", KUBE_TEXT, meta.uid, .flags = KUBE_REQUIRED, .max = 128), \
		ROW(s, "metadata/resourceVersion", KUBE_TEXT, meta.version,                      \
		    .flags = KUBE_REQUIRED, .max = 63),                                          \
		ROW(s, "metadata/creationTimestamp", KUBE_TEXT, meta.created, .max = 63),        \
		ROW(s, "metadata/generation", KUBE_I64, meta.generation),                        \
		ROW(s, "metadata/deletionTimestamp", KUBE_IS_THERE, meta.is_going),              \
		ROW(s, "metadata/labels", KUBE_LABELS, meta.labels)
