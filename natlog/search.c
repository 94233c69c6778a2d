// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * First it is found out where the lines stand that may be asked for, by the index or by looking for the port's digits; then
 * those that count are read. Nothing is believed that the line itself doesn't say.
 */
#include "natlog/search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "natlog/index.h"
#include "natlog/record.h"
#include "natlog/search_blocks.h"
#include "natlog/search_files.h"
#include "natlog/search_places.h"

enum { CHUNK = 1 << 20, GAPS_MAX = 1024 };

/* In each line of a connection, as the log writes it. */
#define FLOW_WORD "\"flow\""

/* What is looked for. Of blocks that began, one may have ended since; then that line is in one of the two lists before. */
enum list { HELD, BEFORE, GAPS, BLOCKS, BLOCKS_BEFORE, BLOCKS_BEGUN, LISTS };

static const struct {
	size_t most; /* places */
	enum line_kind kind;
	enum line_field start, end;
} lists[LISTS] = {
	[HELD] = { 65536, LINE_IS_FLOW, LINE_START, LINE_END },
	[BEFORE] = { 4096, LINE_IS_FLOW, LINE_START, LINE_END },
	[GAPS] = { GAPS_MAX, LINE_IS_GAP, LINE_FROM, LINE_TO },
	[BLOCKS] = { 1024, LINE_IS_BLOCK, LINE_START, LINE_END },
	[BLOCKS_BEFORE] = { 4096, LINE_IS_BLOCK, LINE_START, LINE_END },
	[BLOCKS_BEGUN] = { 1024, LINE_IS_BLOCK_BEGIN, LINE_START, LINE_START },
};

struct search {
	const struct search_query *query;
	struct search_files files;
	struct places places[LISTS];
	bool has_flows;  /* the log has connections */
	bool has_failed; /* no memory */
	/* Of what is looked at now: */
	size_t file;
	uint64_t from;
};

/* ---- what may be asked for */

static bool is_wanted(const struct search_query *query, const struct index_entry *entry)
{
	const uint32_t address = query->address.v;

	if (!index_has_port(entry, query->port) ||
	    (address && entry->public != address && entry->private != address))
		return false;
	return index_is_block(entry) ||
	       ((!query->protocol || entry->protocol == query->protocol) &&
		(!query->destination.v || entry->destination == query->destination.v));
}

static enum list list_of(const struct search_query *query, const struct index_entry *entry)
{
	const bool is_then = entry->end_ns >= query->from_ns;

	switch (entry->kind) {
	case INDEX_GAP:
		return is_then ? GAPS : LISTS;
	case INDEX_BLOCK:
		return is_then ? BLOCKS : BLOCKS_BEFORE;
	case INDEX_BLOCK_BEGIN:
		return BLOCKS_BEGUN;
	case INDEX_FLOW:
		return is_then ? HELD : BEFORE;
	default:
		return LISTS;
	}
}

static void offer(const struct index_entry *entry, void *data)
{
	struct search *search = data;
	const struct search_query *query = search->query;
	const enum list list = list_of(query, entry);
	const struct place place = { list == GAPS ? -entry->end_ns : entry->end_ns, search->file,
				     search->from + entry->offset };

	if (list == LISTS ||
	    (list != GAPS && (!is_wanted(query, entry) || index_start_ns(entry) > query->to_ns)))
		return;
	if (!places_put(&search->places[list], place))
		search->has_failed = true;
}

static bool can_hold(const struct search *search, const struct index_run *run)
{
	const struct places *before = &search->places[BEFORE];

	if (run->begin_ns > search->query->to_ns)
		return false;
	/* One that began long ago may have lasted. */
	return run->n_blocks || run->until_ns >= search->query->from_ns ||
	       before->n < before->most || run->until_ns > before->v[0].order;
}

/* Gaps are below port 0, where ICMP may have ids, too. */
static int ask_index(struct search *search, const struct search_file *file,
		     const struct index_run *run)
{
	const uint16_t port = search->query->port;
	const bool has_gaps = run->n_gaps && run->until_ns >= search->query->from_ns;
	int rc = 0;

	search->from = run->from;
	search->has_flows |= run->n > run->n_gaps + run->n_blocks;
	if (has_gaps)
		rc = index_find(file->index_fd, run, 0, offer, search);
	if (!rc && can_hold(search, run) && !(has_gaps && port == 0))
		rc = index_find(file->index_fd, run, port, offer, search);
	return rc;
}

/* ---- what has no index */

static void offer_line(struct search *search, const char *text, size_t n, uint64_t at)
{
	struct index_entry entry;
	struct line line;

	if (line_parse(text, n, &line) || !index_entry_of(&line, 0, &entry))
		return;
	search->from = at;
	offer(&entry, search);
}

/* Each line of whole ones with that word in it. */
static void look_for(struct search *search, const char *word, const char *bytes, size_t n,
		     uint64_t at)
{
	const char *from = bytes, *end = bytes + n, *hit;

	while (from < end && (hit = memmem(from, (size_t)(end - from), word, strlen(word)))) {
		const char *before = memrchr(from, '\n', (size_t)(hit - from));
		const char *line = before ? before + 1 : from;
		const char *newline = memchr(hit, '\n', (size_t)(end - hit));

		offer_line(search, line, (size_t)(newline - line), at + (uint64_t)(line - bytes));
		from = newline + 1;
	}
}

/* Whole lines only; the last one of a file may be in the making. */
static int read_through(struct search *search, const struct search_file *file, uint64_t from,
			uint64_t to)
{
	CLEANUP(cleanup_free) char *bytes = malloc(CHUNK);
	char digits[8];

	if (!bytes)
		return -ENOMEM;
	snprintf(digits, sizeof(digits), "%u", search->query->port);
	while (from < to) {
		const size_t most = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
		ssize_t got = pread(file->log_fd, bytes, most, (off_t)from);
		const char *last = got > 0 ? memrchr(bytes, '\n', (size_t)got) : NULL;
		const size_t n = last ? (size_t)(last + 1 - bytes) : 0;

		if (got <= 0)
			return got ? -errno : 0;
		if (n) {
			look_for(search, digits, bytes, n, from);
			look_for(search, "\"gap\"", bytes, n, from);
			look_for(search, "\"block\"", bytes, n, from);
			search->has_flows |= memmem(bytes, n, FLOW_WORD, strlen(FLOW_WORD)) != NULL;
		}
		from += n ? n : (size_t)got;
	}
	return 0;
}

/* From its end to its beginning: the last ones are wanted. */
static int look_into(struct search *search, size_t i, struct search_answer *answer)
{
	const struct search_file *file = &search->files.v[i];
	const uint64_t covered = file->n_runs ? file->runs[file->n_runs - 1].to : 0;
	int rc = read_through(search, file, covered, file->size);

	answer->bytes += file->size;
	answer->read_through += file->size - covered;
	for (size_t j = file->n_runs; !rc && j > 0; j--) {
		const struct index_run *run = &file->runs[j - 1];

		if (ask_index(search, file, run) == 0)
			continue;
		rc = read_through(search, file, run->from, run->to);
		answer->read_through += run->to - run->from;
	}
	return rc;
}

/* ---- what is asked for */

static bool has_destination(const struct search_query *query, const struct line *line)
{
	struct ip4 address;
	uint64_t port;

	if (query->destination.v && (!line_address(line, LINE_DESTINATION_ADDRESS, &address) ||
				     address.v != query->destination.v))
		return false;
	return !query->destination_port ||
	       (line_number(line, LINE_DESTINATION_PORT, &port) && port == query->destination_port);
}

static bool is_of_egress(const struct search_query *query, const struct line *line)
{
	char name[SEARCH_NAME_MAX];
	struct ip4 address;

	if (query->egress[0])
		return line_text(line, LINE_EGRESS_NAME, name, sizeof(name)) &&
		       strcmp(name, query->egress) == 0;
	return !query->address.v ||
	       (line_address(line, LINE_EGRESS_PUBLIC, &address) &&
		address.v == query->address.v) ||
	       (line_address(line, LINE_EGRESS_PRIVATE, &address) && address.v == query->address.v);
}

bool search_matches(const struct search_query *query, const struct line *line)
{
	uint16_t port, last;

	switch (line_kind(line)) {
	case LINE_IS_FLOW:
		return line_egress_port(line, &port) && port == query->port &&
		       (!query->protocol || line_protocol(line) == query->protocol) &&
		       is_of_egress(query, line) && has_destination(query, line);
	case LINE_IS_BLOCK:
	case LINE_IS_BLOCK_BEGIN:
		return line_block_ports(line, &port, &last) && port <= query->port &&
		       query->port <= last && is_of_egress(query, line);
	default:
		return false;
	}
}

/* NULL: there is none, or no memory. */
static char *read_line(int fd, uint64_t at, size_t *ret_n)
{
	char bytes[NATLOG_LINE_MAX];
	ssize_t got = pread(fd, bytes, sizeof(bytes), (off_t)at);
	const char *newline = got > 0 ? memchr(bytes, '\n', (size_t)got) : NULL;

	char *text = newline ? malloc((size_t)(newline - bytes) + 1) : NULL;

	if (!text)
		return NULL;
	*ret_n = (size_t)(newline - bytes);
	memcpy(text, bytes, *ret_n);
	text[*ret_n] = '\0';
	return text;
}

static bool read_hit(const struct search *search, const struct place *place, enum list list,
		     struct search_hit *ret)
{
	struct line *line = &ret->line;
	size_t n;

	ret->text = read_line(search->files.v[place->file].log_fd, place->at, &n);
	if (ret->text && line_parse(ret->text, n, line) == 0 &&
	    line_kind(line) == lists[list].kind &&
	    (list == GAPS || search_matches(search->query, line)) &&
	    line_time(line, lists[list].start, &ret->start_ns) &&
	    line_time(line, lists[list].end, &ret->end_ns))
		return true;
	free(ret->text);
	return false;
}

/* In a moment that is shorter than the index's milliseconds a line may turn out to have been later, or earlier. */
static bool is_then(const struct search *search, enum list list, const struct search_hit *hit)
{
	if (list == BLOCKS_BEGUN)
		return hit->start_ns <= search->query->to_ns;
	return (list != HELD && list != BLOCKS) ||
	       (hit->start_ns <= search->query->to_ns && hit->end_ns >= search->query->from_ns);
}

static int take_hits(struct search *search, enum list list, size_t most, struct search_hits *ret)
{
	struct places *places = &search->places[list];
	struct search_hit hit;

	places_sort(places);
	ret->is_cut |= places->is_cut;
	for (size_t i = 0; i < places->n; i++) {
		if (ret->n >= most) {
			ret->is_cut = true;
			break;
		}
		if (places_is_again(places, i) || !read_hit(search, &places->v[i], list, &hit))
			continue;
		if (!is_then(search, list, &hit))
			free(hit.text);
		else if (!search_hits_add(ret, &hit))
			return -ENOMEM;
	}
	return 0;
}

static void take_bounds(const struct search_files *files, struct search_answer *answer)
{
	int64_t first_ns = 0;

	for (size_t i = 0; i < files->n; i++) {
		const int64_t ns = files->v[i].first_ns;

		if (ns && (!first_ns || ns < first_ns))
			first_ns = ns;
	}
	/* Of several logs what all of them have. */
	if (first_ns > answer->first_ns)
		answer->first_ns = first_ns;
	if (!answer->n_files || files->until_ns < answer->until_ns)
		answer->until_ns = files->until_ns;
	answer->n_files += files->n;
}

/* Of all that began and ended, those are left of which that isn't known. */
static int take_blocks(struct search *search, struct search_answer *answer)
{
	struct search_hits v[3] = { 0 };
	int rc = 0;

	for (int i = 0; !rc && i < 3; i++)
		rc = take_hits(search, BLOCKS + i, lists[BLOCKS + i].most, &v[i]);
	if (!rc)
		rc = search_blocks_settle(v, search->query->most_before, answer);
	for (int i = 0; i < 3; i++)
		search_hits_done(&v[i]);
	return rc;
}

static int take_all(struct search *search, struct search_answer *answer)
{
	const struct search_query *query = search->query;
	int rc = take_hits(search, HELD, query->most_held + answer->held.n, &answer->held);

	if (!rc)
		rc = take_hits(search, BEFORE, query->most_before + answer->before.n,
			       &answer->before);
	if (!rc)
		rc = take_hits(search, GAPS, GAPS_MAX, &answer->gaps);
	return rc ? rc : take_blocks(search, answer);
}

int search_run(const char *path, const struct search_query *query, struct search_answer *answer,
	       struct err *err)
{
	struct search search = { .query = query };
	int rc = search_files_open(path, &search.files, err);

	if (rc)
		return rc;
	for (int i = 0; i < LISTS; i++)
		search.places[i].most = lists[i].most;
	for (size_t i = 0; !rc && i < search.files.n; i++) {
		search.file = i;
		rc = look_into(&search, i, answer);
	}
	if (!rc)
		rc = search.has_failed ? -ENOMEM : take_all(&search, answer);
	if (rc)
		err_set(err, rc, "%s: can't be searched: %s", path, strerror(-rc));
	else
		take_bounds(&search.files, answer);
	answer->has_flows |= search.has_flows;
	for (int i = 0; i < LISTS; i++)
		free(search.places[i].v);
	search_files_done(&search.files);
	return rc;
}

void search_hits_done(struct search_hits *hits)
{
	for (size_t i = 0; i < hits->n; i++)
		free(hits->v[i].text);
	free(hits->v);
	*hits = (struct search_hits){ 0 };
}

void search_answer_done(struct search_answer *answer)
{
	search_hits_done(&answer->held);
	search_hits_done(&answer->before);
	search_hits_done(&answer->gaps);
	search_hits_done(&answer->blocks);
	search_hits_done(&answer->blocks_before);
	*answer = (struct search_answer){ 0 };
}
