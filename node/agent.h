// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The node's daemon at work: holds what is wanted, keeps it in the kernel (nat/keeper), follows the pods
 * that come and go, and ends connections whose binding became wrong.
 */
#pragma once

#include "conf/node.h"
#include "node/desired.h"

struct err;
struct frame;
struct cluster;
struct keeper;

struct agent; /* one per process */

/* The contract of struct frame_spec's start, reload and stop. */
void *agent_start(struct frame *frame, void *config, struct err *err);
int agent_reload(void *data, void *config, struct err *err);
void agent_stop(void *data);
int agent_check_platform(struct err *err);

/* For status and explain; valid until the next event. */
struct agent_state {
	struct node_view view;
	struct keeper *keeper;
	struct cluster *cluster; /* NULL: the configuration is all */
	uint64_t connections_ended;
};
struct agent_state agent_state(const struct agent *agent);
