// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Takes the messages of nf_tables' dumps into a nat_observed; no I/O. Messages of other tables are skipped.
 * What can't be described by nat/ruleset.h, and what is more than our ceilings, makes the table `odd`.
 */
#pragma once

#include <stddef.h>

#include "nat/ruleset.h"

struct nat_observed;
struct nlmsghdr;

struct nat_reading {
	struct nat_table table;
	struct nat_observed *seen;
	size_t set;     /* whose elements are being read */
	size_t n_rules; /* of all chains */
};

/* 0; -EBADMSG: elements or a hook that are malformed; -ENOMEM. */
typedef int nat_seen_fn(const struct nlmsghdr *nlh, struct nat_reading *reading);

nat_seen_fn nat_seen_table;     /* NFT_MSG_NEWTABLE, only ours: its flags */
nat_seen_fn nat_seen_object;    /* NFT_MSG_NEWOBJ */
nat_seen_fn nat_seen_flowtable; /* NFT_MSG_NEWFLOWTABLE; one */
nat_seen_fn nat_seen_set;       /* NFT_MSG_NEWSET */
nat_seen_fn nat_seen_elems;     /* NFT_MSG_NEWSETELEM of the set `reading->set` */
nat_seen_fn nat_seen_chain;     /* NFT_MSG_NEWCHAIN */
nat_seen_fn nat_seen_rule;      /* NFT_MSG_NEWRULE; the chains come before */

/* Throws away what the functions of the same name took, to begin again. */
void nat_seen_forget_objects(struct nat_reading *reading);
void nat_seen_forget_flowtables(struct nat_reading *reading);
void nat_seen_forget_sets(struct nat_reading *reading);
void nat_seen_forget_elems(struct nat_reading *reading);
void nat_seen_forget_chains(struct nat_reading *reading);
void nat_seen_forget_rules(struct nat_reading *reading);
