// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: an egress IP in a group of gateways, where somebody else says which of them may claim it, and changes his
 * mind. To who may not it's in STANDBY: the Elastic IP is known, a private address is assigned for it ahead of time and
 * EC2 is asked now and then where it is; that it moves is no theft.
 *
 *   all but BLOCKED --no--> STANDBY --yes--> CLAIMING
 *   BLOCKED <-- what is prepared can't be ---> STANDBY
 *
 * Allowed again, it's associated by one call and without a question before, even if EC2 showed it here a moment ago:
 * another gateway may have had it since, and if not, EC2 changes nothing. Then it's verified as any claim.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mono.h"
#include "gateway/own/own.h"

/* After own_init, in a group: private addresses are given ahead of time, and nothing is claimed before own_allow. */
void own_share(struct own *own);

/*
 * Whether it may be claimed; after own_init it may, after own_share not. EC2 isn't told that it may not any more. What
 * may be again is due in own_next_takeover, or claimed by the next round if it isn't prepared. A "no" ends LOST.
 */
void own_allow(struct own *own, size_t i, bool allowed, struct mono now);
/* The next one whose association is to be called at once, whatever else is under way; own->n: none. */
size_t own_next_takeover(const struct own *own);
/* The call, which must be made now; own_see_associated, _failure or _cancelled ends it. */
struct own_step own_take_over(struct own *own, size_t i, struct mono now);
/* An association that was given up may have had its effect. It's due again, if it's still allowed. */
void own_see_cancelled(struct own *own, size_t i, struct mono now);
/* It's still allowed, and not called by own_take_over meanwhile. */
bool own_may_step(const struct own *own, size_t i, struct own_step step);
/* Questions are due now, or OWN_CLAIM_MS after the last ones; back-off goes before. */
void own_verify(struct own *own, struct mono now);
struct own_where own_where(const struct own *own, size_t i);
/* One at least isn't to be claimed. */
bool own_any_standby(const struct own *own);
