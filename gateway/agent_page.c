// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the status page shows of the past. */
#include "gateway/agent_internal.h"

#include <errno.h>

#include "base/err.h"
#include "gateway/tell/trend.h"

int agent_want_page(struct agent *agent, const struct gateway_config *config, struct err *err)
{
	recent_listen(&agent->recent);
	if (!agent->trend)
		agent->trend = trend_new(agent->health.frame);
	if (!agent->trend || trend_want(agent->trend, config->admin.listen[0]))
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}

void agent_end_page(struct agent *agent)
{
	recent_ignore();
	trend_free(agent->trend);
	agent->trend = NULL;
}
