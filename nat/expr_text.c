// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "base/cleanup.h"
#include "nat/expr.h"

/* Expressions whose text from libnftnl says all that matters and nothing that changes. */
static const char *const plain_exprs[] = { "meta",    "payload", "ct",     "cmp",
					   "bitwise", "lookup",  "objref", "immediate",
					   "nat",     "rt",      "exthdr", "byteorder",
					   "notrack", "reject",  "dup",    "flow_offload" };

static bool is_plain(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain_exprs); i++) {
		if (strcmp(name, plain_exprs[i]) == 0)
			return true;
	}
	return false;
}

struct text {
	char *buf;
	size_t length;
	bool failed;
};

static int append_expr(struct nftnl_expr *expr, void *data)
{
	struct text *text = data;
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
	char one[512] = "";

	if (is_plain(name))
		nftnl_expr_snprintf(one, sizeof(one), expr, NFTNL_OUTPUT_DEFAULT, 0);
	size_t need = strlen(name) + strlen(one) + 3;
	char *bigger = realloc(text->buf, text->length + need);

	if (!bigger) {
		text->failed = true;
		return -1;
	}
	text->buf = bigger;
	text->length += (size_t)snprintf(text->buf + text->length, need, "%s %s;", name, one);
	return 0;
}

char *nat_expr_text(const struct nftnl_rule *rule)
{
	struct text text = { .buf = calloc(1, 1) };

	if (!text.buf)
		return NULL;
	nftnl_expr_foreach((struct nftnl_rule *)rule, append_expr, &text);
	if (text.failed) {
		free(text.buf);
		return NULL;
	}
	return text.buf;
}
