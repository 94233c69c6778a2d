// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside nat/elems: how the keys and data of each kind of set lie in a message, and in the kernel's definition of the set. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/ruleset.h"

#define LAYOUT_KEY_MAX 20
#define LAYOUT_VALUE_MAX 8

uint32_t layout_key_length(enum nat_set_kind kind);
/* One field with ranges is an interval tree, which has them as two halves; with two fields an element has both. */
bool layout_is_tree(enum nat_set_kind kind);
/* Returns the length. */
size_t layout_key_bytes(enum nat_set_kind kind, const struct nat_ruleset *rs, uint32_t key,
			uint32_t addr, uint8_t out[static LAYOUT_KEY_MAX]);
/* The other way; names are interned in rs. */
void layout_key_split(enum nat_set_kind kind, struct nat_ruleset *rs, const uint8_t *bytes,
		      uint32_t *ret_key, uint32_t *ret_addr);
/* Of a map without verdicts. */
uint32_t layout_value_length(enum nat_set_kind kind);
size_t layout_value_bytes(enum nat_set_kind kind, uint32_t value,
			  uint8_t out[static LAYOUT_VALUE_MAX]);
uint32_t layout_value_of(enum nat_set_kind kind, const uint8_t *bytes);
