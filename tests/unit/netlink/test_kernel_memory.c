// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Each allocation of a run fails in turn. No leak (the sanitizer looks), an error that says so, and the
 * next run reaches the desired state all the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "netlink/sync.h"
#include "netns.h"
#include "sample.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static int left = -1; /* allocations that succeed before one fails; -1: all do */

static bool fails(void)
{
	if (left < 0)
		return false;
	return left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

static void on_stale(const char *what, void *data)
{
	(void)what;
	(void)data;
}

static const struct net_sync_ops ops = { .on_stale = on_stale };

static void opening_fails_cleanly_at_each_allocation(void **state)
{
	struct netns *ns = *state;
	struct loop *loop = loop_new();
	struct net_sync *sync = NULL;
	int attempts = 0;

	for (; !sync; attempts++) {
		assert_true(attempts < 100);
		left = attempts;
		sync = net_sync_new(loop, &ops, NULL, &ns->err);
		left = -1;
		assert_true(sync || ns->err.text[0]);
	}
	assert_true(attempts > 4);
	net_sync_free(sync);
	loop_free(loop);
}

static void a_run_fails_cleanly_at_each_allocation_and_the_next_succeeds(void **state)
{
	struct netns *ns = *state;
	struct net_desired desired = sample_desired();
	struct net_sync *sync = net_sync_new(NULL, &ops, NULL, &ns->err);
	int attempts = 0;
	int rc = -ENOMEM;

	assert_non_null(sync);
	for (; rc != 0; attempts++) {
		assert_true(attempts < 1000);
		assert_ok(ns, net_sync_cleanup(sync, &desired, &ns->err));
		left = attempts;
		rc = net_sync_run(sync, &desired, NULL, NULL, &ns->err);
		left = -1;
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(rc == 0 || strstr(ns->err.text, "memory"));
	}
	assert_true(attempts > 10);
	assert_ok(ns, net_sync_cleanup(sync, &desired, &ns->err));
	net_sync_free(sync);
	net_desired_done(&desired);
}

static void a_cleanup_fails_cleanly_at_each_allocation_and_the_next_succeeds(void **state)
{
	struct netns *ns = *state;
	struct net_desired desired = sample_desired();
	struct net_sync *sync = net_sync_new(NULL, &ops, NULL, &ns->err);
	int attempts = 0;
	int rc = -ENOMEM;

	assert_non_null(sync);
	for (; rc != 0; attempts++) {
		assert_true(attempts < 1000);
		assert_ok(ns, net_sync_run(sync, &desired, NULL, NULL, &ns->err));
		left = attempts;
		rc = net_sync_cleanup(sync, &desired, &ns->err);
		left = -1;
		assert_true(rc == 0 || rc == -ENOMEM);
	}
	assert_true(attempts > 5);
	net_sync_free(sync);
	net_desired_done(&desired);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_netns(opening_fails_cleanly_at_each_allocation),
		in_a_netns(a_run_fails_cleanly_at_each_allocation_and_the_next_succeeds),
		in_a_netns(a_cleanup_fails_cleanly_at_each_allocation_and_the_next_succeeds),
	};

	return cmocka_run_group_tests_name("netlink/kernel_memory", tests, NULL, NULL);
}
