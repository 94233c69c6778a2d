// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/config.h"

#include <stdlib.h>
#include <string.h>

static void free_names(struct config_names *names)
{
	free(names->v);
	*names = (struct config_names){ 0 };
}

static void free_texts(struct config_texts *texts)
{
	free(texts->v);
	*texts = (struct config_texts){ 0 };
}

static void free_list(const struct config_table *table, struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		config_done(table, (char *)list->v + i * table->size);
	free(list->v);
	*list = (struct config_list){ 0 };
}

void config_done(const struct config_table *table, void *obj)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct config_key *const key = &table->keys[i];
		void *const field = (char *)obj + key->offset;

		if (key->type == CONFIG_PREFIXES)
			ip4_prefixes_done(field);
		else if (key->type == CONFIG_PREFIXES6)
			ip6_prefixes_done(field);
		else if (key->type == CONFIG_NAMES)
			free_names(field);
		else if (key->type == CONFIG_TEXTS)
			free_texts(field);
		else if (key->type == CONFIG_LIST)
			free_list(key->sub, field);
		else if (key->type == CONFIG_OBJECT)
			config_done(key->sub, field);
	}
	memset(obj, 0, table->size);
}
