// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Kubernetes' objects, as far as an inventory wants to know them. All is borrowed for the time of the call.
 * created_s is metadata.creationTimestamp in seconds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "base/ip6.h"
#include "policy/labels.h"
#include "policy/selector.h"

#define INVENTORY_PODS_MAX (1u << 19)
#define INVENTORY_NAMESPACES_MAX (1u << 17)
#define INVENTORY_ADDRESSES_MAX 8  /* of one pod and family; Kubernetes allows one */
#define INVENTORY_SELECTORS_MAX 64 /* of one policy */
#define INVENTORY_CIDRS_MAX 4096   /* in each list of a policy */

enum inventory_phase {
	INVENTORY_PENDING,
	INVENTORY_RUNNING,
	INVENTORY_SUCCEEDED,
	INVENTORY_FAILED,
	INVENTORY_PHASE_UNKNOWN, /* counts like Running */
};

struct inventory_pod {
	const char *namespace;
	const char *name;
	const char *uid;
	int64_t created_s;
	const char *node; /* spec.nodeName; NULL or "": not scheduled */
	const struct label_text *labels;
	size_t n_labels;
	const struct ip4 *addresses; /* status.podIPs by family */
	size_t n_addresses;
	const struct ip6 *addresses6;
	size_t n_addresses6;
	enum inventory_phase phase;
	bool host_network; /* spec.hostNetwork */
	bool terminating;  /* has a metadata.deletionTimestamp */
};

struct inventory_namespace {
	const char *name;
	const char *uid;
	int64_t created_s;
	const struct label_text *labels;
	size_t n_labels;
};

struct inventory_selector {
	const struct selector_text *namespaces; /* NULL: absent */
	const struct selector_text *pods;       /* NULL: absent */
};

struct inventory_policy {
	const char *name;
	const char *uid;
	int64_t created_s;
	int64_t generation; /* metadata.generation: an equal one of the same uid is known; 0: don't rely on it */
	const struct inventory_selector *selectors;
	size_t n_selectors;
	const struct ip4_prefix *pod_cidrs;
	size_t n_pod_cidrs;
	const struct ip4_prefix *destinations;
	size_t n_destinations;
	const struct ip4_prefix *excluded;
	size_t n_excluded;
	const char *gateway;           /* name of the EgressGateway */
	const char *const *egress_ips; /* names within it */
	size_t n_egress_ips;
	bool best_effort;     /* enforcement: BestEffort; else Strict */
	uint32_t connections; /* that each source may have at a time; 0: any number */
	bool allow_ip6; /* IPv6 of selected pods goes its normal way; else it is to be dropped */
};

struct inventory_egress { /* an egress IP of some EgressGateway */
	const char *gateway;
	const char *name;
};
