// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pods, namespaces and nodes: k8s.io/api/core/v1. */
#include "kube/kinds.h"

#include "kube/kinds_table.h"

#include <assert.h>

/* Succeeding names of what `phase` may be; what comes later is unknown. */
static const char *const phases[] = { "Unknown", "Pending", "Running", "Succeeded", "Failed", NULL };
static_assert(ARRAY_SIZE(phases) == KUBE_PHASE_COUNT + 1, "each phase has its word");

struct pod_ip {
	struct kube_address address;
};

static const struct kube_field pod_ip_fields[] = {
	ROW(pod_ip, "ip", KUBE_ADDRESS, address),
};
static const struct kube_table pod_ip_table = TABLE(pod_ip, pod_ip_fields);
static_assert(sizeof(struct pod_ip) == sizeof(struct kube_address), "a list of addresses");

static const struct kube_field pod_fields[] = {
	META_ROWS(kube_pod),
	ROW(kube_pod, "spec/nodeName", KUBE_TEXT, node),
	ROW(kube_pod, "spec/hostNetwork", KUBE_BOOL, host_network),
	ROW(kube_pod, "status/phase", KUBE_ENUM, phase, .names = phases, .flags = KUBE_OPEN),
	ROW(kube_pod, "status/podIP", KUBE_ADDRESS, ip),
	ROW(kube_pod, "status/podIPs", KUBE_LIST, ips, .sub = &pod_ip_table, .max = 16),
};
static const struct kube_table pod_table = TABLE(kube_pod, pod_fields);
const struct kube_kind kube_pods = { "Pod", "v1", "/api/v1/pods", &pod_table };

static const struct kube_field namespace_fields[] = { META_ROWS(kube_namespace) };
static const struct kube_table namespace_table = TABLE(kube_namespace, namespace_fields);
const struct kube_kind kube_namespaces = { "Namespace", "v1", "/api/v1/namespaces",
					   &namespace_table };

static const struct kube_field node_address_fields[] = {
	ROW(kube_node_address, "type", KUBE_TEXT, type),
	ROW(kube_node_address, "address", KUBE_ADDRESS, address),
};
static const struct kube_table node_address_table = TABLE(kube_node_address, node_address_fields);

static const struct kube_field node_fields[] = {
	META_ROWS(kube_node),
	ROW(kube_node, "status/addresses", KUBE_LIST, addresses, .sub = &node_address_table,
	    .max = 256),
	ROW(kube_node, "spec/podCIDRs", KUBE_TEXTS, pod_cidrs, .max = 16),
};
static const struct kube_table node_table = TABLE(kube_node, node_fields);
const struct kube_kind kube_nodes = { "Node", "v1", "/api/v1/nodes", &node_table };
