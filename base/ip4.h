// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * IPv4 addresses, prefixes and sets of addresses, as values. Numbers are in host byte order; they are
 * converted where a packet or a netlink attribute is built.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct ip4 {
	uint32_t v; /* host byte order */
};

struct ip4_prefix {
	struct ip4 addr; /* bits below the prefix length are 0 */
	uint8_t len;     /* 0..32 */
};

struct ip4_range {
	uint32_t first;
	uint32_t last; /* inclusive, >= first */
};

/* Disjoint, not adjacent, sorted ranges. Owned by whoever holds the struct. */
struct ip4_set {
	struct ip4_range *v;
	size_t n;
};

struct ip4_prefixes {
	struct ip4_prefix *v;
	size_t n;
};

#define IP4_TEXT_MAX 16        /* "255.255.255.255" and NUL */
#define IP4_PREFIX_TEXT_MAX 19 /* "255.255.255.255/32" and NUL */

/* Dotted quad only, no leading zeros, no blanks. 0 or -EINVAL with the reason in `err`. */
int ip4_parse(const char *text, struct ip4 *ret, struct err *err);
/* "A.B.C.D/LEN"; host bits set below the length are an error that names the prefix that was meant. */
int ip4_prefix_parse(const char *text, struct ip4_prefix *ret, struct err *err);
/* Both return `buf`. */
const char *ip4_format(struct ip4 addr, char buf[static IP4_TEXT_MAX]);
const char *ip4_prefix_format(struct ip4_prefix p, char buf[static IP4_PREFIX_TEXT_MAX]);

struct ip4_range ip4_prefix_range(struct ip4_prefix p);
bool ip4_prefix_contains(struct ip4_prefix p, struct ip4 addr);

/* Frees the ranges; the set is empty and usable afterwards. */
void ip4_set_done(struct ip4_set *set);
/* Replaces `set` by the union of the n ranges, given in any order, overlapping or not. -ENOMEM. */
int ip4_set_from_ranges(struct ip4_set *set, const struct ip4_range *ranges, size_t n);
int ip4_set_from_prefixes(struct ip4_set *set, const struct ip4_prefix *prefixes, size_t n);
/* `ret` must be empty on entry and becomes a new set; a and b are left alone. -ENOMEM. */
int ip4_set_subtract(const struct ip4_set *a, const struct ip4_set *b, struct ip4_set *ret);
int ip4_set_union(const struct ip4_set *a, const struct ip4_set *b, struct ip4_set *ret);
bool ip4_set_contains(const struct ip4_set *set, struct ip4 addr);
/* True when some address is in both; the lowest such address goes to *ret_common (may be NULL). */
bool ip4_set_intersects(const struct ip4_set *a, const struct ip4_set *b, struct ip4 *ret_common);
bool ip4_set_equal(const struct ip4_set *a, const struct ip4_set *b);
uint64_t ip4_set_count(const struct ip4_set *set);
/* The smallest list of prefixes that covers exactly the range (at most 62). Returns how many. */
size_t ip4_range_to_prefixes(struct ip4_range r, struct ip4_prefix ret[static 62]);

/* Makes *ret a copy that the caller ends with ip4_prefixes_done(); -ENOMEM leaves *ret as it was. */
int ip4_prefixes_copy(struct ip4_prefixes *ret, const struct ip4_prefix *v, size_t n);
void ip4_prefixes_done(struct ip4_prefixes *p);
