// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "segments.h"

#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <netinet/in.h>

enum { PODS = 256, SERVERS = 200, FIRST_PORT = 1024, PORTS = 60000 };
static const uint32_t pods_net = 0x0a400000, servers_net = 0xc6120000;

static uint32_t sum(const void *bytes, size_t n, uint32_t start)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < n; i++)
		start += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return start;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

void segments_send(int out, struct packet *packet)
{
	bool is_tcp = packet->ip.protocol == IPPROTO_TCP;
	size_t n = is_tcp ? sizeof(packet->tcp) : sizeof(packet->udp) + 2 * sizeof(packet->sent_us);
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { packet->ip.daddr } };
	uint16_t *check = is_tcp ? &packet->tcp.check : &packet->udp.check;
	uint32_t pseudo = sum(&packet->ip.saddr, 8, packet->ip.protocol + (uint32_t)n);

	*check = 0;
	*check = fold(sum(&packet->tcp, n, pseudo));
	(void)sendto(out, packet, sizeof(packet->ip) + n, 0, (const void *)&to, sizeof(to));
}

struct packet segments_first(uint64_t i, uint8_t protocol, uint16_t service)
{
	uint16_t port = (uint16_t)(FIRST_PORT + i / PODS % PORTS);

	struct packet packet = {
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = protocol,
			.saddr = htonl(pods_net + (uint32_t)(i % PODS)),
			.daddr = htonl(servers_net + 1 + (uint32_t)(i * 7 % SERVERS)) },
	};

	if (protocol == IPPROTO_TCP) {
		packet.tcp.source = htons(port);
		packet.tcp.dest = htons(service);
		packet.tcp.doff = 5;
		packet.tcp.window = htons(60000);
	} else {
		packet.udp.source = htons(port);
		packet.udp.dest = htons(service);
		packet.udp.len = htons(sizeof(packet.udp) + 2 * sizeof(packet.sent_us));
	}
	return packet;
}

uint64_t segments_number(const struct packet *answer)
{
	uint16_t port = (uint16_t)(ntohs(answer->tcp.dest) - FIRST_PORT);

	return (uint64_t)port * PODS + (ntohl(answer->ip.daddr) - pods_net) % PODS;
}

void segments_turn_round(struct packet *packet)
{
	uint32_t address = packet->ip.saddr;
	uint16_t port = packet->tcp.source; /* UDP has them at the same place */

	packet->ip.saddr = packet->ip.daddr;
	packet->ip.daddr = address;
	packet->ip.ttl = 64;
	packet->tcp.source = packet->tcp.dest;
	packet->tcp.dest = port;
}

bool segments_answer(struct packet *packet, bool is_server)
{
	struct tcphdr *tcp = &packet->tcp;
	uint32_t sequence = tcp->ack_seq, acknowledged = htonl(ntohl(tcp->seq) + 1);

	if (!tcp->syn && !tcp->fin)
		return false;
	if (is_server && tcp->syn)
		sequence = htonl(ISN_SERVER);
	else
		tcp->syn = 0;
	if (!is_server)
		tcp->fin = 0;
	tcp->ack = 1;
	tcp->doff = 5;
	tcp->seq = sequence;
	tcp->ack_seq = acknowledged;
	segments_turn_round(packet);
	return true;
}
