// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* IPv6 addresses and prefixes, as values in the order of the network. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct ip6 {
	uint8_t v[16]; /* network order */
};

struct ip6_prefix {
	struct ip6 addr; /* bits below the prefix length are 0 */
	uint8_t len;     /* 0..128 */
};

struct ip6_prefixes {
	struct ip6_prefix *v;
	size_t n;
};

#define IP6_PREFIX_TEXT_MAX 50 /* the longest address, "/128" and NUL */

/* "ADDRESS/LEN", no zone; host bits set below the length are an error that names the prefix that was meant. */
int ip6_prefix_parse(const char *text, struct ip6_prefix *ret, struct err *err);
/* In the short form of RFC 5952. Returns `buf`. */
const char *ip6_prefix_format(const struct ip6_prefix *p, char buf[static IP6_PREFIX_TEXT_MAX]);
bool ip6_prefix_contains(const struct ip6_prefix *p, const struct ip6 *addr);
struct ip6 ip6_mask(uint8_t len); /* the first len bits */

void ip6_prefixes_done(struct ip6_prefixes *p);
