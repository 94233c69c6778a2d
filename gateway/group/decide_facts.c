// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/decide_internal.h"

bool decide_is_after(struct mono t, int64_t ms, struct mono now)
{
	return t.ns && mono_diff_ms(now, t) >= ms;
}

bool decide_hears(const struct decide *d, int peer, struct mono now)
{
	return peer >= 0 && peer < d->n && peer != d->self && d->peers[peer].is_known &&
	       !decide_is_after(d->peers[peer].heard_at, DECIDE_LOST_MS, now);
}

bool decide_holds_lease(const struct decide *d, struct mono now)
{
	return d->lease_known && d->lease.holder == d->self && d->lease.until.ns &&
	       mono_diff_ms(d->lease.until, now) > DECIDE_MARGIN_MS;
}

bool decide_api_is_away(const struct decide *d)
{
	return d->failed_at.ns;
}

bool decide_is_peers(const struct decide *d)
{
	return d->lease_known && d->lease.holder >= 0 && d->lease.holder != d->self;
}

bool decide_is_contradicted(const struct decide *d, struct mono now)
{
	const int64_t mine = d->lease_known ? d->lease.transitions : -1;

	for (int i = 0; i < d->n; i++) {
		const struct decide_beat *const beat = &d->peers[i].beat;

		if (decide_hears(d, i, now) &&
		    (beat->role == DECIDE_ROLE_TAKING || beat->role == DECIDE_ROLE_ACTIVE ||
		     (beat->transitions > mine && beat->holder != d->self)))
			return true;
	}
	return false;
}

bool decide_may_go_alone(const struct decide *d, struct mono now)
{
	return decide_api_is_away(d) && (!d->lease_known || d->lease.holder == d->self) &&
	       d->ec2 == DECIDE_EC2_MINE && !mono_is_before(d->ec2_at, d->failed_at) &&
	       !decide_is_after(d->ec2_at, DECIDE_VERIFIED_MS, now) &&
	       !decide_is_contradicted(d, now);
}

bool decide_is_fit(const struct decide *d, int member, struct mono now)
{
	return decide_hears(d, member, now) && d->peers[member].beat.is_ready &&
	       d->peers[member].beat.hears_you;
}

int decide_find_fit(const struct decide *d, struct mono now)
{
	if (decide_is_fit(d, d->plan_to, now))
		return d->plan_to;
	for (int i = 0; i < d->n; i++) {
		if (decide_is_fit(d, i, now))
			return i;
	}
	return DECIDE_NOBODY;
}

bool decide_is_able(const struct decide *d, struct mono now)
{
	return d->kernel_ready && !d->draining && !mono_is_before(now, d->gave_up_until);
}

bool decide_is_candidate(const struct decide *d, struct mono now)
{
	return decide_is_able(d, now) && d->plan_turn >= 0;
}

static bool hands_over_to_us(const struct decide *d, int member, struct mono now)
{
	return decide_hears(d, member, now) &&
	       d->peers[member].beat.role == DECIDE_ROLE_HANDING_OVER &&
	       d->peers[member].beat.to == d->self;
}

bool decide_is_offered(const struct decide *d, struct mono now)
{
	return decide_is_peers(d) && hands_over_to_us(d, d->lease.holder, now);
}

bool decide_is_given(const struct decide *d, struct mono now)
{
	switch (d->state) {
	case DECIDE_PREPARING:
	case DECIDE_CLAIMING:
	case DECIDE_TAKING:
		return hands_over_to_us(d, d->from, now);
	case DECIDE_ACTIVE:
		return hands_over_to_us(d, d->from, now) &&
		       !decide_is_after(d->since, DECIDE_LINGER_MS, now);
	default:
		return false;
	}
}

/* ---- events --------------------------------------------------------------------------------------------- */

static void absorb_lease(struct decide *d, const struct decide_lease *lease, struct mono now)
{
	if (!d->lease_known || lease->mark != d->lease.mark)
		d->mark_at = now;
	d->lease = *lease;
	if (lease->holder >= d->n)
		d->lease.holder = DECIDE_STRANGER;
	d->lease_known = true;
	d->lease_busy = false;
	d->failed_at = (struct mono){ 0 };
	if (!lease->is_free)
		d->free_at = (struct mono){ 0 };
	else if (!d->free_at.ns)
		d->free_at = now;
	if (!d->silent_at.ns)
		d->silent_at = now;
}

static void absorb_beat(struct decide *d, int from, const struct decide_beat *beat, struct mono now)
{
	if (from < 0 || from >= d->n || from == d->self)
		return;
	struct decide_peer *const peer = &d->peers[from];

	if (peer->is_known && beat->boot == peer->beat.boot && beat->seq <= peer->beat.seq)
		return;
	if (peer->last_boot && beat->boot == peer->last_boot)
		return;
	if (peer->is_known && beat->boot != peer->beat.boot)
		peer->last_boot = peer->beat.boot;
	/* He wants signs of life, and gets them each time when that begins. */
	if (!beat->hears_you && (!peer->is_known || peer->beat.hears_you))
		d->signs_until = mono_add_ms(now, DECIDE_SIGNS_MS);
	peer->is_known = true;
	peer->was_lost = false;
	peer->heard_at = now;
	peer->beat = *beat;
}

static void absorb_ec2(struct decide *d, const struct decide_event *event, struct mono now)
{
	if (event->ec2 == DECIDE_EC2_SILENT)
		return;
	if (event->ec2 == DECIDE_EC2_REFUSED) {
		if (!d->refused_at.ns)
			d->refused_at = now;
		return;
	}
	d->ec2 = event->ec2;
	d->ec2_who = event->who;
	d->ec2_at = now;
	if (event->ec2 == DECIDE_EC2_MINE)
		d->refused_at = (struct mono){ 0 };
}

/* While we slept the Lease went on, and so did the others. */
static void absorb_suspended(struct decide *d, struct mono now)
{
	d->lease.until = (struct mono){ 0 };
	d->lease_known = false;
	d->free_at = d->silent_at = (struct mono){ 0 };
	d->ec2 = DECIDE_EC2_UNKNOWN;
	d->ask_at = d->verify_at = now;
	for (int i = 0; i < d->n; i++)
		d->peers[i].is_known = false;
}

static void notice_lost(struct decide *d, struct mono now)
{
	for (int i = 0; i < d->n; i++) {
		struct decide_peer *const peer = &d->peers[i];

		if (!peer->is_known || peer->was_lost || decide_hears(d, i, now))
			continue;
		peer->was_lost = true;
		d->signs_until = mono_add_ms(now, DECIDE_SIGNS_MS);
	}
}

void decide_absorb(struct decide *d, const struct decide_event *event, struct mono now)
{
	switch (event->kind) {
	case DECIDE_LEASE:
		absorb_lease(d, &event->lease, now);
		break;
	case DECIDE_LEASE_FAILED:
		d->lease_busy = false;
		if (!d->failed_at.ns)
			d->failed_at = d->verify_at = now;
		d->silent_at = (struct mono){ 0 };
		d->ask_at = mono_add_ms(now, DECIDE_RETRY_MS);
		break;
	case DECIDE_BEAT:
		absorb_beat(d, event->who, &event->beat, now);
		break;
	case DECIDE_EC2:
		absorb_ec2(d, event, now);
		break;
	case DECIDE_KERNEL:
		d->kernel_known = true;
		d->kernel_ready = event->is_ready;
		d->kernel_translating = event->translating;
		break;
	case DECIDE_REPLICA:
		d->replica_ready = event->on;
		break;
	case DECIDE_DRAIN:
		d->draining = event->on;
		break;
	case DECIDE_PLAN:
		d->plan_to = event->who;
		d->plan_turn = event->turn;
		break;
	case DECIDE_CLAIM:
		d->claim_anew = d->state == DECIDE_LOST;
		break;
	case DECIDE_SUSPENDED:
		absorb_suspended(d, now);
		break;
	default:
		break;
	}
	notice_lost(d, now);
}
