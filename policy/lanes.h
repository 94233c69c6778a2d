// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A lane is the number that stands for an egress IP on a node: the index in the packet mark, in the
 * conntrack mark and in the routing table's number. It must not change while the egress IP is in
 * use, or established flows would be steered elsewhere; so lanes are assigned against what was
 * assigned before.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LANE_NAME_MAX 64
/* 0..126; 127 means "from the tunnel, lane not known" in the conntrack mark. */
#define LANE_COUNT 127
#define LANE_NONE 0xff

struct lanes {
	char names[LANE_COUNT][LANE_NAME_MAX]; /* "" = free */
};

/*
 * Keeps every name that has a lane and is still wanted, frees the lanes of names that are not
 * wanted, and gives new names the lowest free lane that was free before the call too (a just-freed
 * number is used only when nothing else is left: marks of dying flows may still carry it). -ENOSPC:
 * more than LANE_COUNT names; -EINVAL: an empty name or one of LANE_NAME_MAX bytes and more;
 * nothing is changed then.
 */
int lanes_assign(struct lanes *lanes, const char *const *wanted, size_t n);
uint8_t lanes_find(const struct lanes *lanes, const char *name); /* LANE_NONE: not assigned */
