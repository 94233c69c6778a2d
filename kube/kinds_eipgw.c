// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Our own: deploy/crds. The ceilings are those of the schemas, or more. */
#include "kube/kinds.h"

#include "kube/kinds_table.h"

#define API "eipgw.io/v1alpha1"
#define PATH "/apis/" API

static const struct kube_field condition_fields[] = {
	ROW(kube_condition, "type", KUBE_TEXT, type, .flags = KUBE_REQUIRED),
	ROW(kube_condition, "status", KUBE_TEXT, status),
	ROW(kube_condition, "observedGeneration", KUBE_I64, observed_generation),
	ROW(kube_condition, "lastTransitionTime", KUBE_TEXT, since),
	ROW(kube_condition, "reason", KUBE_TEXT, reason),
	ROW(kube_condition, "message", KUBE_TEXT, message, .max = 32768),
};
static const struct kube_table condition_table = TABLE(kube_condition, condition_fields);

/* Selectors. */

static const struct kube_field expression_fields[] = {
	ROW(kube_expression, "key", KUBE_TEXT, key, .flags = KUBE_REQUIRED),
	ROW(kube_expression, "operator", KUBE_TEXT, operator, .flags = KUBE_REQUIRED),
	ROW(kube_expression, "values", KUBE_TEXTS, values, .max = 1024),
};
static const struct kube_table expression_table = TABLE(kube_expression, expression_fields);

static const struct kube_field selector_fields[] = {
	ROW(kube_selector, "matchLabels", KUBE_LABELS, labels, .max = 1024),
	ROW(kube_selector, "matchExpressions", KUBE_LIST, expressions, .sub = &expression_table,
	    .max = 1024),
};
static const struct kube_table selector_table = TABLE(kube_selector, selector_fields);

static const struct kube_field pod_selector_fields[] = {
	ROW(kube_pod_selector, "namespaceSelector", KUBE_IS_THERE, has_namespaces),
	ROW(kube_pod_selector, "namespaceSelector", KUBE_OBJECT, namespaces,
	    .sub = &selector_table),
	ROW(kube_pod_selector, "podSelector", KUBE_IS_THERE, has_pods),
	ROW(kube_pod_selector, "podSelector", KUBE_OBJECT, pods, .sub = &selector_table),
};
static const struct kube_table pod_selector_table = TABLE(kube_pod_selector, pod_selector_fields);

/* EgressPolicy. */

static const char *const enforcements[] = { "", "Strict", "BestEffort", NULL };
static const char *const ipv6_words[] = { "", "Drop", "Allow", NULL };

static const struct kube_field policy_status_fields[] = {
	ROW(kube_policy_status, "observedGeneration", KUBE_I64, observed_generation),
	ROW(kube_policy_status, "matchedPods", KUBE_I64, matched_pods),
	ROW(kube_policy_status, "conditions", KUBE_LIST, conditions, .sub = &condition_table,
	    .max = 64),
};
const struct kube_table kube_policy_status_table = TABLE(kube_policy_status, policy_status_fields);

static const struct kube_field policy_fields[] = {
	META_ROWS(kube_policy),
	ROW(kube_policy, "spec/selectors", KUBE_LIST, selectors, .sub = &pod_selector_table,
	    .max = 256),
	ROW(kube_policy, "spec/podCIDRs", KUBE_PREFIXES, pod_cidrs, .max = 4096),
	ROW(kube_policy, "spec/destinationCIDRs", KUBE_PREFIXES, destination_cidrs, .max = 4096),
	ROW(kube_policy, "spec/excludedCIDRs", KUBE_PREFIXES, excluded_cidrs, .max = 4096),
	ROW(kube_policy, "spec/egressGateway", KUBE_TEXT, gateway, .flags = KUBE_REQUIRED),
	ROW(kube_policy, "spec/egressIPs", KUBE_TEXTS, egress_ips, .max = 256),
	ROW(kube_policy, "spec/enforcement", KUBE_ENUM, enforcement, .names = enforcements),
	ROW(kube_policy, "spec/ipv6", KUBE_ENUM, ipv6, .names = ipv6_words),
	ROW(kube_policy, "spec/connectionsPerPod", KUBE_I64, connections_per_pod),
	ROW(kube_policy, "status", KUBE_OBJECT, status, .sub = &kube_policy_status_table),
};
static const struct kube_table policy_table = TABLE(kube_policy, policy_fields);
const struct kube_kind kube_policies = { "EgressPolicy", API, PATH "/egresspolicies",
					 &policy_table };

/* EgressGateway. */

static const char *const member_states[] = { "", "Active", "Standby", "Draining", "NotReady", NULL };

static const struct kube_field member_fields[] = {
	ROW(kube_member, "name", KUBE_TEXT, name, .flags = KUBE_REQUIRED),
	ROW(kube_member, "zone", KUBE_TEXT, zone),
	ROW(kube_member, "address", KUBE_IP4, address),
	ROW(kube_member, "state", KUBE_ENUM, state, .names = member_states, .flags = KUBE_OPEN),
};
static const struct kube_table member_table = TABLE(kube_member, member_fields);

static const struct kube_field verified_fields[] = {
	ROW(kube_verified, "time", KUBE_TEXT, time, .flags = KUBE_REQUIRED),
	ROW(kube_verified, "outside", KUBE_BOOL, outside),
};
static const struct kube_table verified_table = TABLE(kube_verified, verified_fields);

static const struct kube_field carried_fields[] = {
	ROW(kube_carried, "name", KUBE_TEXT, name, .flags = KUBE_REQUIRED),
	ROW(kube_carried, "publicIP", KUBE_IP4, public_ip),
	ROW(kube_carried, "allocationID", KUBE_TEXT, allocation_id),
	ROW(kube_carried, "member", KUBE_TEXT, member),
	ROW(kube_carried, "secondMember", KUBE_TEXT, second_member),
	ROW(kube_carried, "since", KUBE_TEXT, since),
	ROW(kube_carried, "verified", KUBE_OBJECT, verified, .sub = &verified_table),
};
static const struct kube_table carried_table = TABLE(kube_carried, carried_fields);

static const struct kube_field gateway_status_fields[] = {
	ROW(kube_gateway_status, "observedGeneration", KUBE_I64, observed_generation),
	ROW(kube_gateway_status, "members", KUBE_LIST, members, .sub = &member_table, .max = 256),
	ROW(kube_gateway_status, "egressIPs", KUBE_LIST, egress_ips, .sub = &carried_table,
	    .max = 1024),
	ROW(kube_gateway_status, "publicIPs", KUBE_TEXTS, public_ips, .max = 1024),
	ROW(kube_gateway_status, "activeMembers", KUBE_TEXTS, active_members, .max = 256),
	ROW(kube_gateway_status, "conditions", KUBE_LIST, conditions, .sub = &condition_table,
	    .max = 64),
};
const struct kube_table kube_gateway_status_table =
	TABLE(kube_gateway_status, gateway_status_fields);

static const struct kube_field egress_ip_fields[] = {
	ROW(kube_egress_ip, "name", KUBE_TEXT, name, .flags = KUBE_REQUIRED),
	ROW(kube_egress_ip, "allocationID", KUBE_TEXT, allocation_id),
	ROW(kube_egress_ip, "publicIP", KUBE_IP4, public_ip),
	ROW(kube_egress_ip, "tag/key", KUBE_TEXT, tag_key),
	ROW(kube_egress_ip, "tag/value", KUBE_TEXT, tag_value),
};
static const struct kube_table egress_ip_table = TABLE(kube_egress_ip, egress_ip_fields);

static const struct kube_field gateway_fields[] = {
	META_ROWS(kube_gateway),
	ROW(kube_gateway, "spec/egressIPs", KUBE_LIST, egress_ips, .sub = &egress_ip_table,
	    .max = 1024),
	ROW(kube_gateway, "status", KUBE_OBJECT, status, .sub = &kube_gateway_status_table),
};
static const struct kube_table gateway_table = TABLE(kube_gateway, gateway_fields);
const struct kube_kind kube_gateways = { "EgressGateway", API, PATH "/egressgateways",
					 &gateway_table };
