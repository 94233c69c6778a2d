// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/whois_judge.h"

#include <stdarg.h>
#include <stdio.h>

#include "natlog/search.h"
#include "natlog/stamp.h"

const char *const whois_words[] = {
	[WHOIS_HELD] = "held",
	[WHOIS_BLOCK] = "block",
	[WHOIS_NOBODY] = "nobody",
	[WHOIS_UNKNOWN] = "unknown",
};

__attribute__((format(printf, 2, 3))) static void say(struct whois_verdict *verdict,
						      const char *format, ...)
{
	va_list args;

	if (verdict->n_reasons == WHOIS_REASONS_MAX)
		return;
	va_start(args, format);
	vsnprintf(verdict->reasons[verdict->n_reasons++], WHOIS_REASON_MAX, format, args);
	va_end(args);
}

/* An overrun hides beginnings, and no end. */
static bool hides_ends(const struct search_hit *gap)
{
	return !line_is(&gap->line, LINE_CAUSE, "overrun");
}

/* Two of them are as good as all. */
static bool say_gaps(struct whois_verdict *verdict, const struct whois_facts *facts)
{
	const struct search_hits *gaps = &facts->log->gaps;
	char from[STAMP_MAX], to[STAMP_MAX], cause[32];
	size_t n = 0;

	for (size_t i = 0; i < gaps->n; i++) {
		const struct search_hit *gap = &gaps->v[i];

		if (!hides_ends(gap) || gap->start_ns > facts->to_ns ||
		    gap->end_ns < facts->from_ns || n++ >= 2)
			continue;
		(void)line_text(&gap->line, LINE_CAUSE, cause, sizeof(cause));
		say(verdict, "gap from %s to %s (%s): who ended then isn't in the log",
		    stamp_format(gap->start_ns, from), stamp_format(gap->end_ns, to), cause);
	}
	return n;
}

/* A connection that was open then may have ended in one of them. */
static void say_later_gaps(struct whois_verdict *verdict, const struct whois_facts *facts)
{
	const struct search_hits *gaps = &facts->log->gaps;
	const struct search_hit *first = NULL;
	char from[STAMP_MAX], to[STAMP_MAX];
	size_t n = 0;

	for (size_t i = 0; i < gaps->n; i++) {
		if (!hides_ends(&gaps->v[i]) || gaps->v[i].start_ns <= facts->to_ns)
			continue;
		if (!first || gaps->v[i].start_ns < first->start_ns)
			first = &gaps->v[i];
		n++;
	}
	if (first)
		say(verdict,
		    "a connection that lasted until a later gap isn't in the log: there %s %zu, the "
		    "first from %s to %s",
		    n == 1 ? "is" : "are", n, stamp_format(first->start_ns, from),
		    stamp_format(first->end_ns, to));
}

/* True: what the log doesn't say may be just what is asked for. */
static bool say_bounds(struct whois_verdict *verdict, const struct whois_facts *facts)
{
	const struct search_answer *log = facts->log;
	char stamp[STAMP_MAX];

	if (!facts->has_log)
		say(verdict, "there is no log: only what is open now is known");
	else if (!log->first_ns)
		say(verdict, "the log has no records");
	else if (facts->has_no_flows || !log->has_flows)
		say(verdict, "the log has no connections, only who had which block of ports");
	else if (facts->from_ns < log->first_ns)
		say(verdict, "outside what the log keeps: it begins at %s",
		    stamp_format(log->first_ns, stamp));
	else if (log->until_ns && facts->to_ns > log->until_ns)
		say(verdict, "outside what the log keeps: it is complete until %s",
		    stamp_format(log->until_ns, stamp));
	else
		return false;
	return true;
}

struct whois_verdict whois_judge(const struct whois_facts *facts)
{
	struct whois_verdict verdict = { .word = WHOIS_UNKNOWN };
	bool is_hidden;

	/* What is open now the kernel knows best. */
	if (facts->has_live && facts->from_ns >= facts->asked_ns) {
		verdict.word = facts->n_held   ? WHOIS_HELD :
			       facts->n_blocks ? WHOIS_BLOCK :
						 WHOIS_NOBODY;
		return verdict;
	}
	/* Whatever connections aren't known: nobody else had them. */
	if (!facts->n_held && facts->n_blocks) {
		verdict.word = WHOIS_BLOCK;
		if (facts->n_endless == facts->n_blocks)
			say(&verdict, "the log has the block's beginning and no end: it may have "
				      "ended before");
		return verdict;
	}
	is_hidden = say_bounds(&verdict, facts);
	if (facts->has_log)
		is_hidden |= say_gaps(&verdict, facts);
	if (!facts->has_live)
		say(&verdict, "what is open still isn't in the log, and no daemon was asked");
	if (facts->has_log)
		say_later_gaps(&verdict, facts);
	if (facts->n_held)
		verdict.word = WHOIS_HELD;
	else if (!is_hidden)
		verdict.word = WHOIS_NOBODY;
	return verdict;
}
