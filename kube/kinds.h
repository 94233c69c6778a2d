// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The kinds that we look at, with what we need of them. All texts and lists are borrowed, see kube/json.h. Every
 * kind's struct begins with its struct kube_meta.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/json.h"

struct kube_kind {
	const char *name;        /* "Pod" */
	const char *api_version; /* "v1", "eipgw.io/v1alpha1" */
	const char *path;        /* "/api/v1/pods": of all namespaces */
	const struct kube_table *table;
};

struct kube_meta {
	const char *name;
	const char *namespace; /* NULL: a kind without namespaces */
	const char *uid;
	const char *version; /* metadata.resourceVersion: opaque */
	const char *created; /* creationTimestamp, RFC 3339; NULL: not said */
	int64_t generation;  /* 0: the kind has none */
	bool is_going;       /* deletionTimestamp is set */
	struct kube_labels labels;
};

enum kube_phase {                     /* Pod.status.phase */
		  KUBE_PHASE_UNKNOWN, /* not set, "Unknown", or a word that came later */
		  KUBE_PHASE_PENDING,
		  KUBE_PHASE_RUNNING,
		  KUBE_PHASE_SUCCEEDED,
		  KUBE_PHASE_FAILED,
		  KUBE_PHASE_COUNT
};

struct kube_pod {
	struct kube_meta meta;
	const char *node; /* NULL: not scheduled yet */
	bool host_network;
	int phase;              /* enum kube_phase */
	struct kube_address ip; /* status.podIP; text NULL: none yet */
	struct { /* status.podIPs: the first is the above; at most one of each family */
		struct kube_address *v;
		size_t n;
	} ips;
};

struct kube_namespace {
	struct kube_meta meta;
};

struct kube_node_address {
	const char *type; /* "InternalIP", "ExternalIP", "Hostname", ... */
	struct kube_address address;
};

struct kube_node {
	struct kube_meta meta;
	struct {
		struct kube_node_address *v;
		size_t n;
	} addresses;
	struct kube_texts pod_cidrs; /* spec.podCIDRs; the VPC CNI sets none */
};

struct kube_expression { /* an item of matchExpressions */
	const char *key;
	const char *operator; /* "In", "NotIn", "Exists", "DoesNotExist" */
	struct kube_texts values;
};

/* A LabelSelector as it is written; what it means, and whether it is one, is policy/'s to know. */
struct kube_selector {
	struct kube_labels labels; /* matchLabels */
	struct {
		struct kube_expression *v;
		size_t n;
	} expressions;
};

struct kube_pod_selector {             /* an item of EgressPolicy.spec.selectors */
	bool has_namespaces, has_pods; /* absent isn't the same as empty */
	struct kube_selector namespaces, pods;
};

struct kube_condition {
	const char *type;
	const char *status; /* "True", "False", "Unknown" */
	int64_t observed_generation;
	const char *since; /* lastTransitionTime */
	const char *reason, *message;
};

struct kube_conditions {
	struct kube_condition *v;
	size_t n;
};

enum kube_enforcement {
	KUBE_ENFORCEMENT_UNSET,
	KUBE_ENFORCEMENT_STRICT,
	KUBE_ENFORCEMENT_BEST_EFFORT
};
enum kube_ipv6 { KUBE_IPV6_UNSET, KUBE_IPV6_DROP, KUBE_IPV6_ALLOW };

struct kube_policy_status {
	int64_t observed_generation;
	int64_t matched_pods;
	struct kube_conditions conditions;
};

struct kube_policy {
	struct kube_meta meta;
	struct {
		struct kube_pod_selector *v;
		size_t n;
	} selectors;
	struct ip4_prefixes pod_cidrs, destination_cidrs, excluded_cidrs;
	const char *gateway; /* egressGateway */
	struct kube_texts egress_ips;
	int enforcement; /* enum kube_enforcement; the API server fills in the default */
	int ipv6;        /* enum kube_ipv6; likewise */
	int64_t connections_per_pod; /* 0: not said */
	struct kube_policy_status status;
};

struct kube_egress_ip { /* an item of EgressGateway.spec.egressIPs */
	const char *name;
	const char *allocation_id;       /* NULL: named in another way */
	struct ip4 public_ip;            /* 0: likewise */
	const char *tag_key, *tag_value; /* NULL: likewise */
};

enum kube_member_state {
	KUBE_MEMBER_UNSET,
	KUBE_MEMBER_ACTIVE,
	KUBE_MEMBER_STANDBY,
	KUBE_MEMBER_DRAINING,
	KUBE_MEMBER_NOT_READY
};

struct kube_member {
	const char *name, *zone; /* zone may be NULL */
	struct ip4 address;      /* the tunnel's end */
	int state;               /* enum kube_member_state */
};

struct kube_verified {
	const char *time; /* NULL: never */
	bool outside;
};

struct kube_carried {
	const char *name;
	struct ip4 public_ip;
	const char *allocation_id;
	const char *member;        /* NULL: nobody carries it */
	const char *second_member; /* NULL: it isn't on its way from one to another */
	const char *since;
	struct kube_verified verified;
};

struct kube_gateway_status {
	int64_t observed_generation;
	struct {
		struct kube_member *v;
		size_t n;
	} members;
	struct {
		struct kube_carried *v;
		size_t n;
	} egress_ips;
	struct kube_texts public_ips,
		active_members; /* of those that are carried; for kubectl get */
	struct kube_conditions conditions;
};

struct kube_gateway {
	struct kube_meta meta;
	struct {
		struct kube_egress_ip *v;
		size_t n;
	} egress_ips;
	struct kube_gateway_status status;
};

extern const struct kube_kind kube_pods;       /* struct kube_pod */
extern const struct kube_kind kube_namespaces; /* struct kube_namespace */
extern const struct kube_kind kube_nodes;      /* struct kube_node */
extern const struct kube_kind kube_policies;   /* struct kube_policy */
extern const struct kube_kind kube_gateways;   /* struct kube_gateway */

/* For writing them. */
extern const struct kube_table kube_policy_status_table, kube_gateway_status_table;
