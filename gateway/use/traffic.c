// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/use/traffic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "gateway/use/usage.h"
#include "nat/account.h"
#include "nat/flow.h"
#include "nat/follow.h"

enum { SECOND_MS = 1000, BUFFER = 8 << 20 };
/* Ceilings; see usage.h for what they cost. */
enum { FLOWS_MAX = 4 << 20, DESTINATIONS_MAX = 1 << 18, SOURCES_MAX = 1 << 17 };
/* Between two looks: while somebody wants to know, otherwise, and by how long the last one took. */
enum { ATTENTIVE_MS = 5000, IDLE_MS = 30000, ATTENTION_MS = 60000, REST = 20 };

struct traffic {
	struct traffic_options options;
	struct usage *usage;
	struct ct_follow *follow;
	struct ct_walk *walk;
	struct loop_timer *second;
	struct mono began; /* the look */
	struct mono ended; /* the last one; ns == 0: there was none */
	struct mono attended;
	int64_t took_ms;
	bool has_begun, is_urgent;
	struct traffic_counts counts;
};

static void on_begin(const struct ct_flow *flow, bool made, void *data)
{
	const struct traffic *traffic = data;

	(void)made;
	usage_begin(traffic->usage, flow);
	if (traffic->options.on_connection)
		traffic->options.on_connection(flow->orig.src, true, traffic->options.data);
}

static void on_end(const struct ct_flow *flow, const struct ct_account *account, void *data)
{
	const struct traffic *traffic = data;

	usage_end(traffic->usage, flow, account);
	if (traffic->options.on_connection)
		traffic->options.on_connection(flow->orig.src, false, traffic->options.data);
}

static void on_lost(int64_t from_ns, int64_t to_ns, void *data)
{
	struct traffic *traffic = data;

	(void)from_ns;
	(void)to_ns;
	if (!traffic->counts.lost++)
		log_info("usage",
			 "the kernel had more to tell than fits: connections are counted by "
			 "looking through all of them");
	traffic->is_urgent = true;
}

/* ---- looks */

static void on_found(const struct ct_flow *flow, const struct nlmsghdr *nlh, void *data)
{
	const struct traffic *traffic = data;
	struct ct_account account = { 0 };

	(void)ct_decode_account(nlh, &account);
	usage_look_see(traffic->usage, flow, &account);
}

static void on_walk_end(int rc, void *data)
{
	struct traffic *traffic = data;
	const struct mono now = mono_now();

	ct_walk_free(traffic->walk);
	traffic->walk = NULL;
	traffic->took_ms = mono_diff_ms(now, traffic->began);
	traffic->ended = now;
	if (rc) {
		log_debug("usage", "connections can't be listed: %s; it is tried again",
			  strerror(-rc));
		usage_look_cancel(traffic->usage);
		traffic->is_urgent = true;
		return;
	}
	usage_look_end(traffic->usage, now);
	traffic->counts.looks++;
	/* Who waits for it needn't wait for the next second. */
	loop_timer_arm_ms(traffic->second, 0);
}

static void look(struct traffic *traffic)
{
	static const struct ct_walk_ops ops = { .on_message = on_found, .on_end = on_walk_end };
	struct err err = ERR_NULL;

	traffic->is_urgent = false;
	traffic->began = mono_now();
	usage_look_begin(traffic->usage);
	traffic->walk = ct_walk_new(traffic->options.loop, &ops, traffic, &err);
	if (traffic->walk)
		return;
	log_debug("usage", "connections can't be listed: %s; it is tried again", err.text);
	usage_look_cancel(traffic->usage);
	traffic->is_urgent = true;
}

static bool is_due(const struct traffic *traffic)
{
	const struct mono now = mono_now();
	const bool is_attended = traffic->attended.ns &&
				 mono_diff_ms(now, traffic->attended) < ATTENTION_MS;
	const int64_t rest = traffic->took_ms * REST;
	int64_t wait = is_attended ? ATTENTIVE_MS : IDLE_MS;

	if (traffic->is_urgent)
		wait = 0;
	return !traffic->ended.ns ||
	       mono_diff_ms(now, traffic->ended) >= (wait > rest ? wait : rest);
}

/* Which egress IPs are translated here may be another matter now. */
static void see_egress(struct traffic *traffic)
{
	const struct gateway_view view = traffic->options.view(traffic->options.view_data);
	struct ip4 egress[POLICY_EGRESS_MAX];
	size_t n = view.config ? view.config->egress_ips.n : 0;

	for (size_t i = 0; i < n; i++) {
		egress[i] = gateway_private(&view, i);
		if (gateway_is_fenced(&view, i))
			egress[i].v = 0;
	}
	if (usage_set_egress(traffic->usage, egress, n))
		traffic->is_urgent = true;
}

static void second(void *data)
{
	struct traffic *traffic = data;

	loop_timer_arm_ms(traffic->second, SECOND_MS);
	see_egress(traffic);
	if (!traffic->walk && is_due(traffic))
		look(traffic);
	if (traffic->options.on_second)
		traffic->options.on_second(traffic->options.data);
}

/* ---- life */

static bool make(struct traffic *traffic, struct err *err)
{
	static const struct ct_follow_ops ops = { on_begin, on_end, on_lost };
	struct usage_options usage = { .most_flows = FLOWS_MAX,
				       .most_destinations = DESTINATIONS_MAX,
				       .most_sources = SOURCES_MAX };

	if (getrandom(usage.seed, sizeof(usage.seed), 0) != sizeof(usage.seed)) {
		err_set(err, -EIO, "no random numbers");
		return false;
	}
	traffic->follow = ct_follow_new(traffic->options.loop, &ops, traffic, BUFFER, err);
	if (!traffic->follow)
		return false;
	ct_follow_accept_loss(traffic->follow);
	traffic->usage = usage_new(&usage);
	traffic->second = loop_timer_new(traffic->options.loop, second, traffic);
	if (!traffic->usage || !traffic->second) {
		err_set(err, -ENOMEM, "out of memory");
		return false;
	}
	return true;
}

struct traffic *traffic_new(const struct traffic_options *options, struct err *err)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));

	if (!traffic) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	traffic->options = *options;
	if (!make(traffic, err)) {
		traffic_free(traffic);
		return NULL;
	}
	return traffic;
}

void traffic_free(struct traffic *traffic)
{
	if (!traffic)
		return;
	ct_walk_free(traffic->walk);
	ct_follow_free(traffic->follow);
	loop_timer_free(traffic->second);
	usage_free(traffic->usage);
	free(traffic);
}

void traffic_begin(struct traffic *traffic)
{
	if (traffic->has_begun)
		return;
	traffic->has_begun = true;
	see_egress(traffic);
	ct_follow_begin(traffic->follow);
	loop_timer_arm_ms(traffic->second, 0);
}

void traffic_hurry(struct traffic *traffic)
{
	traffic->is_urgent = true;
}

void traffic_attend(struct traffic *traffic)
{
	traffic->attended = mono_now();
}

const struct usage *traffic_usage(const struct traffic *traffic)
{
	return traffic->usage;
}

bool traffic_is_known(const struct traffic *traffic)
{
	return traffic->counts.looks > 0;
}

struct traffic_counts traffic_counts(const struct traffic *traffic)
{
	return traffic->counts;
}
