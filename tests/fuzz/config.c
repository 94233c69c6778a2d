// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Any text goes into the configuration reader. What it accepts must survive a dump: the dump is read
 * again, and its own dump must be the same text. What it refuses must come with a sentence and own nothing.
 */
#include "base/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"

struct inner {
	char name[CONFIG_NAME_MAX];
	char link[16];
	struct ip4 address;
	struct ip4_prefixes prefixes;
	struct config_names names;
	char text[16];
	struct config_texts texts;
};

struct object {
	uint32_t number;
	uint32_t mask;
	uint32_t bounded;
	int word;
};

struct top {
	char name[CONFIG_NAME_MAX];
	struct object object;
	struct object absent;
	struct config_list list; /* struct inner */
};

static const char *const words[] = { "one", "two", NULL };

static const struct config_key inner_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct inner, name),
	  .flags = CONFIG_REQUIRED },
	{ .name = "link", .type = CONFIG_IFNAME, .offset = offsetof(struct inner, link) },
	{ .name = "address", .type = CONFIG_IP4, .offset = offsetof(struct inner, address) },
	{ .name = "prefixes",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct inner, prefixes),
	  .max = 8,
	  .def = "[\"0.0.0.0/0\"]" },
	{ .name = "names", .type = CONFIG_NAMES, .offset = offsetof(struct inner, names), .max = 8 },
	{ .name = "text", .type = CONFIG_TEXT, .offset = offsetof(struct inner, text), .max = 15 },
	{ .name = "texts", .type = CONFIG_TEXTS, .offset = offsetof(struct inner, texts), .max = 8 },
};

static const struct config_table inner_table = {
	.size = sizeof(struct inner),
	.keys = inner_keys,
	.n_keys = ARRAY_SIZE(inner_keys),
};

static const struct config_key object_keys[] = {
	{ .name = "number", .type = CONFIG_U32, .offset = offsetof(struct object, number) },
	{ .name = "mask",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct object, mask),
	  .def = "\"0x7f\"" },
	{ .name = "bounded",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct object, bounded),
	  .min = 10,
	  .max = 20 },
	{ .name = "word",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct object, word),
	  .enum_names = words },
};

static const struct config_table object_table = {
	.size = sizeof(struct object),
	.keys = object_keys,
	.n_keys = ARRAY_SIZE(object_keys),
};

static const struct config_key top_keys[] = {
	{ .name = "name", .type = CONFIG_NAME, .offset = offsetof(struct top, name) },
	{ .name = "object",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct top, object),
	  .sub = &object_table,
	  .def = "{}" },
	{ .name = "absent",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct top, absent),
	  .sub = &object_table },
	{ .name = "list",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct top, list),
	  .sub = &inner_table,
	  .max = 8 },
};

static const struct config_table top_table = {
	.size = sizeof(struct top),
	.keys = top_keys,
	.n_keys = ARRAY_SIZE(top_keys),
};

static void check(int condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* The dump as text; to be freed. */
static char *dump(const struct top *top, size_t *ret_length)
{
	char *text = NULL;
	FILE *const out = open_memstream(&text, ret_length);

	check(out != NULL, "no memory");
	check(config_dump(&top_table, top, out) == 0, "dump failed");
	fclose(out);
	return text;
}

static void check_refusal(int r, const struct top *top, const struct err *err)
{
	static const struct top zero;

	check(r == -EINVAL, "the code isn't EINVAL");
	check(err->text[0] != '\0', "refused without a reason");
	check(strnlen(err->text, ERR_TEXT_MAX) < ERR_TEXT_MAX, "the reason has no end");
	for (const char *p = err->text; *p; p++)
		check((unsigned char)*p >= 0x20 && *p != 0x7f, "control character in the reason");
	check(memcmp(top, &zero, sizeof(zero)) == 0, "something is owned after a refusal");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct top top;
	struct top again;
	struct err err = ERR_NULL;
	size_t first_length = 0;
	size_t second_length = 0;

	const int r = config_parse(&top_table, (const char *)data, size, &top, &err);
	if (r != 0) {
		check_refusal(r, &top, &err);
		return 0;
	}
	CLEANUP(cleanup_free) char *first = dump(&top, &first_length);
	if (config_parse(&top_table, first, first_length, &again, &err) != 0) {
		fprintf(stderr, "%s\n%s", err.text, first);
		check(0, "a dump isn't read");
	}
	CLEANUP(cleanup_free) char *second = dump(&again, &second_length);
	check(strcmp(first, second) == 0, "a dump changes when it is read and dumped");
	check(top.list.n == again.list.n, "a list lost items");
	check(memcmp(&top.object, &again.object, sizeof(top.object)) == 0, "an object changed");
	check(memcmp(&top.absent, &again.absent, sizeof(top.absent)) == 0, "an object changed");
	config_done(&top_table, &top);
	config_done(&top_table, &again);
	return 0;
}
