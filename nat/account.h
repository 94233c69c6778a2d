// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What an event or a dump says of a connection's traffic and life, beside what nat/ct.h reads of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct nlmsghdr;

struct ct_account {
	struct ct_traffic {
		uint64_t packets, bytes;
	} sent, received;          /* as seen from who began it; nf_conntrack_acct */
	int64_t start_ns, stop_ns; /* since 1970; 0: not said (nf_conntrack_timestamp) */
	bool is_counted;           /* the numbers are there */
};

/* Of a message that ct_decode takes. 0; -EBADMSG. Public for the fuzzer. */
int ct_decode_account(const struct nlmsghdr *nlh, struct ct_account *ret);
