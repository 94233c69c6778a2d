// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside pod_judge: the steps along the way, each of which adds its findings. */
#pragma once

#include "cli/pod.h"
#include "daemon/groups.h"
#include "kube/kinds.h"
#include "policy/facts.h"
#include "policy/policy.h"

/* What all steps know of each other. */
struct judging {
	const struct pod_facts *facts;
	struct judgement *ret;
	const struct kube_pod *pod;
	struct inventory *inventory;
	const struct policy_result *result;
	struct groups groups;
	struct group_egress *egress; /* in the inventory's order */
	size_t n_egress;
	struct ip4_prefixes members; /* addresses of gateways, which no policy governs */
	struct inventory_found found;
	const struct kube_policy *governs; /* NULL: none does */
	size_t n_matches;
	bool has_address; /* it counts, and has an IPv4 address */
};

/* A finding to be filled; never NULL. */
struct finding *finding_add(struct judging *j, enum finding_level level, const char *about,
			    const char *name);
void finding_say(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void finding_fix(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The first object of the answer, or NULL. */
const void *fact_first(const struct pod_facts *facts, enum pod_question question);
/* A question that failed, and isn't needed for the rest. */
void judge_untried(struct judging *j, enum pod_question question, const char *about,
		   const char *what);

/* pod_fill.c: whether all is there that nothing can be said without. */
bool judge_access(struct judging *j);
/* 0; -EINVAL: the daemons can't work with it either, which is a finding; -ENOMEM. */
int judge_fill(struct judging *j);
/* pod_policies.c: sets `governs`. */
void judge_policies(struct judging *j);
/* pod_way.c. Of a governed destination: egress IP, gateway, node and its agent. */
void judge_way(struct judging *j);
/* Whether this host's daemons say the same, if it's their business. */
void judge_daemons(struct judging *j);
