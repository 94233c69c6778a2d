// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/ip6.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "base/err.h"

enum { BITS = 128, QUOTED_TEXT_MAX = 60 /* so much of a wrong text is repeated in the error */ };

struct ip6 ip6_mask(uint8_t len)
{
	struct ip6 mask = { 0 };

	for (unsigned i = 0; i < sizeof(mask.v); i++) {
		unsigned bits = len > 8 * i ? len - 8 * i : 0;

		mask.v[i] = (uint8_t)(bits >= 8 ? 0xff : 0xff00u >> bits);
	}
	return mask;
}

static struct ip6 masked(const struct ip6 *addr, uint8_t len)
{
	struct ip6 result = ip6_mask(len);

	for (size_t i = 0; i < sizeof(result.v); i++)
		result.v[i] &= addr->v[i];
	return result;
}

/* Up to three digits without leading zeros. */
static bool parse_length(const char *text, uint8_t *ret)
{
	size_t n = strspn(text, "0123456789");
	unsigned v = 0;

	if (n == 0 || n > 3 || text[n] || (n > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++)
		v = 10 * v + (unsigned)(text[i] - '0');
	*ret = (uint8_t)v;
	return v <= BITS;
}

/* Host bits allowed. Returns NULL or the reason. */
static const char *parse_prefix(const char *text, struct ip6_prefix *ret)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	size_t length = slash ? (size_t)(slash - text) : strlen(text);

	if (length >= sizeof(address))
		return "it is too long";
	memcpy(address, text, length);
	address[length] = '\0';
	if (inet_pton(AF_INET6, address, ret->addr.v) != 1)
		return "it must begin with an IPv6 address";
	if (!slash)
		return "the length is missing (/128 for one address)";
	if (!parse_length(slash + 1, &ret->len))
		return "the length must be a number from 0 to 128";
	return NULL;
}

int ip6_prefix_parse(const char *text, struct ip6_prefix *ret, struct err *err)
{
	struct ip6_prefix given, meant;
	const char *reason = parse_prefix(text, &given);

	if (reason)
		return err_set(err, -EINVAL, "'%.*s' is no IPv6 prefix: %s", QUOTED_TEXT_MAX, text,
			       reason);
	meant = (struct ip6_prefix){ masked(&given.addr, given.len), given.len };
	if (memcmp(meant.addr.v, given.addr.v, sizeof(meant.addr.v)) != 0) {
		char buf[IP6_PREFIX_TEXT_MAX];

		return err_set(err, -EINVAL,
			       "'%.*s' has bits set below the prefix length; %s is the prefix",
			       QUOTED_TEXT_MAX, text, ip6_prefix_format(&meant, buf));
	}
	*ret = meant;
	return 0;
}

const char *ip6_prefix_format(const struct ip6_prefix *p, char buf[static IP6_PREFIX_TEXT_MAX])
{
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(AF_INET6, p->addr.v, address, sizeof(address));
	snprintf(buf, IP6_PREFIX_TEXT_MAX, "%s/%u", address, (unsigned)p->len);
	return buf;
}

bool ip6_prefix_contains(const struct ip6_prefix *p, const struct ip6 *addr)
{
	struct ip6 network = masked(addr, p->len);

	return memcmp(network.v, p->addr.v, sizeof(network.v)) == 0;
}

void ip6_prefixes_done(struct ip6_prefixes *p)
{
	free(p->v);
	*p = (struct ip6_prefixes){ 0 };
}
