// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A line of a NAT log, from a disk or somebody's copy. What is read lies within it. */
#include <stdlib.h>
#include <string.h>

#include "natlog/index.h"
#include "natlog/line.h"
#include "natlog/search.h"

#include "fuzz.h"

static void look(const struct line *line, const char *text, size_t size)
{
	static const struct search_query query = { .port = 40000, .egress = "bank" };
	struct index_entry entry;
	struct ip4 address;
	char copy[64];
	uint64_t number;
	uint16_t first, last;
	int64_t ns;

	for (int i = 0; i < LINE_FIELDS; i++) {
		const struct line_value *value = &line->v[i];

		if (value->at && (value->at < text || value->at + value->n > text + size))
			abort();
		(void)line_number(line, i, &number);
		(void)line_time(line, i, &ns);
		(void)line_address(line, i, &address);
		(void)line_text(line, i, copy, sizeof(copy));
		if (strlen(copy) >= sizeof(copy))
			abort();
	}
	if (index_entry_of(line, 0, &entry) && index_start_ns(&entry) > entry.end_ns)
		abort();
	(void)search_matches(&query, line);
	if (line_block_ports(line, &first, &last) && first > last)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1); /* of its exact size */
	struct line line;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	if (line_parse(text, size, &line) == 0)
		look(&line, text, size);
	free(text);
	return 0;
}
