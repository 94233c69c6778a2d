// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Connection tracking through ctnetlink: read the IPv4 table, delete entries by exact identity. Used to
 * end flows whose binding is no longer right (facts of the kernel: a NAT binding lives as long as its entry,
 * and UDP keeps a wrong one alive for as long as it sends).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct err;
struct nfnl;
struct nlmsghdr;

struct ct_tuple {
	struct ip4 src, dst;
	uint16_t src_port, dst_port; /* TCP, UDP, SCTP; ICMP: src_port is the id */
	uint8_t protocol;
	uint8_t icmp_type, icmp_code;
};

struct ct_entry {
	struct ct_tuple orig, reply;
	uint32_t id; /* with the tuple, the entry's identity: a new entry has another one */
	uint32_t mark;
	uint32_t status;    /* IPS_* */
	uint32_t timeout_s; /* what is left; 0 in the event of its end */
	uint16_t zone;
	uint8_t tcp_state; /* TCP_CONNTRACK_*; 0 without */
};

struct ct_entries {
	struct ct_entry *v;
	size_t n;
};

/* All IPv4 entries that `keep` says true for. A dump may miss entries that are born while it runs. */
int ct_list(struct nfnl *nfnl, bool (*keep)(const struct ct_entry *entry, void *data), void *data,
	    struct ct_entries *ret, struct err *err);
/*
 * Likewise, of those whose packets have that source: as it was sent (ORIGINAL), or as it is answered (REPLY), which
 * is where the connection really went. The kernel sorts them out, which costs a tenth; one older than 5.8 gives all,
 * so `keep` has to look, too.
 */
enum ct_direction { CT_ORIGINAL, CT_REPLY };
struct ct_source {
	enum ct_direction direction;
	struct ip4 address;
	bool (*keep)(const struct ct_entry *entry, void *data);
	void *data;
};
int ct_list_of(struct nfnl *nfnl, const struct ct_source *source, struct ct_entries *ret,
	       struct err *err);
void ct_entries_done(struct ct_entries *entries);

/* Deletes that entry, and only it: tuple, zone and id must match. 0; -ENOENT: it's gone already. */
int ct_delete(struct nfnl *nfnl, const struct ct_entry *entry, struct err *err);

bool ct_tuple_equal(const struct ct_tuple *a, const struct ct_tuple *b);

/* For messages of one's own: `type` is CTA_TUPLE_ORIG or CTA_TUPLE_REPLY. */
void ct_put_tuple(struct nlmsghdr *nlh, uint16_t type, const struct ct_tuple *tuple);

/* 0; -ENOMSG: not IPv4 or no entry; -EBADMSG: malformed. Public for the fuzzer. */
int ct_decode(const struct nlmsghdr *nlh, struct ct_entry *ret);
