// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/config_internal.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const type_texts[] = {
	[CONFIG_NAME] = "name",
	[CONFIG_IFNAME] = "interface name",
	[CONFIG_IP4] = "IPv4 address",
	[CONFIG_PREFIXES] = "list of IPv4 prefixes",
	[CONFIG_PREFIXES6] = "list of IPv6 prefixes",
	[CONFIG_U32] = "number",
	[CONFIG_ENUM] = "one of",
	[CONFIG_NAMES] = "list of names",
	[CONFIG_OBJECT] = "object",
	[CONFIG_LIST] = "list of objects",
	[CONFIG_TEXT] = "text",
	[CONFIG_TEXTS] = "list of texts",
};
static_assert(ARRAY_SIZE(type_texts) == CONFIG_TYPE_COUNT, "each type has a text");

static void print_type(const struct config_key *key, FILE *out)
{
	fputs(type_texts[key->type], out);
	if (key->type == CONFIG_U32)
		fprintf(out, " %u..%u", key->min, config_u32_max(key));
	if (key->type == CONFIG_TEXT)
		fprintf(out, " of at most %u bytes", key->max);
	for (size_t i = 0; key->type == CONFIG_ENUM && key->enum_names[i]; i++)
		fprintf(out, "%s %s", i > 0 ? "," : "", key->enum_names[i]);
}

static void print_table(const struct config_table *table, const char *prefix, FILE *out)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct config_key *const key = &table->keys[i];
		char path[CONFIG_PATH_TEXT_MAX];

		if (snprintf(path, sizeof(path), "%s%s%s", prefix, key->name,
			     key->type == CONFIG_LIST ? "[]" : "") < 0)
			continue;
		fprintf(out, "%s: ", path);
		print_type(key, out);
		if (key->flags & CONFIG_REQUIRED)
			fputs("; required", out);
		else if (key->def && key->type != CONFIG_OBJECT)
			fprintf(out, "; default %s", key->def);
		fprintf(out, "; %s\n", key->help ? key->help : "");
		if (key->sub && strlen(path) + 2 < sizeof(path)) {
			memcpy(path + strlen(path), ".", 2);
			print_table(key->sub, path, out);
		}
	}
}

void config_help(const struct config_table *table, FILE *out)
{
	print_table(table, "", out);
}
