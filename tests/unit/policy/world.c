// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "world.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

enum { NODES = 3 };

static uint64_t random_state;

void world_seed(uint64_t seed)
{
	random_state = seed;
}

uint32_t world_random(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % n;
}

#define RANDOM(words) ((words)[world_random(ARRAY_SIZE(words))])

const char *const world_spaces[SPACES] = { "s0", "s1", "s2" };
static const char *const pod_names[PODS] = { "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7" };
static const char *const policy_names[POLICIES] = { "d", "b", "a", "c", "e" };
const struct inventory_egress world_egress[4] = { { "gw", "bank" },
						  { "gw", "mail" },
						  { "gw", "post" },
						  { "other", "bank" } };

static const char *new_uid(struct world *w)
{
	size_t n;
	char text[48];
	unsigned number = w->uids++;

	/* Most as the API server makes them. */
	if (number % 3)
		snprintf(text, sizeof(text), "u=%08x-89ab-4def-8123-456789abcdef", number);
	else
		snprintf(text, sizeof(text), "u=%u", number);
	return objects_labels(text, &n)[0].value;
}

void world_pod(struct world *w, struct inventory_pod *pod, size_t index)
{
	static const char *const labels[] = { "", "a=1", "a=2", "a=1 b=1", "b=1" };
	static const char *const nodes[NODES] = { "n0", "n1", "" };
	struct ip4 *addresses =
		(struct ip4 *)(void *)objects_prefixes("0.0.0.0/0 0.0.0.0/0 0.0.0.0/0 "
						       "0.0.0.0/0",
						       &(size_t){ 0 });
	bool same = pod->uid && world_random(3);

	*pod = (struct inventory_pod){
		.namespace = world_spaces[index / PODS],
		.name = pod_names[index % PODS],
		.uid = same ? pod->uid : new_uid(w),
		/* Made again: not earlier than what was there before. */
		.created_s = same ? pod->created_s : pod->created_s + world_random(3),
		.node = RANDOM(nodes),
		.phase = world_random(6) ? INVENTORY_RUNNING :
					   world_random(INVENTORY_PHASE_UNKNOWN + 1),
		.host_network = !world_random(8),
		.terminating = !world_random(3),
		.addresses = addresses,
	};
	pod->labels = objects_labels(RANDOM(labels), &pod->n_labels);
	addresses[pod->n_addresses++].v = WORLD_BASE + world_random(ADDRESSES);
	if (!world_random(4))
		addresses[pod->n_addresses].v = WORLD_BASE + world_random(ADDRESSES);
	if (addresses[1].v && addresses[1].v != addresses[0].v)
		pod->n_addresses++;
	if (!world_random(8))
		pod->n_addresses = 0;
}

void world_policy(struct world *w, struct inventory_policy *policy, size_t index)
{
	static const char *const spaces[] = { NULL, "", "t=1", "t:NotIn:1", "t:Exists" };
	static const char *const pods[] = { NULL,        "",         "a=1",
					    "a:NotIn:1", "b:Exists", "a:In:1,2 b:DoesNotExist" };
	static const char *const cidrs[] = {
		NULL, NULL, NULL, "10.0.0.4/30", "10.0.0.0/32", "10.0.0.8/29 10.0.0.3/32"
	};
	static const char *const destinations[] = { "0.0.0.0/0", "9.0.0.0/8",
						    "9.9.0.0/16 8.0.0.0/8", "127.0.0.0/8" };
	static const char *const excluded[] = { NULL, NULL, "9.9.9.0/24" };
	static const char *const gateways[] = { "gw", "gw", "gw", "other", "gone" };
	static const char *const egress[] = { "bank", "mail bank", "post bank mail", "x",
					      "x mail" };

	*policy = *objects_policy(
		policy_names[index],
		(struct policy_words){ .uid = new_uid(w),
				       .namespaces = RANDOM(spaces),
				       .pods = RANDOM(pods),
				       .pods2 = world_random(3) ? NULL : RANDOM(pods),
				       .cidrs = RANDOM(cidrs),
				       .destinations = RANDOM(destinations),
				       .excluded = RANDOM(excluded),
				       .gateway = RANDOM(gateways),
				       .egress = RANDOM(egress),
				       .created_s = policy->created_s + world_random(3) });
}
