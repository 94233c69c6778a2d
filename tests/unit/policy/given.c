// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "given.h"

#include "base/err.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

void given_egress(struct inventory *inv, size_t n)
{
	static const struct inventory_egress v[] = { { "gw", "bank" },
						     { "gw", "mail" },
						     { "other", "bank" } };

	assert_int_equal(inventory_egress_set(inv, v, n, NULL), 0);
}

void given_pod(struct inventory *inv, const char *name, struct pod_words words)
{
	assert_int_equal(inventory_pod_set(inv, objects_pod(name, words), NULL), 0);
}

void given_space(struct inventory *inv, const char *name, const char *labels)
{
	assert_int_equal(inventory_namespace_set(inv, objects_namespace(name, labels), NULL), 0);
}

void given_policy(struct inventory *inv, const char *name, struct policy_words words)
{
	struct err err = ERR_NULL;

	if (inventory_policy_set(inv, objects_policy(name, words), &err))
		fail_msg("%s", err.text);
}

void given_compiled(struct inventory *inv)
{
	const struct policy_result *result;

	assert_int_equal(inventory_compile(inv, &result, NULL), 0);
}

const char *given_taken(struct inventory *inv)
{
	static char text[2048];
	struct inventory_changes changes;
	size_t used = 0;

	text[0] = '\0';
	switch (inventory_take(inv, &changes)) {
	case 0:
		break;
	case INVENTORY_E_COMPILE:
		return "compile";
	default:
		fail();
	}
	for (size_t i = 0; i < changes.n; i++) {
		const struct inventory_delta *d = &changes.v[i];
		char ip[IP4_TEXT_MAX];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s:%c>%s:%c",
					 i ? ";" : "", ip4_format(d->address, ip), d->old_node,
					 d->old_class ? '+' : '-', d->node, d->class ? '+' : '-');
		if (d->old_class && d->class && d->old_class != d->class)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "!");
	}
	return text;
}

void given_usual(struct inventory *inv)
{
	given_egress(inv, 1);
	given_space(inv, "pay", "team=pay");
	given_space(inv, "rest", "team=rest");
	given_policy(inv, "p", (struct policy_words){ .namespaces = "team=pay" });
	given_pod(inv, "pay/first", (struct pod_words){ .ips = "10.0.0.1" });
	given_compiled(inv);
}
