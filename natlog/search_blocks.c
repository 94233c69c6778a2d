// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/search_blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "natlog/search.h"

bool search_hits_add(struct search_hits *hits, const struct search_hit *hit)
{
	struct search_hit *v = reallocarray(hits->v, hits->n + 1, sizeof(*v));

	if (!v)
		return false;
	hits->v = v;
	hits->v[hits->n++] = *hit;
	return true;
}

static bool is_same(const struct search_hit *a, const struct search_hit *b, enum line_field field)
{
	const struct line_value *x = &a->line.v[field], *y = &b->line.v[field];

	return x->at && y->at ? x->n == y->n && memcmp(x->at, y->at, x->n) == 0 : x->at == y->at;
}

static bool has_end(const struct search_hit *begun, const struct search_hits *ended)
{
	static const enum line_field fields[] = { LINE_GATEWAY, LINE_POD_ADDRESS,
						  LINE_EGRESS_PRIVATE, LINE_EGRESS_FIRST_PORT,
						  LINE_START };

	for (size_t i = 0; i < ended->n; i++) {
		size_t j = 0;

		while (j < sizeof(fields) / sizeof(fields[0]) &&
		       is_same(begun, &ended->v[i], fields[j]))
			j++;
		if (j == sizeof(fields) / sizeof(fields[0]))
			return true;
	}
	return false;
}

/* A gateway gives a port to one at a time: who had it before had lost it, whether that was told or not. */
static bool is_replaced(const struct search_hits *begun, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (is_same(&begun->v[i], &begun->v[j], LINE_GATEWAY) &&
		    is_same(&begun->v[i], &begun->v[j], LINE_EGRESS_PRIVATE))
			return true;
	}
	return false;
}

/* The line goes along. */
static int move(struct search_hit *hit, struct search_hits *to)
{
	if (!search_hits_add(to, hit))
		return -ENOMEM;
	hit->text = NULL;
	return 0;
}

int search_blocks_settle(struct search_hits *lines, size_t most_before,
			 struct search_answer *answer)
{
	struct search_hits *held = &lines[0], *before = &lines[1], *begun = &lines[2];
	int rc = 0;

	for (size_t i = 0; !rc && i < begun->n; i++) {
		if (!is_replaced(begun, i) && !has_end(&begun->v[i], held) &&
		    !has_end(&begun->v[i], before))
			rc = move(&begun->v[i], &answer->blocks);
	}
	for (size_t i = 0; !rc && i < held->n; i++)
		rc = move(&held->v[i], &answer->blocks);
	for (size_t i = 0; !rc && i < before->n && i < most_before; i++)
		rc = move(&before->v[i], &answer->blocks_before);
	return rc;
}
