// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw explain EIPGW-2001: the page of a message, and --list: which there are. Nobody is asked. */
#include "cli/explain.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/command.h"
#include "cli/page.h"
#include "cli/print.h"
#include "control/control.h"
#include "control/out.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define KEY "messages"

/* Addresses begin with a digit, or have a colon in them. */
bool explain_is_message(const char *text)
{
	return message_parse(text) || (isalpha((unsigned char)text[0]) && !strpbrk(text, ".:/"));
}

static void put(struct control_out *out, const char *key, struct page_part part)
{
	control_printf(out, key, "%.*s", (int)part.n, part.text);
}

static void put_head(struct control_out *out, const struct message_entry *message,
		     const struct page *page)
{
	char id[MESSAGE_TEXT_MAX];

	control_string(out, "id", message_format(message->id, id));
	control_string(out, "name", message->name);
	put(out, "severity", page_severity(page));
	put(out, "title", page_title(page));
	put(out, "where", page_where(page));
}

static void print_list(FILE *out, const struct control_node *result)
{
	static const struct print_column columns[] = {
		{ "ID", "id", PRINT_TEXT },
		{ "SEVERITY", "severity", PRINT_TEXT },
		{ "NAME", "name", PRINT_TEXT },
		{ "WHAT", "title", PRINT_TEXT },
	};

	print_table(out, "Messages", control_get(result, KEY), columns, ARRAY_SIZE(columns));
}

static int list(const struct cli *cli, const struct cli_options *options)
{
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();

	if (!out)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	control_array(out, KEY);
	for (const struct message_entry *message = message_list; message->id; message++) {
		const struct page *const page = page_find(message->id);

		if (!page)
			continue;
		control_object(out, NULL);
		put_head(out, message, page);
		control_end(out);
	}
	control_end(out);
	return print_own(cli, options, out, print_list, KEY);
}

static const struct message_entry *find(const char *word)
{
	const int number = message_parse(word);
	const int id = number ? number : message_named(word);
	const struct message_entry *message = message_list;

	while (message->id && message->id != id)
		message++;
	return message->id && page_find(id) ? message : NULL;
}

static int complain_of_unknown(const struct cli *cli, const struct cli_options *options,
			       const char *word)
{
	char nearest[PAGE_WORD_MAX];
	struct err err = ERR_NULL;

	page_nearest(word, nearest);
	err_set(&err, -ENOENT, "there is no message '%.60s'; %s%s%s--list names them all", word,
		nearest[0] ? "did you mean " : "", nearest, nearest[0] ? "? " : "");
	return complain_of_error(cli, options, EXIT_USAGE, &err);
}

int explain_message(const struct cli *cli, const struct cli_options *options, const char *word)
{
	static const struct {
		const char *key, *section;
	} rows[] = { { "meaning", "Meaning" },
		     { "cause", "Cause" },
		     { "effect", "Effect" },
		     { "remedy", "Remedy" },
		     { "see_also", "See also" } };
	CLEANUP(cleanup_control_out) struct control_out *out = NULL;

	if (options->list)
		return list(cli, options);
	const struct message_entry *const message = find(word);
	if (!message)
		return complain_of_unknown(cli, options, word);
	const struct page *const page = page_find(message->id);
	if (!options->json) {
		page_print(cli->out, page);
		return EXIT_OK;
	}
	out = control_out_new_answer();
	if (!out)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	put_head(out, message, page);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		put(out, rows[i].key, page_section(page, rows[i].section));
	return print_own(cli, options, out, NULL, NULL);
}
