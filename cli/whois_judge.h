// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: what may be concluded from what was found, and what can't be known. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct search_answer;

#define WHOIS_REASONS_MAX 8
#define WHOIS_REASON_MAX 256

struct whois_facts {
	int64_t asked_ns;       /* when the question was asked */
	int64_t from_ns, to_ns; /* the moment that it's about */
	bool has_live;          /* a daemon told what is open now */
	bool has_log;
	bool has_no_flows; /* connections aren't recorded, as the daemon says */
	size_t n_held;     /* who had it then, by both */
	size_t n_blocks;   /* whose block it was in then, by both */
	size_t n_endless;  /* of these: began, and nobody knows of an end */
	const struct search_answer *log;
};

/* BLOCK: no connection is known, but whose ports these were. */
enum whois_word { WHOIS_HELD, WHOIS_BLOCK, WHOIS_NOBODY, WHOIS_UNKNOWN };
extern const char *const whois_words[]; /* by enum whois_word */

struct whois_verdict {
	enum whois_word word;
	/* Why it can't be known; with others, why there may have been somebody else. None: it's certain. */
	char reasons[WHOIS_REASONS_MAX][WHOIS_REASON_MAX];
	size_t n_reasons;
};
struct whois_verdict whois_judge(const struct whois_facts *facts);
