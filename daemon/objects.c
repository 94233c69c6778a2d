// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/objects.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kube/kinds.h"
#include "policy/policy.h"

int64_t object_created(const char *text)
{
	struct tm tm = { 0 };
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	return end ? (int64_t)timegm(&tm) : 0;
}

/*
 * Copies are made twice by the same steps: first only counting, with v NULL, then into an allocation of that
 * size. What is copied is aligned for any type.
 */
struct arena {
	char *v;
	size_t used;
};

static void *take(struct arena *arena, size_t size)
{
	char *place = arena->v ? arena->v + arena->used : NULL;

	arena->used += (size + 15) & ~(size_t)15;
	return place;
}

static const char *take_text(struct arena *arena, const char *text)
{
	size_t n = text ? strlen(text) + 1 : 0;
	char *copy = text ? take(arena, n) : NULL;

	if (copy)
		memcpy(copy, text, n);
	return copy;
}

static const struct label_text *take_labels(struct arena *arena, const struct kube_labels *labels)
{
	struct label_text *copy = take(arena, labels->n * sizeof(*copy));

	for (size_t i = 0; i < labels->n; i++) {
		struct label_text label = { take_text(arena, labels->v[i].key),
					    take_text(arena, labels->v[i].value) };

		if (copy)
			copy[i] = label;
	}
	return copy;
}

static const char *const *take_texts(struct arena *arena, const struct kube_texts *texts)
{
	const char **copy = take(arena, texts->n * sizeof(*copy));

	for (size_t i = 0; i < texts->n; i++) {
		const char *text = take_text(arena, texts->v[i]);

		if (copy)
			copy[i] = text;
	}
	return copy;
}

static const struct ip4_prefix *take_prefixes(struct arena *arena, const struct ip4_prefixes *list)
{
	struct ip4_prefix *copy = take(arena, list->n * sizeof(*copy));

	if (copy && list->n)
		memcpy(copy, list->v, list->n * sizeof(*copy));
	return copy;
}

/* By family; at most INVENTORY_ADDRESSES_MAX of each, which is more than Kubernetes gives. */
static void take_addresses(struct arena *arena, const struct kube_pod *pod,
			   struct inventory_pod *copy)
{
	struct ip4 *v4 = take(arena, INVENTORY_ADDRESSES_MAX * sizeof(*v4));
	struct ip6 *v6 = take(arena, INVENTORY_ADDRESSES_MAX * sizeof(*v6));
	const struct kube_address *list = pod->ips.n ? pod->ips.v : &pod->ip;
	size_t n = pod->ips.n ? pod->ips.n : pod->ip.family != 0;

	if (!copy || !v4 || !v6)
		return;
	copy->addresses = v4;
	copy->addresses6 = v6;
	for (size_t i = 0; i < n; i++) {
		if (list[i].family == 4 && copy->n_addresses < INVENTORY_ADDRESSES_MAX)
			v4[copy->n_addresses++] = list[i].v4;
		else if (list[i].family == 6 && copy->n_addresses6 < INVENTORY_ADDRESSES_MAX)
			memcpy(v6[copy->n_addresses6++].v, list[i].v6, sizeof(v6[0].v));
	}
}

static void *copy_pod(struct arena *arena, const void *object)
{
	static const enum inventory_phase phases[KUBE_PHASE_COUNT] = {
		[KUBE_PHASE_UNKNOWN] = INVENTORY_PHASE_UNKNOWN,
		[KUBE_PHASE_PENDING] = INVENTORY_PENDING,
		[KUBE_PHASE_RUNNING] = INVENTORY_RUNNING,
		[KUBE_PHASE_SUCCEEDED] = INVENTORY_SUCCEEDED,
		[KUBE_PHASE_FAILED] = INVENTORY_FAILED,
	};
	const struct kube_pod *pod = object;
	struct inventory_pod *copy = take(arena, sizeof(*copy));
	struct inventory_pod made = {
		.namespace = take_text(arena, pod->meta.namespace),
		.name = take_text(arena, pod->meta.name),
		.uid = take_text(arena, pod->meta.uid),
		.created_s = object_created(pod->meta.created),
		.node = take_text(arena, pod->node),
		.labels = take_labels(arena, &pod->meta.labels),
		.n_labels = pod->meta.labels.n,
		.phase = phases[pod->phase],
		.host_network = pod->host_network,
		.terminating = pod->meta.is_going,
	};

	take_addresses(arena, pod, copy ? &made : NULL);
	if (copy)
		*copy = made;
	return copy;
}

static void *copy_namespace(struct arena *arena, const void *object)
{
	const struct kube_namespace *space = object;
	struct inventory_namespace *copy = take(arena, sizeof(*copy));
	struct inventory_namespace made = {
		.name = take_text(arena, space->meta.name),
		.uid = take_text(arena, space->meta.uid),
		.created_s = object_created(space->meta.created),
		.labels = take_labels(arena, &space->meta.labels),
		.n_labels = space->meta.labels.n,
	};

	if (copy)
		*copy = made;
	return copy;
}

static const struct selector_text *take_selector(struct arena *arena,
						 const struct kube_selector *selector)
{
	struct selector_text *copy = take(arena, sizeof(*copy));
	struct selector_expression *expressions =
		take(arena, selector->expressions.n * sizeof(*expressions));
	struct selector_text made = { .labels = take_labels(arena, &selector->labels),
				      .n_labels = selector->labels.n,
				      .expressions = expressions,
				      .n_expressions = selector->expressions.n };

	for (size_t i = 0; i < selector->expressions.n; i++) {
		const struct kube_expression *from = &selector->expressions.v[i];
		struct selector_expression expression = { take_text(arena, from->key),
							  take_text(arena, from->operator),
							  take_texts(arena, &from->values),
							  from->values.n };

		if (expressions)
			expressions[i] = expression;
	}
	if (copy)
		*copy = made;
	return copy;
}

static const struct inventory_selector *take_selectors(struct arena *arena,
						       const struct kube_policy *policy)
{
	struct inventory_selector *copy = take(arena, policy->selectors.n * sizeof(*copy));

	for (size_t i = 0; i < policy->selectors.n; i++) {
		const struct kube_pod_selector *from = &policy->selectors.v[i];
		struct inventory_selector made = {
			from->has_namespaces ? take_selector(arena, &from->namespaces) : NULL,
			from->has_pods ? take_selector(arena, &from->pods) : NULL
		};

		if (copy)
			copy[i] = made;
	}
	return copy;
}

/* What the CRD wouldn't have let through is bounded here. */
static uint32_t connections_of(int64_t said)
{
	if (said <= 0)
		return 0;
	return said < POLICY_CONNECTIONS_MAX ? (uint32_t)said : POLICY_CONNECTIONS_MAX;
}

static void *copy_policy(struct arena *arena, const void *object)
{
	static const struct ip4_prefix anywhere = { { 0 }, 0 };
	const struct kube_policy *policy = object;
	struct inventory_policy *copy = take(arena, sizeof(*copy));
	struct inventory_policy made = {
		.name = take_text(arena, policy->meta.name),
		.uid = take_text(arena, policy->meta.uid),
		.created_s = object_created(policy->meta.created),
		.generation = policy->meta.generation,
		.selectors = take_selectors(arena, policy),
		.n_selectors = policy->selectors.n,
		.pod_cidrs = take_prefixes(arena, &policy->pod_cidrs),
		.n_pod_cidrs = policy->pod_cidrs.n,
		.destinations = take_prefixes(arena, &policy->destination_cidrs),
		.n_destinations = policy->destination_cidrs.n,
		.excluded = take_prefixes(arena, &policy->excluded_cidrs),
		.n_excluded = policy->excluded_cidrs.n,
		.gateway = take_text(arena, policy->gateway ? policy->gateway : ""),
		.egress_ips = take_texts(arena, &policy->egress_ips),
		.n_egress_ips = policy->egress_ips.n,
		.best_effort = policy->enforcement == KUBE_ENFORCEMENT_BEST_EFFORT,
		.allow_ip6 = policy->ipv6 == KUBE_IPV6_ALLOW,
		.connections = connections_of(policy->connections_per_pod),
	};

	/* The API server fills in this default; one without our CRD's default would govern nothing. */
	if (!made.n_destinations) {
		made.destinations = &anywhere;
		made.n_destinations = 1;
	}
	if (copy)
		*copy = made;
	return copy;
}

/* Counts, allocates, copies. */
static void *copy(void *(*function)(struct arena *arena, const void *object), const void *object)
{
	struct arena arena = { .v = NULL };

	(void)function(&arena, object);
	arena.v = calloc(1, arena.used + 1);
	arena.used = 0;
	return arena.v ? function(&arena, object) : NULL;
}

struct inventory_pod *object_pod(const struct kube_pod *pod)
{
	return copy(copy_pod, pod);
}

struct inventory_namespace *object_namespace(const struct kube_namespace *space)
{
	return copy(copy_namespace, space);
}

struct inventory_policy *object_policy(const struct kube_policy *policy)
{
	return copy(copy_policy, policy);
}
