// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Any bytes as an object: the first byte says of which kind. What is read comes out the same when it's written and
 * read again; what isn't has a reason. As an error it has a class, and its text is one line.
 */
#include "kube/kinds.h"

#include <assert.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"
#include "http/http.h"
#include "kube/failure.h"

union object {
	struct kube_pod pod;
	struct kube_namespace namespace;
	struct kube_node node;
	struct kube_policy policy;
	struct kube_gateway gateway;
};

static void check_again(const struct kube_table *table, const union object *object)
{
	struct json_t *const made = kube_json_make(table, object);
	union object again;

	assert(made);
	assert(kube_json_read(table, made, &again, NULL) == 0);
	struct json_t *const twice = kube_json_make(table, &again);
	assert(json_equal(made, twice));
	kube_json_free(twice);
	kube_json_done(table, &again);
	kube_json_free(made);
}

static void check_failure(const char *text, size_t length, uint8_t hint)
{
	const struct http_response response = { .status = 400 + hint,
						.body = text,
						.body_length = length,
						.retry_after_ms = -1,
						.date_sec = -1 };
	struct kube_failure failure;

	kube_failure_read("GET /x", &response, &failure);
	assert(failure.class > HTTP_CLASS_OK && failure.class < HTTP_CLASS_COUNT);
	assert(failure.text[0] && !strpbrk(failure.text, "\n\r\033"));
	assert(failure.retry_after_ms >= -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kube_kind *const kinds[] = { &kube_pods, &kube_namespaces, &kube_nodes,
							 &kube_policies, &kube_gateways };
	struct json_t *json = NULL;
	union object object;
	struct err err = ERR_NULL;

	if (size == 0)
		return 0;
	const char *const text = (const char *)data + 1;
	const struct kube_table *const table = kinds[data[0] % ARRAY_SIZE(kinds)]->table;

	check_failure(text, size - 1, data[0]);
	if (kube_json_parse(text, size - 1, &json, &err) < 0) {
		assert(err.text[0]);
		return 0;
	}
	if (kube_json_read(table, json, &object, &err) < 0) {
		assert(err.text[0]);
	} else {
		check_again(table, &object);
		kube_json_done(table, &object);
	}
	kube_json_free(json);
	return 0;
}
