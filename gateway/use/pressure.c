// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/use/pressure.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/use/ports.h"

static unsigned share_of(const struct pressure_input *one)
{
	return one->destination ? ports_share(one->ports, one->capacity) : 0;
}

static bool judge_one(struct pressure_egress *egress, const struct pressure_input *one,
		      bool is_fresh)
{
	const unsigned share = share_of(one);

	egress->is_news = false;
	if (egress->is_short ? share >= PRESSURE_RELIEVED : share < PRESSURE_SHORT || !is_fresh)
		return false;
	egress->is_short = !egress->is_short;
	egress->is_news = true;
	if (egress->is_short)
		snprintf(egress->text, sizeof(egress->text),
			 "%s: %" PRIu32 " of %" PRIu32 " ports to %s are taken", one->egress_name,
			 one->ports, one->capacity, one->destination);
	else
		snprintf(egress->text, sizeof(egress->text),
			 "%s: no destination has more than %d %% of its ports", one->egress_name,
			 PRESSURE_RELIEVED);
	return true;
}

bool pressure_judge(struct pressure *pressure, const struct pressure_input *v, size_t n,
		    bool is_fresh)
{
	bool is_other = false;

	for (size_t i = 0; i < n; i++)
		is_other |= judge_one(&pressure->v[i], &v[i], is_fresh);
	return is_other;
}

bool pressure_wants_look(const struct pressure *pressure, const struct pressure_input *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!pressure->v[i].is_short && share_of(&v[i]) >= PRESSURE_SHORT)
			return true;
	}
	return false;
}

bool pressure_is_refusing(const struct pressure *pressure, uint64_t insert_failed)
{
	return pressure->is_known && insert_failed > pressure->failed;
}

void pressure_count(struct pressure *pressure, const struct pressure_input *v, size_t n,
		    uint64_t insert_failed)
{
	const uint64_t refused = pressure_is_refusing(pressure, insert_failed) ?
					 insert_failed - pressure->failed :
					 0;
	size_t full = 0, which = 0;

	for (size_t i = 0; i < n; i++) {
		if (share_of(&v[i]) >= PRESSURE_FULL || v[i].is_part_full) {
			full++;
			which = i;
		}
	}
	if (full == 1)
		pressure->v[which].refused += refused;
	else if (full)
		pressure->refused_unknown += refused;
	pressure->failed = insert_failed;
	pressure->is_known = true;
}
