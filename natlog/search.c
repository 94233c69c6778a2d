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
#include "natlog/search_files.h"

enum { CHUNK = 1 << 20, HELD_MAX = 65536, BEFORE_MAX = 4096, GAPS_MAX = 1024 };

/* A line that may be an answer. */
struct place {
	int64_t order; /* the lowest is dropped when there are too many */
	size_t file;
	uint64_t at;
};

/* A heap with the lowest order on top. */
struct places {
	struct place *v;
	size_t n, size, most;
	bool is_cut;
};

struct search {
	const struct search_query *query;
	struct search_files files;
	struct places held, before, gaps;
	bool has_failed; /* no memory */
	/* Of what is looked at now: */
	size_t file;
	uint64_t from;
};

/* ---- places */

static void swap(struct place *a, struct place *b)
{
	const struct place c = *a;

	*a = *b;
	*b = c;
}

static void sift_down(struct places *places)
{
	size_t i = 0, low;

	while ((low = 2 * i + 1) < places->n) {
		if (low + 1 < places->n && places->v[low + 1].order < places->v[low].order)
			low++;
		if (places->v[i].order <= places->v[low].order)
			return;
		swap(&places->v[i], &places->v[low]);
		i = low;
	}
}

static bool make_room(struct places *places)
{
	const size_t size = places->size ? 2 * places->size : 64;
	struct place *v;

	if (places->n < places->size)
		return true;
	v = reallocarray(places->v, size, sizeof(*v));
	if (!v)
		return false;
	places->v = v;
	places->size = size;
	return true;
}

static bool put_place(struct places *places, struct place place)
{
	if (places->n == places->most) {
		places->is_cut = true;
		if (place.order > places->v[0].order) {
			places->v[0] = place;
			sift_down(places);
		}
		return true;
	}
	if (!make_room(places))
		return false;
	places->v[places->n] = place;
	for (size_t i = places->n++; i && places->v[i].order < places->v[(i - 1) / 2].order;
	     i = (i - 1) / 2)
		swap(&places->v[i], &places->v[(i - 1) / 2]);
	return true;
}

static int highest_first(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->order != y->order)
		return x->order > y->order ? -1 : 1;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->at > y->at ? -1 : x->at < y->at;
}

/* Told by an index, before it turned out to be spoilt, and found by reading through. */
static bool is_again(const struct places *places, size_t i)
{
	return i && places->v[i].file == places->v[i - 1].file &&
	       places->v[i].at == places->v[i - 1].at;
}

/* ---- what may be asked for */

static bool is_wanted(const struct search_query *query, const struct index_entry *entry)
{
	const uint32_t address = query->address.v;

	return entry->kind == INDEX_FLOW && entry->port == query->port &&
	       (!query->protocol || entry->protocol == query->protocol) &&
	       (!address || entry->public == address || entry->private == address) &&
	       (!query->destination.v || entry->destination == query->destination.v);
}

static void offer(const struct index_entry *entry, void *data)
{
	struct search *search = data;
	const struct search_query *query = search->query;
	const bool is_gap = entry->kind == INDEX_GAP;
	struct place place = { entry->end_ns, search->file, search->from + entry->offset };
	struct places *places;

	if (is_gap ? entry->end_ns < query->from_ns :
		     !is_wanted(query, entry) || index_start_ns(entry) > query->to_ns)
		return;
	if (is_gap)
		place.order = -entry->end_ns;
	places = is_gap                          ? &search->gaps :
		 entry->end_ns >= query->from_ns ? &search->held :
						   &search->before;
	if (!put_place(places, place))
		search->has_failed = true;
}

static bool can_hold(const struct search *search, const struct index_run *run)
{
	const struct places *before = &search->before;

	if (run->begin_ns > search->query->to_ns)
		return false;
	return run->until_ns >= search->query->from_ns || before->n < before->most ||
	       run->until_ns > before->v[0].order;
}

/* Gaps are below port 0, where ICMP may have ids, too. */
static int ask_index(struct search *search, const struct search_file *file,
		     const struct index_run *run)
{
	const uint16_t port = search->query->port;
	const bool has_gaps = run->n_gaps && run->until_ns >= search->query->from_ns;
	int rc = 0;

	search->from = run->from;
	if (has_gaps)
		rc = index_find(file->index_fd, run, 0, offer, search);
	if (!rc && can_hold(search, run) && !(has_gaps && port == 0))
		rc = index_find(file->index_fd, run, port, offer, search);
	return rc;
}

/* ---- what has no index */

static void offer_line(struct search *search, const char *text, size_t n, uint64_t at, bool gaps)
{
	struct index_entry entry;
	struct line line;

	if (line_parse(text, n, &line) || !index_entry_of(&line, 0, &entry) ||
	    (entry.kind == INDEX_GAP) != gaps)
		return;
	search->from = at;
	offer(&entry, search);
}

/* Each line of whole ones with that word in it. */
static void look_for(struct search *search, const char *word, const char *bytes, size_t n,
		     uint64_t at)
{
	const bool gaps = word[0] == '"';
	const char *from = bytes, *end = bytes + n, *hit;

	while (from < end && (hit = memmem(from, (size_t)(end - from), word, strlen(word)))) {
		const char *before = memrchr(from, '\n', (size_t)(hit - from));
		const char *line = before ? before + 1 : from;
		const char *newline = memchr(hit, '\n', (size_t)(end - hit));

		offer_line(search, line, (size_t)(newline - line), at + (uint64_t)(line - bytes),
			   gaps);
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
	uint16_t port;

	return line_kind(line) == LINE_IS_FLOW && line_egress_port(line, &port) &&
	       port == query->port &&
	       (!query->protocol || line_protocol(line) == query->protocol) &&
	       is_of_egress(query, line) && has_destination(query, line);
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

static bool read_hit(const struct search *search, const struct place *place, bool is_gap,
		     struct search_hit *ret)
{
	struct line *line = &ret->line;
	size_t n;

	ret->text = read_line(search->files.v[place->file].log_fd, place->at, &n);
	if (ret->text && line_parse(ret->text, n, line) == 0 &&
	    (is_gap ? line_kind(line) == LINE_IS_GAP : search_matches(search->query, line)) &&
	    line_time(line, is_gap ? LINE_FROM : LINE_START, &ret->start_ns) &&
	    line_time(line, is_gap ? LINE_TO : LINE_END, &ret->end_ns))
		return true;
	free(ret->text);
	return false;
}

static bool add_hit(struct search_hits *hits, const struct search_hit *hit)
{
	struct search_hit *v = reallocarray(hits->v, hits->n + 1, sizeof(*v));

	if (!v)
		return false;
	hits->v = v;
	hits->v[hits->n++] = *hit;
	return true;
}

/* In a moment that is shorter than the index's milliseconds a line may turn out to have been later, or earlier. */
static bool is_then(const struct search *search, const struct places *places,
		    const struct search_hit *hit)
{
	return places != &search->held ||
	       (hit->start_ns <= search->query->to_ns && hit->end_ns >= search->query->from_ns);
}

static int take_hits(struct search *search, struct places *places, size_t most,
		     struct search_hits *ret)
{
	struct search_hit hit;

	if (places->n)
		qsort(places->v, places->n, sizeof(*places->v), highest_first);
	ret->is_cut |= places->is_cut;
	for (size_t i = 0; i < places->n; i++) {
		if (ret->n >= most) {
			ret->is_cut = true;
			break;
		}
		if (is_again(places, i) ||
		    !read_hit(search, &places->v[i], places == &search->gaps, &hit))
			continue;
		if (!is_then(search, places, &hit))
			free(hit.text);
		else if (!add_hit(ret, &hit))
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

static int take_all(struct search *search, struct search_answer *answer)
{
	const struct search_query *query = search->query;
	int rc = take_hits(search, &search->held, query->most_held + answer->held.n, &answer->held);

	if (!rc)
		rc = take_hits(search, &search->before, query->most_before + answer->before.n,
			       &answer->before);
	if (!rc)
		rc = take_hits(search, &search->gaps, GAPS_MAX, &answer->gaps);
	return rc;
}

int search_run(const char *path, const struct search_query *query, struct search_answer *answer,
	       struct err *err)
{
	struct search search = { .query = query,
				 .held = { .most = HELD_MAX },
				 .before = { .most = BEFORE_MAX },
				 .gaps = { .most = GAPS_MAX } };
	int rc = search_files_open(path, &search.files, err);

	if (rc)
		return rc;
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
	free(search.held.v);
	free(search.before.v);
	free(search.gaps.v);
	search_files_done(&search.files);
	return rc;
}

static void free_hits(struct search_hits *hits)
{
	for (size_t i = 0; i < hits->n; i++)
		free(hits->v[i].text);
	free(hits->v);
}

void search_answer_done(struct search_answer *answer)
{
	free_hits(&answer->held);
	free_hits(&answer->before);
	free_hits(&answer->gaps);
	*answer = (struct search_answer){ 0 };
}
