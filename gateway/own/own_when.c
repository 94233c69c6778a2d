// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/own_internal.h"

/* By a question of its own; for those held the interface tells enough. */
static bool is_asked_about(const struct own_egress *e)
{
	return (e->state != OWN_HELD || e->doubted) && !e->taking;
}

bool own_wants_look(const struct own *own, size_t i, struct mono now)
{
	return is_asked_about(&own->v[i]) && !mono_is_before(now, own->v[i].look_at);
}

int64_t own_next_ms(const struct own *own, struct mono now)
{
	struct mono next = own->look_at;
	int64_t ms;

	/* While the interface can't be asked about, nothing else is. */
	for (size_t i = 0; i < own->n && own->backoff.attempt == 0; i++) {
		const struct own_egress *e = &own->v[i];

		if (is_asked_about(e) && mono_is_before(e->look_at, next))
			next = e->look_at;
	}
	ms = mono_diff_ms(next, now);
	return ms > 0 ? ms : 0;
}

bool own_is_decided(const struct own *own)
{
	for (size_t i = 0; i < own->n; i++) {
		if (own->v[i].state == OWN_UNKNOWN)
			return false;
	}
	return true;
}

bool own_all_held(const struct own *own)
{
	for (size_t i = 0; i < own->n; i++) {
		bool is_ready = own->v[i].state == OWN_STANDBY && own_private(own, i).v;

		if (own->v[i].state != OWN_HELD && !is_ready)
			return false;
	}
	return true;
}
