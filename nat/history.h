// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A connection's life so far, where several gateways had it one after the other. Each of them counted in an entry of its own kernel,
 * and an entry is known by the time at which it was made: who gets a connection back into an entry that has counted before can tell
 * that part from what others have counted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nat/account.h"

#define CT_STINTS_MAX 6

struct ct_stint {
	int64_t start_ns; /* of the entry, by its kernel's clock */
	struct ct_traffic sent, received;
};

struct ct_history {
	int64_t start_ns; /* of the connection */
	size_t n;
	struct ct_stint stints[CT_STINTS_MAX]; /* in the order of time */
};

/* What a gateway tells of it. */
struct ct_tale {
	uint32_t who,
		serial; /* a number of the teller's for who had it; given again, it has another serial */
	uint8_t basis; /* enum natlog_basis */
	struct ct_history history;
};
