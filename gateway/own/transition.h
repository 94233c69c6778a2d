// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The one way to change a state: by a table of what may follow what, with a reason in words.
 *
 * A change that the table doesn't have is a mistake in our code, and checked in every build. Debug builds abort. A
 * release build logs an error and goes into the table's `refuge`, the state that lets nothing out and is left again
 * when the next facts allow it: to stay where we were may mean to translate with what isn't ours, and a restart would
 * lead to the same place for the other egress IPs, too.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TRANSITION_BIT(state) (UINT32_C(1) << (state))

struct transition_table {
	const char *what;         /* "egress IP": begins the log line */
	const char *const *names; /* of the states */
	const uint32_t *legal;    /* of each state: TRANSITION_BITs of what may follow */
	unsigned n, refuge;
};

struct transition {
	unsigned from, to;
	char *reason; /* gets the text; not an argument of the format, too */
	size_t size;
};

/* The new state. */
unsigned transition_make(const struct transition_table *table, struct transition transition,
			 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* OBJECT has `state` and the array `reason`. */
#define transition_set(table, object, to_, ...)                                                 \
	((object)->state =                                                                      \
		 transition_make((table),                                                       \
				 (struct transition){ (object)->state, (to_), (object)->reason, \
						      sizeof((object)->reason) },               \
				 __VA_ARGS__))
