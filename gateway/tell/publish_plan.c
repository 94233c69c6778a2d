// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/publish_plan.h"

#include <stdio.h>
#include <string.h>

#include "kube/kinds.h"

/* ---- what was */

static struct publish_past *find_past(struct publish_past *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(v[i].name, name) == 0)
			return &v[i];
	}
	return NULL;
}

/* In the egress IPs' order of now: a spec that changed gives them other places. */
static void arrange(struct publish_memory *memory, const struct publish_input *input)
{
	struct publish_past old[POLICY_EGRESS_MAX];
	const size_t n = memory->n;

	memcpy(old, memory->egress, sizeof(old));
	memory->n = input->n;
	for (size_t i = 0; i < input->n; i++) {
		const struct publish_past *past = find_past(old, n, input->egress[i].name);

		memory->egress[i] = past ? *past : (struct publish_past){ .name = "" };
		snprintf(memory->egress[i].name, sizeof(memory->egress[i].name), "%s",
			 input->egress[i].name);
	}
}

static void come_by(int64_t *next_ms, int64_t left_ms)
{
	if (*next_ms < 0 || left_ms < *next_ms)
		*next_ms = left_ms;
}

/* ---- egress IPs */

static const struct failover_member *find_self(const struct failover_facts *facts)
{
	for (size_t i = 0; i < facts->n_members; i++) {
		if (facts->members[i].is_self)
			return &facts->members[i];
	}
	return NULL;
}

static struct ip4 address_of(const struct failover_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->n_members; i++) {
		if (strcmp(facts->members[i].name, name) == 0)
			return facts->members[i].address;
	}
	return (struct ip4){ 0 };
}

static bool is_another(const struct failover_facts *facts, const char *carrier)
{
	const struct failover_member *self = find_self(facts);

	return carrier[0] && self && strcmp(carrier, self->name) != 0;
}

/* That it is to be ours isn't enough. */
bool publish_is_carried(const struct failover_facts *facts, size_t i)
{
	const struct failover_egress *egress = &facts->egress[i];

	return egress->translates || is_another(facts, egress->carrier);
}

/* It was ours, and isn't any more. */
static enum publish_entry judge_former(struct publish_past *past, const struct publish_input *input,
				       size_t i, struct mono now, int64_t *next_ms)
{
	const struct failover_egress *egress = &input->facts->egress[i];
	const struct ip4 told = input->egress[i].told;

	if (told.v && told.v != input->address.v)
		return PUBLISH_NOTHING;
	if (is_another(input->facts, egress->carrier))
		return PUBLISH_CARRIER;
	if (!past->since.ns)
		past->since = now;
	const int64_t left_ms = PUBLISH_ORPHAN_MS - mono_diff_ms(now, past->since);

	if (left_ms <= 0)
		return PUBLISH_NOTHING;
	come_by(next_ms, left_ms);
	return PUBLISH_LAST;
}

static bool is_shared(const struct failover_egress *egress)
{
	return egress->translates && egress->partner[0];
}

/* Whether it can't wait: who it goes to, and that nodes are to send to both before anything moves. */
static bool is_urgent(const struct publish_past *past, const struct failover_egress *egress)
{
	return (egress->translates && !past->translated) || (is_shared(egress) && !past->shared);
}

/* Somebody's write came late: who was taken from, perhaps. Not while he who takes from us may have written. */
static bool is_doubted(const struct publish_past *past, const struct publish_input *input, size_t i)
{
	const struct failover_egress *egress = &input->facts->egress[i];

	return egress->translates && past->translated && !egress->handing_over &&
	       input->egress[i].told.v != input->address.v;
}

/* He who takes it over has written himself: with us in his place again, nodes would go back and forth. */
static bool is_left(const struct publish_input *input, size_t i)
{
	const struct failover_egress *egress = &input->facts->egress[i];
	const struct ip4 told = input->egress[i].told;

	return egress->handing_over && told.v &&
	       told.v == address_of(input->facts, egress->partner).v;
}

static void plan_egress(struct publish_memory *memory, const struct publish_input *input, size_t i,
			struct mono now, struct publish_plan *ret)
{
	struct publish_past *past = &memory->egress[i];
	const struct failover_egress *egress = &input->facts->egress[i];

	ret->n_translated += egress->translates;
	ret->n_carried += publish_is_carried(input->facts, i);
	ret->is_urgent = ret->is_urgent || is_urgent(past, egress);
	ret->is_doubted = ret->is_doubted || is_doubted(past, input, i);
	past->shared = is_shared(egress);
	past->translated = egress->translates;
	if (egress->translates || is_another(input->facts, egress->carrier))
		past->since = (struct mono){ 0 };
	if (egress->translates) {
		past->is_ours = true;
		ret->entries[i] = is_left(input, i) ? PUBLISH_NOTHING : PUBLISH_SELF;
	} else if (past->is_ours) {
		ret->entries[i] = judge_former(past, input, i, now, &ret->next_ms);
		past->is_ours = ret->entries[i] != PUBLISH_NOTHING;
	}
}

/* ---- members */

static bool is_live(const struct failover_member *member)
{
	return member->is_self || member->is_heard;
}

static bool is_speaker(const struct failover_facts *facts)
{
	const struct failover_member *first = NULL;

	for (size_t i = 0; i < facts->n_members; i++) {
		const struct failover_member *member = &facts->members[i];

		if (is_live(member) && (!first || strcmp(member->name, first->name) < 0))
			first = member;
	}
	return first && first->is_self;
}

/* Since when each member that isn't heard hasn't been; those that came and went are forgotten. */
static void note_silence(struct publish_memory *memory, const struct failover_facts *facts,
			 struct mono now)
{
	struct publish_silence silent[PUBLISH_MEMBERS_MAX] = { { .name = "" } };
	size_t n = 0;

	for (size_t i = 0; i < facts->n_members && n < PUBLISH_MEMBERS_MAX; i++) {
		const struct failover_member *member = &facts->members[i];
		struct mono since = now;

		if (is_live(member))
			continue;
		for (size_t j = 0; j < memory->n_silent; j++) {
			if (strcmp(memory->silent[j].name, member->name) == 0)
				since = memory->silent[j].since;
		}
		snprintf(silent[n].name, sizeof(silent[n].name), "%s", member->name);
		silent[n++].since = since;
	}
	memcpy(memory->silent, silent, n * sizeof(*silent));
	memory->n_silent = n;
}

static int64_t silence_ms(const struct publish_memory *memory, const char *name, struct mono now)
{
	for (size_t i = 0; i < memory->n_silent; i++) {
		if (strcmp(memory->silent[i].name, name) == 0)
			return mono_diff_ms(now, memory->silent[i].since);
	}
	return 0;
}

/*
 * Whether something would be taken from him that may be his: that he isn't heard here doesn't mean that he's dead. What
 * nobody carries is left to him, too, until others have had the time to take it over.
 */
static bool may_carry(const struct publish_input *input, const struct failover_member *member,
		      int64_t silent_ms)
{
	for (size_t i = 0; i < input->n; i++) {
		if (strcmp(input->facts->egress[i].carrier, member->name) == 0)
			return true;
		if (member->address.v && input->egress[i].told.v == member->address.v &&
		    (publish_is_carried(input->facts, i) || silent_ms < PUBLISH_ORPHAN_MS))
			return true;
	}
	return false;
}

static enum publish_peer judge_silent(const struct publish_memory *memory,
				      const struct publish_input *input,
				      const struct failover_member *member, struct mono now,
				      int64_t *next_ms)
{
	const int64_t silent_ms = silence_ms(memory, member->name, now);

	if (may_carry(input, member, silent_ms)) {
		come_by(next_ms, silent_ms < PUBLISH_ORPHAN_MS ? PUBLISH_ORPHAN_MS - silent_ms :
								 PUBLISH_ORPHAN_MS);
		return PUBLISH_PEER_NOTHING;
	}
	/* He may be about to come, or we were cut off from all, and the API's news of what he took over is still to come. */
	if (silent_ms < PUBLISH_ORPHAN_MS) {
		come_by(next_ms, PUBLISH_ORPHAN_MS - silent_ms);
		return PUBLISH_PEER_NOTHING;
	}
	if (silent_ms >= PUBLISH_DEAD_MS)
		return PUBLISH_PEER_GONE;
	come_by(next_ms, PUBLISH_DEAD_MS - silent_ms);
	return PUBLISH_PEER_NOT_READY;
}

static void plan_members(struct publish_memory *memory, const struct publish_input *input,
			 struct mono now, struct publish_plan *ret)
{
	const struct failover_facts *facts = input->facts;

	note_silence(memory, facts, now);
	ret->is_speaker = is_speaker(facts);
	for (size_t i = 0; i < facts->n_members && i < PUBLISH_MEMBERS_MAX; i++) {
		if (ret->is_speaker && facts->is_current && !is_live(&facts->members[i]))
			ret->peers[i] =
				judge_silent(memory, input, &facts->members[i], now, &ret->next_ms);
	}
}

/* ---- all of it */

static int state_of(const struct failover_facts *facts, size_t n_translated)
{
	if (facts->is_draining)
		return KUBE_MEMBER_DRAINING;
	if (n_translated)
		return KUBE_MEMBER_ACTIVE;
	return facts->is_ready ? KUBE_MEMBER_STANDBY : KUBE_MEMBER_NOT_READY;
}

/* With one entry as it was, all that is written names us where another one may have written himself a moment ago. */
static void plan_last(const struct publish_input *input, struct publish_plan *ret)
{
	bool has_last = false;

	for (size_t i = 0; i < input->n; i++)
		has_last = has_last || ret->entries[i] == PUBLISH_LAST;
	ret->is_held = has_last && !ret->is_urgent;
	for (size_t i = 0; has_last && ret->is_urgent && i < input->n; i++) {
		if (ret->entries[i] == PUBLISH_LAST)
			ret->entries[i] = PUBLISH_NOTHING;
	}
}

void publish_plan(struct publish_memory *memory, const struct publish_input *input, struct mono now,
		  struct publish_plan *ret)
{
	*ret = (struct publish_plan){ .next_ms = -1 };
	arrange(memory, input);
	for (size_t i = 0; i < input->n; i++)
		plan_egress(memory, input, i, now, ret);
	plan_last(input, ret);
	plan_members(memory, input, now, ret);
	ret->state = state_of(input->facts, ret->n_translated);
	if (!memory->refreshed_at.ns)
		memory->refreshed_at = now;
	if (mono_diff_ms(now, memory->refreshed_at) >= PUBLISH_REFRESH_MS) {
		memory->refreshed_at = now;
		ret->is_doubted = true;
	}
	come_by(&ret->next_ms, PUBLISH_REFRESH_MS - mono_diff_ms(now, memory->refreshed_at));
	ret->is_doubted = ret->is_doubted || !input->is_listed;
}
