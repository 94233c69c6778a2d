// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/transition.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"

static bool is_legal(const struct transition_table *table, struct transition transition)
{
	return transition.from < table->n && transition.to < table->n &&
	       (table->legal[transition.from] & TRANSITION_BIT(transition.to));
}

static const char *name(const struct transition_table *table, unsigned state)
{
	return state < table->n ? table->names[state] : "?";
}

unsigned transition_make(const struct transition_table *table, struct transition transition,
			 const char *format, ...)
{
	const bool legal = is_legal(table, transition);
	va_list args;

	va_start(args, format);
	vsnprintf(transition.reason, transition.size, format, args);
	va_end(args);
	if (legal)
		return transition.to;
	log_error(MSG_MISTAKE, "state",
		  "%s: a mistake in eipgw: from %s to %s isn't a step, now %s instead: %s",
		  table->what, name(table, transition.from), name(table, transition.to),
		  name(table, table->refuge), transition.reason);
	assert(legal);
	return table->refuge;
}
