// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One notification of nf_tables. */
#include "nat/sync.h"

#include "fuzz.h"
#include "nat_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = fuzz_message(data, size);

	if (nlh)
		(void)nat_sync_notice(nlh, (struct nat_table){ NAT_IP, FUZZ_TABLE }, 4711);
	free(nlh);
	return 0;
}
