// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/failover_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "daemon/cluster.h"
#include "gateway/own/cloud.h"
#include "gateway/own/own.h"
#include "gateway/own/own_standby.h"
#include "policy/inventory.h"

/* FAILING_MS: a gateway whose kernel doesn't take what it should hands over; one bad run is no reason. SLEPT_MS: the
 * clocks are read one after the other. */
enum { FAILING_MS = 5000, SLEPT_MS = 200, LEASE_PART_MAX = 120 };

/*
 * Another elector may want the same Lease; who waits for him should know whom to look for. Told at the second look: a new
 * member may be seen in the Lease before the status names him.
 */
static void take_holder(struct charge *c, const struct kube_lease_view *view)
{
	const char *const holder = view->state == KUBE_LEASE_FREE ? "" : view->holder;
	const bool is_same = strcmp(c->holder, holder) == 0;
	const bool is_strange = members_find(&c->failover->members, holder) == DECIDE_STRANGER;

	if (is_same && is_strange && !c->is_strange)
		log_warning(
			MSG_LEASE_STRANGER, "failover",
			"%s: its Lease is held by '%.300s', who isn't a member of the group; it's "
			"taken over when that one lets it go or doesn't renew it",
			c->name, holder);
	c->is_strange = is_same && is_strange;
	snprintf(c->holder, sizeof(c->holder), "%s", holder);
}

static void on_lease(struct kube_lease *lease, const struct kube_failure *failure, void *data)
{
	struct charge *c = data;
	struct decide_event event = { .kind = DECIDE_LEASE_FAILED };
	struct kube_lease_view view;

	if (failure->class != HTTP_CLASS_OK) {
		log_debug("failover", "Lease of %s: %s", c->name, failure->text);
		c->failover->away_at = mono_now();
		charge_tell(c, &event);
		return;
	}
	kube_lease_view(lease, mono_now(), &view);
	take_holder(c, &view);
	event.kind = DECIDE_LEASE;
	event.lease = (struct decide_lease){
		.is_free = view.state == KUBE_LEASE_FREE,
		.holder = members_find(&c->failover->members, view.holder),
		.mark = view.mark,
		.until = view.until,
		.transitions = view.transitions,
	};
	charge_tell(c, &event);
}

struct charge *charge_new(struct failover *f, const char *name, struct err *err)
{
	struct charge *c = calloc(1, sizeof(*c));
	char object[KUBE_LEASE_NAME_MAX];

	if (!c) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	c->failover = f;
	snprintf(c->name, sizeof(c->name), "%s", name);
	inventory_name(c->full_name, f->group, name);
	snprintf(object, sizeof(object), "eipgw-%.*s-%.*s", LEASE_PART_MAX / 2, f->group,
		 LEASE_PART_MAX / 2, name);
	c->hash = beat_hash(c->full_name);
	decide_init(&c->decide, MEMBERS_SELF, DECIDE_MEMBERS_MAX, mono_now());
	c->decide.draining = f->draining;
	const struct kube_lease_options options = {
		.client = cluster_client(f->options.cluster),
		.name = { f->conf.lease_namespace, object },
		.identity = f->members.v[MEMBERS_SELF].name,
		.duration_sec = DECIDE_DURATION_MS / 1000,
		.done = on_lease,
		.data = c,
	};

	c->lease = kube_lease_new(&options, err);
	if (!c->lease) {
		free(c);
		return NULL;
	}
	return c;
}

void charge_free(struct charge *c)
{
	if (!c)
		return;
	kube_lease_free(c->lease);
	free(c);
}

static void ask(struct charge *c, enum decide_ask ask)
{
	static const enum kube_lease_ask asks[] = {
		[DECIDE_ASK_LOOK] = KUBE_LEASE_LOOK,
		[DECIDE_ASK_TRY] = KUBE_LEASE_TRY,
		[DECIDE_ASK_TAKE] = KUBE_LEASE_TAKE,
		[DECIDE_ASK_RELEASE] = KUBE_LEASE_RELEASE,
	};
	static const struct decide_event failed = { .kind = DECIDE_LEASE_FAILED };

	if (ask != DECIDE_ASK_NONE && kube_lease_ask(c->lease, asks[ask], DECIDE_DEADLINE_MS))
		charge_tell(c, &failed);
}

/* Once for each change; what a person must look at is more than information. */
static void log_change(const struct charge *c, const struct decide_change *change)
{
	const bool is_bad = change->to == DECIDE_LOST ||
			    (change->to == DECIDE_FENCED && change->from != DECIDE_HANDING_OVER &&
			     change->from != DECIDE_PREPARING && change->from != DECIDE_STARTING);

	log_write_id(is_bad ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
		     is_bad ? MSG_TRANSLATION_STOPPED : MESSAGE_NONE, "failover",
		     "%s: %s, was %s: %s", c->name, decide_state_names[change->to],
		     decide_state_names[change->from], change->reason);
}

static void share(struct charge *c, bool on)
{
	struct failover *f = c->failover;

	f->shared[c->index] = on;
	f->options.on_share(c->index, f->options.data);
	f->options.on_change(f->options.data);
}

/* What holds for as long as it does. Nothing is reset by whom another one may correct, from before until after. */
static void follow(struct charge *c)
{
	struct failover *f = c->failover;
	const bool claims = decide_claims(&c->decide);
	const struct mono now = mono_now();
	const bool fenced = !decide_translates(&c->decide, now);
	const bool shared = decide_partner(&c->decide, now) != DECIDE_NOBODY;

	replicate_follow(f);
	if (shared && !f->shared[c->index])
		share(c, shared);
	if (claims != c->claims) {
		c->claims = claims;
		cloud_allow(f->options.cloud, c->index, claims);
	}
	if (fenced != f->fenced[c->index]) {
		f->fenced[c->index] = fenced;
		f->options.on_fence(c->index, f->options.data);
	}
	if (!shared && f->shared[c->index])
		share(c, shared);
	blocks_follow_lead(c);
}

int64_t charge_asleep_ms(void)
{
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	return ((int64_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000) - mono_now().ns / 1000000;
}

static void tell(struct charge *c, const struct decide_event *event)
{
	struct failover *f = c->failover;
	struct decide_orders orders;

	decide_event(&c->decide, event, mono_now(), &orders);
	for (size_t i = 0; i < orders.n_changes; i++)
		log_change(c, &orders.changes[i]);
	follow(c);
	if (orders.say)
		group_send_beats(f);
	if (orders.verify)
		cloud_verify_now(f->options.cloud);
	ask(c, orders.ask);
	if (orders.n_changes)
		f->options.on_change(f->options.data);
}

/* A host that slept knows nothing any more of what its clock says, before anything else is told. */
static void notice_sleep(struct failover *f)
{
	static const struct decide_event suspended = { .kind = DECIDE_SUSPENDED };
	const int64_t ms = charge_asleep_ms();
	const bool slept = ms - f->asleep_ms > SLEPT_MS;

	f->asleep_ms = ms;
	for (size_t i = 0; slept && i < f->n; i++)
		tell(f->v[i], &suspended);
}

void charge_tell(struct charge *c, const struct decide_event *event)
{
	notice_sleep(c->failover);
	tell(c, event);
}

static bool is_kernel_ready(const struct charge *c)
{
	const struct failover *f = c->failover;
	const bool is_well = f->good || (f->failing_at.ns &&
					 mono_diff_ms(mono_now(), f->failing_at) < FAILING_MS);

	return is_well && own_private(cloud_own(f->options.cloud), c->index).v;
}

void charge_tell_kernel(struct charge *c)
{
	const struct decide *const d = &c->decide;
	const struct decide_event event = { .kind = DECIDE_KERNEL,
					    .is_ready = is_kernel_ready(c),
					    .translating = c->in_kernel };

	if (!d->kernel_known || d->kernel_ready != event.is_ready ||
	    d->kernel_translating != event.translating || d->state == DECIDE_FENCED)
		charge_tell(c, &event);
}

/* A member's network interface, by what he said of it; else it's no member's. */
static int whose_place(const struct failover *f, const char *interface_id)
{
	const uint64_t place = beat_hash(interface_id);

	if (!interface_id[0])
		return DECIDE_NOBODY;
	for (int i = 0; i < DECIDE_MEMBERS_MAX; i++) {
		if (f->members.v[i].name[0] && f->members.v[i].place == place)
			return i;
	}
	return DECIDE_STRANGER;
}

static void tell_ec2(struct charge *c, enum decide_ec2 ec2, int who)
{
	const struct decide_event event = { .kind = DECIDE_EC2, .ec2 = ec2, .who = who };

	charge_tell(c, &event);
}

void charge_see_cloud(struct charge *c)
{
	const struct own_where where = own_where(cloud_own(c->failover->options.cloud), c->index);
	const bool is_mine = where.spot == OWN_MINE;

	if (where.at.ns != c->where_at.ns && where.spot != OWN_NOT_SEEN)
		tell_ec2(c, is_mine ? DECIDE_EC2_MINE : DECIDE_EC2_ELSEWHERE,
			 is_mine ? MEMBERS_SELF :
				   whose_place(c->failover, where.place.interface_id));
	if (where.failed_at.ns && where.failed_at.ns != c->failed_at.ns)
		tell_ec2(c, where.is_refused ? DECIDE_EC2_REFUSED : DECIDE_EC2_SILENT,
			 DECIDE_NOBODY);
	c->where_at = where.at;
	c->failed_at = where.failed_at;
}

void charge_tick(struct charge *c)
{
	static const struct decide_event tick = { .kind = DECIDE_TICK };

	charge_see_cloud(c);
	charge_tell(c, &tick);
	if (c->failover->recalled)
		charge_tell_kernel(c);
}
