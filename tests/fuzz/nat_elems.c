// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* First the kind of the set, then a message with elements as the kernel dumps them. */
#include "nat/elems.h"

#include "fuzz.h"
#include "nat_fuzz.h"

static void check(const struct nat_ruleset *rs)
{
	const struct nat_set *set = &rs->sets[0];

	for (size_t i = 0; i < set->n; i++) {
		const struct nat_elem *elem = &set->v[i];

		fuzz_expect(!nat_set_is_verdict_map(set->kind) || elem->data < rs->n_names,
			    "a verdict has no name");
		fuzz_expect(set->kind != NAT_SET_IF_ADDR || elem->key < rs->n_names,
			    "a device has no name");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = size ? fuzz_message(data + 1, size - 1) : NULL;
	struct nat_ruleset rs;

	if (!nlh)
		return 0;
	nat_ruleset_init(&rs, FUZZ_TABLE);
	nat_set_add(&rs, "s", (enum nat_set_kind)(data[0] % NAT_SET_KIND_COUNT), 0);
	nat_name(&rs, "");
	if (nat_elems_take(nlh, &rs, 0) == 0 && nat_elems_pair(&rs.sets[0]) == 0) {
		check(&rs);
		(void)nat_ruleset_finish(&rs);
	}
	nat_ruleset_done(&rs);
	free(nlh);
	return 0;
}
