// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/ip4.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define QUOTED_TEXT_MAX 40 /* so much of a wrong text is repeated in the error */

/*
 * Reads a decimal number of at most `max` at *text, without leading zeros, and moves *text behind it.
 * Returns NULL or the reason why there is none.
 */
static const char *parse_decimal(const char **text, uint32_t max, uint32_t *ret)
{
	const char *p = *text;
	uint32_t v = 0;

	if (*p < '0' || *p > '9')
		return "a number is missing";
	/* Some programs read 010 as octal 8: an address must not mean two things. */
	if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
		return "a number has a leading zero";
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (uint32_t)(*p - '0');
		if (v > max)
			return "a number is too large";
	}
	*text = p;
	*ret = v;
	return NULL;
}

/* A dotted quad at *text; moves *text behind it. Returns NULL or the reason. */
static const char *parse_quad(const char **text, uint32_t *ret)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t part;

		if (i > 0) {
			if (**text != '.')
				return "it must be four numbers with dots";
			(*text)++;
		}
		const char *const reason = parse_decimal(text, 255, &part);
		if (reason)
			return reason;
		v = v << 8 | part;
	}
	*ret = v;
	return NULL;
}

int ip4_parse(const char *text, struct ip4 *ret, struct err *err)
{
	const char *p = text;
	uint32_t v;
	const char *reason = parse_quad(&p, &v);

	if (!reason && *p != '\0')
		reason = "something follows the address";
	if (reason)
		return err_set(err, -EINVAL, "'%.*s' is no IPv4 address: %s", QUOTED_TEXT_MAX, text,
			       reason);
	ret->v = v;
	return 0;
}

static uint32_t mask_of(uint8_t len)
{
	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

/* "A.B.C.D/LEN", host bits allowed. Returns NULL or the reason. */
static const char *parse_prefix(const char *p, uint32_t *ret_addr, uint8_t *ret_len)
{
	uint32_t addr;
	uint32_t len;
	const char *reason = parse_quad(&p, &addr);

	if (reason)
		return reason;
	if (*p == '\0')
		return "the length is missing (/32 for one address)";
	if (*p != '/')
		return "'/' and the length must follow the address";
	p++;
	reason = parse_decimal(&p, 32, &len);
	if (reason)
		return "the length must be a number from 0 to 32";
	if (*p != '\0')
		return "something follows the length";
	*ret_addr = addr;
	*ret_len = (uint8_t)len;
	return NULL;
}

int ip4_prefix_parse(const char *text, struct ip4_prefix *ret, struct err *err)
{
	uint32_t addr;
	uint8_t len;
	const char *const reason = parse_prefix(text, &addr, &len);

	if (reason)
		return err_set(err, -EINVAL, "'%.*s' is no IPv4 prefix: %s", QUOTED_TEXT_MAX, text,
			       reason);
	const struct ip4_prefix meant = { .addr = { addr & mask_of(len) }, .len = len };
	if (meant.addr.v != addr) {
		char buf[IP4_PREFIX_TEXT_MAX];

		return err_set(err, -EINVAL,
			       "'%.*s' has bits set below the prefix length; %s is the prefix",
			       QUOTED_TEXT_MAX, text, ip4_prefix_format(meant, buf));
	}
	*ret = meant;
	return 0;
}

/* By hand, since dumps and logs write addresses by the hundred thousand. Returns behind the last digit. */
static char *put_decimal(char *p, uint32_t v)
{
	if (v >= 100)
		*p++ = (char)('0' + v / 100);
	if (v >= 10)
		*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

static char *put_quad(char *p, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		p = put_decimal(p, v >> shift & 0xff);
		if (shift > 0)
			*p++ = '.';
	}
	return p;
}

const char *ip4_format(struct ip4 addr, char buf[static IP4_TEXT_MAX])
{
	*put_quad(buf, addr.v) = '\0';
	return buf;
}

const char *ip4_prefix_format(struct ip4_prefix p, char buf[static IP4_PREFIX_TEXT_MAX])
{
	char *end = put_quad(buf, p.addr.v);

	*end++ = '/';
	*put_decimal(end, p.len) = '\0';
	return buf;
}

struct ip4_range ip4_prefix_range(struct ip4_prefix p)
{
	return (struct ip4_range){ .first = p.addr.v, .last = p.addr.v | ~mask_of(p.len) };
}

bool ip4_prefix_contains(struct ip4_prefix p, struct ip4 addr)
{
	return (addr.v & mask_of(p.len)) == p.addr.v;
}

size_t ip4_range_to_prefixes(struct ip4_range r, struct ip4_prefix ret[static 62])
{
	uint64_t first = r.first;
	const uint64_t end = (uint64_t)r.last + 1;
	size_t n = 0;

	while (first < end) {
		/* The largest block that begins at `first`: by its alignment, then by what is left. */
		int bits = first == 0 ? 32 : __builtin_ctzll(first);

		while (UINT64_C(1) << bits > end - first)
			bits--;
		ret[n++] = (struct ip4_prefix){ .addr = { (uint32_t)first },
						.len = (uint8_t)(32 - bits) };
		first += UINT64_C(1) << bits;
	}
	return n;
}

int ip4_prefixes_copy(struct ip4_prefixes *ret, const struct ip4_prefix *v, size_t n)
{
	struct ip4_prefix *copy = calloc(n + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, v, n * sizeof(*copy));
	*ret = (struct ip4_prefixes){ .v = copy, .n = n };
	return 0;
}

void ip4_prefixes_done(struct ip4_prefixes *p)
{
	free(p->v);
	*p = (struct ip4_prefixes){ 0 };
}
