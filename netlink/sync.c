// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "netlink/observe.h"

#define ROUNDS 4
#define ROUTES_PER_CALL 4096 /* resolved copies that are held at a time */

struct net_sync {
	struct rtnl *rtnl;
	struct rtnl_watch *watch; /* NULL without a loop */
	struct net_sync_ops ops;
	void *data;
	struct net_sync_stats stats;

	/* What the last run was asked for; notifications are judged by it. */
	struct net_desired desired;
	bool has_desired;
	bool reported_stale;
	int tunnel_ifindex;
};

static void report_stale(struct net_sync *sync, const char *what)
{
	if (!sync->has_desired || sync->reported_stale)
		return;
	sync->reported_stale = true;
	sync->ops.on_stale(what, sync->data);
}

static void on_change(const struct rt_change *change, void *data)
{
	struct net_sync *sync = data;
	char text[RT_TEXT_MAX];
	/* What is older than the last look was seen by it: the rest of what was repaired, our own work. */
	bool stale = sync->has_desired && !rtnl_watch_is_behind(sync->watch) &&
		     net_change_is_stale(&sync->desired, sync->tunnel_ifindex, change, text);

	if (sync->ops.on_foreign && (change->kind == RT_LINK || change->kind == RT_ROUTE))
		sync->ops.on_foreign(change, sync->data);
	if (stale)
		report_stale(sync, text);
}

static void on_overrun(void *data)
{
	struct net_sync *sync = data;

	sync->stats.overruns++;
	if (sync->ops.on_lost)
		sync->ops.on_lost(sync->data);
	report_stale(sync, "notifications were lost");
}

struct net_sync *net_sync_new(struct loop *loop, const struct net_sync_ops *ops, void *data,
			      struct err *err)
{
	static const struct rtnl_watch_ops watch_ops = { .on_change = on_change,
							 .on_overrun = on_overrun };
	struct net_sync *sync = calloc(1, sizeof(*sync));

	if (!sync) {
		err_set(err, -ENOMEM, "no memory for the network state");
		return NULL;
	}
	sync->ops = *ops;
	sync->data = data;
	sync->rtnl = rtnl_open(err);
	if (sync->rtnl && loop) {
		sync->watch = rtnl_watch_new(loop, &watch_ops, sync, err);
		if (sync->watch)
			rtnl_watch_ignore(sync->watch, sync->rtnl);
	}
	if (!sync->rtnl || (loop && !sync->watch)) {
		net_sync_free(sync);
		return NULL;
	}
	return sync;
}

void net_sync_free(struct net_sync *sync)
{
	if (!sync)
		return;
	rtnl_watch_free(sync->watch);
	rtnl_close(sync->rtnl);
	net_desired_done(&sync->desired);
	free(sync);
}

struct rtnl *net_sync_rtnl(struct net_sync *sync)
{
	return sync->rtnl;
}

struct net_sync_stats net_sync_stats(const struct net_sync *sync)
{
	return sync->stats;
}

/* An owned copy of n objects; n 0 gives NULL. */
static int copy_array(const void *v, size_t n, size_t size, void *ret)
{
	void *copy = NULL;

	if (n > 0) {
		copy = reallocarray(NULL, n, size);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, v, n * size);
	}
	memcpy(ret, &copy, sizeof(copy));
	return 0;
}

static int copy_desired(const struct net_desired *desired, struct net_desired *ret)
{
	struct net_desired copy = *desired;

	copy.routes.v = NULL;
	copy.rules.v = NULL;
	if (copy_array(desired->routes.v, desired->routes.n, sizeof(*copy.routes.v),
		       &copy.routes.v) < 0 ||
	    copy_array(desired->rules.v, desired->rules.n, sizeof(*copy.rules.v), &copy.rules.v) <
		    0) {
		net_desired_done(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static void remember_desired(struct net_sync *sync, struct net_desired *desired)
{
	net_desired_done(&sync->desired);
	sync->desired = *desired;
	*desired = (struct net_desired){ 0 };
	sync->has_desired = true;
	sync->reported_stale = false;
}

/* One run: what is to be reached, what is there, and how far it got. */
struct run {
	struct net_sync *sync;
	const struct net_desired *desired;
	struct net_observed observed;
	struct net_plan plan;
	size_t steps[NET_OP_KIND_COUNT]; /* done so far, all rounds together */
	struct err *err;
};

typedef int (*routes_fn)(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
			 size_t *ret_failed, struct err *err);

static bool is_route_op(enum net_op_kind kind)
{
	return kind == NET_ROUTE_ADD || kind == NET_ROUTE_REPLACE || kind == NET_ROUTE_DEL;
}

/* How many steps from `ops` on are of one kind, at most ROUTES_PER_CALL. */
static size_t count_same(const struct net_op *ops, size_t n)
{
	size_t same = 1;

	while (same < n && same < ROUTES_PER_CALL && ops[same].kind == ops[0].kind)
		same++;
	return same;
}

static int apply_routes(struct run *run, const struct net_op *ops, size_t n)
{
	static const routes_fn functions[NET_OP_KIND_COUNT] = {
		[NET_ROUTE_ADD] = rtnl_routes_add,
		[NET_ROUTE_REPLACE] = rtnl_routes_replace,
		[NET_ROUTE_DEL] = rtnl_routes_del,
	};
	CLEANUP(cleanup_free) struct rt_route *resolved = calloc(n, sizeof(*resolved));
	CLEANUP(cleanup_free)
	const struct rt_route **pointers = calloc(n, sizeof(struct rt_route *));
	size_t failed = 0;
	int rc;

	if (!resolved || !pointers)
		return err_set(run->err, -ENOMEM, "no memory for %zu routes", n);
	for (size_t i = 0; i < n; i++) {
		resolved[i] = net_route_resolve(ops[i].route, run->observed.tunnel.ifindex);
		pointers[i] = &resolved[i];
	}
	rc = functions[ops[0].kind](run->sync->rtnl, pointers, n, &failed, run->err);
	run->steps[ops[0].kind] += n - failed;
	run->sync->stats.failures += failed;
	return rc;
}

static int apply_link(struct run *run, enum net_op_kind kind)
{
	struct rtnl *rtnl = run->sync->rtnl;
	struct rt_link link = run->desired->tunnel;

	link.ifindex = run->observed.tunnel.ifindex;
	switch (kind) {
	case NET_LINK_ADD:
		return rtnl_link_add_vxlan(rtnl, &link, run->err);
	case NET_LINK_DEL:
		return rtnl_link_del(rtnl, link.ifindex, run->err);
	default:
		return rtnl_link_set(rtnl, &link, run->err);
	}
}

static int apply_op(struct run *run, const struct net_op *op)
{
	struct rtnl *rtnl = run->sync->rtnl;
	struct rt_neigh peer = run->desired->peer;

	switch (op->kind) {
	case NET_ADDR_ADD:
		return rtnl_addr_add(rtnl, &op->addr, run->err);
	case NET_ADDR_DEL:
		return rtnl_addr_del(rtnl, &op->addr, run->err);
	case NET_NEIGH_ADD:
		peer.ifindex = run->observed.tunnel.ifindex;
		return rtnl_neigh_add(rtnl, &peer, run->err);
	case NET_RULE_ADD:
		return rtnl_rule_append(rtnl, op->rule, run->err);
	case NET_RULE_DEL:
		return rtnl_rule_del(rtnl, op->rule, run->err);
	default:
		return apply_link(run, op->kind);
	}
}

static int apply_plan(struct run *run)
{
	const struct net_plan *plan = &run->plan;
	size_t at = 0;

	while (at < plan->n) {
		const struct net_op *op = &plan->v[at];
		size_t n = is_route_op(op->kind) ? count_same(op, plan->n - at) : 1;
		int rc;

		if (is_route_op(op->kind)) {
			rc = apply_routes(run, op, n);
		} else {
			rc = apply_op(run, op);
			run->steps[op->kind] += rc == 0;
			run->sync->stats.failures += rc != 0;
		}
		if (rc)
			return rc;
		at += n;
	}
	return 0;
}

/* Failures that a change by somebody else between the look and the step explains. */
static bool is_race(int rc)
{
	return rc == -EEXIST || rc == -ENOENT || rc == -ESRCH || rc == -ENODEV ||
	       rc == -EADDRNOTAVAIL || rc == -ENETDOWN || rc == -ENETUNREACH;
}

typedef int (*plan_fn)(struct run *run);

static int plan_run(struct run *run)
{
	return net_plan_compute(run->desired, &run->observed, &run->plan, run->err);
}

static int plan_removal(struct run *run)
{
	int rc = net_plan_compute_removal(run->desired, &run->observed, &run->plan);

	return rc < 0 ? err_set(run->err, rc, "no memory for a plan") : 0;
}

static int look(struct run *run, plan_fn plan)
{
	int rc;

	net_plan_done(&run->plan);
	net_observed_done(&run->observed);
	if (run->sync->watch)
		rtnl_watch_barrier(run->sync->watch);
	rc = net_observe(run->sync->rtnl, run->desired->tunnel.name, &run->observed, run->err);
	if (rc)
		return rc;
	run->sync->tunnel_ifindex = run->observed.tunnel.ifindex;
	return plan(run);
}

static void log_plan(const struct run *run)
{
	char text[RT_TEXT_MAX];

	if (log_level_get() < LOG_LEVEL_DEBUG)
		return;
	for (size_t i = 0; i < run->plan.n; i++)
		log_debug("netlink", "%s", net_op_format(&run->plan.v[i], run->desired, text));
}

/* Look, plan, apply until there is nothing to do. */
static int converge(struct run *run, plan_fn plan)
{
	char text[RT_TEXT_MAX];
	int failed = 0;
	int rc;

	for (int round = 0; round < ROUNDS; round++) {
		rc = look(run, plan);
		if (rc || run->plan.n == 0)
			return rc;
		log_plan(run);
		failed = apply_plan(run);
		if (failed && !is_race(failed))
			return failed;
	}
	if (failed)
		return failed;
	rc = look(run, plan);
	if (rc || run->plan.n == 0)
		return rc;
	return err_set(run->err, -ELOOP, "the kernel still differs after %d rounds, first in: %s",
		       ROUNDS, net_op_format(&run->plan.v[0], run->desired, text));
}

static size_t finish(struct run *run)
{
	size_t steps = 0;

	for (size_t i = 0; i < NET_OP_KIND_COUNT; i++)
		steps += run->steps[i];
	run->sync->stats.runs++;
	run->sync->stats.steps += steps;
	net_plan_done(&run->plan);
	net_observed_done(&run->observed);
	return steps;
}

int net_sync_run_owned(struct net_sync *sync, struct net_desired *desired, size_t *ret_steps,
		       char *ret_summary, struct err *err)
{
	struct err unused = ERR_NULL;
	struct run run = { .sync = sync, .desired = &sync->desired, .err = err ? err : &unused };
	size_t steps;
	int rc;

	remember_desired(sync, desired);
	rc = converge(&run, plan_run);
	if (rc == 0)
		run.err->text[0] = '\0'; /* A race that a later round has settled. */
	steps = finish(&run);
	if (ret_summary)
		net_steps_format(run.steps, ret_summary);
	if (ret_steps)
		*ret_steps = steps;
	return rc;
}

int net_sync_run(struct net_sync *sync, const struct net_desired *desired, size_t *ret_steps,
		 char *ret_summary, struct err *err)
{
	struct net_desired copy;
	int rc = copy_desired(desired, &copy);

	if (rc < 0)
		return err_set(err, rc, "no memory for the desired state");
	return net_sync_run_owned(sync, &copy, ret_steps, ret_summary, err);
}

const struct net_desired *net_sync_desired(const struct net_sync *sync)
{
	return sync->has_desired ? &sync->desired : NULL;
}

/* Made for what is assumed, and with something to do. */
static int plan_next(struct run *run)
{
	int rc =
		net_observed_assume(&run->sync->desired, run->sync->tunnel_ifindex, &run->observed);

	if (rc)
		return err_set(run->err, rc, "no memory for a plan");
	rc = plan_run(run);
	if (rc)
		return rc;
	return net_plan_is_small(&run->plan, &run->observed) ? 0 : NET_SYNC_MORE;
}

int net_sync_next(struct net_sync *sync, struct net_desired *desired, struct err *err)
{
	struct err unused = ERR_NULL;
	struct run run = { .sync = sync, .desired = desired, .err = err ? err : &unused };
	int rc = sync->has_desired && sync->tunnel_ifindex ? plan_next(&run) : NET_SYNC_MORE;

	if (!rc && run.plan.n) {
		/* Before the kernel: what it tells of our doing must be what is wanted. */
		remember_desired(sync, desired);
		run.desired = &sync->desired;
		log_plan(&run);
		rc = apply_plan(&run);
	}
	finish(&run);
	return rc;
}

static int send_routes(struct net_sync *sync, const struct rt_routes *routes, routes_fn function,
		       struct err *err)
{
	CLEANUP(cleanup_free) struct rt_route *resolved = calloc(routes->n + 1, sizeof(*resolved));
	CLEANUP(cleanup_free)
	const struct rt_route **pointers = calloc(routes->n + 1, sizeof(struct rt_route *));
	size_t failed = 0;
	int rc;

	if (!resolved || !pointers)
		return err_set(err, -ENOMEM, "no memory for %zu routes", routes->n);
	for (size_t i = 0; i < routes->n; i++) {
		resolved[i] = net_route_resolve(&routes->v[i], sync->tunnel_ifindex);
		pointers[i] = &resolved[i];
	}
	rc = function(sync->rtnl, pointers, routes->n, &failed, err);
	sync->stats.steps += routes->n - failed;
	sync->stats.failures += failed;
	return rc;
}

int net_sync_delta(struct net_sync *sync, const struct net_delta *delta, struct err *err)
{
	int rc;

	if (!sync->has_desired || !sync->tunnel_ifindex)
		return err_set(err, -EAGAIN, "nothing was brought to the kernel yet");
	/* Before the kernel: what it tells of our doing must be what is wanted. */
	rc = net_desired_change(&sync->desired, delta);
	if (rc)
		return err_set(err, rc, "routes less or more: %s", strerror(-rc));
	rc = send_routes(sync, &delta->add, rtnl_routes_add, err);
	if (!rc)
		rc = send_routes(sync, &delta->del, rtnl_routes_del, err);
	return rc;
}

int net_sync_cleanup(struct net_sync *sync, const struct net_desired *desired, struct err *err)
{
	struct err unused = ERR_NULL;
	struct run run = { .sync = sync, .desired = desired, .err = err ? err : &unused };
	int rc;

	sync->has_desired = false;
	rc = converge(&run, plan_removal);
	if (rc == 0)
		run.err->text[0] = '\0';
	finish(&run);
	return rc;
}
