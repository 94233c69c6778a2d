// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside publish: publish_gateway.c tells of the EgressGateway, publish_policies.c of the EgressPolicies. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "gateway/tell/publish.h"
#include "gateway/tell/publish_plan.h"
#include "gateway/tell/told.h"

struct kube_events;
struct kube_status_writer;
struct loop_timer;

struct publish {
	struct cluster *cluster;
	char name[CONFIG_NAME_MAX], group[CONFIG_NAME_MAX];
	struct kube_status_writer *writer;
	struct kube_events *events;
	struct loop_timer *timer;           /* of the policies */
	struct told_list gateway, policies; /* parts: egress IPs and "Ready"; conditions */
	struct publish_memory memory;       /* in a group */
	struct loop_timer *due;             /* then it may be otherwise what is to be told */
	void (*on_due)(void *data);
	void *due_data;
	bool failing;     /* writing, and that was said */
	bool is_old;      /* the server's kind knows no second member */
	uint64_t written; /* so many, when last looked */
};

void publish_policies_due(void *data);
