// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: which connections `eipgw flows` asks for. All that is given must hold. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/endpoint.h"

struct control_args;
struct ct_flow;
struct err;
struct natlog_who;

#define FLOW_LIMIT 1000 /* unless another is asked for */
#define FLOW_LIMIT_MAX 1000000

struct flow_filter {
	const char *namespace, *name, *policy; /* "": any */
	struct endpoint egress, destination;
	bool has_egress, has_destination;
	uint8_t protocol;  /* 0: any */
	const char *state; /* one of flow_state's; NULL: any */
	size_t limit;
	char text[3][256]; /* what the above point into */
};

/* "pod", "namespace", "policy", "egress_ip", "destination", "protocol", "state", "limit". 0; -EINVAL with the reason. */
int flow_filter_parse(const struct control_args *args, struct flow_filter *ret, struct err *err);

/* By what the kernel says alone, and by what is known of it. */
bool flow_filter_kernel(const struct flow_filter *filter, const struct ct_flow *flow);
bool flow_filter_who(const struct flow_filter *filter, const struct ct_flow *flow,
		     const struct natlog_who *who);

/* TCP's, or "unreplied", "replied", "assured". */
const char *flow_state(const struct ct_flow *flow);
