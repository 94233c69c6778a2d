// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is concluded from what was found: nobody is only said where it's known. */
#include "cli/whois_judge.h"

#include <string.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "natlog/search.h"

#define NS INT64_C(1000000000)

enum { BEGINS = 1000, UNTIL = 2000, ASKED = 2001 };

struct gap {
	int from, to;
	const char *cause;
};

static const struct row {
	const char *what;
	int at;
	bool has_live, has_log;
	size_t held;
	int begins, until;
	struct gap gaps[2];
	enum whois_word word;
	const char *reasons[3]; /* each a part of one, in order; NULL: no more */
} rows[] = {
	{ "the kernel knows who has it now",
	  ASKED,
	  true,
	  false,
	  1,
	  0,
	  0,
	  { { 0 } },
	  WHOIS_HELD,
	  { NULL } },
	{ "and that nobody has",
	  ASKED,
	  true,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 0 } },
	  WHOIS_NOBODY,
	  { NULL } },
	{ "a gap doesn't matter for now",
	  ASKED,
	  true,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 1500, 3000, "restart" } },
	  WHOIS_NOBODY,
	  { NULL } },
	{ "the log says who", 1500, true, true, 1, BEGINS, UNTIL, { { 0 } }, WHOIS_HELD, { NULL } },
	{ "the log says nobody",
	  1500,
	  true,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 0 } },
	  WHOIS_NOBODY,
	  { NULL } },
	{ "in a gap",
	  1500,
	  true,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 1400, 1600, "restart" } },
	  WHOIS_UNKNOWN,
	  { "(restart)" } },
	{ "in a gap of the disk's",
	  1500,
	  true,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 1400, 1600, "backlog" } },
	  WHOIS_UNKNOWN,
	  { "(backlog)" } },
	{ "an overrun hides no end",
	  1500,
	  true,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 1400, 1600, "overrun" } },
	  WHOIS_NOBODY,
	  { NULL } },
	{ "a gap before",
	  1500,
	  true,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 1300, 1400, "restart" } },
	  WHOIS_NOBODY,
	  { NULL } },
	{ "gaps later",
	  1500,
	  true,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 1700, 1800, "restart" }, { 1600, 1650, "backlog" } },
	  WHOIS_NOBODY,
	  { "there are 2, the first from 1970-01-01T00:26:40" } },
	{ "somebody, and maybe others",
	  1500,
	  true,
	  true,
	  1,
	  BEGINS,
	  UNTIL,
	  { { 1400, 1600, "restart" } },
	  WHOIS_HELD,
	  { "(restart)" } },
	{ "before the log",
	  999,
	  true,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 0 } },
	  WHOIS_UNKNOWN,
	  { "it begins at 1970-01-01T00:16:40" } },
	{ "after it",
	  2000,
	  true,
	  true,
	  0,
	  BEGINS,
	  1999,
	  { { 0 } },
	  WHOIS_UNKNOWN,
	  { "complete until 1970-01-01T00:33:19" } },
	{ "an empty log", 1500, true, true, 0, 0, UNTIL, { { 0 } }, WHOIS_UNKNOWN, { "no records" } },
	{ "no log",
	  1500,
	  true,
	  false,
	  0,
	  0,
	  0,
	  { { 0 } },
	  WHOIS_UNKNOWN,
	  { "only what is open now" } },
	{ "no log, and it has been open since",
	  1500,
	  true,
	  false,
	  1,
	  0,
	  0,
	  { { 0 } },
	  WHOIS_HELD,
	  { "only what is open now" } },
	{ "a copy of the log",
	  1500,
	  false,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 0 } },
	  WHOIS_NOBODY,
	  { "no daemon was asked" } },
	{ "a copy knows nothing of now",
	  ASKED,
	  false,
	  true,
	  0,
	  BEGINS,
	  UNTIL,
	  { { 0 } },
	  WHOIS_UNKNOWN,
	  { "complete until", "no daemon was asked" } },
};

/* The text of the answer's gaps has to be there. */
static size_t set_gaps(const struct row *row, struct search_hit *hits)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(row->gaps) && row->gaps[i].cause; i++) {
		const struct gap *gap = &row->gaps[i];
		struct search_hit *hit = &hits[n];

		*hit = (struct search_hit){ .start_ns = gap->from * NS, .end_ns = gap->to * NS };
		hit->line.v[LINE_CAUSE] =
			(struct line_value){ gap->cause, (uint32_t)strlen(gap->cause), true };
		/* What ended before isn't handed out by the search. */
		n += gap->to >= row->at;
	}
	return n;
}

static void nobody_is_said_only_where_it_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct search_hit gaps[2];
		const struct search_answer log = { .gaps = { gaps, set_gaps(row, gaps), false },
						   .first_ns = row->begins * NS,
						   .until_ns = row->until * NS,
						   .has_flows = true };
		const struct whois_facts facts = { .asked_ns = ASKED * NS,
						   .from_ns = row->at * NS,
						   .to_ns = row->at * NS,
						   .has_live = row->has_live,
						   .has_log = row->has_log,
						   .n_held = row->held,
						   .log = &log };
		const struct whois_verdict verdict = whois_judge(&facts);
		size_t n = 0;

		if (verdict.word != row->word)
			fail_msg("%s: %s", row->what, whois_words[verdict.word]);
		for (; n < ARRAY_SIZE(row->reasons) && row->reasons[n]; n++) {
			if (n >= verdict.n_reasons || !strstr(verdict.reasons[n], row->reasons[n]))
				fail_msg("%s: %s", row->what,
					 n < verdict.n_reasons ? verdict.reasons[n] : "no reason");
		}
		if (n != verdict.n_reasons)
			fail_msg("%s: %s", row->what, verdict.reasons[n]);
	}
}

/* Whose block it was is known, whatever connections aren't. */
static void a_block_answers_where_no_connection_does(void **state)
{
	static const struct {
		const char *what;
		int at;
		bool has_live, has_flows, says_no_flows;
		size_t held, blocks, endless;
		enum whois_word word;
		const char *reason; /* NULL: certain */
	} cases[] = {
		{ "now", ASKED, true, false, true, 0, 1, 0, WHOIS_BLOCK, NULL },
		{ "now, with a connection", ASKED, true, true, false, 1, 1, 0, WHOIS_HELD, NULL },
		{ "now it's nobody's", ASKED, true, false, true, 0, 0, 0, WHOIS_NOBODY, NULL },
		{ "then", 1500, true, false, true, 0, 1, 0, WHOIS_BLOCK, NULL },
		{ "then, by a copy", 1500, false, false, false, 0, 1, 0, WHOIS_BLOCK, NULL },
		{ "then, with a connection", 1500, true, true, false, 1, 1, 0, WHOIS_HELD, NULL },
		{ "then, and no end", 1500, true, true, false, 0, 1, 1, WHOIS_BLOCK, "no end" },
		{ "one ended", 1500, true, true, false, 0, 2, 1, WHOIS_BLOCK, NULL },
		{ "nobody's block", 1500, true, true, false, 0, 0, 0, WHOIS_NOBODY, NULL },
		{ "nobody's block, in a log of blocks", 1500, true, false, false, 0, 0, 0,
		  WHOIS_UNKNOWN, "no connections" },
		{ "or in one that has older connections", 1500, true, true, true, 0, 0, 0,
		  WHOIS_UNKNOWN, "no connections" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct search_answer log = { .first_ns = BEGINS * NS,
						   .until_ns = UNTIL * NS,
						   .has_flows = cases[i].has_flows };
		const struct whois_facts facts = { .asked_ns = ASKED * NS,
						   .from_ns = cases[i].at * NS,
						   .to_ns = cases[i].at * NS,
						   .has_live = cases[i].has_live,
						   .has_log = true,
						   .has_no_flows = cases[i].says_no_flows,
						   .n_held = cases[i].held,
						   .n_blocks = cases[i].blocks,
						   .n_endless = cases[i].endless,
						   .log = &log };
		const struct whois_verdict verdict = whois_judge(&facts);

		if (verdict.word != cases[i].word)
			fail_msg("%s: %s", cases[i].what, whois_words[verdict.word]);
		if (verdict.n_reasons != (cases[i].reason != NULL) ||
		    (cases[i].reason && !strstr(verdict.reasons[0], cases[i].reason)))
			fail_msg("%s: %s", cases[i].what, verdict.reasons[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_said_only_where_it_is_known),
		cmocka_unit_test(a_block_answers_where_no_connection_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
