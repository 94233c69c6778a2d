// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/ip4.h"
#include "natlog/line.h"

#define NS_PER_MS INT64_C(1000000)
/* With another version, or on a machine of the other byte order, it is another number. */
#define MAGIC UINT64_C(0x3278646977676965)

_Static_assert(sizeof(struct index_entry) == 32, "no holes: it goes to disk as it is");

struct page {
	struct index_entry v[INDEX_PER_PAGE];
	uint64_t spare[3];
	uint64_t sum;
};

struct head {
	uint64_t magic;
	struct index_run run;
	char spare[INDEX_PAGE - 2 * sizeof(uint64_t) - sizeof(struct index_run)];
	uint64_t sum;
};
_Static_assert(sizeof(struct page) == INDEX_PAGE && sizeof(struct head) == INDEX_PAGE, "pages");

/* Tells a page that was written whole, and for that place, from any other; nobody is kept from forging one. */
static uint64_t sum_of(const void *page, uint64_t at)
{
	uint64_t words[INDEX_PAGE / sizeof(uint64_t)], sum = at;

	memcpy(words, page, sizeof(words));
	for (size_t i = 0; i + 1 < INDEX_PAGE / sizeof(uint64_t); i++) {
		sum = (sum ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 29;
	}
	return sum;
}

uint32_t index_mark(const char *bytes, size_t n)
{
	uint32_t mark = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		mark = (mark ^ (unsigned char)bytes[i]) * 16777619u;
	return mark;
}

int index_mark_of(int log_fd, uint64_t to, uint32_t *ret)
{
	char bytes[INDEX_MARK_BYTES];
	const size_t n = to < sizeof(bytes) ? (size_t)to : sizeof(bytes);
	ssize_t got = pread(log_fd, bytes, n, (off_t)(to - n));

	if (got < 0)
		return -errno;
	*ret = index_mark(bytes, (size_t)got);
	return (size_t)got == n ? 0 : -ENODATA;
}

/* ---- entries */

static uint32_t life_of(int64_t start_ns, int64_t end_ns)
{
	int64_t ms;

	if (start_ns >= end_ns)
		return 0;
	ms = (end_ns - start_ns + NS_PER_MS - 1) / NS_PER_MS;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

int64_t index_start_ns(const struct index_entry *entry)
{
	return entry->life_ms == UINT32_MAX ? INT64_MIN :
					      entry->end_ns - entry->life_ms * NS_PER_MS;
}

static uint32_t address_of(const struct line *line, enum line_field field)
{
	struct ip4 address = { 0 };

	return line_address(line, field, &address) ? address.v : 0;
}

static const struct {
	enum index_kind kind;
	enum line_field start, end;
} kinds[] = {
	[LINE_IS_FLOW] = { INDEX_FLOW, LINE_START, LINE_END },
	[LINE_IS_GAP] = { INDEX_GAP, LINE_FROM, LINE_TO },
	[LINE_IS_BLOCK] = { INDEX_BLOCK, LINE_START, LINE_END },
	[LINE_IS_BLOCK_BEGIN] = { INDEX_BLOCK_BEGIN, LINE_START, LINE_START },
};

static bool take_ports(const struct line *line, struct index_entry *entry)
{
	uint16_t last;

	if (entry->kind == INDEX_FLOW)
		return line_egress_port(line, &entry->port);
	if (!index_is_block(entry))
		return true;
	if (!line_block_ports(line, &entry->port, &last))
		return false;
	entry->destination = last;
	return true;
}

bool index_entry_of(const struct line *line, uint32_t offset, struct index_entry *ret)
{
	const enum line_kind kind = line_kind(line);
	int64_t start_ns, end_ns;

	if (kind == LINE_IS_OTHER)
		return false;
	*ret = (struct index_entry){ .offset = offset, .kind = (uint8_t)kinds[kind].kind };
	ret->destination = address_of(line, LINE_DESTINATION_ADDRESS);
	if (!take_ports(line, ret) || !line_time(line, kinds[kind].start, &start_ns) ||
	    !line_time(line, kinds[kind].end, &end_ns))
		return false;
	ret->end_ns = end_ns;
	ret->life_ms = life_of(start_ns, end_ns);
	ret->protocol = line_protocol(line);
	ret->public = address_of(line, LINE_EGRESS_PUBLIC);
	ret->private = address_of(line, LINE_EGRESS_PRIVATE);
	return true;
}

bool index_is_block(const struct index_entry *entry)
{
	return entry->kind == INDEX_BLOCK || entry->kind == INDEX_BLOCK_BEGIN;
}

bool index_has_port(const struct index_entry *entry, uint16_t port)
{
	return index_is_block(entry) ? entry->port <= port && port <= entry->destination :
				       entry->port == port;
}

/* ---- runs */

static uint32_t pages_of(uint32_t entries)
{
	return (entries + INDEX_PER_PAGE - 1) / INDEX_PER_PAGE;
}

uint64_t index_run_end(const struct index_run *run)
{
	return run->at + INDEX_PAGE * (1 + (uint64_t)pages_of(run->n));
}

static int by_port_and_end(const void *a, const void *b)
{
	const struct index_entry *x = a, *y = b;

	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	if (x->end_ns != y->end_ns)
		return x->end_ns < y->end_ns ? -1 : 1;
	return 0;
}

static int write_page(int fd, const void *page, uint64_t at)
{
	ssize_t put = pwrite(fd, page, INDEX_PAGE, (off_t)at);

	if (put == INDEX_PAGE)
		return 0;
	return put < 0 ? -errno : -ENOSPC;
}

static void take_times(struct index_run *run, const struct index_entry *entries)
{
	run->begin_ns = INT64_MAX;
	run->until_ns = INT64_MIN;
	run->n_gaps = run->n_blocks = run->widest = 0;
	for (uint32_t i = 0; i < run->n; i++) {
		const int64_t start_ns = index_start_ns(&entries[i]);

		if (start_ns < run->begin_ns)
			run->begin_ns = start_ns;
		if (entries[i].end_ns > run->until_ns)
			run->until_ns = entries[i].end_ns;
		run->n_gaps += entries[i].kind == INDEX_GAP;
		if (!index_is_block(&entries[i]))
			continue;
		run->n_blocks++;
		if (entries[i].destination - entries[i].port >= run->widest)
			run->widest = entries[i].destination - entries[i].port + 1;
	}
}

int index_append(int fd, struct index_run *run, struct index_entry *entries)
{
	struct head head = { .magic = MAGIC };
	int rc = 0;

	qsort(entries, run->n, sizeof(*entries), by_port_and_end);
	take_times(run, entries);
	memset(run->first, 0, sizeof(run->first));
	for (uint32_t i = 0; !rc && i < pages_of(run->n); i++) {
		const uint32_t begin = i * INDEX_PER_PAGE, left = run->n - begin;
		const uint64_t at = run->at + INDEX_PAGE * (1 + (uint64_t)i);
		struct page page = { 0 };

		memcpy(page.v, entries + begin,
		       (left < INDEX_PER_PAGE ? left : INDEX_PER_PAGE) * sizeof(*entries));
		run->first[i] = entries[begin].port;
		page.sum = sum_of(&page, at);
		rc = write_page(fd, &page, at);
	}
	if (rc)
		return rc;
	head.run = *run;
	head.sum = sum_of(&head, run->at);
	return write_page(fd, &head, run->at);
}

static int read_page(int fd, void *page, uint64_t at)
{
	ssize_t got = pread(fd, page, INDEX_PAGE, (off_t)at);

	if (got < 0)
		return -errno;
	return got == INDEX_PAGE ? 0 : -ENODATA;
}

int index_read_run(int fd, uint64_t at, struct index_run *ret)
{
	struct head head;
	int rc = read_page(fd, &head, at);

	if (rc)
		return rc;
	if (head.magic != MAGIC || head.sum != sum_of(&head, at) || head.run.at != at ||
	    head.run.n > INDEX_ENTRIES_MAX || head.run.from >= head.run.to)
		return -ENODATA;
	*ret = head.run;
	return 0;
}

static void find_in(const struct page *page, uint32_t n, uint16_t port, index_each each, void *data)
{
	for (uint32_t i = 0; i < n && i < INDEX_PER_PAGE; i++) {
		if (index_has_port(&page->v[i], port))
			each(&page->v[i], data);
	}
}

int index_find(int fd, const struct index_run *run, uint16_t port, index_each each, void *data)
{
	const uint32_t pages = pages_of(run->n);
	/* A block with it begins at most so much lower. */
	const uint16_t lowest = (uint16_t)(run->widest > port ? 0 :
					   run->widest        ? port - run->widest + 1 :
								port);
	struct page page;
	uint32_t i = 0;

	/* Equal ones may begin on the page before the first that begins with them. */
	while (i + 1 < pages && run->first[i + 1] < lowest)
		i++;
	for (; i < pages && run->first[i] <= port; i++) {
		const uint64_t at = run->at + INDEX_PAGE * (1 + (uint64_t)i);
		int rc = read_page(fd, &page, at);

		if (rc)
			return rc;
		if (page.sum != sum_of(&page, at))
			return -EBADMSG;
		find_in(&page, run->n - i * INDEX_PER_PAGE, port, each, data);
	}
	return 0;
}
