// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: Kubernetes' pods, namespaces and policies -> which pod address is of which class. It takes objects as
 * they come from list and watch, in any order between the kinds, and answers in two ways: with a policy_result
 * for all of it, or with the addresses that changed, at a cost that doesn't depend on the number of pods.
 * What can be asked besides stands in facts.h. Node and gateway that know the same objects say the same.
 *
 * What is selected
 *   A policy selects a pod if any of its `selectors` does, and each address in `pod_cidrs`, pod or not. In one of
 *   `selectors` both parts must hold. The parts are absent or present as in a NetworkPolicyPeer of
 *   networking.k8s.io/v1, apart from a policy having no namespace of its own here: an absent `namespaces` is all
 *   namespaces, an absent `pods` all pods in them; an empty selector ({}) is everything. Both absent is refused,
 *   as Kubernetes does ("must specify a peer"): it is what a misspelt field leaves. No selectors: by label nothing.
 *   Of a namespace that isn't known yet only an absent or empty `namespaces` selects.
 *
 * Which pods count
 *   Those that have an address, aren't of the host's network and neither Succeeded nor Failed. A terminating
 *   pod counts to its end, and a Pending one from its address on: both can have connections.
 *   An address that several such pods have: CNIs give addresses again (the VPC CNI after 30 s), while the API
 *   still lists the one that ended. One that isn't terminating wins over one that is, then the one created
 *   later, then the one with the higher uid. If several are not terminating and aren't selected by the same
 *   policies, nobody can say whose the address is: it is *contested*, is of all their policies, and has
 *   POLICY_EGRESS_NONE in all of them.
 *
 * Policies that contradict each other
 *   Of two that have a source and a destination in common the older governs (created_s, then name), so that
 *   nobody can take connections over, or down, by adding a policy. The younger keeps its other sources and
 *   destinations: nothing that it asks for becomes ungoverned, which would leave with the node's address.
 *   A policy of which no egress IP is known governs with POLICY_EGRESS_NONE. With some known, those are used.
 *
 * Ceilings: each call checks what it is given and refuses with a sentence, and then nothing has changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "policy/objects.h"
#include "policy/policy.h"

struct entry;
struct err;
struct inventory;

/* NULL: no memory. */
struct inventory *inventory_new(void);
struct inventory *inventory_free(struct inventory *inventory); /* NULL */
void inventory_cleanup(struct inventory **inventory);

/*
 * The object is so now, new or not. One of the same name with another uid was deleted and made again: the one
 * created later stays, of the same second the one that comes later. What changes nothing costs next to nothing.
 * 0; -EINVAL with the path of what is wrong ("metadata.labels: ...", "spec.selectors[0].podSelector: ...");
 * -ENOSPC: too many; -ENOMEM. On failure nothing has changed: an object stays as it was, and a new one unknown.
 */
int inventory_pod_set(struct inventory *inventory, const struct inventory_pod *text,
		      struct err *err);
int inventory_namespace_set(struct inventory *inventory, const struct inventory_namespace *text,
			    struct err *err);
int inventory_policy_set(struct inventory *inventory, const struct inventory_policy *text,
			 struct err *err);
/* Deleted. Ignored if the object isn't known or has another uid (of a pod NULL: whichever it has). Can't fail. */
void inventory_pod_remove(struct inventory *inventory, const char *space, const char *name,
			  const char *uid);
/* The pod, for inventory_pod_drop; good until it's set again or removed. NULL: it isn't known. */
struct entry *inventory_pod_entry(const struct inventory *inventory, const char *space,
				  const char *name);
void inventory_pod_drop(struct inventory *inventory, struct entry *pod);
void inventory_namespace_remove(struct inventory *inventory, const char *name, const char *uid);
void inventory_policy_remove(struct inventory *inventory, const char *name, const char *uid);

/*
 * All egress IPs of all gateways, in an order of the caller's choice: rules speak of them by index. Their name
 * for keys, lanes and spreading is "GATEWAY/NAME", see inventory_name. -EINVAL: more than POLICY_EGRESS_MAX, one
 * twice. And the ranges that no policy governs (VPC, services). An equal list changes nothing. -ENOMEM.
 */
int inventory_egress_set(struct inventory *inventory, const struct inventory_egress *v, size_t n,
			 struct err *err);
int inventory_excluded_set(struct inventory *inventory, const struct ip4_prefix *v, size_t n);

/*
 * A name that policy_compile takes: the two with a slash between (`first` NULL: only the second). If that is too
 * long, its beginning, '~' and 16 hexadecimal digits of its hash, so that node and gateway agree.
 */
void inventory_name(char ret[static POLICY_NAME_MAX], const char *first, const char *second);

/*
 * Computes everything anew; afterwards, and until policies, egress IPs or excluded ranges change, or a pod is the
 * first of its class, changes can be taken one by one. *ret is the inventory's and valid until the next call that
 * succeeds. Its policies are in the order of precedence and called inventory_name(NULL, name); its members are as
 * of now, later changes are not entered there (inventory_class_of knows them). 0; -EINVAL (too many classes, or
 * what policy_compile finds); -ENOMEM. On failure the last result stays in force.
 */
int inventory_compile(struct inventory *inventory, const struct policy_result **ret,
		      struct err *err);
/* The last one; NULL before the first. */
const struct policy_result *inventory_result(const struct inventory *inventory);

/*
 * One address as it was when last told (by compile or take), and as it is. `node` is "" while no pod has the
 * address or the pod's namespace isn't known yet: it isn't classified. A class of 0 is none. So for a gateway there
 * is an element (node, address) -> class if there is a node and a class; for a node, the address is classified
 * if there is a node, and selected if there is a class.
 */
struct inventory_delta {
	struct ip4 address;
	const char *old_node, *node;
	uint64_t old_class, class; /* keys; the new one is in inventory_result */
};

struct inventory_changes {
	const struct inventory_delta *v; /* each address once, sorted */
	size_t n;
	bool ip6; /* inventory_next_local may say something else of a pod that has addresses of IPv6 */
};

enum inventory_code {
	INVENTORY_E_COMPILE = 1, /* needs inventory_compile */
};
/*
 * What changed since the last compile or take that succeeded. O(policies) for each address touched in between,
 * however often. 0; INVENTORY_E_COMPILE; -ENOMEM: nothing was told, try again. *ret is the inventory's and valid until
 * the next take or compile.
 */
int inventory_take(struct inventory *inventory, struct inventory_changes *ret);

/* The class of an address as last told; NULL: none. Valid as the result is. */
const struct policy_class *inventory_class_of(const struct inventory *inventory,
					      struct ip4 address);
