// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A sync in a namespace of its own, asked for the sample state, that notes what it is told. */
#pragma once

#include "base/err.h"
#include "base/loop.h"
#include "netlink/sync.h"
#include "netns.h"
#include "sample.h"
#include "unit.h"

struct sync_fixture {
	struct loop *loop;
	struct net_sync *sync;
	struct net_desired desired;
	struct err err;
	int stales;
	char what[RT_TEXT_MAX];
	int foreign_links, foreign_routes, losses;
};

int sync_fixture_set_up(void **state);
int sync_fixture_tear_down(void **state);
void sync_fixture_open(struct sync_fixture *f);
/* Runs; returns the number of steps. `summary` may be NULL. */
size_t sync_fixture_run(struct sync_fixture *f, char *summary);
/* Reaches the desired state and lets the kernel's own after-effects pass. */
void sync_fixture_settle(struct sync_fixture *f);
/* For netns_wait_until. */
bool sync_fixture_is_stale(void *data);

#define synced(f) cmocka_unit_test_setup_teardown(f, sync_fixture_set_up, sync_fixture_tear_down)
