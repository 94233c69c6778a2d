// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: a record's fields, written into a buffer with a ceiling, as a JSON object or as the fields of a journal entry. An
 * object in a field is an object in JSON, and a prefix in the journal: pod.name is EIPGW_POD_NAME.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct line {
	char *at, *end;
	bool is_full; /* something didn't fit: all of it is of no use */
	bool is_entry;
	const char *prefix; /* of an entry's fields; NULL: none */
};

void line_begin(struct line *line, char *buf, size_t size);
void line_begin_entry(struct line *line, char *buf, size_t size);

/* As it is. */
void line_put(struct line *line, const char *text);
void line_put_number(struct line *line, uint64_t value);
void line_put_address(struct line *line, struct ip4 address);

void line_open(struct line *line, const char *key); /* NULL: the outermost object */
void line_close(struct line *line);
/* Without a value - NULL, "", address 0 - there is no field. */
void line_text(struct line *line, const char *key, const char *text);
void line_address(struct line *line, const char *key, struct ip4 address);
void line_count(struct line *line, const char *key, uint64_t value);
void line_time(struct line *line, const char *key, int64_t ns);
