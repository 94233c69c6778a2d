// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside cli/: where the EC2 API is. */
#pragma once

#include <stdbool.h>

#include "base/ip4.h"

/* Pure: private (RFC 1918, RFC 6598), link-local, loopback, or of the VPC (NULL: not known). */
bool resolve_is_private(struct ip4 address, const struct ip4_prefixes *vpc);
/* Pure: the host of "https://HOST[:PORT]/...", without the brackets of an IPv6 address. -EINVAL. */
int resolve_host(const char *url, char ret[static 256]);

/*
 * Asks the resolver for the URL's host: the first address as text, and whether all are private. 0, -EINVAL, or
 * -ENOENT: it has none. The host is there in any case.
 */
int resolve_url(const char *url, const struct ip4_prefixes *vpc, char ret_host[static 256],
		char ret_address[static 64], bool *ret_private);
