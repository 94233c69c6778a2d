// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside own: own_place.c knows which private address an egress IP can have, own_standby.c what may not be claimed,
 * and where it is, own_when.c when to look, own_explain.c finds words; pure like all of it. native.c shares the back-off and the words.
 */
#pragma once

#include "gateway/own/own.h"

struct transition_table;
extern const struct transition_table own_transitions;

/* An answer may be older than our last change. */
bool own_is_settling(const struct own_egress *e, struct mono now);
/* The answer that shows it there, which isn't where we have it, may be. */
bool own_may_be_old(const struct own_egress *e, const struct own_place *place, struct mono now);

/* For own_where. `place` NULL: it isn't where it was. */
void own_note_place(struct own *own, struct own_egress *e, const struct own_place *place,
		    struct mono now);
void own_note_here(struct own *own, struct own_egress *e, struct mono now);
void own_note_failure(struct own *own, struct own_egress *e, struct mono now);
/* It may not be claimed, and the address is there for it. */
struct own_step own_stand_by(struct own *own, struct own_egress *e, struct ip4 address,
			     struct mono now);

const struct own_slot *own_find_slot(const struct own *own, struct ip4 address);
/* The other egress IP that has or wants the address, or NULL. */
const struct own_egress *own_find_taker(const struct own *own, const struct own_egress *self,
					struct ip4 address);
/*
 * "" when the Elastic IP may be at the address, else the sentence why not. A slot that isn't there yet is no
 * reason.
 */
void own_check_place(const struct own *own, const struct own_egress *self, struct ip4 address,
		     char reason[static OWN_REASON_MAX]);
/* Its private address is there, and fit for it. */
bool own_is_placed(const struct own *own, const struct own_egress *self);
/* A free secondary address of the interface, or 0. */
struct ip4 own_choose(const struct own *own, const struct own_egress *self);

#define OWN_WANTED_TEXT_MAX (OWN_TAG_MAX + 32)
/* How the configuration names the Elastic IP: "Elastic IP with the tag Key=Value". Returns `text`. */
const char *own_explain_wanted(const struct own_wanted *wanted,
			       char text[static OWN_WANTED_TEXT_MAX]);
/* What is missing, and who can give it. */
void own_explain_failure(const struct own *own, const struct own_wanted *wanted,
			 const struct aws_action *action, const struct aws_failure *failure,
			 char reason[static OWN_REASON_MAX]);
/* The same where only the policy can be the reason; false: it isn't. */
bool own_explain_policy(const struct aws_action *action, const struct aws_failure *failure,
			char reason[static OWN_REASON_MAX]);

struct backoff own_backoff(uint64_t random);
/* Not before OWN_CLAIM_MS. */
struct mono own_next_try(struct backoff *backoff, const struct aws_failure *failure,
			 struct mono now);
