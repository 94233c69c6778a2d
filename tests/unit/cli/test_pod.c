// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is said of a pod, from Kubernetes' objects: a pod that works, and one thing after the other that doesn't. */
#include "pod_rows.h"

#include "base/cleanup.h"
#include "control/control.h"
#include "control/reply.h"
#include "kube/kinds.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail_fact(struct pod_fact *fact, long status)
{
	fact->state = FACT_FAILED;
	kube_failure_set(&fact->failure, "GET /x",
			 status == 404 ? HTTP_CLASS_NOT_FOUND :
			 status == 401 ? HTTP_CLASS_CREDENTIALS :
			 status == 403 ? HTTP_CLASS_PERMANENT :
			 status == 429 ? HTTP_CLASS_THROTTLED :
					 HTTP_CLASS_RETRY,
			 "failed");
	fact->failure.status = status;
	if (status == 403)
		fact->failure.special = KUBE_SPECIAL_FORBIDDEN;
}

static void fill_fact(struct pod_fact *fact, const struct kube_kind *kind, const char *text)
{
	char *end;
	const long status = strtol(text, &end, 10);

	if (end != text) {
		fail_fact(fact, status);
		return;
	}
	fact->state = FACT_KNOWN;
	fact->objects = (struct kube_objects){ .kind = kind };
	while (text[0] == '{') {
		const size_t n = strcspn(text, "\n");

		if (kube_objects_add(&fact->objects, text, n) != 0)
			fail_msg("%s: %s", fact->objects.unreadable, text);
		text += n + (text[n] == '\n');
	}
}

static void fill(struct pod_facts *facts, const struct row *row)
{
	static const struct kube_kind *const kinds[POD_ASK_COUNT] = {
		&kube_pods,  &kube_namespaces, &kube_policies,   &kube_gateways,
		&kube_nodes, &kube_pods,       &kube_namespaces, &kube_pods,
	};

	facts->namespace = "pay";
	facts->name = "p";
	facts->server = "https://h";
	assert_int_equal(ip4_parse(row->destination ? row->destination : "198.51.100.1",
				   &facts->destination, NULL),
			 0);
	for (size_t i = 0; i < POD_ASK_COUNT; i++)
		fill_fact(&facts->v[i], kinds[i], row->v[i] ? row->v[i] : pod_usual[i]);
}

/* `says`: a verdict; "": it doesn't answer; NULL: it isn't here. */
static struct control_reply *add_daemon(struct pod_facts *facts, const char *program,
					const char *name, const char *says)
{
	struct control_reply *reply = NULL;
	char line[256];

	if (!says)
		return NULL;
	snprintf(line, sizeof(line),
		 "{\"v\":1,\"ok\":true,\"result\":{\"verdict\":\"%s\",\"summary\":\"it does\"}}",
		 says);
	if (says[0])
		assert_int_equal(control_reply_parse(line, strlen(line), &reply, NULL), 0);
	facts->daemons[facts->n_daemons++] =
		(struct pod_daemon){ program, name, reply ? control_reply_result(reply) : NULL,
				     "no answer" };
	return reply;
}

static const struct finding *find(const struct judgement *judgement, const char *name)
{
	for (size_t i = 0; i < judgement->n; i++)
		if (strcmp(judgement->v[i].name, name) == 0)
			return &judgement->v[i];
	return NULL;
}

static void check(const struct row *row, const struct judgement *judgement)
{
	const struct finding *const wrong = judgement_wrong(judgement);
	const struct finding *const found = row->finding ? find(judgement, row->finding) : wrong;
	const char *const text = wrong ? judgement->headline : found ? found->text : "";

	if (strcmp(judgement->verdict, row->verdict) != 0 ||
	    strcmp(wrong ? wrong->name : "", row->wrong) != 0)
		fail_msg("%s: %s, %s: %s", row->what, judgement->verdict, wrong ? wrong->name : "",
			 judgement->headline);
	if (!found || !strstr(text, row->text))
		fail_msg("%s: %s", row->what, text);
	if (wrong && !wrong->fix[0])
		fail_msg("%s: nothing is said to be done", row->what);
}

static void each_situation_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < pod_rows_count; i++) {
		CLEANUP(pod_facts_done) struct pod_facts facts = { .name = "" };
		CLEANUP(judgement_done) struct judgement judgement = { .v = NULL };
		struct control_reply *const replies[] = {
			add_daemon(&facts, "eipgw-noded", "n1", pod_rows[i].node_says),
			add_daemon(&facts, "eipgwd", "gw-a", pod_rows[i].gateway_says),
		};

		fill(&facts, &pod_rows[i]);
		assert_int_equal(pod_judge(&facts, &judgement), 0);
		check(&pod_rows[i], &judgement);
		for (size_t k = 0; k < ARRAY_SIZE(replies); k++)
			control_reply_free(replies[k]);
	}
}

static void a_daemon_of_another_machine_is_not_asked(void **state)
{
	CLEANUP(pod_facts_done) struct pod_facts facts = { .name = "" };
	CLEANUP(judgement_done) struct judgement judgement = { .v = NULL };
	struct control_reply *const reply = add_daemon(&facts, "eipgw-noded", "n2", "direct");
	(void)state;

	fill(&facts, &pod_rows[0]);
	assert_int_equal(pod_judge(&facts, &judgement), 0);
	assert_null(judgement_wrong(&judgement));
	assert_string_equal(judgement.headline, "leaves with 203.0.113.1 (bank of gw)");
	control_reply_free(reply);
}

static void policies_without_end_are_not_all_listed(void **state)
{
	CLEANUP(pod_facts_done) struct pod_facts facts = { .name = "" };
	CLEANUP(judgement_done) struct judgement judgement = { .v = NULL };
	struct pod_fact *const policies = &facts.v[POD_ASK_POLICIES];
	char text[1024];
	(void)state;

	fill(&facts, &(struct row){ .v = { [POD_ASK_POLICIES] = NONE } });
	for (int i = 0; i < 30; i++) {
		const int n = snprintf(
			text, sizeof(text), "%s%d%s", "{\"metadata\":{\"name\":\"p", i,
			"\",\"uid\":\"x\",\"resourceVersion\":\"1\"},\"spec\":"
			"{\"podCIDRs\":[\"10.9.0.0/24\"],\"egressGateway\":\"gw\",\"egressIPs\":[\"bank\"]}}");
		assert_int_equal(kube_objects_add(&policies->objects, text, (size_t)n), 0);
	}
	assert_int_equal(pod_judge(&facts, &judgement), 0);
	assert_string_equal(judgement.v[judgement.n - 1].text, "10 more don't select it");
	assert_string_equal(judgement.headline, "no policy selects it: it goes its normal way");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_situation_is_named),
		cmocka_unit_test(a_daemon_of_another_machine_is_not_asked),
		cmocka_unit_test(policies_without_end_are_not_all_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
