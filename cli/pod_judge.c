// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/pod_judge.h"

#include "base/cleanup.h"
#include "cli/resolve.h"
#include "policy/inventory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const finding_level_names[FINDING_LEVEL_COUNT] = { "ok", "note", "untried", "wrong" };

struct finding *finding_add(struct judging *j, enum finding_level level, const char *about,
			    const char *name)
{
	struct judgement *const ret = j->ret;
	struct finding *const v = reallocarray(ret->v, ret->n + 1, sizeof(*v));
	struct finding *const finding = v ? &v[ret->n] : &ret->lost;

	if (v) {
		ret->v = v;
		ret->n++;
	} else {
		ret->is_incomplete = true;
	}
	*finding = (struct finding){ .level = level, .about = about, .name = name };
	return finding;
}

void finding_say(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

void finding_fix(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->fix, sizeof(finding->fix), format, args);
	va_end(args);
}

const struct finding *judgement_wrong(const struct judgement *judgement)
{
	for (size_t i = 0; i < judgement->n; i++)
		if (judgement->v[i].level == FINDING_WRONG)
			return &judgement->v[i];
	return NULL;
}

void judgement_done(struct judgement *judgement)
{
	free(judgement->v);
	*judgement = (struct judgement){ .v = NULL };
}

/* ---- the pod */

static const char *name_phase(const struct kube_pod *pod)
{
	static const char *const names[KUBE_PHASE_COUNT] = { "phase unknown", "Pending", "Running",
							     "Succeeded", "Failed" };

	return names[pod->phase];
}

static void explain_no_address(struct judging *j)
{
	const bool is_selected = j->n_matches > 0;
	const bool has_ip6 = j->pod->ips.n > 0 && j->pod->ips.v[0].family == 6;
	struct finding *const f = finding_add(j, is_selected ? FINDING_WRONG : FINDING_NOTE, "pod",
					      has_ip6 ? "NoIPv4" : "NoAddress");

	if (has_ip6)
		finding_say(f, "it has no IPv4 address: an egress IP is an IPv4 address");
	else if (!j->pod->node)
		finding_say(f, "it's %s and on no node yet: it can't send anything",
			    name_phase(j->pod));
	else
		finding_say(f, "it's %s on %.253s and has no address yet: it can't send anything",
			    name_phase(j->pod), j->pod->node);
	if (has_ip6)
		finding_fix(
			f,
			"take it out of the policies, or give the cluster's pods IPv4 addresses");
	else
		finding_fix(f, "kubectl -n %.253s describe pod %.253s", j->pod->meta.namespace,
			    j->pod->meta.name);
}

static void explain_host_network(struct judging *j)
{
	const bool is_selected = j->n_matches > 0;
	struct finding *const f =
		finding_add(j, is_selected ? FINDING_WRONG : FINDING_OK, "pod", "HostNetwork");

	finding_say(f, "it's on the host's network: it sends with its node's address%s",
		    is_selected ? ", and policies can't take it though they select it" : "");
	if (is_selected)
		finding_fix(f, "take hostNetwork out of the pod, or the pod out of the policies");
}

static void judge_state(struct judging *j)
{
	const struct kube_pod *const pod = j->pod;
	struct finding *f;

	switch (j->has_address || j->found.state != INVENTORY_COUNTS ? j->found.state :
								       INVENTORY_HAS_NO_ADDRESS) {
	case INVENTORY_IS_HOST_NETWORK:
		explain_host_network(j);
		break;
	case INVENTORY_IS_FINISHED:
		f = finding_add(j, FINDING_NOTE, "pod", "Finished");
		finding_say(f, "it has ended (%s) and sends nothing; its address may be another's",
			    name_phase(pod));
		break;
	case INVENTORY_HAS_NO_ADDRESS:
		explain_no_address(j);
		break;
	case INVENTORY_COUNTS:
		f = finding_add(j, FINDING_OK, "pod", "Counts");
		finding_say(f, "%s on %.253s, %s", name_phase(pod),
			    pod->node ? pod->node : "no node", j->ret->address);
		break;
	}
	if (pod->meta.is_going)
		finding_say(finding_add(j, FINDING_NOTE, "pod", "Terminating"),
			    "it's being deleted, and keeps its egress IP to its end");
}

/* Others that have its address, and whose the address is. */
static void judge_address(struct judging *j)
{
	const struct pod_fact *const sharers = &j->facts->v[POD_ASK_SHARERS];
	const char *other = NULL, *space = NULL;
	struct inventory_owner owner;
	struct finding *f;

	judge_untried(j, POD_ASK_SHARERS, "pod", "whether another pod has its address");
	if (!j->has_address)
		return;
	for (size_t i = 0; sharers->state == FACT_KNOWN && i < sharers->objects.n && !other; i++) {
		const struct kube_pod *const pod = sharers->objects.v[i];

		if (strcmp(pod->meta.uid, j->pod->meta.uid) == 0)
			continue;
		other = pod->meta.name;
		space = pod->meta.namespace;
	}
	if (j->found.pod.contested) {
		f = finding_add(j, FINDING_WRONG, "pod", "AddressContested");
		finding_say(f,
			    "%.253s/%.253s has the address %s, too, and is selected differently: "
			    "nobody can say whose it is, and nothing leaves with it",
			    space ? space : "", other ? other : "", j->ret->address);
		finding_fix(f, "find out which of them the node really runs, and delete the other");
	} else if (inventory_owner_of(j->inventory, j->found.addresses[0], &owner) &&
		   owner.name != j->found.pod.name) {
		f = finding_add(j, FINDING_WRONG, "pod", "AddressGivenAgain");
		finding_say(f,
			    "its address %s is that of %.253s/%.253s now, and what leaves with it "
			    "is treated as that one's",
			    j->ret->address, owner.namespace, owner.name);
		finding_fix(f, "eipgw explain pod %.253s/%.253s", owner.namespace, owner.name);
	}
}

/* ---- what else there is to know */

static void judge_ip6(struct judging *j)
{
	bool has_ip6 = false;

	for (size_t i = 0; i < j->pod->ips.n; i++)
		has_ip6 |= j->pod->ips.v[i].family == 6;
	if (has_ip6 && j->governs && j->governs->ipv6 != KUBE_IPV6_ALLOW)
		finding_say(
			finding_add(j, FINDING_NOTE, "pod", "IPv6Dropped"),
			"its IPv6 packets to the internet are dropped (spec.ipv6 of %.253s), as "
			"they would leave with another identity",
			j->governs->meta.name);
}

/* The daemons' own always_excluded stands in their configuration, not in Kubernetes. */
static void judge_excluded(struct judging *j)
{
	char text[IP4_TEXT_MAX];

	if (j->governs && resolve_is_private(j->facts->destination, NULL))
		finding_say(finding_add(j, FINDING_UNTRIED, "destination", "AlwaysExcluded"),
			    "%s goes its normal way if always_excluded of node.json has it, which "
			    "isn't known here",
			    ip4_format(j->facts->destination, text));
}

static void set_verdict(struct judging *j)
{
	struct judgement *const ret = j->ret;
	const bool is_host = j->found.state == INVENTORY_IS_HOST_NETWORK;

	if (!is_host && !j->has_address)
		ret->verdict = "nothing";
	else if (is_host || !j->governs)
		ret->verdict = "direct";
	else
		ret->verdict = "egress";
	if (j->found.pod.contested)
		ret->verdict = "dropped";
}

static const char *find_state(const struct judgement *ret)
{
	for (size_t i = 0; i < ret->n; i++)
		if (strcmp(ret->v[i].about, "pod") == 0)
			return ret->v[i].text;
	return "";
}

static void set_headline(struct judging *j)
{
	struct judgement *const ret = j->ret;
	const struct finding *const wrong = judgement_wrong(ret);
	char to[IP4_TEXT_MAX];

	ip4_format(j->facts->destination, to);
	if (wrong)
		snprintf(ret->headline, sizeof(ret->headline), "%s", wrong->text);
	else if (strcmp(ret->verdict, "nothing") == 0)
		snprintf(ret->headline, sizeof(ret->headline), "%s", find_state(ret));
	else if (strcmp(ret->verdict, "egress") == 0)
		snprintf(ret->headline, sizeof(ret->headline), "leaves with %s%s%.250s of %.250s%s",
			 ret->public_ip, ret->public_ip[0] ? " (" : "", ret->egress_ip,
			 ret->gateway, ret->public_ip[0] ? ")" : "");
	else if (j->n_matches == 0 || j->found.state == INVENTORY_IS_HOST_NETWORK)
		snprintf(ret->headline, sizeof(ret->headline),
			 "no policy selects it: it goes its normal way");
	else
		snprintf(ret->headline, sizeof(ret->headline),
			 "a policy selects it, but none governs %s: it goes its normal way", to);
}

static void judge_pod(struct judging *j)
{
	struct inventory_match match;
	size_t cursor = 0;

	while (inventory_next_match(j->inventory, &j->found, &cursor, &match))
		j->n_matches++;
	j->has_address = j->found.state == INVENTORY_COUNTS && j->found.n_addresses > 0;
	if (j->found.n_addresses)
		ip4_format(j->found.addresses[0], j->ret->address);
	if (j->pod->node)
		snprintf(j->ret->node, sizeof(j->ret->node), "%s", j->pod->node);
	judge_state(j);
	judge_address(j);
	judge_policies(j);
	if (j->governs)
		snprintf(j->ret->policy, sizeof(j->ret->policy), "%s", j->governs->meta.name);
	set_verdict(j);
	judge_ip6(j);
	judge_excluded(j);
	if (j->governs && j->found.state != INVENTORY_IS_HOST_NETWORK &&
	    j->found.state != INVENTORY_IS_FINISHED)
		judge_way(j);
	judge_daemons(j);
}

static void judging_done(struct judging *j)
{
	inventory_free(j->inventory);
	groups_done(&j->groups);
	free(j->egress);
	ip4_prefixes_done(&j->members);
}

int pod_judge(const struct pod_facts *facts, struct judgement *ret)
{
	CLEANUP(judging_done) struct judging j = { .facts = facts, .ret = ret };
	int r = 0;

	*ret = (struct judgement){ .verdict = "unknown" };
	if (judge_access(&j)) {
		j.pod = fact_first(facts, POD_ASK_POD);
		r = judge_fill(&j);
		if (r == 0 &&
		    inventory_find(j.inventory, j.pod->meta.namespace, j.pod->meta.name, &j.found))
			judge_pod(&j);
	}
	set_headline(&j);
	return r == -ENOMEM || ret->is_incomplete ? -ENOMEM : 0;
}
