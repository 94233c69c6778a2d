// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One message of connection tracking: of a dump, of its statistics, or an end's event with its numbers and times. */
#include "nat/account.h"
#include "nat/ct.h"
#include "nat/ct_stats.h"
#include "nat/flow.h"

#include "fuzz.h"
#include "nat_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = fuzz_message(data, size);
	struct ct_entry entry;
	struct ct_account account;
	struct ct_stats stats = { 0 };
	struct ct_flow flow;

	if (nlh && ct_decode(nlh, &entry) == 0)
		(void)ct_flow_of(&entry, &flow);
	if (nlh)
		(void)ct_decode_account(nlh, &account);
	if (nlh)
		(void)ct_stats_decode(nlh, &stats);
	free(nlh);
	return 0;
}
