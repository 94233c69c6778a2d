// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "sync_fixture.h"

#include <stdlib.h>
#include <string.h>

static void on_stale(const char *what, void *data)
{
	struct sync_fixture *f = data;

	f->stales++;
	strncpy(f->what, what, sizeof(f->what) - 1);
}

static void on_foreign(const struct rt_change *change, void *data)
{
	struct sync_fixture *f = data;

	f->foreign_links += change->kind == RT_LINK;
	f->foreign_routes += change->kind == RT_ROUTE;
}

static void on_lost(void *data)
{
	((struct sync_fixture *)data)->losses++;
}

void sync_fixture_open(struct sync_fixture *f)
{
	static const struct net_sync_ops ops = { .on_stale = on_stale,
						 .on_foreign = on_foreign,
						 .on_lost = on_lost };

	f->sync = net_sync_new(f->loop, &ops, f, &f->err);
	if (!f->sync)
		fail_msg("%s", f->err.text);
}

int sync_fixture_set_up(void **state)
{
	struct sync_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	netns_enter();
	f->desired = sample_desired();
	f->loop = loop_new();
	assert_non_null(f->loop);
	sync_fixture_open(f);
	*state = f;
	return 0;
}

int sync_fixture_tear_down(void **state)
{
	struct sync_fixture *f = *state;

	net_sync_free(f->sync);
	loop_free(f->loop);
	net_desired_done(&f->desired);
	free(f);
	return 0;
}

size_t sync_fixture_run(struct sync_fixture *f, char *summary)
{
	size_t steps = 0;

	if (net_sync_run(f->sync, &f->desired, &steps, summary, &f->err) != 0)
		fail_msg("%s", f->err.text);
	return steps;
}

bool sync_fixture_is_stale(void *data)
{
	return ((struct sync_fixture *)data)->stales > 0;
}

void sync_fixture_settle(struct sync_fixture *f)
{
	sync_fixture_run(f, NULL);
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);
	sync_fixture_run(f, NULL);
	f->stales = 0;
}
