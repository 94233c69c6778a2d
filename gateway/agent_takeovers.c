// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Counts what became of take-overs. */
#include "gateway/agent_internal.h"

#include "base/mono.h"
#include "gateway/group/failover_numbers.h"
#include "gateway/group/survivors.h"
#include "gateway/own/cloud.h"
#include "gateway/own/own.h"

void agent_see_takeovers(struct agent *agent)
{
	const struct mono now = mono_now();
	struct failover_numbers numbers;

	if (!agent->failover)
		return;
	failover_numbers(agent->failover, &numbers);
	for (size_t i = 0; i < numbers.n_egress; i++) {
		const struct takeovers_sight sight = { numbers.egress[i].name,
						       numbers.egress[i].state,
						       numbers.egress[i].is_others,
						       numbers.egress[i].translates };

		if (takeovers_see(&agent->takeovers, &sight, now))
			survivors_count(agent->survivors, own_private(cloud_own(agent->cloud), i));
	}
}
