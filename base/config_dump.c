// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The struct as JSON, one writer per type. Names, interface names and addresses hold nothing that JSON
 * would have to escape; their readers see to that. Free text may have quotes and backslashes.
 */
#include "base/config_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

struct dump {
	FILE *out;
	int depth;
};

typedef void (*writer_fn)(const struct config_key *key, const void *value, struct dump *dump);

static void write_object(const struct config_table *table, const void *obj, struct dump *dump);

static void indent(const struct dump *dump)
{
	for (int i = 0; i < dump->depth; i++)
		fputs("  ", dump->out);
}

static void write_string(const struct config_key *key, const void *value, struct dump *dump)
{
	(void)key;
	fprintf(dump->out, "\"%s\"", (const char *)value);
}

static void write_text(const struct config_key *key, const void *value, struct dump *dump)
{
	(void)key;
	fputc('"', dump->out);
	for (const char *p = value; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', dump->out);
		fputc(*p, dump->out);
	}
	fputc('"', dump->out);
}

static void write_texts(const struct config_key *key, const void *value, struct dump *dump)
{
	const struct config_texts *const texts = value;

	fputc('[', dump->out);
	for (size_t i = 0; i < texts->n; i++) {
		fputs(i > 0 ? ", " : "", dump->out);
		write_text(key, texts->v[i], dump);
	}
	fputc(']', dump->out);
}

static void write_ip4(const struct config_key *key, const void *value, struct dump *dump)
{
	char buf[IP4_TEXT_MAX];

	(void)key;
	fprintf(dump->out, "\"%s\"", ip4_format(*(const struct ip4 *)value, buf));
}

static void write_prefixes(const struct config_key *key, const void *value, struct dump *dump)
{
	const struct ip4_prefixes *const list = value;
	char buf[IP4_PREFIX_TEXT_MAX];

	(void)key;
	fputc('[', dump->out);
	for (size_t i = 0; i < list->n; i++)
		fprintf(dump->out, "%s\"%s\"", i > 0 ? ", " : "",
			ip4_prefix_format(list->v[i], buf));
	fputc(']', dump->out);
}

static void write_prefixes6(const struct config_key *key, const void *value, struct dump *dump)
{
	const struct ip6_prefixes *const list = value;
	char buf[IP6_PREFIX_TEXT_MAX];

	(void)key;
	fputc('[', dump->out);
	for (size_t i = 0; i < list->n; i++)
		fprintf(dump->out, "%s\"%s\"", i > 0 ? ", " : "",
			ip6_prefix_format(&list->v[i], buf));
	fputc(']', dump->out);
}

/* A number whose default is written "0x..." is a bit mask to its readers. */
static void write_u32(const struct config_key *key, const void *value, struct dump *dump)
{
	const uint32_t v = *(const uint32_t *)value;

	if (key->def && key->def[0] == '"')
		fprintf(dump->out, "\"0x%x\"", v);
	else
		fprintf(dump->out, "%u", v);
}

static void write_enum(const struct config_key *key, const void *value, struct dump *dump)
{
	fprintf(dump->out, "\"%s\"", key->enum_names[*(const int *)value]);
}

static void write_names(const struct config_key *key, const void *value, struct dump *dump)
{
	const struct config_names *const names = value;

	(void)key;
	fputc('[', dump->out);
	for (size_t i = 0; i < names->n; i++)
		fprintf(dump->out, "%s\"%s\"", i > 0 ? ", " : "", names->v[i]);
	fputc(']', dump->out);
}

static void write_sub(const struct config_key *key, const void *value, struct dump *dump)
{
	write_object(key->sub, value, dump);
}

static void write_list(const struct config_key *key, const void *value, struct dump *dump)
{
	const struct config_list *const list = value;

	fputc('[', dump->out);
	dump->depth++;
	for (size_t i = 0; i < list->n; i++) {
		fputs(i > 0 ? ",\n" : "\n", dump->out);
		indent(dump);
		write_object(key->sub, (const char *)list->v + i * key->sub->size, dump);
	}
	dump->depth--;
	if (list->n > 0) {
		fputc('\n', dump->out);
		indent(dump);
	}
	fputc(']', dump->out);
}

static const writer_fn writers[] = {
	[CONFIG_NAME] = write_string,
	[CONFIG_IFNAME] = write_string,
	[CONFIG_IP4] = write_ip4,
	[CONFIG_PREFIXES] = write_prefixes,
	[CONFIG_PREFIXES6] = write_prefixes6,
	[CONFIG_U32] = write_u32,
	[CONFIG_ENUM] = write_enum,
	[CONFIG_NAMES] = write_names,
	[CONFIG_OBJECT] = write_sub,
	[CONFIG_LIST] = write_list,
	[CONFIG_TEXT] = write_text,
	[CONFIG_TEXTS] = write_texts,
};
static_assert(ARRAY_SIZE(writers) == CONFIG_TYPE_COUNT, "each type has a writer");

static bool is_zero(const void *value, size_t size)
{
	const unsigned char *const bytes = value;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/*
 * Whether the value is what an optional key without default has when it is left out, and what can't be
 * written down or would mislead: an empty name, address 0, a number below its bounds, a struct of zeros.
 * To leave the key out again is the only faithful way to write it.
 */
static bool is_absent(const struct config_key *key, const void *value)
{
	if (key->def || (key->flags & CONFIG_REQUIRED))
		return false;
	switch (key->type) {
	case CONFIG_NAME:
	case CONFIG_IFNAME:
	case CONFIG_TEXT:
		return *(const char *)value == '\0';
	case CONFIG_IP4:
		return ((const struct ip4 *)value)->v == 0;
	case CONFIG_U32:
		return *(const uint32_t *)value < key->min;
	case CONFIG_OBJECT:
		return is_zero(value, key->sub->size);
	default:
		return false;
	}
}

static void write_object(const struct config_table *table, const void *obj, struct dump *dump)
{
	bool first = true;

	fputc('{', dump->out);
	dump->depth++;
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct config_key *const key = &table->keys[i];
		const void *const value = (const char *)obj + key->offset;

		if (is_absent(key, value))
			continue;
		fputs(first ? "\n" : ",\n", dump->out);
		first = false;
		indent(dump);
		fprintf(dump->out, "\"%s\": ", key->name);
		writers[key->type](key, value, dump);
	}
	dump->depth--;
	if (!first) {
		fputc('\n', dump->out);
		indent(dump);
	}
	fputc('}', dump->out);
}

int config_dump(const struct config_table *table, const void *obj, FILE *out)
{
	struct dump dump = { .out = out };

	write_object(table, obj, &dump);
	fputc('\n', out);
	return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}
