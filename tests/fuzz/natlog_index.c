// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * An index that a disk or a person spoilt: a sound one of a few entries, in which the input says what is changed where, three
 * bytes each. What is still found was in it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "natlog/index.h"

#include "fuzz.h"

enum { ENTRIES = 300, PORTS = 3, BLOCK = 1 };

static void each(const struct index_entry *entry, void *data)
{
	(void)data;
	const bool is_flow = entry->kind == INDEX_FLOW && entry->port < PORTS;
	const bool is_block = entry->kind == INDEX_BLOCK && entry->port == BLOCK;

	if ((!is_flow && !is_block) || entry->offset >= ENTRIES)
		abort();
}

static int make(void)
{
	static struct index_entry entries[ENTRIES];
	struct index_run run = { .n = ENTRIES, .to = ENTRIES };
	int fd = memfd_create("index", MFD_CLOEXEC);

	for (uint32_t i = 0; i < ENTRIES; i++)
		entries[i] = (struct index_entry){
			.end_ns = i, .offset = i, .port = (uint16_t)(i % PORTS), .kind = INDEX_FLOW
		};
	for (uint32_t i = 0; i < ENTRIES; i += 20) {
		entries[i].kind = INDEX_BLOCK;
		entries[i].port = BLOCK;
		entries[i].destination = BLOCK + i;
	}
	if (fd < 0 || index_append(fd, &run, entries))
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct index_run run;
	int fd = make();

	for (; size >= 3; data += 3, size -= 3) {
		if (pwrite(fd, data + 2, 1, (off_t)(data[0] << 8 | data[1])) != 1)
			abort();
	}
	for (uint64_t at = 0; index_read_run(fd, at, &run) == 0; at = index_run_end(&run)) {
		for (unsigned port = 0; port <= PORTS; port++)
			(void)index_find(fd, &run, (uint16_t)port, each, NULL);
	}
	close(fd);
	return 0;
}
