// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside decide: what the events say, and what follows. */
#pragma once

#include "gateway/group/decide.h"

/* decide_facts.c: takes what an event says, and what is true now. */
void decide_absorb(struct decide *d, const struct decide_event *event, struct mono now);
bool decide_is_after(struct mono t, int64_t ms,
		     struct mono now); /* t isn't 0, and ms have passed */
bool decide_holds_lease(const struct decide *d, struct mono now);
bool decide_api_is_away(const struct decide *d);
/* May translate without a Lease. */
bool decide_may_go_alone(const struct decide *d, struct mono now);
/* A member that is heard says that he has it, or knows that another one has. */
bool decide_is_contradicted(const struct decide *d, struct mono now);
/* The holder of the Lease is another member. */
bool decide_is_peers(const struct decide *d);
/* There's one that could take it over. */
bool decide_is_fit(const struct decide *d, int member, struct mono now);
int decide_find_fit(const struct decide *d, struct mono now);
/* Could carry it; and should try, when its turn comes. */
bool decide_is_able(const struct decide *d, struct mono now);
bool decide_is_candidate(const struct decide *d, struct mono now);

/* A holder who is heard hands over to us. */
bool decide_is_offered(const struct decide *d, struct mono now);
/* And we're at it, or were a moment ago: he still translates. */
bool decide_is_given(const struct decide *d, struct mono now);

/* decide_rules.c: what follows the state now; *ret_reason says why. The same state: nothing. */
enum decide_state decide_next(const struct decide *d, struct mono now, const char **ret_reason);
