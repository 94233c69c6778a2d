// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: policies, pods and egress IPs -> classes. A class is the answer to "where may a packet of
 * this source go, and with which egress IP": an ordered list of (policy, egress IP). All sources
 * with the same answer share a class, so that kernel rules are per class and pods are just elements
 * of a map. Node and gateway compute the same classes from the same input.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct err;

#define POLICY_NAME_MAX 64    /* 63 characters and NUL */
#define POLICY_MAX 1024       /* policies */
#define POLICY_EGRESS_MAX 127 /* egress IPs; the mark has 7 bits for them */
/* In the place of an egress IP's index: there is none, and what is governed goes nowhere. */
#define POLICY_EGRESS_NONE POLICY_EGRESS_MAX
/*
 * Addresses of ranges that are spread over several egress IPs: of one policy, and of all together.
 * Single addresses (/32) don't count: they cost the same spread or not.
 */
#define POLICY_SPREAD_MAX 65536
#define POLICY_SPREAD_TOTAL_MAX (1u << 20)
/* Different answers, each becomes a chain in the kernel; and the rules of all of them together. */
#define POLICY_CLASS_MAX 65536
#define POLICY_RULES_MAX (1u << 20)
#define POLICY_CONNECTIONS_MAX (1u << 20) /* that a source may be allowed */

/* One policy as configured. Borrowed for the time of the call. */
struct policy_spec {
	const char *name;
	const struct ip4_prefix *pods; /* sources; a pod is a /32 */
	size_t n_pods;
	const struct ip4_prefix *destinations;
	size_t n_destinations;
	const struct ip4_prefix *excluded;
	size_t n_excluded;
	const unsigned *egress; /* indexes into the egress list; a source sticks to one of them */
	size_t n_egress;        /* 0: POLICY_EGRESS_NONE for all; with `lenient` only */
	/* Sources, in `pods` or not, that the policy governs with POLICY_EGRESS_NONE. */
	const struct ip4_prefix *blocked;
	size_t n_blocked;
	/*
	 * Of policies that govern a common source and destination the one with the lowest wins, and
	 * among equals the one whose name is first in bytes.
	 */
	int64_t precedence;
	/* That a source may have at a time, over all policies; 0: this policy says nothing of it. For gateways. */
	uint32_t connections;
};

struct policy_input {
	const struct policy_spec *specs;
	size_t n_specs;
	const char *const *egress_names; /* rendezvous hashing uses the name */
	size_t n_egress;
	const struct ip4_prefix *always_excluded; /* VPC, services; the built-in ranges are added */
	size_t n_always_excluded;
	/*
	 * For policies that come one by one from different people, so that a wrong one doesn't take the
	 * others down: they may overlap (the first by precedence governs what is common, the other one
	 * the rest of its destinations), and have neither effective destinations nor egress IPs.
	 */
	bool lenient;
};

struct policy_rule { /* one (policy, egress IP) of a class */
	uint16_t policy;
	uint16_t egress; /* or POLICY_EGRESS_NONE: whoever reads this must drop or refuse */
};

struct policy_class {
	/* Sorted by precedence, then by policy name: the first one that has the destination governs. */
	struct policy_rule *rules;
	size_t n_rules;
	/*
	 * Names the content: equal on node and gateway, over restarts and for any order of the
	 * input, and never 0. It is a contract between versions: for each rule in their order the
	 * policy's name, a NUL, the egress IP's name (nothing for POLICY_EGRESS_NONE) and a NUL go
	 * through 64-bit FNV-1a (offset 0xcbf29ce484222325, prime 0x100000001b3); the sum
	 * through MurmurHash3's finaliser (shift 33, 0xff51afd7ed558ccd, shift 33,
	 * 0xc4ceb9fe1a85ec53, shift 33); 0 becomes 1.
	 */
	uint64_t key;
};

struct policy_member { /* sources first..last are of this class */
	struct ip4_range range;
	uint32_t class_index;
};

struct policy_result {
	size_t n_policies;
	char (*names)[POLICY_NAME_MAX]; /* of the policies, as given */
	uint32_t *connections;          /* of each: what the spec says */
	struct ip4_set *destinations;   /* of each: destinations - excluded - always excluded */
	struct policy_class *classes;
	size_t n_classes;              /* numbered by their lowest source */
	struct policy_rule *rules;     /* storage of all classes' rules */
	struct policy_member *members; /* sorted, disjoint; neighbours of one class are merged */
	size_t n_members;
};

/*
 * 0, or -EINVAL with a sentence that begins with the path of the offending value as in the
 * configuration ("policies[1].destination_cidrs: overlaps policies[0] ..."): two policies that
 * select a common source and a common effective destination; a policy without an effective
 * destination; more of anything than the limits above; an index out of range; a name that is empty,
 * too long or used twice. A policy without pods is fine, and see `lenient`. -ENOMEM. O(n log n) in pods. *ret is
 * written on success only and then owned by the caller.
 */
int policy_compile(const struct policy_input *input, struct policy_result *ret, struct err *err);
/* Frees and zeroes; a zeroed result is fine. */
void policy_result_done(struct policy_result *result);

/* The class of that key, or NULL. O(n_classes). */
const struct policy_class *policy_class_find(const struct policy_result *result, uint64_t key);
/* The class of a source, or NULL: not selected. O(log n). */
const struct policy_class *policy_class_of(const struct policy_result *result, struct ip4 source);
/* The rule of a class that governs a destination, or NULL. `class` may be NULL. */
const struct policy_rule *policy_class_rule(const struct policy_result *result,
					    const struct policy_class *class,
					    struct ip4 destination);
/* The rule that governs (source, destination), or NULL: goes its normal way. */
const struct policy_rule *policy_rule_of(const struct policy_result *result, struct ip4 source,
					 struct ip4 destination);

/*
 * Highest-random-weight (rendezvous) hashing, Thaler and Ravishankar 1998: the index into `egress`
 * of the egress IP that `source` sticks to. Adding one moves only its share (1/n), removing one
 * moves only its own. The order of the list doesn't matter. n is between 1 and POLICY_EGRESS_MAX.
 * Node and gateway must agree, so this is a contract between versions too: the weight of an egress
 * IP is the hash of policy_class.key (without its last step, 0 becomes 1) over the egress IP's
 * name, a NUL, and the four bytes of the source address in network order; the highest weight, as
 * unsigned number, wins.
 */
size_t policy_rendezvous(const char *const *names, const unsigned *egress, size_t n,
			 struct ip4 source);

/*
 * The ranges that no policy ever governs: "this" network, loopback, link-local, multicast,
 * reserved.
 */
extern const struct ip4_prefix policy_builtin_excluded[];
extern const size_t policy_builtin_excluded_count;
