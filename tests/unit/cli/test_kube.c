// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What `eipgw check` says about Kubernetes. */
#include "cli/check.h"

#include "base/cleanup.h"
#include "cli/facts.h"
#include "conf/gateway.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

static struct gateway_config config;

/* Of a gateway whose login to EKS is well. Static: it's too large for a stack. */
static struct facts *fresh(void)
{
	static struct facts facts;

	config = (struct gateway_config){ .source = SOURCE_KUBERNETES };
	snprintf(config.kubernetes.eks.cluster, sizeof(config.kubernetes.eks.cluster), "prod");
	facts = (struct facts){ .gateway = &config, .tunnel = &config.tunnel };
	facts.kube = (struct kube_facts){ .is_wanted = true,
					  .server = "https://api",
					  .me = { .user = "arn:x",
						  .groups = "eipgw:gateways, system:authenticated",
						  .has_group = true } };
	for (size_t i = 0; i < KUBE_RIGHTS; i++)
		facts.kube.allowed[i] = true;
	for (size_t i = 0; i < KUBE_KINDS; i++)
		facts.kube.is_served[i] = true;
	return &facts;
}

static void assert_row(const struct facts *facts, const char *name, enum outcome outcome,
		       const char *what, const char *fix)
{
	CLEANUP(check_results_done) struct check_results results = { 0 };

	check_judge_row(name, facts, &results);
	assert_int_equal(results.n, 1);
	if (results.v[0].outcome != outcome || !strstr(results.v[0].what, what) ||
	    !strstr(results.v[0].fix, fix))
		fail_msg("%s %s: %s; fix: %s", outcome_names[results.v[0].outcome], name,
			 results.v[0].what, results.v[0].fix);
	assert_true(results.v[0].fix[0] || outcome != OUTCOME_FAIL);
}

static void all_is_well(void **state)
{
	(void)state;
	assert_row(fresh(), "Kubernetes API", OUTCOME_OK, "https://api answers", "");
	assert_row(fresh(), "Kubernetes login", OUTCOME_OK, "as arn:x, groups: eipgw:gateways", "");
	assert_row(fresh(), "Kubernetes rights", OUTCOME_OK, "all 17", "");
	assert_row(fresh(), "Kubernetes kinds", OUTCOME_OK, "are served", "");
}

static void where_kubernetes_is_not_the_source_there_are_no_rows(void **state)
{
	static const char *const names[] = { "Kubernetes API", "Kubernetes login",
					     "Kubernetes rights", "Kubernetes kinds" };
	CLEANUP(check_results_done) struct check_results results = { 0 };
	struct facts *const facts = fresh();
	(void)state;

	facts->kube.is_wanted = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		check_judge_row(names[i], facts, &results);
	facts->kube.is_wanted = true;
	facts->is_node = true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		check_judge_row(names[i], facts, &results);
	assert_int_equal(results.n, 0);
}

static void a_server_that_cannot_be_asked_is_told_once(void **state)
{
	struct facts *facts = fresh();
	(void)state;

	snprintf(facts->kube.error.text, sizeof(facts->kube.error.text), "no credentials");
	assert_row(facts, "Kubernetes API", OUTCOME_FAIL, "can't be asked: no credentials",
		   "see \"credentials\"");
	assert_row(facts, "Kubernetes login", OUTCOME_UNTRIED, "needs an answer", "");
	assert_row(facts, "Kubernetes rights", OUTCOME_UNTRIED, "needs a login", "");
	assert_row(facts, "Kubernetes kinds", OUTCOME_UNTRIED, "needs a login", "");
	config.kubernetes.eks.cluster[0] = '\0';
	assert_row(facts, "Kubernetes API", OUTCOME_FAIL, "", "kubernetes.kubeconfig");
	facts = fresh();
	kube_failure_set(&facts->kube.version, "GET /version", HTTP_CLASS_RETRY, "timed out");
	assert_row(facts, "Kubernetes API", OUTCOME_FAIL,
		   "https://api gives no answer: GET /version: timed out", "TCP port 443");
	assert_row(facts, "Kubernetes login", OUTCOME_UNTRIED, "needs an answer", "");
}

static void a_refused_login_names_the_access_entry(void **state)
{
	struct facts *const facts = fresh();
	(void)state;

	kube_failure_set(&facts->kube.whoami, "POST", HTTP_CLASS_CREDENTIALS, "Unauthorized");
	facts->kube.whoami.status = 401;
	assert_row(facts, "Kubernetes API", OUTCOME_OK, "answers", "");
	assert_row(facts, "Kubernetes login", OUTCOME_FAIL, "doesn't take this login: POST: Unau",
		   "create-access-entry --cluster-name prod");
	assert_row(facts, "Kubernetes rights", OUTCOME_UNTRIED, "needs a login", "");
	config.kubernetes.eks.cluster[0] = '\0';
	assert_row(facts, "Kubernetes login", OUTCOME_FAIL, "", "the kubeconfig needs");
	/* An older server: nobody knows who we are, but what we may. */
	kube_failure_set(&facts->kube.whoami, "POST", HTTP_CLASS_NOT_FOUND, "not found");
	assert_row(facts, "Kubernetes login", OUTCOME_UNTRIED, "doesn't say who we are", "");
	assert_row(facts, "Kubernetes rights", OUTCOME_OK, "all 17", "");
}

static void rights_that_are_missing_are_named(void **state)
{
	struct facts *const facts = fresh();
	(void)state;

	facts->kube.allowed[1] = false;
	facts->kube.allowed[10] = false;
	assert_row(facts, "Kubernetes rights", OUTCOME_FAIL,
		   "it may not: watch pods, patch egresspolicies/status", "rbac-gateway.yaml");
	facts->kube.me.has_group = false;
	assert_row(facts, "Kubernetes rights", OUTCOME_FAIL, "watch pods",
		   "isn't in the group eipgw:gateways: name it in the access entry's");
	config.kubernetes.eks.cluster[0] = '\0';
	assert_row(facts, "Kubernetes rights", OUTCOME_FAIL, "watch pods", "(O=)");
	kube_failure_set(&facts->kube.rights, "POST", HTTP_CLASS_RETRY, "timed out");
	assert_row(facts, "Kubernetes rights", OUTCOME_UNTRIED, "timed out", "");
}

static void kinds_that_are_missing_are_named(void **state)
{
	struct facts *const facts = fresh();
	(void)state;

	facts->kube.is_served[1] = false;
	assert_row(facts, "Kubernetes kinds", OUTCOME_FAIL, "EgressPolicy isn't served", "crds");
	facts->kube.is_served[0] = false;
	kube_failure_set(&facts->kube.kinds, "GET", HTTP_CLASS_NOT_FOUND, "not found");
	assert_row(facts, "Kubernetes kinds", OUTCOME_FAIL, "EgressGateway isn't served", "crds");
	kube_failure_set(&facts->kube.kinds, "GET", HTTP_CLASS_RETRY, "timed out");
	assert_row(facts, "Kubernetes kinds", OUTCOME_UNTRIED, "timed out", "");
}

/* Whoever associates Elastic IPs. */
static void a_login_to_eks_needs_credentials(void **state)
{
	struct facts *const facts = fresh();
	(void)state;

	snprintf(facts->login_error.text, sizeof(facts->login_error.text), "no role");
	snprintf(facts->url, sizeof(facts->url), "https://ec2");
	assert_row(facts, "credentials", OUTCOME_FAIL, "no role", "instance profile");
	facts->kube.is_wanted = false;
	assert_row(facts, "credentials", OUTCOME_UNTRIED, "no role", "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(where_kubernetes_is_not_the_source_there_are_no_rows),
		cmocka_unit_test(a_server_that_cannot_be_asked_is_told_once),
		cmocka_unit_test(a_refused_login_names_the_access_entry),
		cmocka_unit_test(rights_that_are_missing_are_named),
		cmocka_unit_test(kinds_that_are_missing_are_named),
		cmocka_unit_test(a_login_to_eks_needs_credentials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
