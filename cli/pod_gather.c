// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/pod.h"

#include "kube/kinds.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGENT_LABEL "app.kubernetes.io/name=eipgw-noded" /* deploy/noded.yaml */

static void ask(struct kube_client *client, struct pod_facts *facts, enum pod_question question,
		const struct kube_wanted *wanted)
{
	struct pod_fact *const fact = &facts->v[question];

	fact->state = kube_once_sync(client, wanted, &fact->objects, &fact->failure) == 0 ?
			      FACT_KNOWN :
			      FACT_FAILED;
}

static const struct kube_pod *pod_of(const struct pod_facts *facts)
{
	const struct pod_fact *const fact = &facts->v[POD_ASK_POD];

	return fact->state == FACT_KNOWN ? fact->objects.v[0] : NULL;
}

static void gather_node(struct kube_client *client, struct pod_facts *facts, const char *node)
{
	char selector[300];

	ask(client, facts, POD_ASK_NODE,
	    &(struct kube_wanted){ .kind = &kube_nodes, .name = node });
	snprintf(selector, sizeof(selector), "spec.nodeName=%.253s", node);
	ask(client, facts, POD_ASK_AGENTS,
	    &(struct kube_wanted){ .kind = &kube_pods,
				   .field_selector = selector,
				   .label_selector = AGENT_LABEL });
}

/* An object of `from` becomes the last one of `to`. */
static bool move_object(struct kube_objects *to, struct kube_objects *from)
{
	void **const v = reallocarray(to->v, to->n + 1, sizeof(*v));

	if (!v)
		return false;
	to->v = v;
	struct json_t **const json = reallocarray(to->json, to->n + 1, sizeof(*json));
	if (!json)
		return false;
	to->json = json;
	to->kind = from->kind;
	to->v[to->n] = from->v[0];
	to->json[to->n++] = from->json[0];
	from->n = 0;
	return true;
}

static bool has_space(const struct kube_objects *spaces, const char *name)
{
	for (size_t i = 0; i < spaces->n; i++)
		if (strcmp(((const struct kube_meta *)spaces->v[i])->name, name) == 0)
			return true;
	return false;
}

/* Those of the sharers that aren't the pod's own. */
static void gather_spaces(struct kube_client *client, struct pod_facts *facts)
{
	const struct kube_objects *const sharers = &facts->v[POD_ASK_SHARERS].objects;
	struct pod_fact *const fact = &facts->v[POD_ASK_SPACES];
	struct kube_objects one = KUBE_OBJECTS_NULL;

	fact->state = FACT_KNOWN;
	for (size_t i = 0; i < sharers->n && fact->state == FACT_KNOWN; i++) {
		const char *const name = ((const struct kube_meta *)sharers->v[i])->namespace;
		const struct kube_wanted wanted = { .kind = &kube_namespaces, .name = name };

		if (!name || strcmp(name, facts->namespace) == 0 || has_space(&fact->objects, name))
			continue;
		if (kube_once_sync(client, &wanted, &one, &fact->failure) != 0 ||
		    !move_object(&fact->objects, &one))
			fact->state = FACT_FAILED;
		kube_objects_done(&one);
	}
}

static void gather_sharers(struct kube_client *client, struct pod_facts *facts,
			   const struct kube_pod *pod)
{
	char selector[64], text[IP4_TEXT_MAX];

	if (pod->ip.family != 4 || pod->host_network)
		return;
	snprintf(selector, sizeof(selector), "status.podIP=%s", ip4_format(pod->ip.v4, text));
	ask(client, facts, POD_ASK_SHARERS,
	    &(struct kube_wanted){ .kind = &kube_pods, .field_selector = selector });
	if (facts->v[POD_ASK_SHARERS].state == FACT_KNOWN)
		gather_spaces(client, facts);
}

void pod_gather(struct kube_client *client, struct pod_facts *facts)
{
	ask(client, facts, POD_ASK_POD,
	    &(struct kube_wanted){
		    .kind = &kube_pods, .namespace = facts->namespace, .name = facts->name });
	/* A server that doesn't answer isn't waited for once more. */
	if (facts->v[POD_ASK_POD].state == FACT_FAILED && !facts->v[POD_ASK_POD].failure.status)
		return;
	ask(client, facts, POD_ASK_NAMESPACE,
	    &(struct kube_wanted){ .kind = &kube_namespaces, .name = facts->namespace });
	const struct kube_pod *const pod = pod_of(facts);
	if (!pod)
		return;
	ask(client, facts, POD_ASK_POLICIES, &(struct kube_wanted){ .kind = &kube_policies });
	ask(client, facts, POD_ASK_GATEWAYS, &(struct kube_wanted){ .kind = &kube_gateways });
	if (pod->node)
		gather_node(client, facts, pod->node);
	gather_sharers(client, facts, pod);
}

void pod_facts_done(struct pod_facts *facts)
{
	for (size_t i = 0; i < POD_ASK_COUNT; i++)
		kube_objects_done(&facts->v[i].objects);
}
