// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One function for each state, which says what follows. The first thing that applies counts; what stops comes first. */
#include "gateway/group/decide_internal.h"

#define GO(to, why)                  \
	do {                         \
		*ret_reason = (why); \
		return DECIDE_##to;  \
	} while (0)

static bool is_others(const struct decide *d)
{
	return d->lease_known && d->lease.holder != d->self && !d->lease.is_free;
}

/* Whether it's known that we may not go on: *ret_reason says why. */
static bool is_over(const struct decide *d, struct mono now, const char **ret_reason)
{
	const bool is_nobodys = d->lease_known && d->lease.is_free && !d->lease_busy &&
				d->lease.holder != d->self;

	if (is_others(d) || decide_is_contradicted(d, now))
		*ret_reason = "another one has it";
	else if (is_nobodys)
		*ret_reason = "nobody has it";
	else if (decide_is_after(d->since, DECIDE_START_MS, now))
		*ret_reason = "nobody says that it's ours";
	else
		return false;
	return true;
}

static enum decide_state next_starting(const struct decide *d, struct mono now,
				       const char **ret_reason)
{
	if (!d->kernel_known)
		return DECIDE_STARTING;
	if (decide_holds_lease(d, now))
		GO(TAKING, "the Lease was and is ours");
	if (!d->kernel_translating && (d->lease_known || decide_api_is_away(d)))
		GO(STANDBY, "started");
	if (d->kernel_translating && decide_may_go_alone(d, now))
		GO(ALONE, "the API is away, and EC2 says that it's ours");
	if (is_over(d, now, ret_reason))
		return d->kernel_translating ? DECIDE_FENCED : DECIDE_STANDBY;
	return DECIDE_STARTING;
}

static bool is_my_turn(const struct decide *d, struct mono since, int64_t ms, struct mono now)
{
	return decide_is_after(since, ms + (int64_t)d->plan_turn * DECIDE_TURN_MS, now);
}

/* By somebody who couldn't renew for a while, perhaps because the API was away for all: he goes first. */
static bool is_carried(const struct decide *d, struct mono now)
{
	for (int i = 0; i < d->n; i++) {
		if (decide_hears(d, i, now) && d->peers[i].beat.role == DECIDE_ROLE_ACTIVE)
			return true;
	}
	return false;
}

static enum decide_state next_standby(const struct decide *d, struct mono now,
				      const char **ret_reason)
{
	if (!d->lease_known || d->lease_busy || decide_api_is_away(d) ||
	    !decide_is_candidate(d, now))
		return DECIDE_STANDBY;
	if (d->lease.holder == d->self)
		GO(CLAIMING, "the Lease is still ours");
	if (decide_is_offered(d, now))
		GO(PREPARING, "it's being handed over to us");
	if (d->lease.is_free)
		return is_my_turn(d, d->free_at, is_carried(d, now) ? DECIDE_CARRIED_MS : 0, now) ?
			       (*ret_reason = "nobody has the Lease", DECIDE_CLAIMING) :
			       DECIDE_STANDBY;
	if (decide_is_peers(d) && !decide_hears(d, d->lease.holder, now) &&
	    decide_is_after(d->since, DECIDE_LOST_MS, now) && !mono_is_before(now, d->quiet_until))
		GO(SUSPECT, "the holder is silent");
	return DECIDE_STANDBY;
}

static enum decide_state next_suspect(const struct decide *d, struct mono now,
				      const char **ret_reason)
{
	if (!decide_is_candidate(d, now))
		GO(STANDBY, "it isn't for us to take it");
	if (decide_hears(d, d->lease.holder, now))
		GO(STANDBY, "the holder is heard again");
	if (!d->silent_at.ns || d->lease_busy)
		return DECIDE_SUSPECT; /* not looked yet, or the API is away */
	if (d->lease.is_free)
		GO(CLAIMING, "the silent holder's Lease has ended");
	if (!decide_is_peers(d))
		GO(STANDBY, "another one has it");
	if (mono_is_before(d->silent_at, d->mark_at))
		GO(STANDBY, "the holder is silent, but lives");
	if (is_my_turn(d, d->silent_at, d->is_fast ? DECIDE_SILENT_MS : DECIDE_UNHEARD_MS, now))
		GO(CLAIMING, "the holder is silent, and doesn't renew");
	return DECIDE_SUSPECT;
}

static enum decide_state next_preparing(const struct decide *d, struct mono now,
					const char **ret_reason)
{
	if (!decide_is_offered(d, now) || !decide_is_candidate(d, now))
		GO(FENCED, "it isn't being handed over to us any more");
	/* He renews it: what is taken must have been looked at just now. */
	if (mono_diff_ms(d->asked_at, d->since) >= DECIDE_PREPARE_MS && !d->lease_busy &&
	    !decide_api_is_away(d))
		GO(CLAIMING, "nodes send to both by now");
	return DECIDE_PREPARING;
}

static enum decide_state next_claiming(const struct decide *d, struct mono now,
				       const char **ret_reason)
{
	if (d->lease_busy || !d->asked)
		return DECIDE_CLAIMING;
	if (decide_holds_lease(d, now))
		GO(TAKING, "the Lease is ours");
	if (d->from != DECIDE_NOBODY && decide_is_offered(d, now) && d->lease.holder == d->from &&
	    !decide_api_is_away(d))
		GO(PREPARING, "he renewed it meanwhile");
	*ret_reason = decide_api_is_away(d) ? "the API doesn't answer" : "another one was faster";
	return d->from == DECIDE_NOBODY ? DECIDE_STANDBY : DECIDE_FENCED;
}

/* What ends it for everybody who counts on the Lease. */
static bool must_stop(const struct decide *d, struct mono now, const char **ret_reason)
{
	if (is_others(d))
		*ret_reason = "another one has the Lease";
	else if (!decide_holds_lease(d, now))
		*ret_reason = "the Lease couldn't be renewed in time";
	else
		return false;
	return true;
}

/* Moved to what is no member, or disassociated: neither is a call of ours. */
static bool is_stolen(const struct decide *d)
{
	return d->ec2 == DECIDE_EC2_ELSEWHERE && d->ec2_who < 0;
}

static enum decide_state next_taking(const struct decide *d, struct mono now,
				     const char **ret_reason)
{
	if (must_stop(d, now, ret_reason))
		return DECIDE_FENCED;
	if (d->ec2 == DECIDE_EC2_MINE && !mono_is_before(d->ec2_at, d->since) && d->kernel_ready)
		GO(ACTIVE, "the Elastic IP is ours");
	if (d->draining && decide_find_fit(d, now) != DECIDE_NOBODY)
		GO(FENCED, "this member goes before it had it");
	if (decide_is_after(d->refused_at, DECIDE_REFUSED_MS, now) &&
	    decide_find_fit(d, now) != DECIDE_NOBODY)
		GO(FENCED, "EC2 doesn't give it to us");
	if (!d->kernel_ready && decide_is_after(d->since, DECIDE_REFUSED_MS, now) &&
	    decide_find_fit(d, now) != DECIDE_NOBODY)
		GO(FENCED, "the kernel isn't ready");
	return DECIDE_TAKING;
}

/* Whether it should be somebody else's, and there is one. */
static bool should_go(const struct decide *d, struct mono now)
{
	if (mono_is_before(now, d->quiet_until) || decide_api_is_away(d) || decide_is_given(d, now))
		return false;
	if (d->draining || !d->kernel_ready)
		return decide_find_fit(d, now) != DECIDE_NOBODY;
	return d->plan_to != d->self && decide_is_fit(d, d->plan_to, now);
}

static enum decide_state next_active(const struct decide *d, struct mono now,
				     const char **ret_reason)
{
	if (must_stop(d, now, ret_reason))
		return !is_others(d) && decide_may_go_alone(d, now) ?
			       (*ret_reason = "the API is away, and EC2 says that it's ours",
				DECIDE_ALONE) :
			       DECIDE_FENCED;
	if (is_stolen(d))
		GO(LOST, "somebody moved the Elastic IP");
	if (d->ec2 == DECIDE_EC2_ELSEWHERE)
		GO(TAKING, "a member's late call moved the Elastic IP");
	if (should_go(d, now))
		GO(HANDING_OVER, d->draining      ? "this member goes" :
				 !d->kernel_ready ? "the kernel isn't ready" :
						    "it's for another member to carry it");
	return DECIDE_ACTIVE;
}

static enum decide_state next_alone(const struct decide *d, struct mono now,
				    const char **ret_reason)
{
	if (is_others(d))
		GO(FENCED, "another one has the Lease");
	if (decide_holds_lease(d, now))
		GO(ACTIVE, "the Lease is ours again");
	if (is_stolen(d))
		GO(FENCED, "somebody moved the Elastic IP");
	/* An answer alone doesn't end it: the next ask takes what is free. */
	if (!decide_may_go_alone(d, now) && (decide_api_is_away(d) || !d->lease_busy))
		GO(FENCED, "without the API nobody says any more that it's ours");
	return DECIDE_ALONE;
}

static enum decide_state next_handing_over(const struct decide *d, struct mono now,
					   const char **ret_reason)
{
	if (is_stolen(d))
		GO(FENCED, "somebody moved the Elastic IP");
	/* If he falls silent now, we're free to take it back. */
	if (d->done_at.ns &&
	    (decide_is_after(d->done_at, DECIDE_LINGER_MS, now) || !decide_hears(d, d->to, now)))
		GO(FENCED, "it has been handed over");
	if (d->done_at.ns)
		return DECIDE_HANDING_OVER;
	if (d->consented &&
	    (d->lease.holder != d->to || decide_is_after(d->since, DECIDE_HANDOVER_MS, now)))
		GO(FENCED, "it isn't ours any more");
	if (d->consented)
		return DECIDE_HANDING_OVER;
	if (must_stop(d, now, ret_reason))
		return !is_others(d) && decide_may_go_alone(d, now) ? DECIDE_ALONE : DECIDE_FENCED;
	if (!decide_is_fit(d, d->to, now) || decide_is_after(d->since, DECIDE_HANDOVER_MS, now))
		GO(ACTIVE, "nobody took it over");
	return DECIDE_HANDING_OVER;
}

static enum decide_state next_fenced(const struct decide *d, struct mono now,
				     const char **ret_reason)
{
	(void)now;
	if (!d->kernel_translating)
		GO(STANDBY, "the kernel has stopped");
	return DECIDE_FENCED;
}

static enum decide_state next_lost(const struct decide *d, struct mono now, const char **ret_reason)
{
	if (must_stop(d, now, ret_reason))
		return DECIDE_FENCED;
	if (!is_stolen(d))
		GO(TAKING, "the Elastic IP may be claimed again");
	if (d->claim_anew)
		GO(TAKING, "a reload claims it");
	return DECIDE_LOST;
}

typedef enum decide_state (*next_fn)(const struct decide *d, struct mono now,
				     const char **ret_reason);

enum decide_state decide_next(const struct decide *d, struct mono now, const char **ret_reason)
{
	static const next_fn next[DECIDE_STATE_COUNT] = {
		[DECIDE_STARTING] = next_starting,
		[DECIDE_STANDBY] = next_standby,
		[DECIDE_SUSPECT] = next_suspect,
		[DECIDE_PREPARING] = next_preparing,
		[DECIDE_CLAIMING] = next_claiming,
		[DECIDE_TAKING] = next_taking,
		[DECIDE_ACTIVE] = next_active,
		[DECIDE_ALONE] = next_alone,
		[DECIDE_HANDING_OVER] = next_handing_over,
		[DECIDE_FENCED] = next_fenced,
		[DECIDE_LOST] = next_lost,
	};

	return next[d->state](d, now, ret_reason);
}
