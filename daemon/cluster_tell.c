// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* When the owner hears of what was told, and of what of it. */
#include "daemon/cluster_internal.h"

#include "base/loop.h"
#include "http/http.h"
#include "kube/kinds.h"
#include "policy/facts.h"

/*
 * A listener that waits for long would be felt by a new pod; but each telling costs a transaction in the kernel. So up to
 * a hundred in a second are told at once, and what comes faster, together.
 */
const struct pace cluster_usual_pace = { .gap_ms = 2, .every_ms = 10, .burst = 50 };
enum { PART = 400 }; /* addresses */

void cluster_tell(struct cluster *cluster, unsigned what)
{
	cluster->changed |= what;
	if (!cluster_is_synced(cluster))
		return;
	if (!loop_timer_is_armed(cluster->timer))
		(void)loop_timer_arm_ms(cluster->timer, pace_wait_ms(&cluster->pace, mono_now()));
}

/*
 * A burst in parts that the kernel takes in a transaction each, without notifying us of more than we hear; a whole run costs
 * more, the more pods there are. False: what is left needs one.
 */
static bool hand_pods(struct cluster *cluster, const struct inventory_changes *changes)
{
	const struct cluster_options *options = &cluster->options;
	bool taken = options->on_pods;

	for (size_t i = 0; i < changes->n && taken; i += PART) {
		struct inventory_changes part = { .v = changes->v + i, .n = changes->n - i };

		if (part.n > PART)
			part.n = PART;
		taken = options->on_pods(&part, options->data);
	}
	return taken;
}

/*
 * Most of what is told of pods - conditions, restarts - has nothing to do with us. With something computed anew soon,
 * all that is told goes there.
 */
static bool is_settled(struct cluster *cluster)
{
	struct inventory_changes changes;

	if (cluster->stale || inventory_take(cluster->inventory, &changes))
		return false;
	/* Only nodes have rules for IPv6, and bring them by whole runs. */
	if (changes.ip6 && cluster->options.node)
		return false;
	if (changes.n == 0) {
		latency_forget(&cluster->latency);
		return true;
	}
	pace_done(&cluster->pace, mono_now());
	return hand_pods(cluster, &changes);
}

void cluster_tell_now(void *data)
{
	struct cluster *cluster = data;
	unsigned what = cluster->changed;
	bool ignored = inventory_take_ignored(cluster->inventory);

	cluster->changed = 0;
	if (what == CLUSTER_PODS && is_settled(cluster)) {
		if (ignored)
			cluster->options.on_change(CLUSTER_IGNORED, cluster->options.data);
		return;
	}
	cluster->stale = true;
	pace_done(&cluster->pace, mono_now());
	cluster->options.on_change(what, cluster->options.data);
}

void cluster_tell_of(struct follow *follow)
{
	struct cluster *cluster = follow->cluster;

	if (follow->kind->kube == &kube_pods && cluster_is_synced(cluster)) {
		cluster->pod_events++;
		latency_wait(&cluster->latency, http_woken(cluster->http));
	}
	cluster_tell(cluster, follow->kind->change);
}
