// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What both daemons say alike on the control socket (eipgw(8) shows it). */
#pragma once

#include "base/config.h"
#include "base/ip4.h"
#include "policy/policy.h"

struct cluster;
struct control_args;
struct control_out;
struct err;
struct frame;
struct keeper;
struct nat_trace;

/* What it means that the counter counts. */
enum report_kind { REPORT_DROPS, REPORT_PASSES, REPORT_OPENS };
struct report_counter {
	const char *name, *help;
	enum report_kind kind;
};

/* The head of `status`: who, state, configuration, kernel, counters. `counters` ends with a NULL name. */
struct report_head {
	const char *program, *name, *table;
	const struct frame *frame;
	struct keeper *keeper;
	const struct cluster *cluster; /* NULL: none is followed */
	uint64_t connections_ended;
	const struct report_counter *counters;
	const struct report_counter *counters6; /* of the second table; NULL: the daemon has none */
};
int report_head(struct control_out *out, const struct report_head *head, struct err *err);

/* What is followed in Kubernetes, and how that goes. */
void report_cluster(struct control_out *out, const struct cluster *cluster);
/* `policies` is a config_list of struct policy_config; with Kubernetes (`cluster`) they are the inventory's. */
void report_policies(struct control_out *out, const struct config_list *policies,
		     const struct policy_result *compiled, const struct cluster *cluster);

/* How many sources the policy of that index has. */
uint64_t report_sources(const struct policy_result *compiled, const struct cluster *cluster,
			size_t policy);

/* Arguments `source` (required) and `destination` (default 198.51.100.1, RFC 5737) of `explain`. */
int report_addresses(const struct control_args *args, struct ip4 *ret_source,
		     struct ip4 *ret_destination, struct err *err);

struct report_verdict {
	struct ip4 source, destination;
	const char *word;      /* translated, steered, direct, dropped */
	const char *egress_ip; /* NULL: none */
	char sentence[640];
};
void report_explanation(struct control_out *out, const struct report_verdict *verdict,
			const struct nat_trace *trace);
