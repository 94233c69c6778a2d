// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/failover_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/cluster.h"
#include "gateway/group/heartbeat.h"
#include "gateway/own/cloud.h"
#include "gateway/table/desired.h"
#include "nat/keeper.h"
#include "nat/observe.h"
#include "nat/sync.h"

/* ---- what the kernel does when we come ------------------------------------------------------------------ */

static bool has_address(const struct nat_set *set, uint32_t address)
{
	for (size_t i = 0; set && i < set->n; i++) {
		if (set->v[i].first == address)
			return true;
	}
	return false;
}

/* The marks count from the same list as ours: its order is the EgressGateway's. Where that has changed meanwhile, another
 * one is taken for it: at worst an egress IP is looked for that isn't here. */
static bool translates(const struct nat_observed *seen, size_t index)
{
	const struct nat_set *egress = nat_set_find(&seen->sets, "egress");

	for (size_t i = 0; egress && i < egress->n; i++) {
		if (egress->v[i].key == gateway_egress_mark(index))
			return !has_address(nat_set_find(&seen->sets, GATEWAY_FENCED_SET),
					    egress->v[i].data);
	}
	return false;
}

/* An earlier process may have left it translating: until it's known whose the egress IPs are, that goes on. */
static void recall(struct failover *f)
{
	CLEANUP(nat_observed_done) struct nat_observed seen = { 0 };
	struct err err = ERR_NULL;
	int rc = nat_sync_observe(keeper_nat(f->options.keeper), &seen, &err);

	if (rc) {
		log_debug("failover", "the kernel's table can't be read: %s", err.text);
		return;
	}
	f->recalled = true;
	for (size_t i = 0; i < f->n; i++) {
		f->v[i]->in_kernel = translates(&seen, i);
		f->fenced[i] = !f->v[i]->in_kernel;
	}
	for (size_t i = 0; i < f->n; i++)
		charge_tell_kernel(f->v[i]);
}

/* ---- time ----------------------------------------------------------------------------------------------- */

static void on_tick(void *data)
{
	struct failover *f = data;
	const struct mono now = mono_now();

	(void)loop_timer_arm_ms(f->tick, DECIDE_TICK_MS);
	group_begin(f);
	replicate_begin(f);
	replicate_follow(f);
	if (!f->recalled && f->n)
		recall(f);
	group_plan(f, now);
	for (size_t i = 0; i < f->n; i++)
		charge_tick(f->v[i]);
	if (!mono_is_before(now, f->beat_at))
		group_send_beats(f);
}

/* ---- the outside ---------------------------------------------------------------------------------------- */

static int make_boot(uint64_t *ret)
{
	*ret = 0;
	while (!*ret) {
		if (getrandom(ret, sizeof(*ret), 0) != sizeof(*ret))
			return -EIO;
	}
	return 0;
}

static int init(struct failover *f, const struct gateway_config *config, struct err *err)
{
	int rc = peer_keys_load(config->failover.secret_file, &f->keys, err);

	if (rc)
		return err_mark(err, MSG_SECRET_FILE, err_prefix(err, rc, "failover.secret_file"));
	if (make_boot(&f->boot))
		return err_set(err, -EIO, "no random numbers");
	f->conf = config->failover;
	f->configured = config->gateway.address;
	memcpy(f->group, config->kubernetes.group, sizeof(f->group));
	members_init(&f->members, config->gateway.name);
	f->tick = loop_timer_new(f->options.loop, on_tick, f);
	return f->tick ? 0 : err_set(err, -ENOMEM, "out of memory");
}

struct failover *failover_new(const struct failover_options *options,
			      const struct gateway_config *config, struct err *err)
{
	struct failover *f = calloc(1, sizeof(*f));

	if (!f) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	f->options = *options;
	f->asleep_ms = charge_asleep_ms();
	f->away_at = mono_now();
	if (init(f, config, err) || failover_want(f, config, err)) {
		failover_free(f);
		return NULL;
	}
	(void)loop_timer_arm_ms(f->tick, 0);
	return f;
}

void failover_free(struct failover *f)
{
	if (!f)
		return;
	heartbeat_free(f->heartbeat);
	replica_free(f->replica);
	loop_timer_free(f->tick);
	for (size_t i = 0; i < f->n; i++)
		charge_free(f->v[i]);
	free(f->v);
	free(f->fenced);
	free(f->shared);
	peer_keys_done(&f->keys);
	free(f);
}

static struct charge *find_charge(const struct failover *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->v[i]->name, name) == 0)
			return f->v[i];
	}
	return NULL;
}

static bool is_among(const struct charge *c, struct charge *const *v, size_t n)
{
	size_t i = 0;

	while (i < n && v[i] != c)
		i++;
	return i < n;
}

/* Those of the list that aren't in the other one. */
static void free_others(struct charge *const *v, size_t n, struct charge *const *kept,
			size_t n_kept)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_among(v[i], kept, n_kept))
			charge_free(v[i]);
	}
}

/* One of each for each charge. */
struct flags {
	bool *fenced, *shared;
};

static void flags_done(struct flags *flags)
{
	free(flags->fenced);
	free(flags->shared);
}

/* So many were found or made; all, or there's no memory. */
static size_t list_charges(struct failover *f, const struct gateway_config *config,
			   struct charge **ret, struct err *err)
{
	const struct gateway_egress *egress = config->egress_ips.v;
	size_t n = 0;

	for (; n < config->egress_ips.n; n++) {
		struct charge *c = find_charge(f, egress[n].name);

		if (!c)
			c = charge_new(f, egress[n].name, err);
		if (!c)
			break;
		ret[n] = c;
	}
	return n;
}

/* What it takes of `flags` is NULL then. */
static void take_charges(struct failover *f, struct charge **v, struct flags *flags, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const bool is_old = is_among(v[i], f->v, f->n);

		flags->fenced[i] = !is_old || f->fenced[v[i]->index];
		flags->shared[i] = is_old && f->shared[v[i]->index];
		v[i]->index = i;
		cloud_allow(f->options.cloud, i, v[i]->claims);
	}
	free_others(f->v, f->n, v, n);
	free(f->v);
	free(f->fenced);
	free(f->shared);
	f->v = v;
	f->n = n;
	f->fenced = TAKE_PTR(flags->fenced);
	f->shared = TAKE_PTR(flags->shared);
	f->planned_at = (struct mono){ 0 };
	/* What is new has no place in the kernel yet: but for the first list, which an earlier process may have had. */
	for (size_t i = 0; i < n && f->recalled; i++)
		charge_tell_kernel(v[i]);
}

int failover_want(struct failover *f, const struct gateway_config *config, struct err *err)
{
	const size_t n = config->egress_ips.n;
	struct charge **v = calloc(n + 1, sizeof(struct charge *));
	CLEANUP(flags_done)
	struct flags flags = { calloc(n + 1, sizeof(bool)), calloc(n + 1, sizeof(bool)) };
	const bool has_room = v && flags.fenced && flags.shared;
	size_t made = has_room ? list_charges(f, config, v, err) : 0;

	if (!has_room || made < n) {
		free_others(v, made, f->v, f->n);
		if (!has_room)
			err_set(err, -ENOMEM, "out of memory");
		free(v);
		return -ENOMEM;
	}
	take_charges(f, v, &flags, n);
	return 0;
}

int failover_reload(struct failover *f, struct err *err)
{
	struct peer_keys keys;
	int rc = peer_keys_load(f->conf.secret_file, &keys, err);

	if (rc)
		return err_mark(err, MSG_SECRET_FILE, err_prefix(err, rc, "failover.secret_file"));
	f->keys = keys;
	if (f->replica)
		replica_set_keys(f->replica, &f->keys);
	return 0;
}

static void tell_all(struct failover *f, const struct decide_event *event)
{
	for (size_t i = 0; i < f->n; i++)
		charge_tell(f->v[i], event);
}

void failover_claim(struct failover *f)
{
	static const struct decide_event event = { .kind = DECIDE_CLAIM };

	tell_all(f, &event);
}

void failover_drain(struct failover *f, bool on)
{
	const struct decide_event event = { .kind = DECIDE_DRAIN, .on = on };

	f->draining = on;
	f->planned_at = (struct mono){ 0 };
	tell_all(f, &event);
	f->options.on_change(f->options.data);
}

/* Numbers that some egress IP's decider still speaks of. */
static uint32_t list_held(const struct failover *f)
{
	uint32_t held = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct decide *const d = &f->v[i]->decide;

		if (d->lease.holder >= 0)
			held |= UINT32_C(1) << d->lease.holder;
		if (d->to >= 0)
			held |= UINT32_C(1) << d->to;
	}
	return held;
}

void failover_see_members(struct failover *f)
{
	const struct group *group = groups_find(cluster_groups(f->options.cluster), f->group);
	uint32_t others;

	if (!group)
		return;
	others = members_set(&f->members, group->members, group->n_members, list_held(f));
	for (int i = 0; i < DECIDE_MEMBERS_MAX && others; i++) {
		for (size_t j = 0; j < f->n && (others & UINT32_C(1) << i); j++)
			f->v[j]->decide.peers[i] = (struct decide_peer){ .is_known = false };
	}
	if (f->replica)
		replicate_set_peers(f);
	f->options.on_change(f->options.data);
}

void failover_see_cloud(struct failover *f)
{
	for (size_t i = 0; i < f->n; i++)
		charge_see_cloud(f->v[i]);
}

void failover_see_fence(struct failover *f, size_t egress)
{
	f->v[egress]->in_kernel = !f->fenced[egress];
	charge_tell_kernel(f->v[egress]);
}

void failover_see_run(struct failover *f, bool is_good)
{
	if (is_good)
		f->failing_at = (struct mono){ 0 };
	else if (!f->failing_at.ns)
		f->failing_at = mono_now();
	f->good = is_good;
	if (is_good)
		f->recalled = true;
	for (size_t i = 0; i < f->n && is_good; i++)
		f->v[i]->in_kernel = !f->fenced[i];
	for (size_t i = 0; i < f->n && f->recalled; i++)
		charge_tell_kernel(f->v[i]);
}

bool failover_is_decided(const struct failover *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i]->decide.state == DECIDE_STARTING)
			return false;
	}
	return f->recalled || !f->n;
}

const bool *failover_fenced(const struct failover *f)
{
	return f->fenced;
}

const bool *failover_shared(const struct failover *f)
{
	return f->shared;
}

bool failover_is_idle(const struct failover *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const unsigned state = f->v[i]->decide.state;

		if (state != DECIDE_STANDBY || f->v[i]->in_kernel)
			return false;
	}
	return true;
}
