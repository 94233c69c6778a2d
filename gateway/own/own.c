// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "awsapi/action.h"
#include "awsapi/failure.h"
#include "base/cleanup.h"
#include "gateway/own/own_internal.h"
#include "gateway/own/transition.h"

enum { BACKOFF_BASE_MS = 1000, BACKOFF_CAP_MS = 10000 };

const char *const own_state_names[OWN_STATE_COUNT] = {
	[OWN_UNKNOWN] = "unknown", [OWN_CLAIMING] = "claiming", [OWN_HELD] = "held",
	[OWN_LOST] = "lost",       [OWN_BLOCKED] = "blocked",   [OWN_STANDBY] = "standby",
};

static const uint32_t legal[OWN_STATE_COUNT] = {
	[OWN_UNKNOWN] = TRANSITION_BIT(OWN_UNKNOWN) | TRANSITION_BIT(OWN_CLAIMING) |
			TRANSITION_BIT(OWN_HELD) | TRANSITION_BIT(OWN_BLOCKED) |
			TRANSITION_BIT(OWN_STANDBY),
	[OWN_CLAIMING] = TRANSITION_BIT(OWN_CLAIMING) | TRANSITION_BIT(OWN_HELD) |
			 TRANSITION_BIT(OWN_BLOCKED) | TRANSITION_BIT(OWN_STANDBY),
	[OWN_HELD] = TRANSITION_BIT(OWN_HELD) | TRANSITION_BIT(OWN_LOST) |
		     TRANSITION_BIT(OWN_STANDBY),
	[OWN_LOST] = TRANSITION_BIT(OWN_LOST) | TRANSITION_BIT(OWN_STANDBY),
	[OWN_BLOCKED] = TRANSITION_BIT(OWN_CLAIMING) | TRANSITION_BIT(OWN_HELD) |
			TRANSITION_BIT(OWN_BLOCKED) | TRANSITION_BIT(OWN_STANDBY),
	[OWN_STANDBY] = TRANSITION_BIT(OWN_STANDBY) | TRANSITION_BIT(OWN_CLAIMING) |
			TRANSITION_BIT(OWN_BLOCKED),
};
const struct transition_table own_transitions = { "egress IP", own_state_names, legal,
						  OWN_STATE_COUNT, OWN_BLOCKED };

bool own_is_settling(const struct own_egress *e, struct mono now)
{
	return e->changed_at.ns && mono_diff_ms(now, e->changed_at) < OWN_SETTLE_MS;
}

struct backoff own_backoff(uint64_t random)
{
	return (struct backoff){ .base_ms = BACKOFF_BASE_MS,
				 .cap_ms = BACKOFF_CAP_MS,
				 .random = random ? random : 1 };
}

int own_init(struct own *own, const struct own_wanted *wanted, size_t n, uint64_t seed)
{
	struct own_egress *v = calloc(n ? n : 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	*own = (struct own){ .v = v, .n = n, .backoff = own_backoff(seed) };
	for (size_t i = 0; i < n; i++) {
		v[i].wanted = wanted[i];
		v[i].backoff = own_backoff(seed + i + 1);
		snprintf(v[i].reason, sizeof(v[i].reason), "EC2 hasn't been asked yet");
	}
	return 0;
}

void own_done(struct own *own)
{
	free(own->v);
	*own = (struct own){ 0 };
}

static bool is_same(const struct own_wanted *a, const struct own_wanted *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->allocation_id, b->allocation_id) == 0 &&
	       strcmp(a->tag, b->tag) == 0 && a->public_ip.v == b->public_ip.v &&
	       a->private_ip.v == b->private_ip.v;
}

void own_adopt(struct own *own, const struct own *old)
{
	memcpy(own->interface_id, old->interface_id, sizeof(own->interface_id));
	memcpy(own->slots, old->slots, sizeof(own->slots));
	own->n_slots = old->n_slots;
	own->seen_at = old->seen_at;
	own->news = old->news;
	for (size_t i = 0; i < own->n; i++) {
		for (size_t j = 0; j < old->n; j++) {
			const struct own_egress *was = &old->v[j];

			/* Another one may want its address by name now: then it has to move. */
			if (was->state != OWN_LOST && is_same(&own->v[i].wanted, &was->wanted) &&
			    !own_find_taker(own, &own->v[i], was->private_ip))
				own->v[i] = *was;
		}
	}
}

static void tell_held(const struct own *own, struct own_egress *e)
{
	char private[IP4_TEXT_MAX], public[IP4_TEXT_MAX];

	e->doubted = e->unverified = false;
	transition_set(&own_transitions, e, OWN_HELD, "%s is associated with %s on %s",
		       ip4_format(e->public_ip, public), ip4_format(e->private_ip, private),
		       own->interface_id);
}

static void lose(struct own *own, struct own_egress *e, const struct own_place *to, struct mono now)
{
	char private[IP4_TEXT_MAX], public[IP4_TEXT_MAX], there[IP4_TEXT_MAX];

	ip4_format(e->public_ip, public);
	e->look_at = now; /* to say where it went */
	own_note_place(own, e, to, now);
	if (!to)
		transition_set(&own_transitions, e, OWN_LOST,
			       "somebody took %s away from %s; a reload claims it again", public,
			       ip4_format(e->private_ip, private));
	else if (!to->interface_id[0])
		transition_set(&own_transitions, e, OWN_LOST,
			       "somebody disassociated %s; a reload claims it again", public);
	else
		transition_set(&own_transitions, e, OWN_LOST,
			       "somebody moved %s to %s on %s; a reload takes it back", public,
			       ip4_format(to->private_ip, there), to->interface_id);
}

/* What my interface says about an egress IP that is held. */
static void judge(struct own *own, struct own_egress *e, struct mono now)
{
	const struct own_slot *slot = own_find_slot(own, e->private_ip);
	char private[IP4_TEXT_MAX], public[IP4_TEXT_MAX];

	if (slot && strcmp(slot->allocation_id, e->allocation_id) == 0) {
		if (e->doubted || e->unverified)
			tell_held(own, e);
		own_note_here(own, e, now);
		backoff_reset(&e->backoff);
	} else if (slot && slot->public_ip.v) {
		/* No old answer shows another one there: the address carried none when it was chosen. */
		transition_set(&own_transitions, e, OWN_LOST,
			       "somebody associated %s with %s instead of it; "
			       "a reload claims it again",
			       ip4_format(slot->public_ip, public),
			       ip4_format(e->private_ip, private));
		own_note_place(own, e, NULL, now);
	} else if (own_is_settling(e, now)) {
		e->doubted = true;
	} else {
		lose(own, e, NULL, now);
	}
}

void own_see_interface(struct own *own, const struct aws_interface *interface, struct mono now)
{
	memcpy(own->interface_id, interface->id, sizeof(own->interface_id));
	own->n_slots = 0;
	for (size_t i = 0; i < interface->addresses.n && i < OWN_SLOTS_MAX; i++) {
		const struct aws_private_address *from = &interface->addresses.v[i];
		struct own_slot *slot = &own->slots[own->n_slots++];

		*slot = (struct own_slot){ .address = from->address,
					   .primary = from->primary,
					   .public_ip = from->public_ip };
		memcpy(slot->allocation_id, from->allocation_id, sizeof(slot->allocation_id));
	}
	backoff_reset(&own->backoff);
	own->seen_at = now;
	own->look_at = mono_add_ms(now, OWN_VERIFY_MS);
	for (size_t i = 0; i < own->n; i++) {
		if (own->v[i].state == OWN_HELD)
			judge(own, &own->v[i], now);
	}
}

static struct own_step block(struct own_egress *e, struct mono now, const char *reason)
{
	e->look_at = mono_add_ms(now, OWN_VERIFY_MS);
	e->refused = NULL;
	transition_set(&own_transitions, e, OWN_BLOCKED, "%s", reason);
	return (struct own_step){ OWN_STEP_NONE };
}

/* On the way to be held, or to be ready for it. */
static enum own_state pending(const struct own_egress *e)
{
	return e->barred ? OWN_STANDBY : OWN_CLAIMING;
}

static struct own_step wait_for(struct own_egress *e, struct mono now, const char *reason)
{
	e->look_at = mono_add_ms(now, OWN_CLAIM_MS);
	transition_set(&own_transitions, e, pending(e), "%s", reason);
	return (struct own_step){ OWN_STEP_NONE };
}

static struct own_step act(struct own_egress *e, struct mono now, struct own_step step)
{
	char private[IP4_TEXT_MAX], public[IP4_TEXT_MAX];

	e->look_at = mono_add_ms(now, OWN_CLAIM_MS);
	if (step.kind == OWN_STEP_ASSIGN)
		transition_set(&own_transitions, e, pending(e),
			       "a private address for %s is being assigned",
			       ip4_format(e->public_ip, public));
	else
		transition_set(&own_transitions, e, OWN_CLAIMING, "%s is being associated with %s",
			       ip4_format(e->public_ip, public),
			       ip4_format(step.private_ip, private));
	return step;
}

/* The target has been found free and is there. */
static struct own_step associate(struct own_egress *e, const struct own_place *place,
				 struct ip4 target, struct mono now)
{
	e->private_ip = target;
	if (mono_is_before(now, e->associate_at))
		return wait_for(e, now, "associated; EC2 doesn't show it yet");
	e->before = *place;
	e->before_unsure = e->due = false;
	return act(e, now, (struct own_step){ OWN_STEP_ASSOCIATE, target });
}

static struct own_step assign(struct own_egress *e, struct ip4 target, struct mono now)
{
	if (mono_is_before(now, e->assign_at))
		return wait_for(e, now, "a private address was assigned; EC2 doesn't show it yet");
	return act(e, now, (struct own_step){ OWN_STEP_ASSIGN, target });
}

/*
 * Which private address: the configured one; else where the Elastic IP is already on my interface, which costs
 * nothing; else what was chosen before; else a free one. 0: one has to be assigned.
 */
static struct ip4 choose(const struct own *own, const struct own_egress *e, struct ip4 present,
			 char reason[static OWN_REASON_MAX])
{
	reason[0] = '\0';
	if (e->wanted.private_ip.v) {
		own_check_place(own, e, e->wanted.private_ip, reason);
		return e->wanted.private_ip;
	}
	const struct ip4 candidates[] = { present, e->private_ip };

	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		own_check_place(own, e, candidates[i], reason);
		if (candidates[i].v && !reason[0])
			return candidates[i];
	}
	reason[0] = '\0';
	return own_choose(own, e);
}

static struct own_step claim(struct own *own, struct own_egress *e, const struct own_place *place,
			     struct mono now)
{
	bool is_here = own->interface_id[0] && strcmp(place->interface_id, own->interface_id) == 0;
	struct ip4 present = is_here ? place->private_ip : (struct ip4){ 0 };
	char reason[OWN_REASON_MAX];
	const struct ip4 target = choose(own, e, present, reason);
	const struct own_slot *slot = own_find_slot(own, target);

	if (reason[0])
		return block(e, now, reason);
	if (!slot)
		return assign(e, target, now);
	if (e->barred)
		return own_stand_by(own, e, target, now);
	if (target.v != present.v)
		return associate(e, place, target, now);
	/* Both answers must say so: one alone may be old, and then the other would soon look like drift. */
	if (strcmp(slot->allocation_id, e->allocation_id) != 0)
		return wait_for(e, now, "EC2's answers about it don't agree yet");
	e->private_ip = target;
	e->differs_since = (struct mono){ 0 };
	backoff_reset(&e->backoff);
	e->due = false;
	tell_held(own, e);
	own_note_here(own, e, now);
	return (struct own_step){ OWN_STEP_NONE };
}

static struct own_place place_of(const struct aws_address *address)
{
	struct own_place place = { .private_ip = address->private_ip };

	memcpy(place.interface_id, address->network_interface_id, sizeof(place.interface_id));
	return place;
}

/* It's held, or was: where is it now? */
static void look_closer(struct own *own, struct own_egress *e, const struct aws_addresses *answer,
			struct mono now)
{
	struct own_place place = { .interface_id = "" };

	for (size_t i = 0; i < answer->n; i++) {
		if (strcmp(answer->v[i].allocation_id, e->allocation_id) == 0)
			place = place_of(&answer->v[i]);
	}
	bool is_here = strcmp(place.interface_id, own->interface_id) == 0 &&
		       place.private_ip.v == e->private_ip.v;

	if (is_here)
		own_note_place(own, e, &place, now);
	else if (e->state == OWN_LOST || !own_may_be_old(e, &place, now))
		lose(own, e, &place, now);
	e->look_at = mono_add_ms(now, e->state == OWN_LOST ? OWN_VERIFY_MS : OWN_CLAIM_MS);
}

/* The same Elastic IP by two names in the configuration. */
static const struct own_egress *find_double(const struct own *own, const struct own_egress *self)
{
	for (const struct own_egress *e = own->v; e < self; e++) {
		if (strcmp(e->allocation_id, self->allocation_id) == 0)
			return e;
	}
	return NULL;
}

struct own_step own_see_addresses(struct own *own, size_t i, const struct aws_addresses *answer,
				  struct mono now)
{
	struct own_egress *e = &own->v[i];
	char wanted[OWN_WANTED_TEXT_MAX], reason[OWN_REASON_MAX];

	if (e->taking)
		return (struct own_step){ OWN_STEP_NONE }; /* it was asked before that */
	if (e->state == OWN_HELD || e->state == OWN_LOST) {
		look_closer(own, e, answer, now);
		return (struct own_step){ OWN_STEP_NONE };
	}
	own_explain_wanted(&e->wanted, wanted);
	if (answer->n != 1) {
		snprintf(reason, sizeof(reason), "there %s %.250s in this region and account",
			 answer->n ? "is more than one" : "is no", wanted);
		own_note_place(own, e, NULL, now);
		return block(e, now, reason);
	}
	struct own_place place = place_of(&answer->v[0]);

	memcpy(e->allocation_id, answer->v[0].allocation_id, sizeof(e->allocation_id));
	e->public_ip = answer->v[0].public_ip;
	const struct own_egress *twin = find_double(own, e);

	if (twin) {
		snprintf(reason, sizeof(reason), "the %.250s is that of egress IP %s too", wanted,
			 twin->wanted.name);
		return block(e, now, reason);
	}
	own_note_place(own, e, &place, now);
	return claim(own, e, &place, now);
}

void own_see_assigned(struct own *own, size_t i, struct ip4 address, struct mono now)
{
	struct own_egress *e = &own->v[i];

	backoff_reset(&e->backoff);
	if (!own_find_taker(own, e, address))
		e->private_ip = address;
	e->assign_at = mono_add_ms(now, OWN_SETTLE_MS);
	wait_for(e, now, "a private address was assigned; EC2 doesn't show it yet");
}

void own_see_associated(struct own *own, size_t i, struct mono now)
{
	struct own_egress *e = &own->v[i];

	backoff_reset(&e->backoff);
	e->changed_at = now;
	e->associate_at = mono_add_ms(now, OWN_SETTLE_MS);
	e->taking = e->due = false;
	own_note_here(own, e, now);
	wait_for(e, now, "associated; EC2 doesn't show it yet");
}

/* The call may have had its effect although it failed: what is seen next may be older. */
static void mind_effect(struct own_egress *e, const struct aws_action *action, struct mono now)
{
	if (action == &ec2_action_associate_address)
		e->changed_at = now;
	/* A repeat would assign a second one. */
	if (action == &ec2_action_assign_private_address && !e->wanted.private_ip.v)
		e->assign_at = mono_add_ms(now, OWN_SETTLE_MS);
}

static bool is_question(const struct aws_action *action)
{
	return action == &ec2_action_describe_addresses ||
	       action == &ec2_action_describe_interfaces;
}

static bool is_final(const struct aws_failure *failure)
{
	return failure->class == HTTP_CLASS_PERMANENT || failure->class == HTTP_CLASS_NOT_FOUND ||
	       failure->class == HTTP_CLASS_CONFLICT;
}

/* What becomes of an egress IP that isn't held. */
static void fall_back(struct own_egress *e, const struct aws_action *action,
		      const struct aws_failure *failure, const char *reason)
{
	bool is_gone = action == &ec2_action_describe_addresses &&
		       failure->class == HTTP_CLASS_NOT_FOUND;

	if (e->state == OWN_STANDBY && is_question(action) && !is_gone) {
		transition_set(&own_transitions, e, OWN_STANDBY,
			       "it isn't known where it is now: %.320s", reason);
		return;
	}
	if (is_final(failure))
		e->refused = is_gone ? NULL : action;
	transition_set(&own_transitions, e, is_final(failure) ? OWN_BLOCKED : e->state, "%s",
		       reason);
}

static void take_failure(struct own *own, struct own_egress *e, const struct aws_action *action,
			 const struct aws_failure *failure, struct mono now)
{
	bool is_gone = action == &ec2_action_describe_addresses &&
		       failure->class == HTTP_CLASS_NOT_FOUND;
	char reason[OWN_REASON_MAX], public[IP4_TEXT_MAX];

	own_explain_failure(own, &e->wanted, action, failure, reason);
	own_note_failure(own, e, now);
	if (action == &ec2_action_associate_address) {
		e->taking = false;
		e->associate_at = (struct mono){ 0 };
	}
	if (e->state == OWN_HELD && !(is_gone && !own_is_settling(e, now))) {
		e->unverified = true;
		transition_set(&own_transitions, e, OWN_HELD,
			       "%s stays, but can't be verified: %.300s",
			       ip4_format(e->public_ip, public), reason);
	} else if (e->state == OWN_HELD || (e->state == OWN_LOST && is_gone)) {
		transition_set(&own_transitions, e, OWN_LOST, "%s was released",
			       ip4_format(e->public_ip, public));
	} else if (e->state != OWN_LOST) {
		fall_back(e, action, failure, reason);
	}
	if (failure->class == HTTP_CLASS_RETRY)
		mind_effect(e, action, now);
}

struct mono own_next_try(struct backoff *backoff, const struct aws_failure *failure,
			 struct mono now)
{
	int64_t ms = backoff_next_ms(backoff, failure->class, failure->retry_after_ms);

	return mono_add_ms(now, ms < OWN_CLAIM_MS ? OWN_CLAIM_MS : ms);
}

void own_see_failure(struct own *own, size_t i, const struct aws_action *action,
		     const struct aws_failure *failure, struct mono now)
{
	if (i != OWN_ALL) {
		take_failure(own, &own->v[i], action, failure, now);
		own->v[i].look_at = own_next_try(&own->v[i].backoff, failure, now);
		return;
	}
	own->look_at = own_next_try(&own->backoff, failure, now);
	for (size_t j = 0; j < own->n; j++)
		take_failure(own, &own->v[j], action, failure, now);
}

void own_see_metadata(struct own *own, size_t i, bool associated, struct mono now)
{
	struct own_egress *e = &own->v[i];
	char private[IP4_TEXT_MAX], public[IP4_TEXT_MAX];

	if (e->state != OWN_HELD)
		return;
	if (associated) {
		if (e->differs_since.ns && !e->unverified)
			tell_held(own, e);
		e->differs_since = (struct mono){ 0 };
	} else if (!e->differs_since.ns) {
		e->differs_since = now;
	} else if (mono_diff_ms(now, e->differs_since) > OWN_METADATA_MS && !e->unverified) {
		transition_set(
			&own_transitions, e, OWN_HELD,
			"EC2 says that %s is associated with %s, the instance's metadata don't",
			ip4_format(e->public_ip, public), ip4_format(e->private_ip, private));
	}
}
