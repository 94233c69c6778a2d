// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/portwatch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/ports.h"
#include "gateway/pressure.h"
#include "gateway/traffic.h"
#include "gateway/usage.h"
#include "nat/ct_stats.h"
#include "nat/nfnl.h"

struct portwatch {
	struct portwatch_options options;
	struct traffic *traffic;
	struct nfnl *nfnl;
	struct pressure pressure;
	uint64_t looks; /* judged */
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

static void count_refusals(struct portwatch *watch, const struct reading *reading)
{
	struct ct_stats stats;
	struct err err = ERR_NULL;

	if (ct_stats_read(watch->nfnl, &stats, &err))
		log_debug("usage", "what the kernel refuses can't be read: %s", err.text);
	else
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

static void on_second(void *data)
{
	struct portwatch *watch = data;
	struct reading reading;

	if (!traffic_is_known(watch->traffic))
		return;
	take_reading(watch, &reading);
	count_refusals(watch, &reading);
	judge(watch, &reading);
}

struct portwatch *portwatch_new(const struct portwatch_options *options, struct err *err)
{
	struct portwatch *watch = calloc(1, sizeof(*watch));

	if (!watch) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	watch->options = *options;
	const struct traffic_options traffic = { .loop = options->loop,
						 .view = options->view,
						 .view_data = options->data,
						 .on_second = on_second,
						 .data = watch };

	watch->nfnl = nfnl_open(err);
	watch->traffic = watch->nfnl ? traffic_new(&traffic, err) : NULL;
	if (!watch->traffic) {
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
