// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * CONFIG_NFT_DUP_IPV4 is a module of its own. Where it's missing, a table with such a rule would be refused as a whole, in
 * the middle of a change; so it's tried at the start, in one transaction that leaves nothing.
 */
#include "node/second.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "nat/apply.h"
#include "nat/nfnl.h"
#include "nat/ruleset.h"

#define TABLE "eipgw_try"

static int try_dup(struct nfnl *nfnl, struct err *err)
{
	CLEANUP(nat_ruleset_done) struct nat_ruleset rs = { 0 };
	size_t chain;

	nat_ruleset_init(&rs, TABLE);
	chain = nat_base_chain_add(&rs, "second", NAT_HOOK_POSTROUTING, 150, 0);
	nat_rule_add(&rs, chain, NAT_RULE({ NAT_DUP, .value = 0x7f000001 }));
	if (nat_ruleset_finish(&rs))
		return err_set(err, -ENOMEM, "out of memory");
	return nat_apply_try(nfnl, &rs, err);
}

bool second_is_possible(void)
{
	struct err err = ERR_NULL;
	struct nfnl *nfnl = nfnl_open(&err);
	const int rc = nfnl ? try_dup(nfnl, &err) : -EIO;

	nfnl_close(nfnl);
	if (rc)
		log_info(
			MSG_SECOND_LACKING, "second",
			"this kernel can't duplicate packets (%s): when an egress IP goes from one gateway to another as planned, "
			"some may get lost",
			err.text);
	return rc == 0;
}
