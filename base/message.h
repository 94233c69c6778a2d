// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What a person is told has an identifier that stays: EIPGW-2001. It goes with the text to wherever that is shown - log line,
 * answer of the control socket, condition, Event, alert - and `eipgw explain EIPGW-2001` prints its page. messages.def
 * is the list of them.
 */
#pragma once

#include <stddef.h>

enum message_id {
	MESSAGE_NONE,
#define MESSAGE(number, symbol, name) MSG_##symbol = (number),
#include "base/messages.def"
#undef MESSAGE
};

struct message_entry {
	int id;
	const char *name; /* "": it has none */
};

/* In the order of their numbers; the last one has the id MESSAGE_NONE. */
extern const struct message_entry message_list[];

/* MESSAGE_NONE: there is none with that name. */
int message_named(const char *name);

#define MESSAGE_TEXT_MAX 24
/* "EIPGW-2001"; "" for MESSAGE_NONE. Returns `buf`. */
const char *message_format(int id, char buf[static MESSAGE_TEXT_MAX]);

/* "EIPGW-2001", in any case of letters, or "2001" -> 2001, also where it's nobody's; else MESSAGE_NONE. */
int message_parse(const char *text);

/* " (EIPGW-2010)", to cite the cause in a text that has an identifier of its own; "" for MESSAGE_NONE. Returns `buf`. */
const char *message_cite(int id, char buf[static MESSAGE_TEXT_MAX]);

#define MESSAGE_TAIL_MAX (MESSAGE_TEXT_MAX + 4)
/*
 * Puts " [EIPGW-2001]", shorter than MESSAGE_TAIL_MAX, behind the text in `buf`, which is cut so that it fits into `size`, and not in the midst of a
 * character. MESSAGE_NONE leaves it alone.
 */
void message_append(int id, char *buf, size_t size);
