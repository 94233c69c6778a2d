// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The kinds, as the API server writes them. */
#include "kube/kinds.h"

#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define META "\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"1\"}"

static int read_kind(const struct kube_kind *kind, const char *text, struct json_t **json,
		     void *ret, struct err *err)
{
	int r = kube_json_parse(text, strlen(text), json, err);

	if (r == 0) {
		r = kube_json_read(kind->table, *json, ret, err);
		if (r < 0)
			kube_json_free(TAKE_PTR(*json));
	}
	return r;
}

static void a_pod_is_read(void **state)
{
	static const char text[] =
		"{\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-1\",\"namespace\":\"payments\",\"uid\":\"9e1c\",\"resourceVersion\":\"815\","
		"\"generation\":3,\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{\"b\":\"2\",\"a\":\"1\"},"
		"\"annotations\":null},"
		"\"spec\":{\"nodeName\":\"node1\",\"hostNetwork\":true,\"containers\":[{}]},"
		"\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.1.50\",\"podIPs\":[{\"ip\":\"10.0.1.50\"},{\"ip\":\"2001:db8::1\"}]}}";
	struct json_t *json = NULL;
	struct kube_pod pod;
	struct err err = ERR_NULL;
	struct in6_addr v6;
	(void)state;

	assert_int_equal(read_kind(&kube_pods, text, &json, &pod, &err), 0);

	assert_string_equal(pod.meta.name, "web-1");
	assert_string_equal(pod.meta.namespace, "payments");
	assert_string_equal(pod.meta.uid, "9e1c");
	assert_string_equal(pod.meta.version, "815");
	assert_int_equal(pod.meta.generation, 3);
	assert_true(pod.meta.is_going);
	assert_int_equal(pod.meta.labels.n, 2);
	assert_string_equal(pod.meta.labels.v[0].key, "a");
	assert_string_equal(pod.meta.labels.v[1].value, "2");
	assert_string_equal(pod.node, "node1");
	assert_true(pod.host_network);
	assert_int_equal(pod.phase, KUBE_PHASE_RUNNING);
	assert_int_equal(pod.ip.family, 4);
	assert_int_equal(pod.ip.v4.v, 0x0a000132);
	assert_int_equal(pod.ips.n, 2);
	assert_int_equal(pod.ips.v[1].family, 6);
	inet_pton(AF_INET6, "2001:db8::1", &v6);
	assert_memory_equal(pod.ips.v[1].v6, &v6, 16);
	kube_json_done(kube_pods.table, &pod);
	kube_json_free(json);
}

static void a_pod_that_is_new_has_little(void **state)
{
	struct json_t *json = NULL;
	struct kube_pod pod;
	(void)state;

	assert_int_equal(
		read_kind(&kube_pods,
			  "{" META
			  ",\"spec\":{},\"status\":{\"phase\":\"Later\",\"podIP\":\"010.1.1.1\"}}",
			  &json, &pod, NULL),
		0);

	assert_null(pod.node);
	assert_null(pod.meta.namespace);
	assert_false(pod.meta.is_going);
	assert_int_equal(pod.phase, KUBE_PHASE_UNKNOWN);
	assert_int_equal(pod.ip.family, 0);
	assert_string_equal(pod.ip.text, "010.1.1.1");
	assert_int_equal(pod.ips.n, 0);
	kube_json_done(kube_pods.table, &pod);
	kube_json_free(json);
}

static void a_node_is_read(void **state)
{
	struct json_t *json = NULL;
	struct kube_node node;
	(void)state;

	assert_int_equal(
		read_kind(
			&kube_nodes,
			"{" META
			",\"spec\":{\"podCIDRs\":[\"10.1.0.0/24\"]},\"status\":{\"addresses\":["
			"{\"type\":\"InternalIP\",\"address\":\"10.0.1.11\"},{\"type\":\"Hostname\",\"address\":\"ip-10-0-1-11\"}]}}",
			&json, &node, NULL),
		0);

	assert_int_equal(node.addresses.n, 2);
	assert_string_equal(node.addresses.v[0].type, "InternalIP");
	assert_int_equal(node.addresses.v[0].address.v4.v, 0x0a00010b);
	assert_int_equal(node.addresses.v[1].address.family, 0);
	assert_string_equal(node.pod_cidrs.v[0], "10.1.0.0/24");
	kube_json_done(kube_nodes.table, &node);
	kube_json_free(json);
}

static const char policy_text[] =
	"{\"metadata\":{\"name\":\"payments\",\"uid\":\"u\",\"resourceVersion\":\"1\",\"generation\":2},"
	"\"spec\":{\"selectors\":[{\"namespaceSelector\":{\"matchLabels\":{\"team\":\"payments\"}},\"podSelector\":{}},"
	"{\"podSelector\":{\"matchExpressions\":[{\"key\":\"egress\",\"operator\":\"In\",\"values\":[\"bank\",\"tax\"]},"
	"{\"key\":\"old\",\"operator\":\"DoesNotExist\"}]}}],"
	"\"podCIDRs\":[\"10.9.0.0/16\"],\"destinationCIDRs\":[\"0.0.0.0/0\"],\"excludedCIDRs\":[\"10.0.0.0/8\"],"
	"\"egressGateway\":\"partners\",\"egressIPs\":[\"bank\"],\"enforcement\":\"BestEffort\",\"ipv6\":\"Drop\",\"new\":1},"
	"\"status\":{\"matchedPods\":7,\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"Fine\",\"message\":\"\","
	"\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}";

static void a_policy_is_read(void **state)
{
	struct json_t *json = NULL;
	struct kube_policy policy;
	struct err err = ERR_NULL;
	(void)state;

	assert_int_equal(read_kind(&kube_policies, policy_text, &json, &policy, &err), 0);

	assert_int_equal(policy.selectors.n, 2);
	const struct kube_pod_selector *const first = &policy.selectors.v[0];
	const struct kube_pod_selector *const second = &policy.selectors.v[1];
	assert_true(first->has_namespaces && first->has_pods);
	assert_string_equal(first->namespaces.labels.v[0].value, "payments");
	assert_int_equal(first->pods.labels.n + first->pods.expressions.n, 0);
	assert_false(second->has_namespaces);
	assert_int_equal(second->pods.expressions.n, 2);
	assert_string_equal(second->pods.expressions.v[0].operator, "In");
	assert_string_equal(second->pods.expressions.v[0].values.v[1], "tax");
	assert_int_equal(second->pods.expressions.v[1].values.n, 0);
	assert_int_equal(policy.pod_cidrs.v[0].len, 16);
	assert_int_equal(policy.excluded_cidrs.n, 1);
	assert_string_equal(policy.gateway, "partners");
	assert_string_equal(policy.egress_ips.v[0], "bank");
	assert_int_equal(policy.enforcement, KUBE_ENFORCEMENT_BEST_EFFORT);
	assert_int_equal(policy.ipv6, KUBE_IPV6_DROP);
	assert_int_equal(policy.status.matched_pods, 7);
	assert_string_equal(policy.status.conditions.v[0].reason, "Fine");
	kube_json_done(kube_policies.table, &policy);
	kube_json_free(json);
}

static void a_gateway_is_read(void **state)
{
	static const char text[] =
		"{" META
		",\"spec\":{\"egressIPs\":[{\"name\":\"bank\",\"allocationID\":\"eipalloc-1\"},"
		"{\"name\":\"tax\",\"publicIP\":\"203.0.113.7\"},{\"name\":\"x\",\"tag\":{\"key\":\"k\",\"value\":\"\"}}]},"
		"\"status\":{\"members\":[{\"name\":\"gw1\",\"zone\":\"a\",\"address\":\"10.0.1.200\",\"state\":\"Active\"}],"
		"\"egressIPs\":[{\"name\":\"bank\",\"member\":\"gw1\",\"verified\":{\"time\":\"t\",\"outside\":true}}]}}";
	struct json_t *json = NULL;
	struct kube_gateway gateway;
	struct err err = ERR_NULL;
	(void)state;

	assert_int_equal(read_kind(&kube_gateways, text, &json, &gateway, &err), 0);

	assert_string_equal(gateway.egress_ips.v[0].allocation_id, "eipalloc-1");
	assert_int_equal(gateway.egress_ips.v[1].public_ip.v, 0xcb007107);
	assert_string_equal(gateway.egress_ips.v[2].tag_value, "");
	assert_int_equal(gateway.status.members.v[0].address.v, 0x0a0001c8);
	assert_int_equal(gateway.status.members.v[0].state, KUBE_MEMBER_ACTIVE);
	assert_true(gateway.status.egress_ips.v[0].verified.outside);
	kube_json_done(kube_gateways.table, &gateway);
	kube_json_free(json);
}

#define SPEC(x) "{" META ",\"spec\":{\"egressGateway\":\"g\"," x "}}"

static void what_is_wrong_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text, *place;
		int rc;
	} rows[] = {
		{ "{}", "metadata.name: is missing", -EPROTO },
		{ "{\"metadata\":{\"name\":\"n\",\"uid\":\"\",\"resourceVersion\":\"1\"}}",
		  "metadata.uid: is empty", -EPROTO },
		{ "{\"metadata\":{\"name\":7}}", "metadata.name: isn't a text", -EPROTO },
		{ "{" META "}", "spec.egressGateway: is missing", -EPROTO },
		{ SPEC("\"selectors\":{}"), "spec.selectors: isn't a list", -EPROTO },
		{ SPEC("\"selectors\":[{},1]"), "spec.selectors[1]: isn't an object", -EPROTO },
		{ SPEC("\"selectors\":[{\"podSelector\":{\"matchLabels\":{\"a\":1}}}]"),
		  "spec.selectors[0].podSelector.matchLabels: isn't a text", -EPROTO },
		{ SPEC("\"selectors\":[{\"podSelector\":{\"matchExpressions\":[{\"key\":\"k\"}]}}]"),
		  "spec.selectors[0].podSelector.matchExpressions[0].operator: is missing",
		  -EPROTO },
		{ SPEC("\"podCIDRs\":[\"10.0.0.0/8\",\"10.0.0.1/8\"]"),
		  "spec.podCIDRs[1]: ", -EPROTO },
		{ SPEC("\"podCIDRs\":[null]"), "spec.podCIDRs[0]: isn't a text", -EPROTO },
		{ SPEC("\"egressIPs\":[\"a\",[]]"), "spec.egressIPs[1]: isn't a text", -EPROTO },
		{ SPEC("\"enforcement\":\"Later\""), "spec.enforcement: has an unknown value",
		  -EPROTO },
		{ SPEC("\"ipv6\":true"), "spec.ipv6: isn't a text", -EPROTO },
		{ SPEC("\"ipv6\":\"a\\u0000b\""), "spec.ipv6: has a NUL", -EPROTO },
		{ "{" META ",\"spec\":[]}", "spec.egressGateway: is missing", -EPROTO },
		{ "{\"a\":1,\"a\":1}", "no JSON", -EPROTO },
		{ "[]", "no JSON object", -EPROTO },
		{ "", "no JSON", -EPROTO },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_t *json = NULL;
		struct kube_policy policy = { .gateway = NULL };
		struct err err = ERR_NULL;
		const int r = read_kind(&kube_policies, rows[i].text, &json, &policy, &err);
		if (r != rows[i].rc || strncmp(err.text, rows[i].place, strlen(rows[i].place)) != 0)
			fail_msg("%s: %d, \"%s\"", rows[i].text, r, err.text);
		assert_null(json);
		assert_int_equal(policy.selectors.n + policy.pod_cidrs.n + policy.egress_ips.n, 0);
	}
}

static void a_list_above_its_ceiling_is_refused(void **state)
{
	CLEANUP(cleanup_free) char *text = calloc(1, 40000);
	struct json_t *json = NULL;
	struct kube_pod pod;
	struct err err = ERR_NULL;
	(void)state;

	strncat(text, "{" META ",\"status\":{\"podIPs\":[{}", 39999);
	for (int i = 0; i < 16; i++)
		strncat(text, ",{}", 39999 - strlen(text));
	strncat(text, "]}}", 39999 - strlen(text));

	assert_int_equal(read_kind(&kube_pods, text, &json, &pod, &err), -EMSGSIZE);
	assert_string_equal(err.text, "status.podIPs: has too many items");
}

static void a_status_is_written_as_it_is_read(void **state)
{
	static const char wanted[] =
		"{\"conditions\":[{\"lastTransitionTime\":\"t\",\"message\":\"\",\"observedGeneration\":4,\"reason\":\"R\","
		"\"status\":\"False\",\"type\":\"Ready\"}],"
		"\"egressIPs\":[{\"member\":\"gw1\",\"name\":\"bank\",\"publicIP\":\"203.0.113.7\",\"verified\":{\"outside\":false,\"time\":\"t\"}},"
		"{\"name\":\"tax\"}],"
		"\"members\":[{\"address\":\"10.0.1.200\",\"name\":\"gw1\",\"state\":\"Draining\"}],\"observedGeneration\":4}";
	struct kube_condition condition = { .type = "Ready",
					    .status = "False",
					    .observed_generation = 4,
					    .since = "t",
					    .reason = "R",
					    .message = "" };
	struct kube_carried carried[] = {
		{ .name = "bank",
		  .public_ip = { 0xcb007107 },
		  .member = "gw1",
		  .verified = { .time = "t" } },
		{ .name = "tax", .verified = { .outside = true } },
	};
	struct kube_member member = { .name = "gw1",
				      .address = { 0x0a0001c8 },
				      .state = KUBE_MEMBER_DRAINING };
	const struct kube_gateway_status status = {
		.observed_generation = 4,
		.members = { &member, 1 },
		.egress_ips = { carried, 2 },
		.conditions = { &condition, 1 },
	};
	struct json_t *const json = kube_json_make(&kube_gateway_status_table, &status);
	CLEANUP(cleanup_free) char *text = kube_json_print(json);
	struct kube_gateway_status again;
	(void)state;

	assert_string_equal(text, wanted);
	assert_int_equal(kube_json_read(&kube_gateway_status_table, json, &again, NULL), 0);
	assert_int_equal(again.egress_ips.v[0].public_ip.v, 0xcb007107);
	kube_json_done(&kube_gateway_status_table, &again);
	kube_json_free(json);
}

static void a_whole_policy_survives_writing_and_reading(void **state)
{
	struct json_t *json = NULL;
	struct kube_policy policy;
	(void)state;

	assert_int_equal(read_kind(&kube_policies, policy_text, &json, &policy, NULL), 0);
	struct json_t *const again = kube_json_make(kube_policies.table, &policy);
	CLEANUP(cleanup_free) char *text = kube_json_print(again);

	assert_non_null(strstr(
		text,
		"\"matchExpressions\":[{\"key\":\"egress\",\"operator\":\"In\",\"values\":[\"bank\",\"tax\"]}"));
	assert_non_null(strstr(text, "\"excludedCIDRs\":[\"10.0.0.0/8\"]"));
	assert_non_null(strstr(text, "\"enforcement\":\"BestEffort\""));
	assert_non_null(strstr(text, "\"matchLabels\":{\"team\":\"payments\"}"));
	kube_json_free(again);
	kube_json_done(kube_policies.table, &policy);
	kube_json_free(json);
}

static void tables_say_what_a_stream_keeps(void **state)
{
	static const struct {
		const char *section, *key;
		bool wanted;
	} rows[] = {
		{ "metadata", "name", true },         { "metadata", "labels", true },
		{ "metadata", "annotations", false }, { "metadata", "nam", false },
		{ "spec", "nodeName", true },         { "spec", "nodeNames", false },
		{ "spec", "containers", false },      { "status", "podIPs", true },
		{ "status", "podI", false },          { "stat", "podIPs", false },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(kube_table_wants(kube_pods.table, rows[i].section, rows[i].key),
				 rows[i].wanted);
	assert_true(kube_table_wants(kube_policies.table, "status", "anything"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_is_read),
		cmocka_unit_test(a_pod_that_is_new_has_little),
		cmocka_unit_test(a_node_is_read),
		cmocka_unit_test(a_policy_is_read),
		cmocka_unit_test(a_gateway_is_read),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(a_list_above_its_ceiling_is_refused),
		cmocka_unit_test(a_status_is_written_as_it_is_read),
		cmocka_unit_test(a_whole_policy_survives_writing_and_reading),
		cmocka_unit_test(tables_say_what_a_stream_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
