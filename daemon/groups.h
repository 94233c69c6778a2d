// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: the EgressGateways that are known, as one list of egress IPs and who carries each of them now. */
#pragma once

#include <stddef.h>

#include "base/ip4.h"
#include "policy/policy.h"

struct err;
struct ip4_prefixes;
struct kube_gateway;

#define GROUPS_MAX 64
#define GROUP_TEXT_MAX 64 /* names and IDs, with NUL */
#define GROUP_TAG_MAX 400 /* "KEY=VALUE" */

/* Of allocation_id, public_ip and tag exactly one is given in the spec. */
struct group_egress {
	char full_name[POLICY_NAME_MAX]; /* inventory_name: "GROUP/NAME" */
	char group[GROUP_TEXT_MAX];
	char name[GROUP_TEXT_MAX];
	char allocation_id[GROUP_TEXT_MAX];
	struct ip4 public_ip;
	char tag[GROUP_TAG_MAX];
	struct ip4 gateway; /* the VPC address of the member that carries it; 0: nobody does */
	struct ip4 second;  /* of the one that gets a copy of each packet; 0: nobody does */
};

struct group_member {
	char name[GROUP_TEXT_MAX];
	char zone[GROUP_TEXT_MAX]; /* "": not known */
	struct ip4 address;        /* 0: not known */
};

struct group {
	char name[GROUP_TEXT_MAX];
	char uid[GROUP_TEXT_MAX];
	int64_t generation;
	struct group_egress *egress;
	size_t n_egress;
	struct group_member *members;
	size_t n_members;
};

struct groups {
	struct group *v; /* sorted by name */
	size_t n;
};

#define GROUPS_NULL ((struct groups){ .v = NULL })

enum groups_code {
	GROUPS_SAME =
		1, /* nothing that is kept has changed: a time or a condition in the status, perhaps */
};
/*
 * The object is so now. 0; GROUPS_SAME; -EINVAL with its place: a name or tag too long, more than POLICY_EGRESS_MAX egress IPs;
 * -ENOSPC: more than GROUPS_MAX; -ENOMEM. Then it stays as it was.
 */
int groups_set(struct groups *groups, const struct kube_gateway *object, struct err *err);
void groups_remove(struct groups *groups, const char *name);
void groups_done(struct groups *groups);
/* NULL: there's none of that name. */
const struct group *groups_find(const struct groups *groups, const char *name);

/* The egress IPs of one group, or with NULL of all, by group and place in it; the caller frees *ret. -ENOMEM. */
int groups_list(const struct groups *groups, const char *only, struct group_egress **ret,
		size_t *ret_n);
/*
 * `excluded` and the members' addresses: the tunnel's own packets are never governed. The caller frees ret->v.
 * -ENOMEM.
 */
int groups_exclude(const struct groups *groups, const struct ip4_prefixes *excluded,
		   struct ip4_prefixes *ret);
