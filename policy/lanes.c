// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/lanes.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

uint8_t lanes_find(const struct lanes *lanes, const char *name)
{
	for (uint8_t i = 0; *name && i < LANE_COUNT; i++)
		if (!strcmp(lanes->names[i], name))
			return i;
	return LANE_NONE;
}

static bool is_free(const struct lanes *lanes, uint8_t lane)
{
	return !lanes->names[lane][0];
}

/* The lowest lane that was free before and still is; else the lowest that is free now. */
static uint8_t find_free(const struct lanes *before, const struct lanes *after)
{
	for (uint8_t i = 0; i < LANE_COUNT; i++)
		if (is_free(before, i) && is_free(after, i))
			return i;
	for (uint8_t i = 0; i < LANE_COUNT; i++)
		if (is_free(after, i))
			return i;
	return LANE_NONE;
}

static void keep(const struct lanes *before, const char *name, struct lanes *after)
{
	uint8_t lane = lanes_find(before, name);

	if (lane != LANE_NONE)
		memcpy(after->names[lane], before->names[lane], LANE_NAME_MAX);
}

static int add(const struct lanes *before, const char *name, struct lanes *after)
{
	if (lanes_find(after, name) != LANE_NONE)
		return 0;

	uint8_t lane = find_free(before, after);
	if (lane == LANE_NONE)
		return -ENOSPC;
	memcpy(after->names[lane], name, strlen(name) + 1);
	return 0;
}

int lanes_assign(struct lanes *lanes, const char *const *wanted, size_t n)
{
	struct lanes after = { .names = { "" } };

	for (size_t i = 0; i < n; i++)
		if (!wanted[i][0] || strlen(wanted[i]) >= LANE_NAME_MAX)
			return -EINVAL;

	/*
	 * All the old ones first: a new name must not take the lane of one that comes later in the
	 * list.
	 */
	for (size_t i = 0; i < n; i++)
		keep(lanes, wanted[i], &after);
	for (size_t i = 0; i < n; i++) {
		int r = add(lanes, wanted[i], &after);
		if (r < 0)
			return r;
	}
	*lanes = after;
	return 0;
}
