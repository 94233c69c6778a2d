// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What follows from how much is in use of egress IPs. */
#include "gateway/agent_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "daemon/frame.h"
#include "gateway/table/limiter.h"
#include "gateway/table/limits.h"
#include "gateway/use/portwatch.h"
#include "gateway/use/pressure.h"

static void on_pressure(void *data)
{
	struct agent *agent = data;
	const struct pressure *pressure = portwatch_pressure(agent->portwatch);

	for (size_t i = 0; i < agent->config->egress_ips.n; i++) {
		const struct pressure_egress *egress = &pressure->v[i];

		if (egress->is_news && egress->is_short)
			log_warning(MSG_PORTS_SHORT, "ports", "%s", egress->text);
		else if (egress->is_news)
			log_info(MSG_PORTS_LEFT, "ports", "%s", egress->text);
	}
	if (agent->publish && agent->begun)
		agent_publish(agent);
}

/* 0; else a run has to bring it. */
static int change_limits(struct agent *agent, const struct limiter *limiter)
{
	const size_t n = limiter_places(limiter);
	CLEANUP(cleanup_free) struct nat_elem *v = calloc(2 * n + 1, sizeof(*v));
	struct limiter_news news = { .add = v };
	struct err err = ERR_NULL;
	int rc;

	if (!v)
		return -ENOMEM;
	news.del = v + n;
	limiter_news(limiter, &news);
	if (!news.n_add && !news.n_del)
		return 0;
	const struct keeper_elems elems = { LIMITS_SET,
					    { news.del, news.n_del },
					    { news.add, news.n_add } };
	const struct keeper_delta delta = { .sets = &elems, .n_sets = 1 };

	rc = keeper_change(agent->keeper, &delta, &err);
	if (rc && err.text[0])
		log_debug("ports", "%s; a run puts it right", err.text);
	if (!rc)
		log_debug("ports", "sources=%zu get no new connection", limiter_count(limiter));
	return rc;
}

static void on_limits(void *data)
{
	struct agent *agent = data;
	struct limiter *limiter = portwatch_limiter(agent->portwatch);

	if (!agent->begun)
		return; /* the first run does it */
	if (change_limits(agent, limiter) == 0)
		limiter_told(limiter);
	else
		keeper_poke(agent->keeper, KEEPER_CHANGE);
}

void agent_see_limits_told(struct agent *agent)
{
	limiter_told(portwatch_limiter(agent->portwatch));
}

int agent_start_ports(struct agent *agent, struct err *err)
{
	const struct portwatch_options options = { .loop = frame_loop(agent->health.frame),
						   .view = agent_quick_view,
						   .on_pressure = on_pressure,
						   .on_limits = on_limits,
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
