// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/use/ports.h"

#include <stdio.h>

#include <netinet/in.h>

#include "conf/gateway.h"
#include "gateway/use/usage.h"

uint32_t ports_capacity(const struct gateway_config *config)
{
	uint32_t first, last;

	limits_ports(&config->limits, &first, &last);
	return last - first + 1;
}

unsigned ports_share(uint32_t used, uint32_t capacity)
{
	const uint64_t share = capacity ? (uint64_t)used * 100 / capacity : 0;

	return share < 100 ? (unsigned)share : 100;
}

const char *ports_protocol(uint8_t protocol, char buf[static PORTS_PROTOCOL_MAX])
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		snprintf(buf, PORTS_PROTOCOL_MAX, "%u", protocol);
		return buf;
	}
}

const char *ports_destination(const struct usage_destination *destination,
			      char buf[static PORTS_DESTINATION_MAX])
{
	char address[IP4_TEXT_MAX], protocol[PORTS_PROTOCOL_MAX];
	const uint16_t port = usage_port(destination);
	int n = snprintf(buf, PORTS_DESTINATION_MAX, "%s %s",
			 ports_protocol(usage_protocol(destination), protocol),
			 ip4_format(usage_address(destination), address));

	if (port)
		snprintf(buf + n, PORTS_DESTINATION_MAX - (size_t)n, ":%u", port);
	return buf;
}
