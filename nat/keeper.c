// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "nat/keeper_internal.h"
#include "nat/sync.h"
#include "netlink/sync.h"

/*
 * COALESCE_MS: long enough for the burst that a flush or a pod's start is, short against the second
 * within which repairs are promised. PERIODIC_MS: for what no notification told; jittered, so that a fleet
 * doesn't look all at once, and longer where looking itself takes long: at most one part in PERIODIC_SHARE of the time.
 * STORM_MS: the pause between repairs when somebody keeps undoing them.
 */
enum { COALESCE_MS = 5, PERIODIC_MS = 30000, PERIODIC_JITTER_MS = 10000, PERIODIC_SHARE = 400 };
enum { STORM_RUNS = 20, STORM_WINDOW_MS = 5000, STORM_MS = 250 };
enum { RETRY_FIRST_MS = 100, RETRY_MAX_MS = 10000 };

const char *const keeper_cause_names[KEEPER_CAUSE_COUNT] = { "start", "change", "foreign",
							     "periodic", "retry" };
const char *const keeper_second_names[KEEPER_SECOND_COUNT] = { "unwanted", "kept", "needless",
							       "lacking" };
const char *const keeper_state_names[KEEPER_STATE_COUNT] = { "starting", "ready", "degraded" };

static void set_state(struct keeper *keeper, enum keeper_state state)
{
	if (keeper->state == state)
		return;
	keeper->state = state;
	keeper->stats.state_since = mono_now();
}

/* Repairs that follow each other without end are spaced, or two programs would eat the machine. */
static int64_t repair_delay_ms(struct keeper *keeper)
{
	struct mono now = mono_now();

	if (mono_diff_ms(now, keeper->storm_since) > STORM_WINDOW_MS) {
		keeper->storm_since = now;
		keeper->storm_runs = 0;
	}
	return ++keeper->storm_runs > STORM_RUNS ? STORM_MS : COALESCE_MS;
}

void keeper_poke(struct keeper *keeper, enum keeper_cause cause)
{
	bool armed = loop_timer_is_armed(keeper->soon) && keeper->pending != KEEPER_RETRY;

	/* An armed timer isn't moved, or a steady stream of events would put the run off for ever. A retry
	 * that waits gives way to any news: the obstacle may be gone. */
	if (armed)
		return;
	keeper->pending = cause;
	loop_timer_arm_ms(keeper->soon,
			  cause == KEEPER_FOREIGN ? repair_delay_ms(keeper) : COALESCE_MS);
}

static void on_stale(const char *what, void *data)
{
	struct keeper *keeper = data;

	if (!keeper->noticed[0])
		snprintf(keeper->noticed, sizeof(keeper->noticed), "%s", what);
	keeper_poke(keeper, KEEPER_FOREIGN);
}

static void on_stale_second(const char *what, void *data)
{
	const struct keeper *keeper = data;
	char text[RT_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %s", keeper->second.label, what);
	on_stale(text, data);
}

static void on_foreign(const struct rt_change *change, void *data)
{
	struct keeper *keeper = data;

	if (keeper->ops.on_foreign)
		keeper->ops.on_foreign(change, keeper->data);
}

static void on_lost(void *data)
{
	struct keeper *keeper = data;

	if (keeper->ops.on_lost)
		keeper->ops.on_lost(keeper->data);
}

void keeper_count(struct keeper *keeper)
{
	struct keeper_stats *stats = &keeper->stats;

	stats->rules = stats->elements = 0;
	for (size_t i = 0; i < keeper->ruleset.n_chains; i++)
		stats->rules += keeper->ruleset.chains[i].n_rules;
	for (size_t i = 0; i < keeper->ruleset.n_sets; i++)
		stats->elements += keeper->ruleset.sets[i].n;
	stats->routes = net_sync_desired(keeper->net)->routes.n;
	stats->ip_rules = net_sync_desired(keeper->net)->rules.n;
}

static bool same_routing(const struct net_desired *a, const struct net_desired *b)
{
	if (a->routes.n != b->routes.n || a->rules.n != b->rules.n ||
	    a->tunnel.mtu != b->tunnel.mtu || a->tunnel.vxlan_port != b->tunnel.vxlan_port)
		return false;
	for (size_t i = 0; i < a->routes.n; i++) {
		if (rt_route_compare(&a->routes.v[i], &b->routes.v[i]) != 0)
			return false;
	}
	for (size_t i = 0; i < a->rules.n; i++) {
		if (rt_rule_compare(&a->rules.v[i], &b->rules.v[i]) != 0)
			return false;
	}
	return true;
}

static bool same_as_before(const struct keeper *keeper, const struct nat_ruleset *ruleset,
			   const struct net_desired *wanted)
{
	const struct net_desired *before = net_sync_desired(keeper->net);

	return keeper->described && before && same_routing(before, wanted) &&
	       nat_ruleset_equal(&keeper->ruleset, ruleset);
}

/* Of one run. */
struct keeper_did {
	size_t steps, transactions;
	const char *label; /* of the second table */
	struct keeper_second_run second;
	char table[NAT_PLAN_TEXT_MAX], routing[RT_TEXT_MAX];
};

static void summarise(char *buf, size_t size, const struct keeper_did *did)
{
	const char *const parts[][2] = { { "table", did->table },
					 { did->label, did->second.summary },
					 { "routing", did->routing } };
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(parts) && used < size; i++) {
		if (parts[i][1][0])
			used += (size_t)snprintf(buf + used, size - used, "%s%s: %s",
						 used ? "; " : "", parts[i][0], parts[i][1]);
	}
}

/*
 * Routing first: marks without routes are harmless (the guards drop), and the routing guards must stand
 * before a table of ours could be the only thing between a pod and the wrong address.
 */
static int bring(struct keeper *keeper, const struct nat_ruleset *ruleset,
		 struct net_desired *wanted, struct keeper_did *did, struct err *err)
{
	struct err spare = ERR_NULL;
	int rc = net_sync_run_owned(keeper->net, wanted, &did->steps, did->routing, err), rc6;

	if (!rc)
		rc = nat_sync_run(keeper->nat, ruleset, &did->transactions, did->table, err);
	/* What is wrong with the rest is no reason to leave e.g. IPv6 open. */
	rc6 = keeper_second_run(&keeper->second, &keeper->ops, keeper->data, &did->second,
				rc ? &spare : err);
	return rc ? rc : rc6;
}

static int apply(struct keeper *keeper, struct keeper_report *report, char *summary, size_t size,
		 struct err *err)
{
	struct nat_ruleset ruleset = { 0 };
	struct net_desired wanted = { 0 };
	struct keeper_did did = { .label = keeper->second.label, .second = { .same = true } };
	int rc = keeper->ops.describe(&ruleset, &wanted, keeper->data, err);

	if (!rc) {
		keeper->torn = keeper->torn || !same_as_before(keeper, &ruleset, &wanted);
		rc = bring(keeper, &ruleset, &wanted, &did, err);
	}
	net_desired_done(&wanted);
	report->changed = rc == 0 && (did.steps || did.transactions || did.second.transactions);
	/* Whoever woke us: it is a repair if the same thing was wanted before. */
	report->repaired = report->changed && !keeper->torn && did.second.same;
	summarise(summary, size, &did);
	if (rc) {
		nat_ruleset_done(&ruleset);
		return rc;
	}
	nat_ruleset_done(&keeper->ruleset);
	keeper->ruleset = ruleset;
	keeper->described = true;
	keeper->torn = false;
	keeper_count(keeper);
	return 0;
}

static void arm_next(struct keeper *keeper, const struct keeper_report *report)
{
	int64_t pause_ms = report->took_us * PERIODIC_SHARE / 1000;

	if (report->rc) {
		keeper->retry_ms = keeper->retry_ms ? keeper->retry_ms * 2 : RETRY_FIRST_MS;
		if (keeper->retry_ms > RETRY_MAX_MS)
			keeper->retry_ms = RETRY_MAX_MS;
		keeper->pending = KEEPER_RETRY;
		loop_timer_arm_ms(keeper->soon, keeper->retry_ms);
		return;
	}
	keeper->retry_ms = 0;
	if (pause_ms < PERIODIC_MS)
		pause_ms = PERIODIC_MS;
	loop_timer_arm_ms(keeper->periodic, pause_ms + mono_now().ns / 1000 % PERIODIC_JITTER_MS);
}

static void note_repair(struct keeper *keeper, const struct keeper_report *report)
{
	keeper->stats.repairs++;
	keeper->stats.last_repair_at = mono_now();
	snprintf(keeper->stats.last_repair, sizeof(keeper->stats.last_repair), "%s",
		 report->summary);
}

int keeper_run(struct keeper *keeper, enum keeper_cause cause, struct err *err)
{
	struct err local = ERR_NULL;
	struct err *text = err ? err : &local;
	char summary[2 * NAT_PLAN_TEXT_MAX + RT_TEXT_MAX + 48], noticed[RT_TEXT_MAX];
	struct mono before = mono_now();
	struct keeper_report report = { .cause = cause, .summary = summary, .noticed = noticed };

	memcpy(noticed, keeper->noticed, sizeof(noticed));
	keeper->noticed[0] = '\0';
	loop_timer_disarm(keeper->soon);
	keeper->stats.runs++;
	report.rc = apply(keeper, &report, summary, sizeof(summary), text);
	report.error = report.rc ? text->text : "";
	report.error_id = report.rc ? text->id : 0;
	report.second = keeper->second.state;
	report.took_us = (mono_now().ns - before.ns) / 1000;
	if (report.repaired)
		note_repair(keeper, &report);
	if (report.rc) {
		keeper->stats.failures++;
		keeper->error = *text;
	} else {
		keeper->error = ERR_NULL;
	}
	if (!report.rc)
		set_state(keeper, KEEPER_READY);
	else if (keeper->state == KEEPER_READY)
		set_state(keeper, KEEPER_DEGRADED);
	arm_next(keeper, &report);
	keeper->ops.on_run(&report, keeper->data);
	return report.rc;
}

bool keeper_is_due(const struct keeper *keeper)
{
	return loop_timer_is_armed(keeper->soon);
}

static void soon_expired(void *data)
{
	struct keeper *keeper = data;

	(void)keeper_run(keeper, keeper->pending, NULL);
}

static void periodic_expired(void *data)
{
	(void)keeper_run(data, KEEPER_PERIODIC, NULL);
}

struct keeper *keeper_new(struct loop *loop, const char *table, const struct keeper_ops *ops,
			  void *data, struct err *err)
{
	static const struct nat_sync_ops nat_ops = { .on_stale = on_stale },
					 second_ops = { .on_stale = on_stale_second };
	static const struct net_sync_ops net_ops = { .on_stale = on_stale,
						     .on_foreign = on_foreign,
						     .on_lost = on_lost };
	struct keeper *keeper = calloc(1, sizeof(*keeper));

	if (!keeper) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	keeper->ops = *ops;
	keeper->data = data;
	keeper->stats.state_since = mono_now();
	keeper->soon = loop_timer_new(loop, soon_expired, keeper);
	keeper->periodic = loop_timer_new(loop, periodic_expired, keeper);
	keeper->net = net_sync_new(loop, &net_ops, keeper, err);
	keeper->nat = keeper->net ? nat_sync_new(loop, (struct nat_table){ NAT_IP, table },
						 &nat_ops, keeper, err) :
				    NULL;
	keeper->second.label = ops->second.name ? ops->second.name : "ip6 table";
	if (keeper->nat && ops->describe_second)
		keeper->second.nat = nat_sync_new(
			loop, ops->second.name ? ops->second : (struct nat_table){ NAT_IP6, table },
			&second_ops, keeper, err);
	bool complete = keeper->nat && (keeper->second.nat || !ops->describe_second);

	if (complete && keeper->second.nat)
		nat_sync_pair(keeper->nat, keeper->second.nat);
	if (complete && keeper->soon && keeper->periodic)
		return keeper;
	if (complete)
		err_set(err, -ENOMEM, "out of memory");
	keeper_free(keeper);
	return NULL;
}

void keeper_free(struct keeper *keeper)
{
	if (!keeper)
		return;
	loop_timer_free(keeper->soon);
	loop_timer_free(keeper->periodic);
	nat_sync_free(keeper->nat);
	keeper_second_done(&keeper->second);
	net_sync_free(keeper->net);
	nat_ruleset_done(&keeper->ruleset);
	free(keeper);
}

const struct nat_ruleset *keeper_ruleset(const struct keeper *keeper)
{
	return keeper->described ? &keeper->ruleset : NULL;
}

const struct net_desired *keeper_net(const struct keeper *keeper)
{
	return keeper->described ? net_sync_desired(keeper->net) : NULL;
}

enum keeper_state keeper_state(const struct keeper *keeper)
{
	return keeper->state;
}

const char *keeper_error(const struct keeper *keeper)
{
	return keeper->error.text;
}

int keeper_error_id(const struct keeper *keeper)
{
	return keeper->error.text[0] ? err_id(&keeper->error, MSG_KERNEL_FAILED) : MESSAGE_NONE;
}

struct keeper_stats keeper_stats(const struct keeper *keeper)
{
	return keeper->stats;
}

struct nat_sync *keeper_nat(struct keeper *keeper)
{
	return keeper->nat;
}

struct nat_sync *keeper_nat_second(struct keeper *keeper)
{
	return keeper->second.state == KEEPER_SECOND_KEPT ? keeper->second.nat : NULL;
}

enum keeper_second_state keeper_second_state(const struct keeper *keeper)
{
	return keeper->second.state;
}

struct net_sync *keeper_net_sync(struct keeper *keeper)
{
	return keeper->net;
}

int keeper_cleanup(struct keeper *keeper, const struct net_desired *net, struct err *err)
{
	/* The table goes first: its guards would drop what the vanishing routes no longer steer. */
	int rc = nat_sync_cleanup(keeper->nat, err);

	if (!rc && keeper->second.nat)
		rc = nat_sync_cleanup(keeper->second.nat, err);
	int rc_net = net_sync_cleanup(keeper->net, net, rc ? NULL : err);

	return rc ? rc : rc_net;
}
