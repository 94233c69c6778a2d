// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: whether the API server is there, takes us, lets us do our work, and knows our kinds. */
#include "cli/check.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/facts.h"
#include "conf/gateway.h"

#define KINDS "eipgw.io"
#define EVENTS "events.k8s.io"
#define LEASES "coordination.k8s.io"
#define SYSTEM "eipgw-system"

const struct kube_right kube_rights[] = {
	{ "list", "", "pods", NULL, NULL },
	{ "watch", "", "pods", NULL, NULL },
	{ "list", "", "namespaces", NULL, NULL },
	{ "watch", "", "namespaces", NULL, NULL },
	{ "list", "", "nodes", NULL, NULL },
	{ "watch", "", "nodes", NULL, NULL },
	{ "list", KINDS, "egresspolicies", NULL, NULL },
	{ "watch", KINDS, "egresspolicies", NULL, NULL },
	{ "list", KINDS, "egressgateways", NULL, NULL },
	{ "watch", KINDS, "egressgateways", NULL, NULL },
	{ "patch", KINDS, "egresspolicies", "status", NULL },
	{ "patch", KINDS, "egressgateways", "status", NULL },
	{ "create", EVENTS, "events", NULL, NULL },
	{ "patch", EVENTS, "events", NULL, NULL },
	{ "get", LEASES, "leases", NULL, SYSTEM },
	{ "create", LEASES, "leases", NULL, SYSTEM },
	{ "update", LEASES, "leases", NULL, SYSTEM },
};

const char *const kube_needed_kinds[] = { "egressgateways", "egresspolicies" };

static const struct kubernetes_eks *eks_of(const struct facts *facts)
{
	const struct kubernetes_eks *const eks = facts->gateway ? &facts->gateway->kubernetes.eks :
								  NULL;

	return eks && eks->cluster[0] ? eks : NULL;
}

static bool is_reached(const struct kube_facts *kube)
{
	return !kube->error.text[0] &&
	       (kube->version.class == HTTP_CLASS_OK || kube->version.status != 0);
}

/* A server older than 1.28 can't say who we are, and answers all the same. */
static bool is_logged_in(const struct kube_facts *kube)
{
	return is_reached(kube) && kube->version.class != HTTP_CLASS_CREDENTIALS &&
	       kube->whoami.class != HTTP_CLASS_CREDENTIALS;
}

void judge_kube_api(const struct facts *facts, struct check_results *results)
{
	const struct kube_facts *const kube = &facts->kube;
	struct check_result *result;

	if (kube->error.text[0]) {
		result = check_say(results, OUTCOME_FAIL, "can't be asked: %s", kube->error.text);
		check_fix(result, eks_of(facts) ? "see \"credentials\" above" :
						  "set kubernetes.eks, or kubernetes.kubeconfig");
	} else if (!is_reached(kube)) {
		result = check_say(results, OUTCOME_FAIL, "%s gives no answer: %s", kube->server,
				   kube->version.text);
		check_fix(
			result,
			"the cluster's security group must let TCP port 443 in from this gateway, "
			"or its public endpoint this gateway's address; the certificate authority "
			"must be the cluster's");
	} else {
		check_say(results, OUTCOME_OK, "%s answers", kube->server);
	}
}

static void fix_login(struct check_result *result, const struct kubernetes_eks *eks)
{
	if (eks)
		check_fix(
			result,
			"the role of \"credentials\" (aws sts get-caller-identity) needs an access "
			"entry: aws eks create-access-entry --cluster-name %s --principal-arn "
			"ROLE_ARN --kubernetes-groups " KUBE_GROUP
			"; if it has one: is kubernetes.eks.cluster this cluster's name, and this "
			"host's clock right?",
			eks->cluster);
	else
		check_fix(result, "the kubeconfig needs a token or certificate that is still "
				  "good, with the group " KUBE_GROUP);
}

void judge_kube_login(const struct facts *facts, struct check_results *results)
{
	const struct kube_facts *const kube = &facts->kube;

	if (!is_reached(kube))
		check_say(results, OUTCOME_UNTRIED, "needs an answer of the API server");
	else if (!is_logged_in(kube))
		fix_login(check_say(results, OUTCOME_FAIL, "it doesn't take this login: %s",
				    kube->whoami.text[0] ? kube->whoami.text : kube->version.text),
			  eks_of(facts));
	else if (kube->whoami.class == HTTP_CLASS_OK)
		check_say(results, OUTCOME_OK, "as %s, groups: %s", kube->me.user, kube->me.groups);
	else
		check_say(results, OUTCOME_UNTRIED, "it doesn't say who we are: %s",
			  kube->whoami.text);
}

static void list_missing(const struct kube_facts *kube, char *ret, size_t size)
{
	size_t length = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < KUBE_RIGHTS && length < size; i++) {
		const struct kube_right *const right = &kube_rights[i];

		if (!kube->allowed[i])
			length += (size_t)snprintf(ret + length, size - length, "%s%s %s%s%s",
						   length ? ", " : "", right->verb, right->resource,
						   right->subresource ? "/" : "",
						   right->subresource ? right->subresource : "");
	}
}

void judge_kube_rights(const struct facts *facts, struct check_results *results)
{
	const struct kube_facts *const kube = &facts->kube;
	const bool is_known = kube->whoami.class == HTTP_CLASS_OK;
	char missing[CHECK_TEXT_MAX - 32];
	struct check_result *result;

	list_missing(kube, missing, sizeof(missing));
	if (!is_logged_in(kube)) {
		check_say(results, OUTCOME_UNTRIED, "needs a login");
	} else if (kube->rights.class != HTTP_CLASS_OK) {
		check_say(results, OUTCOME_UNTRIED, "%s", kube->rights.text);
	} else if (!missing[0]) {
		check_say(results, OUTCOME_OK, "all %d that eipgwd needs", KUBE_RIGHTS);
	} else {
		result = check_say(results, OUTCOME_FAIL, "it may not: %s", missing);
		if (is_known && !kube->me.has_group)
			check_fix(result, "this login isn't in the group " KUBE_GROUP ": %s",
				  eks_of(facts) ?
					  "name it in the access entry's kubernetesGroups (aws eks "
					  "update-access-entry --kubernetes-groups)" :
					  "name it in the certificate (O=) or bind the role to "
					  "whom it is");
		else
			check_fix(result, "kubectl apply -k deploy (rbac-gateway.yaml)");
	}
}

void judge_kube_kinds(const struct facts *facts, struct check_results *results)
{
	const struct kube_facts *const kube = &facts->kube;
	const bool is_unknown = kube->kinds.class == HTTP_CLASS_NOT_FOUND;
	struct check_result *result;
	size_t n = 0;

	for (size_t i = 0; i < KUBE_KINDS; i++)
		n += kube->is_served[i];
	if (!is_logged_in(kube)) {
		check_say(results, OUTCOME_UNTRIED, "needs a login");
	} else if (kube->kinds.class != HTTP_CLASS_OK && !is_unknown) {
		check_say(results, OUTCOME_UNTRIED, "%s", kube->kinds.text);
	} else if (n == KUBE_KINDS) {
		check_say(results, OUTCOME_OK, "EgressGateway and EgressPolicy are served");
	} else {
		result = check_say(results, OUTCOME_FAIL, "%s isn't served",
				   n == 0 || kube->is_served[1] ? "EgressGateway" : "EgressPolicy");
		check_fix(result, "kubectl apply -k deploy (crds)");
	}
}
