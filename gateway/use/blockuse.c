// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/use/blockuse.h"

#include <string.h>

#include "gateway/use/ports.h"
#include "gateway/use/pressure.h"
#include "gateway/use/usage.h"

struct blocks_numbers blockuse_numbers(const struct blocks *blocks, unsigned egress,
				       struct mono now)
{
	struct blocks_numbers ret = blocks_numbers(blocks, egress, now);

	if (!blocks_leads(blocks, egress))
		ret.waiting = 0;
	return ret;
}

uint32_t blockuse_free(const struct blocks_numbers *numbers)
{
	return numbers->blocks - numbers->given - numbers->resting;
}

bool blockuse_is_full(const struct block *block, uint32_t connections)
{
	return ports_share(connections, block->last_port - block->first_port + 1u) >= PRESSURE_FULL;
}

void blockuse_read(const struct blocks *blocks, const struct usage *usage,
		   struct blockuse ret[static POLICY_EGRESS_MAX])
{
	const size_t n = usage_numbers(usage).sources;

	memset(ret, 0, POLICY_EGRESS_MAX * sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		const struct usage_source *one = usage_source_at(usage, i);
		const unsigned egress = usage_source_egress(one);
		struct block block;

		if (!blocks_find(blocks, usage_source_address(one), egress, &block))
			ret[egress].shared += one->connections;
		else if (blockuse_is_full(&block, one->connections))
			ret[egress].full++;
	}
}

bool blockuse_is_short(const struct blocks *blocks, const struct blockuse *use)
{
	const struct block shared = blocks_shared(blocks);
	const uint32_t connections = use->shared < UINT32_MAX ? (uint32_t)use->shared : UINT32_MAX;

	return use->full || blockuse_is_full(&shared, connections);
}
