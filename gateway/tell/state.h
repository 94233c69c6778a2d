// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What status, metrics, the page and Kubernetes are told from: the agent as others see it. */
#pragma once

#include <stdint.h>

#include "gateway/table/desired.h"

struct agent;
struct cloud;
struct cluster;
struct drain;
struct failover;
struct flowlog;
struct keeper;
struct portwatch;
struct recent;
struct takeovers;
struct trend;

/* Valid until the next event. */
struct agent_state {
	struct gateway_view view;
	struct keeper *keeper;
	struct flowlog *flowlog;
	struct portwatch *portwatch;
	const struct trend *trend;
	const struct recent *recent;
	struct cluster *cluster;           /* NULL: the configuration is all */
	struct failover *failover;         /* NULL: this gateway is alone */
	struct drain *drain;               /* NULL: nobody could take over */
	struct cloud *cloud;               /* NULL: static ownership */
	const struct takeovers *takeovers; /* with failover */
	uint64_t survivors;                /* connections that take-overs found here */
	uint64_t connections_ended;
};
/* The agent itself answers (gateway/agent_state.c). */
struct agent_state agent_state(const struct agent *agent);
