// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Allocations fail, one after the other, in our code (by the linker's --wrap) and in the JSON library (by
 * its own hooks), until the operation succeeds. Each failure must be told as -ENOMEM and leave nothing
 * behind; LeakSanitizer looks at the end. Counting them also shows that lists cost no allocation an item.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "base/err.h"
#include "base/ip4.h"
#include "base/loop.h"
#include "config_example.h"
#include "unit.h"

#define NEVER SIZE_MAX

static size_t fail_at = NEVER; /* the number of the allocation that fails, from 0 */
static size_t n_ours;          /* allocations by our code */
static size_t n_all;           /* those of the JSON library too */

static bool is_to_fail(void)
{
	if (n_all++ != fail_at)
		return false;
	errno = ENOMEM; /* as malloc does */
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
	n_ours++;
	return is_to_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	n_ours++;
	return is_to_fail() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	n_ours++;
	return is_to_fail() ? NULL : __real_realloc(p, size);
}

static void *library_malloc(size_t size)
{
	return is_to_fail() ? NULL : __real_malloc(size);
}

static void start(size_t failing)
{
	fail_at = failing;
	n_all = 0;
	n_ours = 0;
}

static void stop(void)
{
	fail_at = NEVER;
}

static const char text[] =
	"{" EXAMPLE_REQUIRED
	", \"tags\": [\"a\", \"b\"], \"tunnel\": {\"mtu\": 1400}, \"policies\": ["
	"{\"name\": \"p\", \"pods\": [\"1.1.1.1/32\"], \"egress_ips\": [\"x\", \"y\"]},"
	"{\"name\": \"q\", \"pods\": [\"1.1.1.2/32\"], \"destinations\": [\"2.0.0.0/8\"]}]}";

static void config_parse_survives_each_failed_allocation(void **state)
{
	static const struct example zero;
	int r = -ENOMEM;
	size_t n = 0;

	(void)state;
	for (; r != 0; n++) {
		struct example e;
		struct err err = ERR_NULL;

		start(n);
		r = config_parse(&example_table, text, sizeof(text) - 1, &e, &err);
		stop();
		if (r == 0) {
			assert_int_equal(e.policies.n, 2);
			config_done(&example_table, &e);
			continue;
		}
		assert_int_equal(r, -ENOMEM);
		assert_non_null(strstr(err.text, "out of memory"));
		assert_memory_equal(&e, &zero, sizeof(e));
	}
	assert_in_range(n, 50, 1000);
}

static void config_load_survives_each_failed_allocation(void **state)
{
	char path[] = "/tmp/eipgw-fault-XXXXXX";
	CLEANUP(cleanup_fd) int fd = mkstemp(path);
	int r = -ENOMEM;
	size_t n = 0;

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	for (; r != 0; n++) {
		struct example e;
		struct err err = ERR_NULL;

		start(n);
		r = config_load(&example_table, path, &e, &err);
		stop();
		if (r == 0)
			config_done(&example_table, &e);
		else
			assert_int_equal(r, -ENOMEM);
	}
	unlink(path);
	assert_in_range(n, 50, 1000);
}

typedef int (*set_operation)(const struct ip4_set *a, const struct ip4_set *b, struct ip4_set *ret);

static void set_operations_survive_each_failed_allocation(void **state)
{
	static const set_operation operations[] = { ip4_set_subtract, ip4_set_union };
	static const struct ip4_range ranges[] = { { 30, 40 }, { 1, 2 }, { 3, 4 } };
	CLEANUP(ip4_set_done) struct ip4_set a = { 0 };
	CLEANUP(ip4_set_done) struct ip4_set b = { 0 };

	(void)state;
	assert_int_equal(ip4_set_from_ranges(&a, ranges, ARRAY_SIZE(ranges)), 0);
	assert_int_equal(ip4_set_from_ranges(&b, ranges, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		for (size_t n = 0; n < 3; n++) {
			CLEANUP(ip4_set_done) struct ip4_set ret = { 0 };

			start(n);
			const int r = operations[i](&a, &b, &ret);
			stop();
			/* The second one gives back room: its failure is no failure. */
			assert_int_equal(r, n == 0 ? -ENOMEM : 0);
			assert_int_equal(ret.n, n == 0 ? 0 : i == 0 ? 1 : 2);
		}
	}
}

static void a_set_keeps_its_ranges_when_the_new_ones_find_no_memory(void **state)
{
	static const struct ip4_range ranges[] = { { 10, 20 }, { 30, 40 } };
	static const struct ip4_prefix prefix = { .addr = { 8 }, .len = 32 };
	CLEANUP(ip4_set_done) struct ip4_set set = { 0 };

	(void)state;
	assert_int_equal(ip4_set_from_ranges(&set, ranges, 2), 0);
	start(0);
	assert_int_equal(ip4_set_from_ranges(&set, ranges, 1), -ENOMEM);
	start(0);
	assert_int_equal(ip4_set_from_prefixes(&set, &prefix, 1), -ENOMEM);
	stop();
	assert_int_equal(set.n, 2);
	assert_int_equal(set.v[1].last, 40);
}

static void on_nothing(void *data)
{
	(void)data;
}

static void on_io_nothing(int fd, unsigned events, void *data)
{
	(void)fd;
	(void)events;
	(void)data;
}

static void on_signal_nothing(int signal_number, void *data)
{
	(void)signal_number;
	(void)data;
}

static void loop_sources_are_null_without_memory(void **state)
{
	(void)state;
	start(0);
	assert_null(loop_new());
	stop();
	struct loop *const loop = loop_new();
	assert_non_null(loop);
	start(0);
	assert_null(loop_timer_new(loop, on_nothing, NULL));
	start(0);
	assert_null(loop_io_new(loop, 0, LOOP_READ, on_io_nothing, NULL));
	start(0);
	assert_null(loop_signal_new(loop, 1, on_signal_nothing, NULL));
	stop();
	loop_free(loop);
}

/* A configuration of one policy with n prefixes. To be freed. */
static char *many_prefixes(unsigned n)
{
	const size_t size = 256 + (size_t)n * 24;
	char *const json = __real_malloc(size);
	size_t length;

	assert_non_null(json);
	length = (size_t)snprintf(
		json, size, "{" EXAMPLE_REQUIRED ", \"policies\": [{\"name\": \"p\", \"pods\": [");
	for (unsigned i = 0; i < n; i++)
		length += (size_t)snprintf(json + length, size - length, "%s\"10.%u.%u.%u/32\"",
					   i > 0 ? "," : "", i >> 16, i >> 8 & 255, i & 255);
	snprintf(json + length, size - length, "]}]}");
	return json;
}

static void a_list_of_100000_prefixes_costs_no_allocation_an_item(void **state)
{
	CLEANUP(cleanup_free) char *json = many_prefixes(100000);
	struct example e;
	struct err err = ERR_NULL;

	(void)state;
	start(NEVER);
	const int r = config_parse(&example_table, json, strlen(json), &e, &err);
	stop();

	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	assert_in_range(n_ours, 1, 10);
	const struct example_policy *const policy = e.policies.v;
	assert_int_equal(policy->pods.n, 100000);
	assert_int_equal(policy->pods.v[99999].addr.v, 0x0a000000 + 99999);
	config_done(&example_table, &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_parse_survives_each_failed_allocation),
		cmocka_unit_test(config_load_survives_each_failed_allocation),
		cmocka_unit_test(set_operations_survive_each_failed_allocation),
		cmocka_unit_test(a_set_keeps_its_ranges_when_the_new_ones_find_no_memory),
		cmocka_unit_test(loop_sources_are_null_without_memory),
		cmocka_unit_test(a_list_of_100000_prefixes_costs_no_allocation_an_item),
	};

	json_set_alloc_funcs(library_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
