// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside blocks: blocks.c gives blocks and takes them back, blocks_configure.c says which there are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"
#include "conf/gateway.h"
#include "gateway/table/blocks.h"
#include "gateway/table/tally.h"

enum { BLOCKS_NONE = UINT16_MAX }; /* no slot */

/* One block. Those that nobody has are a list, who rested longest first. */
struct block_slot {
	uint32_t source; /* who has it, or had it last; 0: nobody ever */
	bool is_given;
	uint16_t before, next; /* of the list */
	struct mono since;     /* when it was given back */
};

struct blocks_egress {
	char name[CONFIG_NAME_MAX];
	bool is_lead;
	struct block_slot *slots;
	uint16_t first, last; /* of the list; BLOCKS_NONE: it's empty */
	uint32_t given, waiting;
};

/* A source and an egress IP. One that lost its block stays as long as the block remembers it. */
struct blocks_entry {
	uint64_t key;
	uint16_t slot; /* BLOCKS_NONE: it has none */
	uint16_t told; /* as the kernel has it */
	uint16_t past; /* what it had last, if the slot says so, too */
	bool is_wanted, is_changed;
	uint32_t round;
};

struct blocks_shape {
	uint32_t first_port, size, n;
	uint32_t shared_first, shared_last;
};

struct blocks {
	struct blocks_shape shape;
	struct blocks_egress *egress;
	unsigned n_egress;
	struct tally entries;
	uint64_t *changed; /* keys of entries that the kernel hasn't been told; each once */
	size_t n_changed, room_changed;
	uint32_t round;
};

static inline uint64_t blocks_key(struct ip4 source, unsigned egress)
{
	return (uint64_t)egress << 32 | source.v;
}

static inline unsigned blocks_egress_of(const struct blocks_entry *entry)
{
	return (unsigned)(entry->key >> 32);
}

void blocks_list_append(struct blocks_egress *egress, uint16_t i);
/* The kernel has to be told of the entry. False: no memory, and nothing has changed. */
bool blocks_note(struct blocks *blocks, struct blocks_entry *entry);
/* All that it holds; not itself. */
void blocks_clear(struct blocks *blocks);
