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

struct fields {
	char *at, *end;
	bool is_full; /* something didn't fit: all of it is of no use */
	bool is_entry;
	const char *prefix; /* of an entry's fields; NULL: none */
};

void fields_begin(struct fields *fields, char *buf, size_t size);
void fields_begin_entry(struct fields *fields, char *buf, size_t size);

/* As it is. */
void fields_put(struct fields *fields, const char *text);
void fields_put_number(struct fields *fields, uint64_t value);
void fields_put_address(struct fields *fields, struct ip4 address);

void fields_open(struct fields *fields, const char *key); /* NULL: the outermost object */
void fields_close(struct fields *fields);
/* Without a value - NULL, "", address 0 - there is no field. */
void fields_text(struct fields *fields, const char *key, const char *text);
void fields_address(struct fields *fields, const char *key, struct ip4 address);
void fields_count(struct fields *fields, const char *key, uint64_t value);
void fields_time(struct fields *fields, const char *key, int64_t ns);
/* Words apart by blanks, and one more if it isn't NULL: a list in JSON, one value in the journal. */
void fields_words(struct fields *fields, const char *key, const char *words, const char *last);
