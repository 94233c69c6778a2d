// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/log/flows_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/seed.h"
#include "gateway/log/flowlog.h"
#include "gateway/log/flows.h"
#include "natlog/book.h"

enum { WALKS = 4, PAGE = 1000, WHO_MAX = 4 * PAGE };

struct flows {
	struct loop *loop;
	struct flowlog *flowlog;
	struct walk walks[WALKS];
};

/* ---- a walk */

static void drop_rows(struct walk *walk)
{
	for (size_t i = 0; i < walk->n; i++)
		who_give(&walk->who, walk->rows[i].who);
	walk->n = 0;
}

static void stop(struct walk *walk)
{
	ct_walk_free(TAKE_PTR(walk->walk));
}

static void end(void *data)
{
	struct walk *walk = data;

	stop(walk);
	drop_rows(walk);
	who_done(&walk->who);
	free(TAKE_PTR(walk->rows));
	loop_timer_disarm(walk->idle);
	walk->size = 0;
	walk->id[0] = '\0';
}

static bool make_room(struct walk *walk)
{
	const size_t size = walk->size ? 2 * walk->size : 64;
	struct row *rows;

	if (walk->n < walk->size)
		return true;
	rows = reallocarray(walk->rows, size, sizeof(*rows));
	if (!rows)
		return false;
	walk->rows = rows;
	walk->size = size;
	return true;
}

static void add_row(struct walk *walk, const struct ct_flow *flow, const struct ct_account *account,
		    const struct book_entry *entry)
{
	struct row *row;

	if (!make_room(walk)) {
		walk->failed = -ENOMEM;
		stop(walk);
		return;
	}
	row = &walk->rows[walk->n++];
	*row = (struct row){ .flow = *flow,
			     .account = *account,
			     .start_ns = account->start_ns ? account->start_ns : entry->start_ns,
			     .who = entry->who ? who_take(&walk->who, entry->who) : 0,
			     .basis = entry->basis };
	walk->found++;
	if (walk->n >= PAGE)
		ct_walk_pause(walk->walk, true);
}

static void on_message(const struct ct_flow *flow, const struct nlmsghdr *nlh, void *data)
{
	static const struct natlog_who nobody = { 0 };
	struct walk *walk = data;
	struct ct_account account = { 0 };
	struct natlog_who who;
	struct book_entry entry;

	walk->looked_at++;
	if (!flow_filter_kernel(&walk->filter, flow))
		return;
	(void)ct_decode_account(nlh, &account);
	if (!flowlog_find(walk->flows->flowlog, flow, account.start_ns, &entry, &who) ||
	    !flow_filter_who(&walk->filter, flow, entry.who ? entry.who : &nobody))
		return;
	if (walk->found < walk->filter.limit) {
		add_row(walk, flow, &account, &entry);
		return;
	}
	walk->has_more = true;
	stop(walk);
}

static void on_end(int rc, void *data)
{
	struct walk *walk = data;

	walk->failed = rc;
	stop(walk);
}

static struct walk *find(struct flows *flows, const char *id)
{
	for (size_t i = 0; i < WALKS; i++) {
		if (strcmp(flows->walks[i].id, id) == 0)
			return &flows->walks[i];
	}
	return NULL;
}

static struct walk *begin(struct flows *flows, const struct control_args *args, struct err *err)
{
	static const struct ct_walk_ops ops = { .on_message = on_message, .on_end = on_end };
	struct walk *walk = find(flows, "");

	if (!walk) {
		err_mark(err, MSG_WALKS,
			 err_set(err, -EBUSY, "%d others look at connections now; try again later",
				 WALKS));
		return NULL;
	}
	if (flow_filter_parse(args, &walk->filter, err))
		return NULL;
	walk->found = walk->looked_at = 0;
	walk->has_more = false;
	walk->failed = 0;
	walk->who = (struct who_table){ .most = WHO_MAX, .seed = seed_guessable() };
	walk->walk = ct_walk_new(flows->loop, &ops, walk, err);
	if (!walk->walk)
		return NULL;
	snprintf(walk->id, sizeof(walk->id), "%016" PRIx64, seed_guessable());
	return walk;
}

struct walk *flows_walk(struct flows *flows, const char *id, const struct control_args *args,
			struct err *err)
{
	struct walk *walk;

	if (!id)
		return begin(flows, args, err);
	walk = *id ? find(flows, id) : NULL;
	if (!walk)
		err_mark(err, MSG_WALKS,
			 err_set(err, -ENOENT, "nobody asked for that walk for %d s; begin again",
				 WALK_IDLE_MS / 1000));
	return walk;
}

struct flowlog *flows_log(const struct flows *flows)
{
	return flows->flowlog;
}

int flows_told(struct walk *walk)
{
	const int rc = walk->failed;

	drop_rows(walk);
	if (!walk->walk) {
		end(walk);
		return rc;
	}
	ct_walk_pause(walk->walk, false);
	loop_timer_arm_ms(walk->idle, WALK_IDLE_MS);
	return 0;
}

struct flows *flows_new(struct loop *loop, struct flowlog *flowlog)
{
	struct flows *flows = calloc(1, sizeof(*flows));

	for (size_t i = 0; flows && i < WALKS; i++) {
		flows->walks[i].flows = flows;
		flows->walks[i].idle = loop_timer_new(loop, end, &flows->walks[i]);
		if (!flows->walks[i].idle) {
			flows_free(flows);
			flows = NULL;
		}
	}
	if (!flows)
		return NULL;
	flows->loop = loop;
	flows->flowlog = flowlog;
	return flows;
}

void flows_free(struct flows *flows)
{
	if (!flows)
		return;
	for (size_t i = 0; i < WALKS; i++) {
		if (flows->walks[i].id[0])
			end(&flows->walks[i]);
		loop_timer_free(flows->walks[i].idle);
	}
	free(flows);
}
