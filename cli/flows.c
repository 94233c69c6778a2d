// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw flows: the connections that this gateway translates now. */
#include "cli/command.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/flow_pages.h"
#include "cli/flow_table.h"
#include "control/control.h"

enum { AGAIN_MS = 2000 };

struct listing {
	const struct cli *cli;
	bool json, has_failed, has_more;
	struct control_reply **pages;
	size_t n_pages;
	const struct control_node **rows;
	size_t n;
};

static void listing_done(struct listing *listing)
{
	for (size_t i = 0; i < listing->n_pages; i++)
		control_reply_free(listing->pages[i]);
	free(listing->pages);
	free(listing->rows);
}

/* A line for each, at once: nothing is kept. */
static bool print_lines(struct listing *listing, const struct control_node *flows)
{
	for (size_t i = 0; i < control_size(flows); i++) {
		CLEANUP(cleanup_free) char *text = control_node_text(control_at(flows, i), false);

		if (!text || fprintf(listing->cli->out, "%s\n", text) < 0)
			return false;
	}
	return fflush(listing->cli->out) == 0;
}

/* The page stays for the rows. */
static bool keep(struct listing *listing, struct control_reply *page,
		 const struct control_node *flows)
{
	const size_t n = control_size(flows);
	struct control_reply **pages =
		reallocarray(listing->pages, listing->n_pages + 1, sizeof(*pages));
	const struct control_node **rows;

	if (!pages) {
		control_reply_free(page);
		return false;
	}
	listing->pages = pages;
	pages[listing->n_pages++] = page;
	rows = reallocarray(listing->rows, listing->n + n + 1, sizeof(*rows));
	if (!rows)
		return false;
	listing->rows = rows;
	for (size_t i = 0; i < n; i++)
		rows[listing->n++] = control_at(flows, i);
	return true;
}

static bool take(struct control_reply *page, void *data)
{
	struct listing *listing = data;
	const struct control_node *result = control_reply_result(page);
	const struct control_node *flows = control_get(result, "flows");

	listing->has_more = control_flag(result, "more");
	if (listing->json) {
		listing->n += control_size(flows);
		listing->has_failed = !print_lines(listing, flows);
		control_reply_free(page);
	} else {
		listing->has_failed = !keep(listing, page, flows);
	}
	return !listing->has_failed;
}

static long long traffic_of(const struct control_node *row)
{
	return control_number(control_get(row, "sent"), "bytes") +
	       control_number(control_get(row, "received"), "bytes");
}

static int most_first(const void *a, const void *b)
{
	const struct control_node *const *x = a, *const *y = b;
	const long long n = traffic_of(*x), m = traffic_of(*y);

	return n > m ? -1 : n < m;
}

static size_t terminal_width(FILE *out)
{
	struct winsize size;

	return isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void print_table_of(struct listing *listing)
{
	FILE *out = listing->cli->out;

	if (listing->n) {
		qsort(listing->rows, listing->n, sizeof(*listing->rows), most_first);
		flow_table_print(out, listing->rows, listing->n, terminal_width(out));
	}
	fprintf(out, "%zu connections%s\n", listing->n,
		listing->has_more ? ", and there are more (--limit)" : "");
}

static int list(const struct cli *cli, const struct cli_options *options,
		const struct control_args *args, const char *before)
{
	struct listing listing = { .cli = cli, .json = options->json };
	const struct flow_pages_ops ops = { .take = take, .data = &listing };
	struct err err = ERR_NULL;
	int code = flow_pages(cli, options, args, &ops, &err);

	if (code == EXIT_OK && listing.has_failed) {
		code = EXIT_RUNTIME;
		err_set(&err, code, "out of memory, or the answer can't be written");
	}
	if (code != EXIT_OK)
		code = complain_of_error(cli, options, code, &err);
	else if (!options->json) {
		fputs(before, cli->out);
		print_table_of(&listing);
	} else if (listing.has_more)
		complain(cli, EXIT_OK, "there are more (--limit)");
	listing_done(&listing);
	return code;
}

static bool take_options(const struct cli_options *options, struct control_args *ret)
{
	const struct {
		const char *key, *value;
	} given[] = {
		{ "pod", options->pod },
		{ "namespace", options->namespace },
		{ "policy", options->policy },
		{ "egress_ip", options->egress_ip },
		{ "destination", options->destination },
		{ "protocol", options->protocol },
		{ "state", options->state },
		{ "limit", options->limit },
	};

	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		if (!flow_argument(ret, given[i].key, given[i].value))
			return false;
	}
	return true;
}

int run_flows(const struct cli *cli, const struct cli_options *options,
	      const struct words *arguments)
{
	struct control_args args = { .n = 0 };
	int code;

	(void)arguments;
	if (!take_options(options, &args))
		return complain_of_usage(cli, "flows: a value is too long");
	/* On a terminal what was shown before is painted over. */
	const char *const before = isatty(fileno(cli->out)) ? "\x1b[H\x1b[2J" : "\n";

	do {
		code = list(cli, options, &args, options->watch ? before : "");
		if (fflush(cli->out) != 0)
			return EXIT_RUNTIME;
	} while (options->watch && code == EXIT_OK && poll(NULL, 0, AGAIN_MS) == 0);
	return code;
}
