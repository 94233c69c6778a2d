// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What Kubernetes said, as an inventory; and what is to be done where it said nothing. */
#include "cli/pod_judge.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "daemon/objects.h"
#include "policy/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const void *fact_first(const struct pod_facts *facts, enum pod_question question)
{
	const struct pod_fact *const fact = &facts->v[question];

	return fact->state == FACT_KNOWN && fact->objects.n ? fact->objects.v[0] : NULL;
}

static bool is_absent(const struct pod_fact *fact)
{
	return fact->state == FACT_FAILED && fact->failure.class == HTTP_CLASS_NOT_FOUND;
}

/* ---- what can't be read */

/* Names of a failure, and what to do about it. */
enum obstacle { FORBIDDEN, NOT_LOGGED_IN, BUSY, NO_ANSWER };

static enum obstacle classify(const struct kube_failure *failure)
{
	if (failure->special == KUBE_SPECIAL_FORBIDDEN)
		return FORBIDDEN;
	if (failure->class == HTTP_CLASS_CREDENTIALS)
		return NOT_LOGGED_IN;
	/* With a status it's the server's own word. */
	if (failure->status != 0 &&
	    (failure->class == HTTP_CLASS_THROTTLED || failure->class == HTTP_CLASS_RETRY))
		return BUSY;
	return NO_ANSWER;
}

static void explain_failure(struct judging *j, const struct kube_failure *failure)
{
	static const struct {
		const char *name, *fix;
	} rows[] = {
		[FORBIDDEN] = { "Forbidden",
				"the ClusterRole eipgw-view (deploy/rbac-view.yaml) has the rights: "
				"kubectl create clusterrolebinding eipgw-view-YOU "
				"--clusterrole=eipgw-view --user=YOU" },
		[NOT_LOGGED_IN] = { "NotLoggedIn",
				    "see that the kubeconfig's token or certificate is still good, "
				    "or set EIPGW_TOKEN" },
		[BUSY] = { "Busy", "the API server can't serve it just now: try again" },
		[NO_ANSWER] = { "NoAnswer", NULL },
	};
	const enum obstacle obstacle = classify(failure);
	struct finding *const f = finding_add(j, FINDING_WRONG, "cluster", rows[obstacle].name);

	finding_say(f, "%s", failure->text);
	if (rows[obstacle].fix)
		finding_fix(f, "%s", rows[obstacle].fix);
	else
		finding_fix(f, "see that %s is the cluster that is meant: kubectl cluster-info",
			    j->facts->server);
}

static void explain_absence(struct judging *j, enum pod_question question)
{
	const struct pod_facts *const facts = j->facts;
	const bool no_space = is_absent(&facts->v[POD_ASK_NAMESPACE]);
	struct finding *f;

	if (question == POD_ASK_POLICIES || question == POD_ASK_GATEWAYS) {
		f = finding_add(j, FINDING_WRONG, "cluster", "NotInstalled");
		finding_say(f,
			    "this cluster doesn't know the kinds EgressPolicy and EgressGateway");
		finding_fix(f, "kubectl apply -k deploy");
	} else if (no_space) {
		f = finding_add(j, FINDING_WRONG, "pod", "NoNamespace");
		finding_say(f, "there is no namespace %.253s", facts->namespace);
		finding_fix(f, "kubectl get namespaces");
	} else {
		f = finding_add(j, FINDING_WRONG, "pod", "NoPod");
		finding_say(f, "there is no pod %.253s in the namespace %.253s", facts->name,
			    facts->namespace);
		finding_fix(f, "kubectl -n %.253s get pods", facts->namespace);
	}
}

bool judge_access(struct judging *j)
{
	for (int i = POD_ASK_POD; i <= POD_ASK_GATEWAYS; i++) {
		const struct pod_fact *const fact = &j->facts->v[i];

		if (fact->state == FACT_KNOWN)
			continue;
		if (is_absent(fact))
			explain_absence(j, (enum pod_question)i);
		else
			explain_failure(j, &fact->failure);
		return false;
	}
	return true;
}

void judge_untried(struct judging *j, enum pod_question question, const char *about,
		   const char *what)
{
	const struct pod_fact *const fact = &j->facts->v[question];

	if (fact->state == FACT_FAILED)
		finding_say(finding_add(j, FINDING_UNTRIED, about, "NotReadable"),
			    "%s isn't known: %s", what, fact->failure.text);
}

/* ---- as an inventory */

static void refuse(struct judging *j, const char *kind, const char *name, const char *why)
{
	finding_say(finding_add(j, FINDING_NOTE, "cluster", "NotTaken"),
		    "%s %.253s isn't taken, here or by the daemons: %s", kind, name, why);
}

static int put_pod(struct judging *j, const void *object)
{
	CLEANUP(cleanup_free) struct inventory_pod *pod = object_pod(object);
	struct err err = ERR_NULL;

	return pod ? inventory_pod_set(j->inventory, pod, &err) : -ENOMEM;
}

static int put_namespace(struct judging *j, const void *object)
{
	CLEANUP(cleanup_free) struct inventory_namespace *space = object_namespace(object);
	struct err err = ERR_NULL;

	return space ? inventory_namespace_set(j->inventory, space, &err) : -ENOMEM;
}

static int put_policy(struct judging *j, const void *object)
{
	CLEANUP(cleanup_free) struct inventory_policy *policy = object_policy(object);
	struct err err = ERR_NULL;
	const int r = policy ? inventory_policy_set(j->inventory, policy, &err) : -ENOMEM;

	if (r < 0 && r != -ENOMEM)
		refuse(j, "EgressPolicy", policy->name, err.text);
	return r;
}

static int put_gateway(struct judging *j, const void *object)
{
	const struct kube_gateway *const gateway = object;
	struct err err = ERR_NULL;
	const int r = groups_set(&j->groups, gateway, &err);

	if (r < 0 && r != -ENOMEM)
		refuse(j, "EgressGateway", gateway->meta.name, err.text);
	return r < 0 ? r : 0;
}

/* One that is refused is left out. -ENOMEM. */
static int put_all(struct judging *j, enum pod_question question,
		   int (*put)(struct judging *j, const void *object))
{
	const struct pod_fact *const fact = &j->facts->v[question];

	if (fact->state != FACT_KNOWN)
		return 0;
	for (size_t i = 0; i < fact->objects.n; i++)
		if (put(j, fact->objects.v[i]) == -ENOMEM)
			return -ENOMEM;
	if (fact->objects.n_unreadable)
		finding_say(finding_add(j, FINDING_NOTE, "cluster", "NotReadable"),
			    "%zu objects can't be read, here or by the daemons: %s",
			    fact->objects.n_unreadable, fact->objects.unreadable);
	return 0;
}

static int put_egress(struct judging *j, struct err *err)
{
	static const struct ip4_prefixes none = { .v = NULL };
	CLEANUP(cleanup_free) struct inventory_egress *egress = NULL;
	int r = groups_list(&j->groups, NULL, &j->egress, &j->n_egress);

	if (r == 0)
		r = groups_exclude(&j->groups, &none, &j->members);
	egress = r == 0 ? calloc(j->n_egress + 1, sizeof(*egress)) : NULL;
	if (!egress)
		return -ENOMEM;
	for (size_t i = 0; i < j->n_egress; i++)
		egress[i] = (struct inventory_egress){ j->egress[i].group, j->egress[i].name };
	r = inventory_egress_set(j->inventory, egress, j->n_egress, err);
	return r < 0 ? r : inventory_excluded_set(j->inventory, j->members.v, j->members.n);
}

/* 0; -EINVAL: the daemons can't work with it either, which is a finding; -ENOMEM. */
static int compile(struct judging *j)
{
	struct err err = ERR_NULL;
	int r = put_egress(j, &err);

	if (r == 0)
		r = inventory_compile(j->inventory, &j->result, &err);
	if (r == 0 || r == -ENOMEM)
		return r;
	struct finding *const f = finding_add(j, FINDING_WRONG, "cluster", "NotCompiled");
	finding_say(f, "the policies of this cluster can't be put into force: %s", err.text);
	finding_fix(f, "kubectl get egresspolicies,egressgateways");
	return r;
}

int judge_fill(struct judging *j)
{
	j->inventory = inventory_new();
	if (!j->inventory || put_all(j, POD_ASK_NAMESPACE, put_namespace) < 0 ||
	    put_all(j, POD_ASK_SPACES, put_namespace) < 0 ||
	    put_all(j, POD_ASK_SHARERS, put_pod) < 0 || put_all(j, POD_ASK_POD, put_pod) < 0 ||
	    put_all(j, POD_ASK_POLICIES, put_policy) < 0 ||
	    put_all(j, POD_ASK_GATEWAYS, put_gateway) < 0)
		return -ENOMEM;
	return compile(j);
}
