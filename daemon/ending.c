// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/ending.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mono.h"
#include "daemon/kernel.h"
#include "nat/nfnl.h"

/*
 * FEW: so many sources are looked up one by one, more in one walk through all. A walk takes milliseconds even where there is
 * nothing to find, so between two of them, BETWEEN_MS, what came meanwhile is served. SHARE: of the time a twentieth; but not
 * later than MAX_MS. Above SOURCES_MAX they aren't told apart any more.
 */
enum { FEW = 4, BETWEEN_MS = 2, SHARE = 20, MAX_MS = 1000, SOURCES_MAX = 65536 };

struct walk {
	struct ip4 source;
	enum ct_direction direction;
};

struct ending {
	struct ending_ops ops;
	void *data;
	struct nfnl *nfnl;
	struct loop_timer *timer;
	struct ip4 *sources; /* sorted only while they are looked for */
	size_t n, capacity;
	bool all;                   /* of too many sources */
	bool waiting;               /* some were noted since the last look began */
	struct walk walks[2 * FEW]; /* of the look that is under way: the last comes next */
	size_t n_walks;
	int64_t spent_ns;  /* on it */
	struct mono again; /* not before */
	uint64_t count;
};

static int compare(const void *pa, const void *pb)
{
	const struct ip4 *a = pa, *b = pb;

	return (a->v > b->v) - (a->v < b->v);
}

static bool is_source(const struct ending *ending, struct ip4 address)
{
	return bsearch(&address, ending->sources, ending->n, sizeof(address), compare);
}

static bool is_concerned(const struct ct_entry *entry, void *data)
{
	const struct ending *ending = data;
	bool is_named = ending->all || is_source(ending, entry->orig.src) ||
			(ending->ops.by_answer && is_source(ending, entry->reply.src));

	return is_named && ending->ops.is_stale(entry, ending->data);
}

struct one {
	const struct ending *ending;
	struct walk walk;
};

static bool is_of_one(const struct ct_entry *entry, void *data)
{
	const struct one *one = data;
	struct ip4 source = one->walk.direction == CT_ORIGINAL ? entry->orig.src : entry->reply.src;

	return source.v == one->walk.source.v &&
	       one->ending->ops.is_stale(entry, one->ending->data);
}

static bool make_room(struct ending *ending)
{
	size_t capacity = ending->capacity ? ending->capacity * 2 : 64;

	if (ending->n < ending->capacity)
		return true;
	struct ip4 *v = ending->n < SOURCES_MAX ?
				reallocarray(ending->sources, capacity, sizeof(*v)) :
				NULL;

	if (!v)
		return false;
	ending->sources = v;
	ending->capacity = capacity;
	return true;
}

static void put_source(struct ending *ending, struct ip4 source)
{
	if (make_room(ending))
		ending->sources[ending->n++] = source;
	else
		ending->all = true;
}

/* The entries of each source in both directions, as far as they matter. */
static void plan_walks(struct ending *ending)
{
	for (size_t i = 0; i < ending->n; i++) {
		if (ending->ops.by_answer)
			ending->walks[ending->n_walks++] =
				(struct walk){ ending->sources[i], CT_REPLY };
		ending->walks[ending->n_walks++] = (struct walk){ ending->sources[i], CT_ORIGINAL };
	}
	ending->n = 0;
}

/* What couldn't be looked for stays noted, for the next time. */
static void end_one(struct ending *ending)
{
	struct one one = { ending, ending->walks[--ending->n_walks] };
	struct ct_source source = { .direction = one.walk.direction,
				    .address = one.walk.source,
				    .keep = is_of_one,
				    .data = &one };

	if (kernel_end_connections(ending->nfnl, &source, false, &ending->count))
		put_source(ending, one.walk.source);
}

/* Likewise. */
static void end_many(struct ending *ending)
{
	struct ct_source source = { .keep = is_concerned, .data = ending };

	if (ending->n)
		qsort(ending->sources, ending->n, sizeof(*ending->sources), compare);
	if (kernel_end_connections(ending->nfnl, &source, true, &ending->count))
		return;
	ending->n = 0;
	ending->all = false;
}

static void arm(struct ending *ending)
{
	struct mono now = mono_now();

	loop_timer_arm_ms(ending->timer, mono_is_before(now, ending->again) ?
						 mono_diff_ms(ending->again, now) + 1 :
						 0);
}

static void rest(struct ending *ending)
{
	int64_t pause = ending->spent_ns / 1000000 * SHARE;

	ending->spent_ns = 0;
	ending->again = mono_add_ms(mono_now(), pause < MAX_MS ? pause : MAX_MS);
	if (ending->waiting)
		arm(ending);
}

/* A part of a look, or the first of another one. */
static void end_next(void *data)
{
	struct ending *ending = data;
	struct mono before = mono_now();

	if (!ending->n_walks) {
		ending->waiting = false;
		if (!ending->all && ending->n <= FEW)
			plan_walks(ending);
	}
	if (ending->n_walks)
		end_one(ending);
	else
		end_many(ending);
	ending->spent_ns += mono_now().ns - before.ns;
	if (ending->n_walks)
		loop_timer_arm_ms(ending->timer, BETWEEN_MS);
	else
		rest(ending);
}

struct ending *ending_new(struct loop *loop, const struct ending_ops *ops, void *data,
			  struct err *err)
{
	struct ending *ending = calloc(1, sizeof(*ending));

	if (!ending) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	ending->ops = *ops;
	ending->data = data;
	ending->nfnl = nfnl_open(err);
	ending->timer = ending->nfnl ? loop_timer_new(loop, end_next, ending) : NULL;
	if (ending->timer) {
		loop_timer_make_late(ending->timer);
		return ending;
	}
	if (ending->nfnl)
		err_set(err, -ENOMEM, "out of memory");
	ending_free(ending);
	return NULL;
}

void ending_free(struct ending *ending)
{
	if (!ending)
		return;
	loop_timer_free(ending->timer);
	nfnl_close(ending->nfnl);
	free(ending->sources);
	free(ending);
}

void ending_note(struct ending *ending, struct ip4 source)
{
	put_source(ending, source);
	ending->waiting = true;
	if (!loop_timer_is_armed(ending->timer))
		arm(ending);
}

void ending_all(struct ending *ending)
{
	loop_timer_disarm(ending->timer);
	ending->n_walks = 0;
	ending->all = true;
	end_next(ending);
}

uint64_t ending_count(const struct ending *ending)
{
	return ending->count;
}
