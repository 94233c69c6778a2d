// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/page.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/message.h"

#define TYPOS_MAX 3 /* more, and it's another word */

const struct page *page_find(int id)
{
	for (const struct page *page = pages; page->id; page++)
		if (page->id == id)
			return page;
	return NULL;
}

static struct page_part line_at(const char *text)
{
	return (struct page_part){ text, strcspn(text, "\n") };
}

/* The line after the first empty one. */
static struct page_part second_line(const struct page *page)
{
	const char *const gap = strstr(page->text, "\n\n");

	return line_at(gap ? gap + 2 : "");
}

struct page_part page_title(const struct page *page)
{
	struct page_part line = line_at(page->text);
	const char *const colon = memchr(line.text, ':', line.n);
	const size_t skipped = colon ? (size_t)(colon - line.text) + 1 + (colon[1] == ' ') : 0;

	return (struct page_part){ line.text + skipped, line.n - skipped };
}

struct page_part page_severity(const struct page *page)
{
	struct page_part line = second_line(page);
	const char *const end = memchr(line.text, ';', line.n);

	return (struct page_part){ line.text, end ? (size_t)(end - line.text) : line.n };
}

struct page_part page_where(const struct page *page)
{
	struct page_part line = second_line(page);
	const char *const end = memchr(line.text, ';', line.n);
	const size_t skipped = end ? (size_t)(end - line.text) + 1 + (end[1] == ' ') : line.n;

	return (struct page_part){ line.text + skipped, line.n - skipped };
}

struct page_part page_section(const struct page *page, const char *name)
{
	char heading[PAGE_WORD_MAX];

	snprintf(heading, sizeof(heading), "\n## %s\n", name);
	const char *text = strstr(page->text, heading);
	if (!text)
		return (struct page_part){ "", 0 };
	text += strlen(heading);
	text += strspn(text, "\n");
	const char *const next = strstr(text, "\n## ");
	size_t n = next ? (size_t)(next - text) : strlen(text);

	while (n > 0 && text[n - 1] == '\n')
		n--;
	return (struct page_part){ text, n };
}

/* "[HA.md](../HA.md#times)" is HA.md. */
static void print_line(FILE *out, struct page_part line)
{
	size_t target = 0; /* so much of a link's target is skipped */

	for (size_t i = 0; i < line.n; i++) {
		const char *const close =
			line.text[i] == '[' ? memchr(line.text + i, ']', line.n - i) : NULL;

		if (close && close + 1 < line.text + line.n && close[1] == '(')
			continue;
		if (line.text[i] == ']' && i + 1 < line.n && line.text[i + 1] == '(') {
			const char *const end = memchr(line.text + i, ')', line.n - i);

			target = end ? (size_t)(end - line.text) - i : 0;
			i += target;
			continue;
		}
		fputc(line.text[i], out);
	}
}

void page_print(FILE *out, const struct page *page)
{
	bool in_code = false;

	for (const char *text = page->text; *text;) {
		struct page_part line = line_at(text);

		text += line.n + (text[line.n] == '\n');
		if (line.n >= 3 && memcmp(line.text, "```", 3) == 0) {
			in_code = !in_code;
			continue;
		}
		if (!in_code && line.n && line.text[0] == '#') {
			const size_t marks = strspn(line.text, "# ");

			line = (struct page_part){ line.text + marks, line.n - marks };
		} else if (line.n) {
			fputs(in_code ? "      " : "  ", out);
		}
		if (in_code)
			fwrite(line.text, 1, line.n, out);
		else
			print_line(out, line);
		fputc('\n', out);
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters have to be changed, put in or left out (Levenshtein), case aside. */
static size_t distance(const char *a, const char *b)
{
	size_t row[PAGE_WORD_MAX + 1];
	const size_t n = strnlen(b, PAGE_WORD_MAX);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; i < PAGE_WORD_MAX && a[i]; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			const size_t above = row[j + 1];
			const bool same = tolower((unsigned char)a[i]) ==
					  tolower((unsigned char)b[j]);

			row[j + 1] = least(corner + !same, least(above, row[j]) + 1);
			corner = above;
		}
	}
	return row[n];
}

const char *page_nearest(const char *word, char buf[static PAGE_WORD_MAX])
{
	size_t best = TYPOS_MAX + 1;

	buf[0] = '\0';
	for (const struct message_entry *message = message_list; message->id; message++) {
		char id[MESSAGE_TEXT_MAX];
		const char *const words[] = { message_format(message->id, id), message->name };

		for (size_t i = 0; i < 2; i++) {
			const size_t typos = words[i][0] ? distance(word, words[i]) : best;

			if (typos >= best || typos >= strlen(words[i]) / 2)
				continue;
			best = typos;
			snprintf(buf, PAGE_WORD_MAX, "%s", words[i]);
		}
	}
	return buf;
}
