// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: which source has which block of ports of which egress IP ("port block allocation" of RFC 6888 and 7422). Connections
 * of a source get ports of its block, and nobody else's do, so that an address and a port name a source, and none can take all
 * ports of a destination. The lowest ports of the range are for all who have no block; above them lie the blocks, side by side.
 *
 * A block that was given back rests before somebody else gets it, since connections of who had it may still be known; and the
 * one that has rested longest is given first. Who had it may have it again at any time.
 *
 * Sources are told in rounds, all that are wanted, or one by one. What the kernel hasn't been told is kept until blocks_told.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "base/mono.h"

struct blocks;
struct gateway_config;
struct nat_elem;

/* What comes beyond gets no block, and isn't counted as waiting for one. Of all egress IPs together. */
#define BLOCKS_SOURCES_MAX 262144
/* Longer than conntrack remembers a connection that was closed or a stream of datagrams (120 s each by default). */
#define BLOCKS_REST_MS 180000

struct block {
	struct ip4 source;
	unsigned egress; /* its place in the configuration's list */
	uint16_t first_port, last_port;
};

struct blocks *blocks_new(uint64_t seed); /* NULL: no memory */
void blocks_free(struct blocks *blocks);

/*
 * Egress IPs and the blocks' size are as in the configuration from now on; limits.ports_per_pod 0: there are none. Who has a
 * block of an egress IP of the same name keeps it; with other ports all is begun anew. What hasn't changed costs next to nothing.
 * 0; -ENOMEM: all is as it was.
 */
int blocks_configure(struct blocks *blocks, const struct gateway_config *config);
/* Who has a block would keep it. */
bool blocks_are_alike(const struct blocks *blocks, const struct gateway_config *config);
/* Nothing would change. */
bool blocks_are_as(const struct blocks *blocks, const struct gateway_config *config);
bool blocks_are_wanted(const struct blocks *blocks);

/* Of an egress IP that another gateway serves, blocks are given by that one (blocks_follow), else by who is asked for them. */
void blocks_set_lead(struct blocks *blocks, unsigned egress, bool is_lead);
bool blocks_leads(const struct blocks *blocks, unsigned egress); /* true until told otherwise */

/* What an earlier process left in the kernel; before the first round. False: it isn't a block of now, or it's somebody's. */
bool blocks_adopt(struct blocks *blocks, const struct block *block);

/* The source may use the egress IP: it gets a block, or waits for one. */
void blocks_want(struct blocks *blocks, struct ip4 source, unsigned egress, struct mono now);
/* It may not any more. */
void blocks_drop(struct blocks *blocks, struct ip4 source, unsigned egress, struct mono now);
/* Between the two blocks_want for all that is wanted; what isn't in the round is dropped. */
void blocks_round_begin(struct blocks *blocks);
void blocks_round_end(struct blocks *blocks, struct mono now);
/*
 * The gateway that serves the egress IP says so: this block is the source's now (`is_given`), or not any more, and rests. Who has
 * it here loses it. False: it isn't a block of now.
 */
bool blocks_follow(struct blocks *blocks, const struct block *block, bool is_given,
		   struct mono now);

/* How many ports a block has; 0: there are none. */
uint16_t blocks_ports(const struct blocks *blocks);
/* It's one of now, whosever. */
bool blocks_fit(const struct blocks *blocks, const struct block *block);
/* The egress IP's blocks by number, i < blocks_numbers().blocks. */
enum blocks_slot { BLOCKS_FREE, BLOCKS_RESTING, BLOCKS_GIVEN };
enum blocks_slot blocks_slot_at(const struct blocks *blocks, unsigned egress, size_t i,
				struct mono now,
				struct block *ret); /* its source: 0 if it's free */
/* v == 0: nobody's. */
struct ip4 blocks_holder(const struct blocks *blocks, unsigned egress, uint16_t port);
/* False: it has none. */
bool blocks_find(const struct blocks *blocks, struct ip4 source, unsigned egress,
		 struct block *ret);
/* One after the other, in no order, i < blocks_places; false: this one waits. */
size_t blocks_places(const struct blocks *blocks);
bool blocks_at(const struct blocks *blocks, size_t i, struct block *ret);
/* The same as the kernel has it. */
bool blocks_told_at(const struct blocks *blocks, size_t i, struct block *ret);

struct blocks_numbers {
	uint32_t blocks, given, resting;
	uint32_t waiting; /* sources without a block */
};
struct blocks_numbers blocks_numbers(const struct blocks *blocks, unsigned egress, struct mono now);
/* The ports that who has no block gets. */
struct block blocks_shared(const struct blocks *blocks);
/* In so many milliseconds somebody who waits could get a block; -1: nobody waits, or who does has to until one is given back. */
int64_t blocks_due_ms(const struct blocks *blocks, struct mono now);

/* What the kernel's map lacks, and what it has too much: each with room for blocks_news_most(). */
struct blocks_news {
	struct nat_elem *add, *del;
	size_t n_add, n_del;
};
size_t blocks_news_most(const struct blocks *blocks);
void blocks_news(const struct blocks *blocks, struct blocks_news *ret);
struct nat_elem blocks_elem(const struct block *block);
/* The kernel has it all. on_change (NULL: nobody) hears of each block that went to a source or left it; ends come first. */
void blocks_told(struct blocks *blocks,
		 void (*on_change)(const struct block *block, bool is_given, void *data),
		 void *data);
