// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * YAML as a tree, for kubeconfig files (JSON is YAML, too). The only user of libyaml. Strict: one document, maps whose
 * keys are texts and come once, no anchors and no aliases, nothing deeper or larger than the ceilings.
 *
 * All memory is wiped when it's given back, as far as it's ours; see yaml.c.
 */
#pragma once

#include <stddef.h>

struct err;

#define YAML_BYTES_MAX (1U << 20)
#define YAML_DEPTH_MAX 24
#define YAML_NODES_MAX 20000

enum yaml_kind { YAML_NULL, YAML_TEXT, YAML_MAP, YAML_LIST };

/* A number or a boolean is a text; only an empty plain scalar, ~ and null are YAML_NULL. */
struct yaml_node {
	enum yaml_kind kind;
	char *key;  /* in a map */
	char *text; /* YAML_TEXT: NUL-terminated, without a NUL within */
	unsigned line;
	struct yaml_node *first, *last; /* what's in it */
	struct yaml_node *next;         /* in the same map or list */
};

/* -EPROTO with the line; -EMSGSIZE; -ENOMEM. */
int yaml_tree_read(const char *text, size_t length, struct yaml_node **ret, struct err *err);
void yaml_tree_free(struct yaml_node *node);
/* What a map has for the key; NULL: nothing, or null, or it's no map. `node` may be NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key);
