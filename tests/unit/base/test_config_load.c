// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Files, and the ceilings that keep a hostile or broken one from filling the memory. */
#include "base/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "config_example.h"
#include "unit.h"

#define NAME64 "a234567890123456789012345678901234567890123456789012345678901234"

static void assert_refused(const char *json, const char *expected)
{
	struct example e;
	struct err err = ERR_NULL;

	assert_int_equal(config_parse(&example_table, json, strlen(json), &e, &err), -EINVAL);
	assert_string_equal(err.text, expected);
}

/* `before`, then `unit` n times, then `after`. To be freed. */
static char *repeat(const char *before, const char *unit, size_t n, const char *after)
{
	const size_t size = strlen(before) + n * strlen(unit) + strlen(after) + 1;
	char *const text = malloc(size);

	assert_non_null(text);
	char *p = stpcpy(text, before);
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, unit);
	stpcpy(p, after);
	return text;
}

static void a_flood_of_values_is_refused_before_it_fills_the_memory(void **state)
{
	static const struct {
		const char *before;
		const char *unit;
		size_t n;
		const char *after;
		const char *text;
	} cases[] = {
		{ "{\"a\": [{}", ",{}", 1u << 20, "]}", "more than 1048576 objects and lists" },
		{ "{\"a\": [1", ",1", (1u << 22) + 1, "]}", "more than 4194304 values" },
		{ "", "[", 1u << 21, "", "more than 1048576 objects and lists" },
		{ "{\"a\": \"", "x", CONFIG_FILE_MAX, "\"}", "larger than 67108864 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(cleanup_free)
		char *text = repeat(cases[i].before, cases[i].unit, cases[i].n, cases[i].after);

		assert_refused(text, cases[i].text);
	}
}

static void deep_nesting_is_refused(void **state)
{
	CLEANUP(cleanup_free) char *text = repeat("{\"a\": ", "[", 100000, "");
	struct example e;
	struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(config_parse(&example_table, text, strlen(text), &e, &err), -EINVAL);
	assert_memory_equal(err.text, "a[0][0][0]", 10);
}

static void a_list_without_a_ceiling_of_its_own_ends_at_65536(void **state)
{
	CLEANUP(cleanup_free)
	char *text = repeat("{" EXAMPLE_REQUIRED ", \"policies\": [1", ",1", 65536, "]}");

	(void)state;
	assert_refused(text, "policies: 65537 items, at most 65536 are allowed");
}

static void a_long_path_is_cut(void **state)
{
	char json[2048] = "";

	(void)state;
	for (int i = 0; i < 8; i++)
		strncat(json, "{\"" NAME64 "\":", sizeof(json) - strlen(json) - 1);

	struct example e;
	struct err err = ERR_NULL;
	assert_int_equal(config_parse(&example_table, json, strlen(json), &e, &err), -EINVAL);

	assert_memory_equal(err.text, NAME64 "." NAME64 ".", 130);
	assert_ptr_equal(strstr(err.text, ": line"), err.text + CONFIG_PATH_TEXT_MAX - 1);
}

/* A path in a fresh directory, and the file there with the text. */
struct file {
	char dir[32];
	char path[64];
};

static struct file make_file(const char *text)
{
	struct file f = { .dir = "/tmp/eipgw-config-XXXXXX" };

	assert_non_null(mkdtemp(f.dir));
	snprintf(f.path, sizeof(f.path), "%s/node.json", f.dir);
	FILE *const out = fopen(f.path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	return f;
}

static void remove_file(struct file *f)
{
	unlink(f->path);
	rmdir(f->dir);
}

static void assert_load_fails(const char *path, int code, const char *reason)
{
	struct example e;
	struct err err = ERR_NULL;
	char expected[ERR_TEXT_MAX];

	assert_int_equal(config_load(&example_table, path, &e, &err), code);
	snprintf(expected, sizeof(expected), "%s: %s", path, reason);
	assert_string_equal(err.text, expected);
}

static void a_file_is_loaded(void **state)
{
	CLEANUP(remove_file) struct file f = make_file("{" EXAMPLE_REQUIRED "}\n");
	struct example e;
	struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(config_load(&example_table, f.path, &e, &err), 0);
	assert_string_equal(e.name, "n1");
	config_done(&example_table, &e);
}

static void errors_in_a_file_begin_with_its_path(void **state)
{
	CLEANUP(remove_file) struct file f = make_file("{\"nam\": 1}");
	CLEANUP(remove_file) struct file missing = make_file("");

	(void)state;
	assert_load_fails(
		f.path, -EINVAL,
		"nam: unknown key; the keys here are name, title, uplink, address, second, "
		"priority, mark, enforcement, tunnel, proxy, tags, policies");
	unlink(missing.path);
	assert_load_fails(missing.path, -ENOENT, "can't open: No such file or directory");
}

/* Files of procfs are regular, say that they are empty, and then have a text. */
static void a_file_that_is_longer_than_it_said_is_refused(void **state)
{
	(void)state;
	assert_load_fails("/proc/self/status", -EAGAIN, "changed while it was read");
}

static void only_regular_files_of_bounded_size_are_read(void **state)
{
	CLEANUP(remove_file) struct file f = make_file("{" EXAMPLE_REQUIRED "}");

	(void)state;
	assert_int_equal(truncate(f.path, (off_t)CONFIG_FILE_MAX + 1), 0);
	assert_load_fails(f.path, -EINVAL, "larger than 67108864 bytes");
	unlink(f.path);
	assert_int_equal(mkfifo(f.path, 0600), 0); /* must not wait for a writer */
	assert_load_fails(f.path, -EINVAL, "not a regular file");
	assert_load_fails(f.dir, -EINVAL, "not a regular file");
	assert_load_fails("/dev/zero", -EINVAL, "not a regular file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_of_values_is_refused_before_it_fills_the_memory),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(a_list_without_a_ceiling_of_its_own_ends_at_65536),
		cmocka_unit_test(a_long_path_is_cut),
		cmocka_unit_test(a_file_is_loaded),
		cmocka_unit_test(errors_in_a_file_begin_with_its_path),
		cmocka_unit_test(a_file_that_is_longer_than_it_said_is_refused),
		cmocka_unit_test(only_regular_files_of_bounded_size_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
