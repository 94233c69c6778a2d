// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The command `top`: who uses most of the egress IPs now (usage.h), with names.
 * Arguments: `sort`, what pods are sorted by: "connections" (the default), "bytes" or "new"; `limit`, how many pods and
 * destinations are told at most (default 20, at most TOP_MAX).
 */
#include "gateway/tell/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "control/control.h"
#include "daemon/frame.h"
#include "gateway/tell/state.h"
#include "gateway/tell/top.h"
#include "gateway/use/portwatch.h"
#include "gateway/use/traffic.h"
#include "gateway/use/usage.h"

enum { DEFAULT_LIMIT = 20, TOP_MAX = 1000, TIME_MAX = 32 };

static const struct order {
	const char *name;
	bool (*is_before)(const void *a, const void *b);
} orders[] = {
	{ "connections", usage_has_more_connections },
	{ "bytes", usage_has_more_bytes },
	{ "new", usage_has_more_new },
};

static int read_order(const struct control_args *args, struct tally_order *ret, struct err *err)
{
	const char *name = control_arg(args, "sort");

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		if (!name || strcmp(name, orders[i].name) == 0) {
			ret->is_before = orders[i].is_before;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "sort: is none of connections, bytes, new");
}

static int read_limit(const struct control_args *args, struct tally_order *ret, struct err *err)
{
	const char *text = control_arg(args, "limit");
	char *end = NULL;
	unsigned long n;

	ret->most = DEFAULT_LIMIT;
	if (!text)
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || n > TOP_MAX)
		return err_set(err, -EINVAL, "limit: is no number up to %d", TOP_MAX);
	ret->most = n;
	return 0;
}

static void put_counted(struct control_out *out, const struct traffic *traffic,
			const struct usage_numbers *numbers)
{
	const struct traffic_counts counts = traffic_counts(traffic);

	control_object(out, "counted");
	control_int(out, "connections", (long long)numbers->flows);
	control_int(out, "destinations", (long long)numbers->destinations);
	control_int(out, "sources", (long long)numbers->sources);
	control_int(out, "looks", (long long)counts.looks);
	control_int(out, "overruns", (long long)counts.lost);
	control_int(out, "uncounted", (long long)numbers->uncounted);
	control_int(out, "forgotten", (long long)numbers->forgotten);
	control_int(out, "unshown", (long long)numbers->unshown);
	control_end(out);
}

static int report(const struct gateway_view *view, struct traffic *traffic,
		  const struct control_args *args, struct control_out *out, struct err *err)
{
	const struct usage *usage = traffic_usage(traffic);
	const struct usage_numbers numbers = usage_numbers(usage);
	const time_t now = time(NULL);
	struct tally_order best;
	char text[TIME_MAX];
	struct tm tm;
	int rc = read_order(args, &best, err);

	if (!rc)
		rc = read_limit(args, &best, err);
	if (rc)
		return err_mark(err, MSG_CONTROL_REQUEST, rc);
	traffic_attend(traffic);
	if (!traffic_is_known(traffic))
		return err_mark(err, MSG_STARTING,
				err_set(err, -EAGAIN, "connections are still being counted"));
	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	control_string(out, "time", text);
	control_int(out, "interval_s", (numbers.interval_ms + 500) / 1000);
	put_counted(out, traffic, &numbers);
	rc = top_put_sources(out, view, usage, &best);
	if (!rc)
		rc = top_put_destinations(out, view, usage, best.most);
	top_put_egress(out, view, usage);
	gateway_put_blocks(out, view, usage);
	return rc ? err_set(err, rc, "out of memory") : 0;
}

int gateway_run_top(const struct control_args *args, struct control_out *out, void *data,
		    struct err *err)
{
	const struct agent *agent = frame_state(data);
	struct agent_state state;

	if (!agent)
		return err_mark(err, MSG_STARTING, err_set(err, -EAGAIN, "the daemon is starting"));
	state = agent_state(agent);
	return report(&state.view, portwatch_traffic(state.portwatch), args, out, err);
}
