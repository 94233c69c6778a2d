// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The story that a daemon's log tells of its keeper's runs, and what systemd hears of it. */
#pragma once

#include <stdbool.h>

struct frame;
struct keeper_report;

struct health {
	struct frame *frame;
	bool failing; /* the last run failed, and that was said */
	bool waiting; /* set by the owner: for something else, without which good runs aren't READY */
	bool told;    /* READY was said */
	bool guards_ip6; /* set by the owner: its second table is the guard of IPv6 */
	int ip6;         /* enum keeper_second_state, as last said */
};

/* Repairs are warnings, changes info, the first failure of a row an error. `status` is what READY tells. */
void health_tell(struct health *health, const struct keeper_report *report, const char *status);
