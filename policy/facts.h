// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What an inventory can say besides classes: whose an address is, who is known on a node, what is wrong with a
 * policy, and why a pod is selected or not. Pointers are valid until the inventory changes.
 */
#pragma once

#include "policy/inventory.h"

/* Each address that a pod has, as last told, in no particular order. */
struct inventory_address {
	struct ip4 address;
	const char *node; /* "": not classified yet */
	uint64_t class;   /* key; 0: not selected */
};
/* *cursor is 0 to begin with. False: no more. The inventory must not change in between. */
bool inventory_next_address(const struct inventory *inventory, size_t *cursor,
			    struct inventory_address *ret);

/* How many addresses the policy of that index in inventory_result has, pods or not, as last told. */
uint64_t inventory_sources(const struct inventory *inventory, size_t policy);

/* Who has the address now. Of one pod the name is always the same pointer. */
struct inventory_owner {
	const char *namespace, *name, *node;
	bool contested;
};
bool inventory_owner_of(const struct inventory *inventory, struct ip4 address,
			struct inventory_owner *ret);

/* And which pod that is, of all that ever have the name: its uid (a longer one is cut), and when it was made. */
#define INVENTORY_UID_MAX 64
struct inventory_birth {
	char uid[INVENTORY_UID_MAX];
	int64_t created_s;
};
bool inventory_birth_of(const struct inventory *inventory, struct ip4 address,
			struct inventory_birth *ret);

/*
 * Whether all that is known of the address was told, so that its class in the result is that of its owner; and
 * whether anything at all wasn't told yet.
 */
bool inventory_is_told(const struct inventory *inventory, struct ip4 address);
bool inventory_has_news(const struct inventory *inventory);

/* Whether there is a policy with enforcement Strict: pods that aren't classified have to wait. */
bool inventory_is_strict(const struct inventory *inventory);

/* Whether one of these drops IPv6. */
bool inventory_is_strict6(const struct inventory *inventory);

/* A pod of a node (NULL: of any) that has or will have a network device of its own: neither host-network nor finished. */
struct inventory_local {
	const char *namespace, *name;
	const struct ip4 *addresses; /* none: it has them later, or only of IPv6 */
	size_t n_addresses;
	bool namespace_known; /* else policies may select it by its namespace's labels yet */
	bool drops6;          /* a policy that selects it drops its IPv6 */
};
/* *cursor is 0 to begin with. False: no more. In no order; O(policies) each. */
bool inventory_next_local(const struct inventory *inventory, const char *node, size_t *cursor,
			  struct inventory_local *ret);

/* What is wrong with a policy. The names are for conditions and Events, and stay. */
enum inventory_reason {
	INVENTORY_GATEWAY_UNKNOWN, /* "EgressGatewayUnknown": dropped */
	INVENTORY_EGRESS_UNKNOWN,  /* "EgressIPUnknown": dropped, or only the known ones are used */
	INVENTORY_TOO_MANY_TO_SPREAD, /* "TooManyAddresses": ranges too large for several egress IPs: dropped */
	INVENTORY_NO_DESTINATION, /* "NoDestination": nothing is left after the excluded ranges */
	INVENTORY_CONFLICT,       /* "Conflict": an older policy governs some of its traffic */
	INVENTORY_CONTESTED,      /* "AddressContested": dropped for these pods */
	INVENTORY_HOST_NETWORK,   /* "HostNetworkPods": they are ignored */
	INVENTORY_REASON_COUNT
};
const char *inventory_reason_name(enum inventory_reason reason);
/* What becomes of the traffic that it is about, for an Event: "Dropping", "Ignoring", "Yielding". */
const char *inventory_reason_action(enum inventory_reason reason);

struct inventory_problem {
	enum inventory_reason reason;
	size_t n;       /* of what it is about: names, policies, addresses, pods */
	char text[512]; /* a sentence; names at most a few and how many more there are */
};

struct inventory_status {
	size_t n_pods; /* addresses of pods that its selectors select; those by pod_cidrs alone don't count */
	struct inventory_problem problems[INVENTORY_REASON_COUNT]; /* in the order of the reasons */
	size_t n_problems;
};
/*
 * As last told. 0; -ENOENT: no such policy; -EAGAIN: not compiled, or changed since in a way that needs it. Costs
 * O(classes), and O(pods) where pods have to be named and for a policy with pod_cidrs. The texts don't depend on the order of events.
 */
int inventory_status(const struct inventory *inventory, const char *policy,
		     struct inventory_status *ret);

/*
 * Whether pods of the host's network came, went or changed since this was last asked: that is nobody's class, so
 * inventory_take doesn't tell it, but inventory_status may say something else.
 */
bool inventory_take_ignored(struct inventory *inventory);

/* Why a pod is selected, or not. */
enum inventory_state {
	INVENTORY_COUNTS,
	INVENTORY_IS_HOST_NETWORK,
	INVENTORY_IS_FINISHED,
	INVENTORY_HAS_NO_ADDRESS,
};
struct inventory_found {
	enum inventory_state state;
	bool namespace_known;
	bool terminating;
	struct inventory_owner pod; /* contested: one of its addresses is */
	const struct ip4 *addresses;
	size_t n_addresses;
};
/* False: no such pod. */
bool inventory_find(const struct inventory *inventory, const char *space, const char *name,
		    struct inventory_found *ret);

struct inventory_match {
	const char *policy;
	int selector; /* the first of spec.selectors that selects the pod; -1: none, it is by address */
	bool by_address;
};
/* The policies that have the pod, older first. *cursor is 0 to begin with. Nothing before the first compile. */
bool inventory_next_match(const struct inventory *inventory, const struct inventory_found *pod,
			  size_t *cursor, struct inventory_match *ret);

/* Why one of a policy's selectors doesn't select a pod. */
enum inventory_missed {
	INVENTORY_MISSED_NAMESPACE, /* the namespace's labels */
	INVENTORY_MISSED_NAMESPACE_UNKNOWN, /* the namespace isn't known, and the selector asks for its labels */
	INVENTORY_MISSED_POD,               /* the pod's labels */
};
struct inventory_miss {
	int selector;
	enum inventory_missed missed;
	const char *key; /* of the label; NULL: the namespace isn't known */
	char text[512];  /* "the namespace's label team is \"a\", not \"payments\"" */
};
/*
 * Those that don't, in their order, by labels alone: whatever the pod's state. *cursor is 0 to begin with. False: no
 * more, or no such policy. Not only once compiled.
 */
bool inventory_next_miss(const struct inventory *inventory, const struct inventory_found *pod,
			 const char *policy, size_t *cursor, struct inventory_miss *ret);
