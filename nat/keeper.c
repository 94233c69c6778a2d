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
#include "nat/sync.h"
#include "netlink/sync.h"

/*
 * COALESCE_MS: long enough for the burst that a flush or a pod's start is, short against the second
 * within which repairs are promised. PERIODIC_MS: for what no notification told; jittered, so that a fleet
 * doesn't look all at once. STORM_MS: the pause between repairs when somebody keeps undoing them.
 */
enum { COALESCE_MS = 5, PERIODIC_MS = 30000, PERIODIC_JITTER_MS = 10000 };
enum { STORM_RUNS = 20, STORM_WINDOW_MS = 5000, STORM_MS = 250 };
enum { RETRY_FIRST_MS = 100, RETRY_MAX_MS = 10000 };

const char *const keeper_cause_names[KEEPER_CAUSE_COUNT] = { "start", "change", "foreign",
							     "periodic", "retry" };
const char *const keeper_state_names[KEEPER_STATE_COUNT] = { "starting", "ready", "degraded" };

struct keeper {
	struct keeper_ops ops;
	void *data;
	struct nat_sync *nat;
	struct net_sync *net;
	struct loop_timer *soon, *periodic;
	enum keeper_cause pending; /* of the armed `soon` */
	char noticed[RT_TEXT_MAX];
	enum keeper_state state;
	struct err error;
	struct nat_ruleset ruleset;
	struct net_desired wanted;
	bool described; /* ruleset and wanted are what the kernel has */
	int64_t retry_ms;
	struct mono storm_since;
	unsigned storm_runs;
	struct keeper_stats stats;
};

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

static void count_wanted(struct keeper *keeper)
{
	struct keeper_stats *stats = &keeper->stats;

	stats->rules = stats->elements = 0;
	for (size_t i = 0; i < keeper->ruleset.n_chains; i++)
		stats->rules += keeper->ruleset.chains[i].n_rules;
	for (size_t i = 0; i < keeper->ruleset.n_sets; i++)
		stats->elements += keeper->ruleset.sets[i].n;
	stats->routes = keeper->wanted.routes.n;
	stats->ip_rules = keeper->wanted.rules.n;
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

/*
 * Routing first: marks without routes are harmless (the guards drop), and the routing guards must stand
 * before a table of ours could be the only thing between a pod and the wrong address.
 */
static int apply(struct keeper *keeper, struct keeper_report *report, char *summary, size_t size,
		 struct err *err)
{
	char table[NAT_PLAN_TEXT_MAX] = "", routing[RT_TEXT_MAX] = "";
	struct nat_ruleset ruleset = { 0 };
	struct net_desired wanted = { 0 };
	size_t steps = 0, transactions = 0;
	int rc = keeper->ops.describe(&ruleset, &wanted, keeper->data, err);

	if (!rc)
		rc = net_sync_run(keeper->net, &wanted, &steps, routing, err);
	if (!rc)
		rc = nat_sync_run(keeper->nat, &ruleset, &transactions, table, err);
	report->changed = rc == 0 && (steps || transactions);
	/* Whoever woke us: it is a repair if the same thing was wanted before. */
	report->repaired = report->changed && keeper->described &&
			   same_routing(&keeper->wanted, &wanted) &&
			   nat_ruleset_equal(&keeper->ruleset, &ruleset);
	snprintf(summary, size, "%s%s%s%s%s", table[0] ? "table: " : "", table,
		 table[0] && routing[0] ? "; " : "", routing[0] ? "routing: " : "", routing);
	if (rc) {
		nat_ruleset_done(&ruleset);
		net_desired_done(&wanted);
		return rc;
	}
	nat_ruleset_done(&keeper->ruleset);
	net_desired_done(&keeper->wanted);
	keeper->ruleset = ruleset;
	keeper->wanted = wanted;
	keeper->described = true;
	count_wanted(keeper);
	return 0;
}

static void arm_next(struct keeper *keeper, int rc)
{
	if (rc) {
		keeper->retry_ms = keeper->retry_ms ? keeper->retry_ms * 2 : RETRY_FIRST_MS;
		if (keeper->retry_ms > RETRY_MAX_MS)
			keeper->retry_ms = RETRY_MAX_MS;
		keeper->pending = KEEPER_RETRY;
		loop_timer_arm_ms(keeper->soon, keeper->retry_ms);
		return;
	}
	keeper->retry_ms = 0;
	loop_timer_arm_ms(keeper->periodic,
			  PERIODIC_MS + mono_now().ns / 1000 % PERIODIC_JITTER_MS);
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
	char summary[NAT_PLAN_TEXT_MAX + RT_TEXT_MAX + 32], noticed[RT_TEXT_MAX];
	struct mono before = mono_now();
	struct keeper_report report = { .cause = cause, .summary = summary, .noticed = noticed };

	memcpy(noticed, keeper->noticed, sizeof(noticed));
	keeper->noticed[0] = '\0';
	loop_timer_disarm(keeper->soon);
	keeper->stats.runs++;
	report.rc = apply(keeper, &report, summary, sizeof(summary), text);
	report.error = report.rc ? text->text : "";
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
	arm_next(keeper, report.rc);
	keeper->ops.on_run(&report, keeper->data);
	return report.rc;
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
	static const struct nat_sync_ops nat_ops = { .on_stale = on_stale };
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
	keeper->nat = keeper->net ? nat_sync_new(loop, table, &nat_ops, keeper, err) : NULL;
	if (keeper->nat && keeper->soon && keeper->periodic)
		return keeper;
	if (keeper->nat)
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
	net_sync_free(keeper->net);
	nat_ruleset_done(&keeper->ruleset);
	net_desired_done(&keeper->wanted);
	free(keeper);
}

const struct nat_ruleset *keeper_ruleset(const struct keeper *keeper)
{
	return keeper->described ? &keeper->ruleset : NULL;
}

const struct net_desired *keeper_net(const struct keeper *keeper)
{
	return keeper->described ? &keeper->wanted : NULL;
}

enum keeper_state keeper_state(const struct keeper *keeper)
{
	return keeper->state;
}

const char *keeper_error(const struct keeper *keeper)
{
	return keeper->error.text;
}

struct keeper_stats keeper_stats(const struct keeper *keeper)
{
	return keeper->stats;
}

struct nat_sync *keeper_nat(struct keeper *keeper)
{
	return keeper->nat;
}

struct net_sync *keeper_net_sync(struct keeper *keeper)
{
	return keeper->net;
}

int keeper_cleanup(struct keeper *keeper, const struct net_desired *net, struct err *err)
{
	/* The table goes first: its guards would drop what the vanishing routes no longer steer. */
	int rc = nat_sync_cleanup(keeper->nat, err);
	int rc_net = net_sync_cleanup(keeper->net, net, rc ? NULL : err);

	return rc ? rc : rc_net;
}
