// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What follows from how much is in use of egress IPs. */
#include "gateway/agent_internal.h"

#include <errno.h>

#include "base/err.h"
#include "daemon/frame.h"
#include "gateway/traffic.h"

int agent_start_traffic(struct agent *agent, struct err *err)
{
	const struct traffic_options options = { .loop = frame_loop(agent->health.frame),
						 .view = agent_quick_view,
						 .data = agent };

	agent->traffic = traffic_new(&options, err);
	return agent->traffic ? 0 : -EINVAL;
}

void agent_begin_traffic(struct agent *agent)
{
	traffic_begin(agent->traffic);
}

void agent_end_traffic(struct agent *agent)
{
	traffic_free(agent->traffic);
	agent->traffic = NULL;
}
