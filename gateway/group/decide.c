// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/decide.h"

#include "base/cleanup.h"
#include "gateway/group/decide_internal.h"
#include "gateway/own/transition.h"

#include <assert.h>
#include <string.h>

const char *const decide_state_names[] = {
	[DECIDE_STARTING] = "starting",
	[DECIDE_STANDBY] = "standby",
	[DECIDE_SUSPECT] = "suspect",
	[DECIDE_PREPARING] = "preparing",
	[DECIDE_CLAIMING] = "claiming",
	[DECIDE_TAKING] = "taking",
	[DECIDE_ACTIVE] = "active",
	[DECIDE_ALONE] = "alone",
	[DECIDE_HANDING_OVER] = "handing over",
	[DECIDE_FENCED] = "fenced",
	[DECIDE_LOST] = "lost",
};
static_assert(ARRAY_SIZE(decide_state_names) == DECIDE_STATE_COUNT, "each state has a name");

#define TO(state) TRANSITION_BIT(DECIDE_##state)

const uint32_t decide_legal[DECIDE_STATE_COUNT] = {
	[DECIDE_STARTING] = TO(STANDBY) | TO(TAKING) | TO(ALONE) | TO(FENCED),
	[DECIDE_STANDBY] = TO(SUSPECT) | TO(PREPARING) | TO(CLAIMING),
	[DECIDE_SUSPECT] = TO(STANDBY) | TO(CLAIMING),
	[DECIDE_PREPARING] = TO(CLAIMING) | TO(FENCED),
	[DECIDE_CLAIMING] = TO(STANDBY) | TO(PREPARING) | TO(TAKING) | TO(FENCED),
	[DECIDE_TAKING] = TO(ACTIVE) | TO(FENCED),
	[DECIDE_ACTIVE] = TO(TAKING) | TO(ALONE) | TO(HANDING_OVER) | TO(FENCED) | TO(LOST),
	[DECIDE_ALONE] = TO(ACTIVE) | TO(FENCED),
	[DECIDE_HANDING_OVER] = TO(ACTIVE) | TO(ALONE) | TO(FENCED),
	[DECIDE_FENCED] = TO(STANDBY),
	[DECIDE_LOST] = TO(TAKING) | TO(FENCED),
};
static const struct transition_table transitions = { "who carries the egress IP",
						     decide_state_names, decide_legal,
						     DECIDE_STATE_COUNT, DECIDE_FENCED };

void decide_init(struct decide *d, int self, int n, struct mono now)
{
	assert(n >= 1 && n <= DECIDE_MEMBERS_MAX && self >= 0 && self < n);
	*d = (struct decide){ .self = self,
			      .n = n,
			      .state = DECIDE_STARTING,
			      .reason = "nothing has been read back yet",
			      .since = now,
			      .ask_at = now,
			      .verify_at = now,
			      .lease = { .holder = DECIDE_NOBODY, .transitions = -1 },
			      .ec2_who = DECIDE_NOBODY,
			      .plan_to = DECIDE_NOBODY,
			      .plan_turn = -1,
			      .from = DECIDE_NOBODY,
			      .to = DECIDE_NOBODY };
}

/* ---- into a state --------------------------------------------------------------------------------------- */

static void enter_standby(struct decide *d, unsigned from, struct mono now)
{
	d->from = DECIDE_NOBODY;
	/* Whom we hear again, as after our own start, may die the next moment. */
	if (from == DECIDE_CLAIMING ||
	    (from == DECIDE_SUSPECT && !decide_hears(d, d->lease.holder, now)))
		d->quiet_until = mono_add_ms(now, DECIDE_QUIET_MS);
	d->ask_at = now;
}

static void enter_suspect(struct decide *d, struct mono now)
{
	const struct decide_peer *const holder = &d->peers[d->lease.holder];

	d->silent_at = (struct mono){ 0 };
	d->is_fast = holder->is_known && holder->beat.hears_you &&
		     !decide_is_after(holder->heard_at, DECIDE_FRESH_MS, now);
	d->ask_at = now;
}

static void enter_handing_over(struct decide *d, struct mono now)
{
	d->from = DECIDE_NOBODY;
	d->to = decide_find_fit(d, now);
	d->consented = false;
	d->done_at = (struct mono){ 0 };
}

static void enter(struct decide *d, enum decide_state to, const char *reason, struct mono now)
{
	const unsigned from = d->state;

	transition_set(&transitions, d, to, "%s", reason);
	d->since = now;
	d->asked = false;
	switch (d->state) {
	case DECIDE_STANDBY:
		enter_standby(d, from, now);
		break;
	case DECIDE_SUSPECT:
		enter_suspect(d, now);
		break;
	case DECIDE_PREPARING:
		d->from = d->lease.holder;
		d->ask_at = mono_add_ms(now, DECIDE_PREPARE_MS);
		break;
	case DECIDE_TAKING:
		d->refused_at = (struct mono){ 0 };
		d->claim_anew = false;
		d->verify_at = now;
		break;
	case DECIDE_ACTIVE:
		if (from == DECIDE_HANDING_OVER)
			d->quiet_until = mono_add_ms(now, DECIDE_QUIET_MS);
		break;
	case DECIDE_HANDING_OVER:
		enter_handing_over(d, now);
		break;
	case DECIDE_FENCED:
		/* What we couldn't use is left to others for a while. */
		if (from == DECIDE_TAKING && decide_holds_lease(d, now))
			d->gave_up_until = mono_add_ms(now, DECIDE_GIVE_UP_MS);
		break;
	default:
		break;
	}
}

/* ---- what to do ----------------------------------------------------------------------------------------- */

static bool is_carrying(const struct decide *d)
{
	return d->state == DECIDE_TAKING || d->state == DECIDE_ACTIVE || d->state == DECIDE_ALONE ||
	       d->state == DECIDE_HANDING_OVER || d->state == DECIDE_LOST;
}

static bool is_due(const struct decide *d, struct mono now)
{
	if (!mono_is_before(now, d->ask_at))
		return true;
	if (!is_carrying(d) || !decide_is_after(d->asked_at, DECIDE_SIGN_MS, now))
		return false;
	/* Who doubts that we live sees that we do; and where we may be wrong, we ask. */
	return mono_is_before(now, d->signs_until) ||
	       (d->state != DECIDE_HANDING_OVER && decide_is_contradicted(d, now));
}

static enum decide_ask choose_claim(const struct decide *d)
{
	if (d->asked)
		return DECIDE_ASK_NONE;
	return d->lease.is_free || d->lease.holder == d->self ? DECIDE_ASK_TRY : DECIDE_ASK_TAKE;
}

static enum decide_ask choose_regular(const struct decide *d, struct mono now)
{
	const bool is_mine = d->lease_known && d->lease.holder == d->self;

	switch (d->state) {
	case DECIDE_STARTING:
		return is_mine && d->kernel_translating ? DECIDE_ASK_TRY : DECIDE_ASK_LOOK;
	case DECIDE_STANDBY:
		return is_mine && !decide_is_candidate(d, now) ? DECIDE_ASK_RELEASE :
								 DECIDE_ASK_LOOK;
	case DECIDE_SUSPECT:
		return d->silent_at.ns ? DECIDE_ASK_NONE : DECIDE_ASK_LOOK;
	case DECIDE_HANDING_OVER:
		return d->consented ? DECIDE_ASK_LOOK : DECIDE_ASK_TRY;
	case DECIDE_PREPARING:
	case DECIDE_FENCED:
		return DECIDE_ASK_LOOK;
	default:
		return DECIDE_ASK_TRY;
	}
}

static enum decide_ask choose_ask(const struct decide *d, struct mono now)
{
	if (d->lease_busy)
		return DECIDE_ASK_NONE;
	if (d->state == DECIDE_CLAIMING)
		return choose_claim(d);
	return is_due(d, now) ? choose_regular(d, now) : DECIDE_ASK_NONE;
}

static void order(struct decide *d, struct mono now, struct decide_orders *ret)
{
	const bool doubts = decide_api_is_away(d) || d->state != DECIDE_ACTIVE;

	ret->ask = choose_ask(d, now);
	if (ret->ask != DECIDE_ASK_NONE) {
		d->asked = d->lease_busy = true;
		d->asked_at = now;
		d->ask_at = mono_add_ms(now, DECIDE_RENEW_MS);
		if (d->state == DECIDE_STARTING)
			d->ask_at = now; /* each answer leads somewhere */
	}
	if ((is_carrying(d) || d->state == DECIDE_STARTING) && doubts &&
	    !mono_is_before(now, d->verify_at)) {
		ret->verify = true;
		d->verify_at = mono_add_ms(now, DECIDE_VERIFY_MS);
	}
}

/* How far the other one has come. */
static void follow_successor(struct decide *d, struct mono now)
{
	if (d->state != DECIDE_HANDING_OVER)
		return;
	if (d->lease_known && d->lease.holder == d->to)
		d->consented = true;
	if (!d->done_at.ns &&
	    ((decide_hears(d, d->to, now) && d->peers[d->to].beat.role == DECIDE_ROLE_ACTIVE) ||
	     (d->ec2 == DECIDE_EC2_ELSEWHERE && d->ec2_who == d->to)))
		d->done_at = now;
}

void decide_event(struct decide *d, const struct decide_event *event, struct mono now,
		  struct decide_orders *ret)
{
	*ret = (struct decide_orders){ .ask = DECIDE_ASK_NONE };
	decide_absorb(d, event, now);
	/* No state is met twice for one event, but for STANDBY. */
	for (unsigned i = 0; i < DECIDE_STATE_COUNT; i++) {
		const char *reason = "";

		follow_successor(d, now);
		const enum decide_state next = decide_next(d, now, &reason);
		if (next == d->state)
			break;
		ret->changes[ret->n_changes++] =
			(struct decide_change){ (enum decide_state)d->state, next, reason };
		ret->say = true;
		enter(d, next, reason, now);
	}
	order(d, now, ret);
	/* It may begin any moment from now on: that it has stopped has to be told. */
	if (decide_translates(d, now))
		d->kernel_translating = true;
}

/* ---- what holds ----------------------------------------------------------------------------------------- */

bool decide_translates(const struct decide *d, struct mono now)
{
	switch (d->state) {
	case DECIDE_STARTING:
		return d->kernel_translating;
	case DECIDE_PREPARING:
	case DECIDE_CLAIMING:
		return decide_is_given(d, now);
	case DECIDE_TAKING:
	case DECIDE_ACTIVE:
		return decide_holds_lease(d, now);
	case DECIDE_ALONE:
		return decide_may_go_alone(d, now) || decide_holds_lease(d, now);
	case DECIDE_HANDING_OVER:
		return d->consented || decide_holds_lease(d, now);
	default:
		return false;
	}
}

int decide_carrier(const struct decide *d, struct mono now)
{
	if (is_carrying(d))
		return d->self;
	for (int i = 0; i < d->n; i++) {
		if (decide_hears(d, i, now) && d->peers[i].beat.role != DECIDE_ROLE_NONE)
			return i;
	}
	return d->lease_known && d->lease.holder >= 0 ? d->lease.holder : DECIDE_NOBODY;
}

bool decide_claims(const struct decide *d)
{
	return d->state == DECIDE_TAKING;
}

int decide_partner(const struct decide *d, struct mono now)
{
	if (d->state == DECIDE_HANDING_OVER)
		return d->to;
	return decide_is_given(d, now) ? d->from : DECIDE_NOBODY;
}

int decide_teller(const struct decide *d, struct mono now)
{
	return decide_is_given(d, now) ? d->from : decide_carrier(d, now);
}

/* He who gives it away has seen more of its connections than we, until the last of them are here. */
enum decide_replicate decide_replicates(const struct decide *d, struct mono now)
{
	if (is_carrying(d) && d->state != DECIDE_LOST && !decide_is_given(d, now))
		return DECIDE_REPLICATE_SEND;
	return d->state == DECIDE_STARTING || d->state == DECIDE_FENCED ? DECIDE_REPLICATE_NONE :
									  DECIDE_REPLICATE_RECEIVE;
}

static enum decide_role role(const struct decide *d)
{
	switch (d->state) {
	case DECIDE_TAKING:
		return DECIDE_ROLE_TAKING;
	case DECIDE_ACTIVE:
	case DECIDE_ALONE:
		return DECIDE_ROLE_ACTIVE;
	case DECIDE_HANDING_OVER:
		return DECIDE_ROLE_HANDING_OVER;
	default:
		return DECIDE_ROLE_NONE;
	}
}

void decide_make_beat(const struct decide *d, int to, struct mono now, struct decide_beat *ret)
{
	*ret = (struct decide_beat){
		.role = role(d),
		.to = d->state == DECIDE_HANDING_OVER ? d->to : DECIDE_NOBODY,
		.holder = d->lease.holder,
		.transitions = d->lease_known ? d->lease.transitions : -1,
		.hears_you = decide_hears(d, to, now),
		.is_ready = decide_is_able(d, now) && d->replica_ready,
	};
}
