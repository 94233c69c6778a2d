// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/table/blocks_internal.h"

static struct blocks_shape shape_of(const struct gateway_config *config)
{
	const struct gateway_limits *limits = &config->limits;
	uint32_t first, last;

	limits_ports(limits, &first, &last);
	if (!limits->ports_per_pod)
		return (struct blocks_shape){ .n = 0 };
	return (struct blocks_shape){ .first_port = first + limits->shared_ports,
				      .size = limits->ports_per_pod,
				      .n = (last - first + 1 - limits->shared_ports) /
					   limits->ports_per_pod,
				      .shared_first = first,
				      .shared_last = first + limits->shared_ports - 1 };
}

bool blocks_are_alike(const struct blocks *blocks, const struct gateway_config *config)
{
	const struct blocks_shape shape = shape_of(config);

	return memcmp(&blocks->shape, &shape, sizeof(shape)) == 0;
}

bool blocks_are_as(const struct blocks *blocks, const struct gateway_config *config)
{
	const struct gateway_egress *v = config->egress_ips.v;

	if (!blocks_are_alike(blocks, config) ||
	    (blocks->shape.n ? config->egress_ips.n : 0) != blocks->n_egress)
		return false;
	for (unsigned i = 0; i < blocks->n_egress; i++) {
		if (strcmp(blocks->egress[i].name, v[i].name) != 0)
			return false;
	}
	return true;
}

static void egress_free(struct blocks_egress *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++)
		free(v[i].slots);
	free(v);
}

static struct blocks_egress *egress_new(const struct blocks_shape *shape,
					const struct gateway_config *config, size_t n)
{
	const struct gateway_egress *names = config->egress_ips.v;
	struct blocks_egress *v = calloc(n + 1, sizeof(*v));

	if (!v)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		v[i].slots = calloc(shape->n, sizeof(*v[i].slots));
		if (!v[i].slots) {
			egress_free(v, i);
			return NULL;
		}
		memcpy(v[i].name, names[i].name, sizeof(v[i].name));
		v[i].is_lead = true;
		v[i].first = v[i].last = BLOCKS_NONE;
		for (uint16_t slot = 0; slot < shape->n; slot++)
			blocks_list_append(&v[i], slot);
	}
	return v;
}

/* The one of that name; n: there is none. */
static unsigned find_name(const struct blocks_egress *v, unsigned n, const char *name)
{
	unsigned i = 0;

	while (i < n && strcmp(v[i].name, name) != 0)
		i++;
	return i;
}

/* What the entries of the old egress IP become; false: it's gone. */
static bool move_entry(const struct blocks_entry *entry, const struct blocks *from,
		       struct blocks *to)
{
	const struct blocks_egress *old = &from->egress[blocks_egress_of(entry)];
	const unsigned egress = find_name(to->egress, to->n_egress, old->name);
	struct blocks_entry *moved;

	if (egress == to->n_egress)
		return true;
	moved = tally_add(&to->entries, blocks_key((struct ip4){ (uint32_t)entry->key }, egress));
	if (!moved)
		return false;
	const uint64_t key = moved->key;

	*moved = *entry;
	moved->key = key;
	moved->is_changed = false;
	return entry->slot == entry->told || blocks_note(to, moved);
}

/* The places of egress IPs of the same name go along with their slots. */
static bool move_all(const struct blocks *from, struct blocks *to)
{
	for (size_t i = 0; i < from->entries.n; i++) {
		if (!move_entry(tally_at(&from->entries, i), from, to))
			return false;
	}
	for (unsigned i = 0; i < to->n_egress; i++) {
		const unsigned old = find_name(from->egress, from->n_egress, to->egress[i].name);
		struct block_slot *slots = to->egress[i].slots;

		if (old == from->n_egress)
			continue;
		to->egress[i] = from->egress[old];
		to->egress[i].slots = slots;
		memcpy(slots, from->egress[old].slots, from->shape.n * sizeof(*slots));
	}
	return true;
}

int blocks_configure(struct blocks *blocks, const struct gateway_config *config)
{
	const struct blocks_shape shape = shape_of(config);
	const unsigned n = shape.n ? (unsigned)config->egress_ips.n : 0;
	struct blocks next = { .shape = shape,
			       .n_egress = n,
			       .round = blocks->round,
			       .entries = { .element = sizeof(struct blocks_entry),
					    .most = BLOCKS_SOURCES_MAX,
					    .seed = blocks->entries.seed } };
	const bool is_like = blocks_are_alike(blocks, config);

	if (blocks_are_as(blocks, config))
		return 0;
	next.egress = egress_new(&shape, config, n);
	if (!next.egress || (is_like && !move_all(blocks, &next))) {
		blocks_clear(&next);
		return -ENOMEM;
	}
	blocks_clear(blocks);
	*blocks = next;
	return 0;
}

void blocks_clear(struct blocks *blocks)
{
	egress_free(blocks->egress, blocks->n_egress);
	tally_done(&blocks->entries);
	free(blocks->changed);
}

struct blocks *blocks_new(uint64_t seed)
{
	struct blocks *blocks = calloc(1, sizeof(*blocks));

	if (blocks)
		blocks->entries = (struct tally){ .element = sizeof(struct blocks_entry),
						  .most = BLOCKS_SOURCES_MAX,
						  .seed = seed };
	return blocks;
}

void blocks_free(struct blocks *blocks)
{
	if (!blocks)
		return;
	blocks_clear(blocks);
	free(blocks);
}
