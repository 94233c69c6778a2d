// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Objects are stored as they come, and whatever they touch is put on a list of addresses. Only when somebody asks
 * is each of those judged, once, however often it was touched: a burst of events costs as little as it changes.
 */
#include "policy/inventory.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/hash.h"
#include "policy/inventory_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct inventory *inventory_new(void)
{
	struct inventory *inventory = calloc(1, sizeof(*inventory));

	if (inventory)
		inventory->stale = true;
	return inventory;
}

static void egress_put(struct labels *pool, struct inventory_egress *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		labels_string_put(pool, v[i].gateway);
		labels_string_put(pool, v[i].name);
	}
}

struct inventory *inventory_free(struct inventory *inventory)
{
	if (!inventory)
		return NULL;
	deltas_clear(inventory);
	free(inventory->deltas);
	judge_free(inventory, inventory->judge);
	pods_clear(inventory);
	policies_clear(inventory);
	egress_put(&inventory->pool, inventory->egress, inventory->n_egress);
	ip4_prefixes_done(&inventory->excluded);
	labels_done(&inventory->pool);
	free(inventory);
	return NULL;
}

void inventory_cleanup(struct inventory **inventory)
{
	*inventory = inventory_free(*inventory);
}

static int check_egress(const struct inventory_egress *v, size_t n, struct err *err)
{
	if (n > POLICY_EGRESS_MAX)
		return err_set(err, -EINVAL, "%zu egress IPs; at most %d are possible", n,
			       POLICY_EGRESS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!*v[i].gateway || !*v[i].name)
			return err_set(err, -EINVAL, "egress IP %zu: has no gateway or no name", i);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(v[i].gateway, v[k].gateway) && !strcmp(v[i].name, v[k].name))
				return err_set(err, -EINVAL,
					       "egress IP \"%s\" of \"%s\" is there twice",
					       v[i].name, v[i].gateway);
	}
	return 0;
}

static bool same_egress(const struct inventory *inventory, const struct inventory_egress *v,
			size_t n)
{
	if (n != inventory->n_egress)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].gateway, inventory->egress[i].gateway) != 0 ||
		    strcmp(v[i].name, inventory->egress[i].name) != 0)
			return false;
	return true;
}

int inventory_egress_set(struct inventory *inventory, const struct inventory_egress *v, size_t n,
			 struct err *err)
{
	struct inventory_egress made[POLICY_EGRESS_MAX] = { { NULL, NULL } };
	bool failed = false;

	int r = check_egress(v, n, err);
	if (r < 0 || same_egress(inventory, v, n))
		return r;
	for (size_t i = 0; i < n; i++) {
		made[i].gateway = labels_string(&inventory->pool, v[i].gateway);
		made[i].name = labels_string(&inventory->pool, v[i].name);
		failed = failed || !made[i].gateway || !made[i].name;
	}
	if (failed) {
		egress_put(&inventory->pool, made, n);
		return -ENOMEM;
	}
	egress_put(&inventory->pool, inventory->egress, inventory->n_egress);
	memcpy(inventory->egress, made, sizeof(made));
	inventory->n_egress = n;
	inventory->stale = true;
	return 0;
}

int inventory_excluded_set(struct inventory *inventory, const struct ip4_prefix *v, size_t n)
{
	bool same = n == inventory->excluded.n;

	for (size_t i = 0; same && i < n; i++)
		same = v[i].addr.v == inventory->excluded.v[i].addr.v &&
		       v[i].len == inventory->excluded.v[i].len;
	if (same)
		return 0;

	struct ip4_prefixes copy;
	if (ip4_prefixes_copy(&copy, v, n))
		return -ENOMEM;
	ip4_prefixes_done(&inventory->excluded);
	inventory->excluded = copy;
	inventory->stale = true;
	return 0;
}

void inventory_name(char ret[static POLICY_NAME_MAX], const char *first, const char *second)
{
	enum { KEPT = POLICY_NAME_MAX - 1 - 17 };
	int n = snprintf(ret, POLICY_NAME_MAX, "%s%s%s", first ? first : "", first ? "/" : "",
			 second);
	uint64_t h = HASH_START;

	if (n < POLICY_NAME_MAX)
		return;
	h = hash_name(h, first ? first : "");
	h = hash_finish(hash_name(h, second));
	snprintf(ret + KEPT, POLICY_NAME_MAX - KEPT, "~%016" PRIx64, h);
}

const struct policy_result *inventory_result(const struct inventory *inventory)
{
	return inventory->judge ? &inventory->judge->result : NULL;
}
