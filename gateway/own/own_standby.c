// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/own_standby.h"

#include <stdio.h>
#include <string.h>

#include "awsapi/action.h"
#include "gateway/own/own_internal.h"
#include "gateway/own/transition.h"

void own_share(struct own *own)
{
	own->shared = true;
	for (size_t i = 0; i < own->n; i++)
		own->v[i].barred = true;
}

/* ---- where it is ---------------------------------------------------------------------------------------- */

static bool is_same_place(const struct own_place *a, const struct own_place *b)
{
	return strcmp(a->interface_id, b->interface_id) == 0 && a->private_ip.v == b->private_ip.v;
}

bool own_may_be_old(const struct own_egress *e, const struct own_place *place, struct mono now)
{
	/* Where it was before our claim, and nowhere, are what an old answer shows. */
	return own_is_settling(e, now) &&
	       (e->before_unsure || !place->interface_id[0] || is_same_place(place, &e->before));
}

static struct own_place place_here(const struct own *own, const struct own_egress *e)
{
	struct own_place here = { .private_ip = e->private_ip };

	memcpy(here.interface_id, own->interface_id, sizeof(here.interface_id));
	return here;
}

static void note(struct own *own, struct own_egress *e, struct own_where where)
{
	e->where = where;
	own->news++;
}

void own_note_place(struct own *own, struct own_egress *e, const struct own_place *place,
		    struct mono now)
{
	const struct own_place here = place_here(own, e);
	enum own_spot spot = OWN_ELSEWHERE;

	if (!place) {
		note(own, e, (struct own_where){ .spot = OWN_NOT_SEEN, .at = now });
		return;
	}
	if (is_same_place(place, &here))
		spot = OWN_MINE;
	else if (own_may_be_old(e, place, now))
		return;
	else if (!place->interface_id[0])
		spot = OWN_NOWHERE;
	note(own, e, (struct own_where){ .spot = spot, .place = *place, .at = now });
}

void own_note_here(struct own *own, struct own_egress *e, struct mono now)
{
	note(own, e,
	     (struct own_where){ .spot = OWN_MINE, .place = place_here(own, e), .at = now });
}

void own_note_failure(struct own *own, struct own_egress *e, struct mono now)
{
	e->where.failed_at = now;
	own->news++;
}

struct own_where own_where(const struct own *own, size_t i)
{
	const struct own_egress *e = &own->v[i];
	struct own_where where = e->where;

	where.is_refused = e->state == OWN_BLOCKED && e->refused == &ec2_action_associate_address;
	return where;
}

/* ---- who may have it ------------------------------------------------------------------------------------ */

struct own_step own_stand_by(struct own *own, struct own_egress *e, struct ip4 address,
			     struct mono now)
{
	char private[IP4_TEXT_MAX], public[IP4_TEXT_MAX], there[IP4_TEXT_MAX];
	const struct own_place was = e->where.place;

	e->private_ip = address;
	e->look_at = mono_add_ms(now, OWN_VERIFY_MS);
	backoff_reset(&e->backoff);
	/* The address may have been chosen after the place was noted. */
	if (e->where.spot == OWN_ELSEWHERE || e->where.spot == OWN_MINE)
		e->where.spot = strcmp(was.interface_id, own->interface_id) == 0 &&
						was.private_ip.v == address.v ?
					OWN_MINE :
					OWN_ELSEWHERE;
	ip4_format(e->public_ip, public);
	ip4_format(address, private);
	if (e->where.spot == OWN_MINE)
		transition_set(&own_transitions, e, OWN_STANDBY,
			       "%s is associated with %s on %s, until another gateway takes it",
			       public, private, own->interface_id);
	else if (e->where.spot == OWN_ELSEWHERE)
		transition_set(&own_transitions, e, OWN_STANDBY,
			       "%s is with %s on %s; %s is kept for it here", public,
			       ip4_format(was.private_ip, there), was.interface_id, private);
	else
		transition_set(&own_transitions, e, OWN_STANDBY,
			       "%s is associated with nothing; %s is kept for it here", public,
			       private);
	return (struct own_step){ OWN_STEP_NONE };
}

static void bar(struct own *own, struct own_egress *e, struct mono now)
{
	const enum own_state was = e->state;

	e->due = e->doubted = e->unverified = false;
	if (was == OWN_HELD)
		own_stand_by(own, e, e->private_ip, now);
	else if (was == OWN_CLAIMING || was == OWN_LOST)
		transition_set(&own_transitions, e, OWN_STANDBY,
			       "it isn't this gateway's to claim now");
	else
		e->look_at = now;
}

static void permit(struct own *own, struct own_egress *e, struct mono now)
{
	e->look_at = now;
	if (e->state != OWN_STANDBY)
		return;
	e->due = e->allocation_id[0] && own_is_placed(own, e);
	transition_set(&own_transitions, e, OWN_CLAIMING, "it is this gateway's to claim now");
}

void own_allow(struct own *own, size_t i, bool allowed, struct mono now)
{
	struct own_egress *e = &own->v[i];

	if (e->barred != allowed)
		return;
	e->barred = !allowed;
	if (allowed)
		permit(own, e, now);
	else
		bar(own, e, now);
}

size_t own_next_takeover(const struct own *own)
{
	size_t i = 0;

	while (i < own->n && !(own->v[i].due && own_is_placed(own, &own->v[i])))
		i++;
	return i;
}

struct own_step own_take_over(struct own *own, size_t i, struct mono now)
{
	struct own_egress *e = &own->v[i];
	char private[IP4_TEXT_MAX], public[IP4_TEXT_MAX];

	e->due = false;
	e->taking = e->before_unsure = true;
	e->changed_at = now;
	transition_set(&own_transitions, e, OWN_CLAIMING, "%s is being associated with %s",
		       ip4_format(e->public_ip, public), ip4_format(e->private_ip, private));
	return (struct own_step){ OWN_STEP_ASSOCIATE, e->private_ip };
}

void own_see_cancelled(struct own *own, size_t i, struct mono now)
{
	struct own_egress *e = &own->v[i];

	e->taking = false;
	e->due = !e->barred;
	e->changed_at = now;
}

bool own_may_step(const struct own *own, size_t i, struct own_step step)
{
	const struct own_egress *e = &own->v[i];

	return step.kind == OWN_STEP_ASSIGN ||
	       (step.kind == OWN_STEP_ASSOCIATE && !e->barred && !e->due && !e->taking);
}

static void bring_forward(struct mono *look_at, const struct backoff *backoff, struct mono to)
{
	if (backoff->attempt == 0 && mono_is_before(to, *look_at))
		*look_at = to;
}

void own_verify(struct own *own, struct mono now)
{
	struct mono soonest = mono_add_ms(own->seen_at, OWN_CLAIM_MS);

	if (!own->seen_at.ns || mono_is_before(soonest, now))
		soonest = now;
	bring_forward(&own->look_at, &own->backoff, soonest);
	for (size_t i = 0; i < own->n; i++)
		bring_forward(&own->v[i].look_at, &own->v[i].backoff, soonest);
}

bool own_any_standby(const struct own *own)
{
	size_t i = 0;

	while (i < own->n && own->v[i].state != OWN_STANDBY)
		i++;
	return i < own->n;
}
