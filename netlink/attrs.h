// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside netlink/ only: a message's attributes, by type. One walker checks the framing of every list, and
 * the getters check lengths, so that no decoder reads beyond what was sent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct nlattr;
struct nlmsghdr;

#define ATTR_MAX 63 /* types up to here are kept; all that we read lie below */

struct attrs {
	const struct nlattr
		*v[ATTR_MAX + 1]; /* into the message; of several with one type the last */
	bool beyond;              /* types above ATTR_MAX were there */
};

/* All return 0 or -EBADMSG. */
int attrs_parse(const void *data, size_t length, struct attrs *ret);
int attrs_parse_nested(const struct nlattr *nest, struct attrs *ret);
/* The attributes behind a family header of `header` bytes. */
int attrs_parse_message(const struct nlmsghdr *nlh, size_t header, struct attrs *ret);

/* An absent attribute leaves *ret alone. */
int attrs_get_fixed(const struct attrs *attrs, unsigned type, size_t size, void *ret);
int attrs_get_u32(const struct attrs *attrs, unsigned type, uint32_t *ret);
int attrs_get_ip4(const struct attrs *attrs, unsigned type, struct ip4 *ret);
int attrs_get_string(const struct attrs *attrs, unsigned type, char *ret, size_t size);
/* `len` from the family header. Prefix bits only, so that equal prefixes are equal values whatever the
 * sender left behind them. An absent address is malformed unless `len` is 0. */
int attrs_get_prefix(const struct attrs *attrs, unsigned type, uint8_t len, struct ip4_prefix *ret);
