// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/resolve.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const struct ip4_prefix private_ranges[] = {
	{ { 0x0a000000 }, 8 },  { { 0xac100000 }, 12 }, { { 0xc0a80000 }, 16 },
	{ { 0x64400000 }, 10 }, { { 0xa9fe0000 }, 16 }, { { 0x7f000000 }, 8 },
};

bool resolve_is_private(struct ip4 address, const struct ip4_prefixes *vpc)
{
	for (size_t i = 0; i < ARRAY_SIZE(private_ranges); i++)
		if (ip4_prefix_contains(private_ranges[i], address))
			return true;
	for (size_t i = 0; vpc && i < vpc->n; i++)
		if (ip4_prefix_contains(vpc->v[i], address))
			return true;
	return false;
}

int resolve_host(const char *url, char ret[static 256])
{
	const char *host = strstr(url, "://");
	size_t length;

	ret[0] = '\0';
	if (!host)
		return -EINVAL;
	host += strlen("://");
	if (*host == '[') {
		host++;
		length = strcspn(host, "]");
	} else {
		length = strcspn(host, ":/?#");
	}
	if (length == 0 || length >= 256)
		return -EINVAL;
	memcpy(ret, host, length);
	ret[length] = '\0';
	return 0;
}

/* fc00::/7 (unique local), fe80::/10 and ::1 can't be on the internet. */
static bool is_private6(const struct in6_addr *address)
{
	return (address->s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(address) ||
	       IN6_IS_ADDR_LOOPBACK(address);
}

static bool is_private(const struct addrinfo *info, const struct ip4_prefixes *vpc)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (info->ai_family == AF_INET) {
		memcpy(&in4, info->ai_addr, sizeof(in4));
		return resolve_is_private((struct ip4){ ntohl(in4.sin_addr.s_addr) }, vpc);
	}
	if (info->ai_family != AF_INET6)
		return false;
	memcpy(&in6, info->ai_addr, sizeof(in6));
	return is_private6(&in6.sin6_addr);
}

int resolve_url(const char *url, const struct ip4_prefixes *vpc, char ret_host[static 256],
		char ret_address[static 64], bool *ret_private)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;

	ret_address[0] = '\0';
	if (resolve_host(url, ret_host) != 0)
		return -EINVAL;
	if (getaddrinfo(ret_host, NULL, &hints, &list) != 0 || !list)
		return -ENOENT;
	(void)getnameinfo(list->ai_addr, list->ai_addrlen, ret_address, 64, NULL, 0,
			  NI_NUMERICHOST);
	*ret_private = true;
	for (const struct addrinfo *info = list; info; info = info->ai_next)
		*ret_private = *ret_private && is_private(info, vpc);
	freeaddrinfo(list);
	return 0;
}
