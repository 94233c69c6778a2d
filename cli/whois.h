// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside whois: what is asked (whois.c), the answer as JSON (whois_report.c), and that as text (whois_print.c). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "cli/when.h"
#include "cli/whois_judge.h"
#include "natlog/search.h"

struct control_node;
struct control_out;
struct control_reply;

struct whois {
	struct endpoint egress;
	struct when when;
	int64_t asked_ns;
	struct search_query query;
	char logs[1024];            /* with commas between; "": none */
	char no_log[ERR_TEXT_MAX];  /* why there is none, or it can't be read */
	char no_live[ERR_TEXT_MAX]; /* why no daemon was asked, or didn't answer */
	int no_log_id, no_live_id;  /* of base/message.h; or 0 */
	bool has_live, has_log;
	bool has_more;                /* are open than were told */
	struct control_reply **pages; /* what is open now */
	size_t n_pages;
	struct search_answer log;
};

/* Those that are open now, and were open at the moment, in the order of the pages; NULL ends. */
const struct control_node *whois_live(const struct whois *whois, size_t i);

/* Those whose block it's in now, and was at the moment; NULL ends. */
const struct control_node *whois_live_block(const struct whois *whois, size_t i);
/* What nobody's block has: how it is now; NULL: somebody's has it, or there are no blocks. */
const struct control_node *whois_no_block(const struct whois *whois);
/* The log says of this block that it began, and the daemon that it's there still, or isn't. */
bool whois_is_live_too(const struct whois *whois, const struct search_hit *hit);

void whois_report(const struct whois *whois, const struct whois_verdict *verdict,
		  struct control_out *out);
void whois_print(FILE *out, const struct control_node *result);
