// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/members.h"

#include <stdio.h>
#include <string.h>

/* A claim's state: the role in two bits, and one more. */
enum { ROLE_MASK = 3, IS_READY = 4 };

void members_init(struct members *members, const char *self)
{
	struct member *const me = &members->v[MEMBERS_SELF];

	*members = (struct members){ .v = { { .name = "" } } };
	snprintf(me->name, sizeof(me->name), "%s", self);
	me->is_listed = true;
}

int members_find(const struct members *members, const char *name)
{
	if (!name[0])
		return DECIDE_NOBODY;
	for (int i = 0; i < DECIDE_MEMBERS_MAX; i++) {
		if (strcmp(members->v[i].name, name) == 0)
			return i;
	}
	return DECIDE_STRANGER;
}

/* One that was never used comes first, so that old numbers mean who they meant for as long as possible. */
static int find_place(const struct members *members, uint32_t held)
{
	for (int i = 0; i < DECIDE_MEMBERS_MAX; i++) {
		if (!members->v[i].name[0])
			return i;
	}
	for (int i = 0; i < DECIDE_MEMBERS_MAX; i++) {
		if (!members->v[i].is_listed && !(held & UINT32_C(1) << i))
			return i;
	}
	return DECIDE_NOBODY;
}

uint32_t members_set(struct members *members, const struct group_member *list, size_t n,
		     uint32_t held)
{
	uint32_t others = 0;

	for (int i = 0; i < DECIDE_MEMBERS_MAX; i++)
		members->v[i].is_listed = i == MEMBERS_SELF;
	for (size_t i = 0; i < n; i++) {
		int place = members_find(members, list[i].name);

		if (place >= 0)
			members->v[place].is_listed = true;
	}
	for (size_t i = 0; i < n; i++) {
		int place = members_find(members, list[i].name);

		if (place == DECIDE_STRANGER && (place = find_place(members, held)) >= 0) {
			members->v[place] = (struct member){ .is_listed = true };
			memcpy(members->v[place].name, list[i].name, CONFIG_NAME_MAX);
			others |= UINT32_C(1) << place;
		}
		if (place < 0)
			continue;
		members->v[place].address = list[i].address;
		memcpy(members->v[place].zone, list[i].zone, GROUP_TEXT_MAX);
	}
	return others;
}

bool members_is_heard(const struct member *member, struct mono now)
{
	return member->heard_at.ns && mono_diff_ms(now, member->heard_at) < DECIDE_LOST_MS;
}

bool members_is_settled(const struct members *members, int i, struct mono now)
{
	const struct member *const member = &members->v[i];

	return i == MEMBERS_SELF || (members_is_heard(member, now) &&
				     mono_diff_ms(now, member->heard_since) >= MEMBERS_SETTLED_MS);
}

/* In the order of the numbers, and of the members that have one: so an index of an echo is found by counting. */
static uint8_t write_member(const struct members *members, int who)
{
	uint8_t index = 0;

	if (who == MEMBERS_SELF)
		return BEAT_SENDER;
	if (who == DECIDE_NOBODY)
		return BEAT_NOBODY;
	if (who < 0 || !members->v[who].name[0])
		return BEAT_STRANGER;
	for (int i = MEMBERS_SELF + 1; i < who; i++)
		if (members->v[i].name[0])
			index++;
	return index;
}

static int read_member(const struct members *members, const struct beat *beat, int from,
		       uint8_t index)
{
	if (index == BEAT_SENDER)
		return from;
	if (index == BEAT_NOBODY)
		return DECIDE_NOBODY;
	if (index >= beat->n_echoes)
		return DECIDE_STRANGER;
	for (int i = 0; i < DECIDE_MEMBERS_MAX; i++) {
		if (members->v[i].name[0] &&
		    beat_hash(members->v[i].name) == beat->echoes[index].member)
			return i;
	}
	return DECIDE_STRANGER;
}

static void write_echoes(const struct members *members, struct mono now, struct beat *ret)
{
	for (int i = MEMBERS_SELF + 1; i < DECIDE_MEMBERS_MAX; i++) {
		const struct member *const member = &members->v[i];
		const bool is_recent = member->offered_at.ns &&
				       mono_diff_ms(now, member->offered_at) < DECIDE_LOST_MS;

		if (member->name[0])
			ret->echoes[ret->n_echoes++] = (struct beat_echo){
				.member = beat_hash(member->name),
				.boot = is_recent ? member->sender.offered : 0,
			};
	}
}

void members_write_beat(const struct members *members, const struct members_charge *charges,
			size_t n, struct mono now, struct beat *ret)
{
	struct decide_beat said;

	*ret = (struct beat){ .n_claims = 0 };
	memcpy(ret->name, members->v[MEMBERS_SELF].name, sizeof(ret->name));
	write_echoes(members, now, ret);
	for (size_t i = 0; i < n && i < BEAT_CLAIMS_MAX; i++) {
		/* `to` matters for hears_you only, which the echoes say. */
		decide_make_beat(charges[i].decide, MEMBERS_SELF, now, &said);
		ret->claims[ret->n_claims++] = (struct beat_claim){
			.egress = charges[i].egress,
			.state = (uint8_t)(said.role | (said.is_ready ? IS_READY : 0)),
			.holder = write_member(members, said.holder),
			.to = write_member(members, said.to),
			.term = (uint32_t)(said.transitions + 1),
		};
	}
}

int members_take_beat(struct members *members, const struct beat *beat, uint64_t boot,
		      struct mono now)
{
	const int from = members_find(members, beat->name);
	struct member *const member = &members->v[from < 0 ? 0 : from];

	if (from < 0 || from == MEMBERS_SELF)
		return DECIDE_STRANGER;
	const bool is_believed =
		beat_believe(&member->sender, beat, members->v[MEMBERS_SELF].name, boot);

	if (member->sender.offered == beat->boot)
		member->offered_at = now;
	if (!is_believed)
		return DECIDE_NOBODY;
	if (!members_is_heard(member, now))
		member->heard_since = now;
	member->heard_at = now;
	member->place = beat->place;
	return from;
}

static bool hears_me(const struct members *members, const struct beat *beat, uint64_t boot)
{
	const uint64_t me = beat_hash(members->v[MEMBERS_SELF].name);

	for (size_t i = 0; i < beat->n_echoes; i++) {
		if (beat->echoes[i].member == me)
			return beat->echoes[i].boot == boot;
	}
	return false;
}

bool members_read_claim(const struct members *members, const struct beat *beat, uint64_t egress,
			uint64_t boot, struct decide_beat *ret)
{
	const int from = members_find(members, beat->name);

	for (size_t i = 0; i < beat->n_claims; i++) {
		const struct beat_claim *const claim = &beat->claims[i];

		if (claim->egress != egress)
			continue;
		*ret = (struct decide_beat){
			.boot = beat->boot,
			.seq = beat->sequence,
			.role = (enum decide_role)(claim->state & ROLE_MASK),
			.to = read_member(members, beat, from, claim->to),
			.holder = read_member(members, beat, from, claim->holder),
			.transitions = (int64_t)claim->term - 1,
			.hears_you = hears_me(members, beat, boot),
			.is_ready = claim->state & IS_READY,
		};
		return true;
	}
	return false;
}
