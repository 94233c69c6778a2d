// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Between a rule as nat/ruleset.h describes it and nf_tables' expressions. Both what we send and what the
 * kernel shows are brought to one text, so that they can be compared.
 */
#pragma once

#include <stdint.h>

struct nat_rule;
struct nftnl_rule;

/* A new rule for table/chain of whatever family, freed with nftnl_rule_free; NULL: out of memory or no such operation. */
struct nftnl_rule *nat_expr_compile(const char *table, const char *chain,
				    const struct nat_rule *rule);

/*
 * The canonical text of a rule's expressions, without handles and counter values. Caller frees; NULL: out
 * of memory. An expression that we never make shows as its name, and so never equals one of ours.
 */
char *nat_expr_text(const struct nftnl_rule *rule);
