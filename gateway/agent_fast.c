// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The fast path, where it is wanted and the kernel has it. */
#include "gateway/agent_internal.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/table/fast.h"

int agent_describe_fast(struct nat_ruleset *ruleset, void *data, struct err *err)
{
	struct agent *agent = data;
	const struct gateway_view view = agent_view(agent);
	int rc;

	if (agent->config->gateway.fast_path == FAST_PATH_OFF)
		return KEEPER_NEEDLESS;
	rc = fast_describe(&view, ruleset);
	return rc ? err_set(err, rc, "describing the fast path: %s", strerror(-rc)) : 0;
}

int agent_change_fast(struct agent *agent)
{
	struct err err = ERR_NULL;
	int rc = keeper_change_second(agent->keeper, &err);

	if (rc && err.text[0])
		log_debug("fast", "%s; a run puts it right", err.text);
	return rc;
}

void agent_tell_fast(struct agent *agent, enum keeper_second_state now)
{
	if (now == agent->fast)
		return;
	agent->fast = now;
	if (now == KEEPER_SECOND_KEPT)
		log_info("fast", "established connections go through a flowtable");
	else if (now == KEEPER_SECOND_LACKING)
		log_warning(MSG_FAST_LACKING, "fast",
			    "the kernel refuses a flowtable of the tunnel and the uplink (module "
			    "nf_flow_table): connections go the usual way; trying again");
}
