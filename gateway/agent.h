// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The gateway's daemon at work: holds what is wanted, keeps it in the kernel (nat/keeper), follows the
 * uplink's default route, and ends connections that may no longer be translated.
 */
#pragma once

#include "conf/gateway.h"
#include "gateway/table/desired.h"

struct cloud;
struct cluster;
struct drain;
struct err;
struct failover;
struct flowlog;
struct frame;
struct trend;
struct keeper;
struct portwatch;
struct recent;
struct takeovers;
struct agent; /* one per process */

/* The contract of struct frame_spec's start, reload, begin_stop and stop. */
void *agent_start(struct frame *frame, void *config, struct err *err);
int agent_reload(void *data, void *config, struct err *err);
int64_t agent_begin_stop(void *data);
void agent_stop(void *data);
int agent_cleanup(const void *data, struct err *err);
int agent_check_platform(struct err *err);

/* For status and explain; valid until the next event. */
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
struct agent_state agent_state(const struct agent *agent);
