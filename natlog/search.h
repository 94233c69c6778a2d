// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Who had an egress IP's port: looks into a log's files, the present one and the rotated ones, by their indexes
 * (natlog/index.h), and reads through what has none. Needs no daemon, writes nothing, and works while the log is written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "natlog/line.h"

struct err;

#define SEARCH_NAME_MAX 256

struct search_query {
	struct ip4 address;           /* the egress IP's, public or private; 0: see `egress` */
	char egress[SEARCH_NAME_MAX]; /* or its name; "": any */
	uint16_t port;
	uint8_t protocol;          /* 0: any */
	struct ip4 destination;    /* 0: any */
	uint16_t destination_port; /* 0: any */
	int64_t from_ns, to_ns;    /* the moment that is asked for: it may be as long as a second */
	size_t most_held,
		most_before; /* at most so many are wanted, of `before` those that ended last */
};

struct search_hit {
	char *text;               /* owned */
	struct line line;         /* points into it */
	int64_t start_ns, end_ns; /* of a gap: from, to */
};

struct search_hits {
	struct search_hit *v;
	size_t n;
	bool is_cut; /* there are more */
};

struct search_answer {
	struct search_hits held;   /* who had it then, the latest end first */
	struct search_hits before; /* who had it before and not then, likewise */
	struct search_hits
		gaps; /* with then, or later, the earliest first: who ended in one isn't in the log */
	struct search_hits
		blocks; /* who had a block with that port then; of one that only began (line_kind) the end isn't known */
	struct search_hits blocks_before; /* as `before` */
	bool has_flows;                   /* there are connections in the log, of any port */
	int64_t first_ns; /* what ended earlier isn't kept; 0: there are no records */
	int64_t until_ns; /* what ended later may not be there yet; 0: nobody says */
	size_t n_files;
	uint64_t bytes, read_through; /* of the files; of these without an index */
};

/* Zeroed; add the answers of several logs to it, one after the other. 0; -errno with the reason. */
int search_run(const char *path, const struct search_query *query, struct search_answer *answer,
	       struct err *err);
void search_answer_done(struct search_answer *answer);

/* Pure: whether a line is one that the query asks for, at any time. */
bool search_matches(const struct search_query *query, const struct line *line);
