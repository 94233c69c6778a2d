// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What follows from how much is in use of egress IPs. */
#include "gateway/agent_internal.h"

#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "daemon/frame.h"
#include "gateway/portwatch.h"
#include "gateway/pressure.h"

static void on_pressure(void *data)
{
	struct agent *agent = data;
	const struct pressure *pressure = portwatch_pressure(agent->portwatch);

	for (size_t i = 0; i < agent->config->egress_ips.n; i++) {
		const struct pressure_egress *egress = &pressure->v[i];

		if (egress->is_news && egress->is_short)
			log_warning("ports", "%s", egress->text);
		else if (egress->is_news)
			log_info("ports", "%s", egress->text);
	}
	if (agent->publish && agent->begun)
		agent_publish(agent);
}

int agent_start_ports(struct agent *agent, struct err *err)
{
	const struct portwatch_options options = { .loop = frame_loop(agent->health.frame),
						   .view = agent_quick_view,
						   .on_pressure = on_pressure,
						   .data = agent };

	agent->portwatch = portwatch_new(&options, err);
	return agent->portwatch ? 0 : -EINVAL;
}

void agent_begin_ports(struct agent *agent)
{
	portwatch_begin(agent->portwatch);
}

void agent_end_ports(struct agent *agent)
{
	portwatch_free(agent->portwatch);
	agent->portwatch = NULL;
}
