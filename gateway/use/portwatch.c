// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/use/portwatch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "gateway/table/limiter.h"
#include "gateway/table/limits.h"
#include "gateway/use/blockuse.h"
#include "gateway/use/ports.h"
#include "gateway/use/pressure.h"
#include "gateway/use/traffic.h"
#include "gateway/use/usage.h"
#include "nat/ct_stats.h"
#include "nat/nfnl.h"

/* Who is let in again waits, so that a pod at its limit costs at most so many transactions. */
enum { RELEASE_MS = 20 };

struct portwatch {
	struct portwatch_options options;
	struct traffic *traffic;
	struct nfnl *nfnl;
	struct pressure pressure;
	uint64_t looks; /* judged */
	struct limiter *limiter;
	struct loop_timer *tell; /* the kernel about it */
	uint32_t smallest_limit; /* 0: there is none */
};

/* What is in use now, for pressure.h, which borrows the texts. */
struct reading {
	struct usage_total totals[POLICY_EGRESS_MAX];
	struct pressure_input v[POLICY_EGRESS_MAX];
	char texts[POLICY_EGRESS_MAX][PORTS_DESTINATION_MAX];
	size_t n;
};

static void take_reading(const struct portwatch *watch, struct reading *ret)
{
	const struct gateway_view view = watch->options.view(watch->options.data);
	const struct gateway_egress *egress = view.config->egress_ips.v;

	ret->n = view.config->egress_ips.n;
	usage_totals(traffic_usage(watch->traffic), ret->totals);
	for (size_t i = 0; i < ret->n; i++) {
		const struct usage_destination *hottest = &ret->totals[i].hottest;

		ret->v[i] = (struct pressure_input){ .egress_name = egress[i].name,
						     .ports = usage_ports(hottest),
						     .capacity = ports_capacity(view.config) };
		if (hottest->connections)
			ret->v[i].destination = ports_destination(hottest, ret->texts[i]);
	}
}

/* Parts of the ports that are full although no destination has nearly all of them. */
static void see_blocks(const struct portwatch *watch, struct reading *reading)
{
	const struct gateway_view view = watch->options.view(watch->options.data);
	struct blockuse use[POLICY_EGRESS_MAX];

	if (!gateway_has_blocks(&view))
		return;
	blockuse_read(view.blocks, traffic_usage(watch->traffic), use);
	for (size_t i = 0; i < reading->n; i++)
		reading->v[i].is_part_full = blockuse_is_short(view.blocks, &use[i]);
}

static void count_refusals(struct portwatch *watch, struct reading *reading)
{
	struct ct_stats stats;
	struct err err = ERR_NULL;

	if (ct_stats_read(watch->nfnl, &stats, &err)) {
		log_debug("usage", "what the kernel refuses can't be read: %s", err.text);
		return;
	}
	/* In peace nobody looks through all sources. */
	if (pressure_is_refusing(&watch->pressure, stats.insert_failed))
		see_blocks(watch, reading);
	pressure_count(&watch->pressure, reading->v, reading->n, stats.insert_failed);
}

static bool is_any_short(const struct pressure *pressure, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (pressure->v[i].is_short)
			return true;
	}
	return false;
}

static void judge(struct portwatch *watch, const struct reading *reading)
{
	const uint64_t looks = traffic_counts(watch->traffic).looks;
	const bool is_fresh = looks != watch->looks;

	watch->looks = looks;
	if (pressure_judge(&watch->pressure, reading->v, reading->n, is_fresh))
		watch->options.on_pressure(watch->options.data);
	if (!is_fresh && pressure_wants_look(&watch->pressure, reading->v, reading->n))
		traffic_hurry(watch->traffic);
	/* It's to be withdrawn as soon as that is right. */
	if (is_any_short(&watch->pressure, reading->n))
		traffic_attend(watch->traffic);
}

/* ---- limits */

static void tell(void *data)
{
	struct portwatch *watch = data;

	watch->options.on_limits(watch->options.data);
}

static void tell_soon(struct portwatch *watch, bool is_urgent)
{
	if (is_urgent || !loop_timer_is_armed(watch->tell))
		(void)loop_timer_arm_ms(watch->tell, is_urgent ? 0 : RELEASE_MS);
}

static void judge_source(struct portwatch *watch, const struct gateway_view *view,
			 struct ip4 source)
{
	const uint32_t limit = view->policies ? limits_of(view, gateway_class_of(view, source)) : 0;
	const uint32_t connections = usage_connections_of(traffic_usage(watch->traffic), source);

	if (limiter_judge(watch->limiter, source, connections, limit))
		tell_soon(watch, limiter_has(watch->limiter, source));
}

static void on_connection(struct ip4 source, bool began, void *data)
{
	struct portwatch *watch = data;

	if (!watch->smallest_limit || (!began && !limiter_has(watch->limiter, source)))
		return;
	const struct gateway_view view = watch->options.view(watch->options.data);

	judge_source(watch, &view, source);
}

/* Policies may say something else now, and a look may have found what wasn't told. */
static void judge_limited(struct portwatch *watch, const struct gateway_view *view)
{
	bool is_limited;

	for (size_t i = 0; i < limiter_places(watch->limiter); i++) {
		const struct ip4 source = limiter_at(watch->limiter, i, &is_limited);

		if (is_limited)
			judge_source(watch, view, source);
	}
}

/* Those that may have reached a limit: with one of so many egress IPs they have their part of it. */
static void judge_all(struct portwatch *watch, const struct gateway_view *view)
{
	const struct usage *usage = traffic_usage(watch->traffic);
	const size_t n = usage_numbers(usage).sources;

	for (size_t i = 0; watch->smallest_limit && i < n; i++) {
		const struct usage_source *one = usage_source_at(usage, i);

		if ((uint64_t)one->connections * view->config->egress_ips.n >=
		    watch->smallest_limit)
			judge_source(watch, view, usage_source_address(one));
	}
}

static void see_limits(struct portwatch *watch, bool is_fresh)
{
	const struct gateway_view view = watch->options.view(watch->options.data);
	const uint32_t smallest = limits_smallest(&view);
	const bool is_other = smallest != watch->smallest_limit;

	watch->smallest_limit = smallest;
	judge_limited(watch, &view);
	if (is_fresh || is_other)
		judge_all(watch, &view);
}

static void on_second(void *data)
{
	struct portwatch *watch = data;
	struct reading reading;

	/* Connections that begin are limited, whether those from before are known yet or not. */
	see_limits(watch, traffic_counts(watch->traffic).looks != watch->looks);
	if (!traffic_is_known(watch->traffic))
		return;
	take_reading(watch, &reading);
	count_refusals(watch, &reading);
	judge(watch, &reading);
}

struct portwatch *portwatch_new(const struct portwatch_options *options, struct err *err)
{
	struct portwatch *watch = calloc(1, sizeof(*watch));
	uint64_t seed;

	if (!watch) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	watch->options = *options;
	const struct traffic_options traffic = { .loop = options->loop,
						 .view = options->view,
						 .view_data = options->data,
						 .on_connection = on_connection,
						 .on_second = on_second,
						 .data = watch };

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = 0;
	watch->limiter = limiter_new(seed);
	watch->tell = loop_timer_new(options->loop, tell, watch);
	watch->nfnl = nfnl_open(err);
	watch->traffic = watch->nfnl ? traffic_new(&traffic, err) : NULL;
	if (watch->traffic && (!watch->limiter || !watch->tell))
		err_set(err, -ENOMEM, "out of memory");
	if (!watch->traffic || !watch->limiter || !watch->tell) {
		portwatch_free(watch);
		return NULL;
	}
	return watch;
}

void portwatch_free(struct portwatch *watch)
{
	if (!watch)
		return;
	traffic_free(watch->traffic);
	nfnl_close(watch->nfnl);
	loop_timer_free(watch->tell);
	limiter_free(watch->limiter);
	free(watch);
}

void portwatch_begin(struct portwatch *watch)
{
	traffic_begin(watch->traffic);
}

struct traffic *portwatch_traffic(const struct portwatch *watch)
{
	return watch->traffic;
}

const struct pressure *portwatch_pressure(const struct portwatch *watch)
{
	return &watch->pressure;
}

struct limiter *portwatch_limiter(const struct portwatch *watch)
{
	return watch->limiter;
}
