// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Small changes of large sorted arrays. */
#pragma once

#include <stddef.h>

/* An array in the order of `compare`, with no two equal members. */
struct sorted {
	void *v;
	size_t n;
	size_t size; /* of a member, bytes */
	int (*compare)(const void *a, const void *b);
};

/*
 * Takes the members of `del` out of the array, then puts those of `add` in; both are of the array's kind and
 * sorted. array->v (from malloc) may be another one then. Members are moved in place, each at most twice; a change
 * costs some bisections. 0; -ENOENT: one of `del` isn't there; -EEXIST: one of `add` is; -ENOMEM. On failure nothing
 * has changed.
 */
int sorted_change(struct sorted *array, const struct sorted *del, const struct sorted *add);
