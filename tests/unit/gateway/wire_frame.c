// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "wire_frame.h"

#include <string.h>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

enum { VNI = 77, VXLAN_PORT = 4789 };
#define GATEWAY_ADDRESS 0x0a0001c8u

static const uint8_t gateway_mac[] = { 2, 0, 0, 0, 0, 1 }, wire_mac[] = { 2, 0, 0, 0, 0, 2 },
		     tunnel_gateway_mac[] = { 2, 0x65, 0x67, 0x77, 0, 1 },
		     tunnel_node_mac[] = { 2, 0x65, 0x67, 0x77, 0, 2 };

static void *put(struct frame *frame, const void *bytes, size_t n)
{
	void *at = frame->bytes + frame->n;

	assert_true(frame->n + n <= FRAME_MAX);
	memcpy(at, bytes, n);
	frame->n += n;
	return at;
}

static uint32_t add_up(uint32_t sum, const void *data, size_t n)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void put_ethernet(struct frame *frame, const uint8_t *to, const uint8_t *from)
{
	struct ether_header header = { .ether_type = htons(ETHERTYPE_IP) };

	memcpy(header.ether_dhost, to, sizeof(header.ether_dhost));
	memcpy(header.ether_shost, from, sizeof(header.ether_shost));
	put(frame, &header, sizeof(header));
}

struct route {
	struct ip4 src, dst;
	uint8_t protocol;
};

static void put_ip(struct frame *frame, const struct route *route, size_t payload)
{
	struct iphdr header = { .version = 4,
				.ihl = 5,
				.ttl = 64,
				.protocol = route->protocol,
				.tot_len = htons((uint16_t)(sizeof(header) + payload)),
				.saddr = htonl(route->src.v),
				.daddr = htonl(route->dst.v) };

	header.check = fold(add_up(0, &header, sizeof(header)));
	put(frame, &header, sizeof(header));
}

static void put_tcp(struct frame *frame, const struct wire_packet *packet)
{
	struct tcphdr header = { .th_sport = htons(packet->src_port),
				 .th_dport = htons(packet->dst_port),
				 .th_seq = htonl(packet->sequence),
				 .th_ack = htonl(packet->acknowledged),
				 .th_off = 5,
				 .th_flags = packet->flags,
				 .th_win = htons(65000) };
	uint32_t addresses[] = { htonl(packet->src.v), htonl(packet->dst.v) };
	uint32_t sum = add_up(IPPROTO_TCP + sizeof(header), addresses, sizeof(addresses));

	header.th_sum = fold(add_up(sum, &header, sizeof(header)));
	put(frame, &header, sizeof(header));
}

/* No checksum. */
static void put_udp(struct frame *frame, uint16_t from, uint16_t to, size_t payload)
{
	struct udphdr header = { .uh_sport = htons(from),
				 .uh_dport = htons(to),
				 .uh_ulen = htons((uint16_t)(sizeof(header) + payload)) };

	put(frame, &header, sizeof(header));
}

void frame_write(struct frame *frame, const struct wire_packet *packet)
{
	const uint8_t vxlan[] = { 0x08, 0, 0, 0, 0, 0, VNI, 0 };
	const size_t head = sizeof(struct ether_header) + sizeof(struct iphdr);
	const size_t inner = packet->protocol == IPPROTO_TCP ? sizeof(struct tcphdr) :
							       sizeof(struct udphdr);
	const struct route outside = { packet->node, { GATEWAY_ADDRESS }, IPPROTO_UDP },
			   inside = { packet->src, packet->dst, packet->protocol };

	frame->n = 0;
	put_ethernet(frame, gateway_mac, wire_mac);
	put_ip(frame, &outside, sizeof(struct udphdr) + sizeof(vxlan) + head + inner);
	put_udp(frame, 50000, VXLAN_PORT, sizeof(vxlan) + head + inner);
	put(frame, vxlan, sizeof(vxlan));
	put_ethernet(frame, tunnel_gateway_mac, tunnel_node_mac);
	put_ip(frame, &inside, inner);
	if (packet->protocol == IPPROTO_TCP)
		put_tcp(frame, packet);
	else
		put_udp(frame, packet->src_port, packet->dst_port, 0);
}

/* The next `n` bytes. */
static const void *get(struct frame *frame, size_t *at, size_t n)
{
	const void *bytes = frame->bytes + *at;

	assert_true(*at + n <= frame->n);
	*at += n;
	return bytes;
}

static void take_ip(struct frame *frame, size_t *at, struct wire_packet *ret)
{
	struct iphdr header;

	memcpy(&header, get(frame, at, sizeof(header)), sizeof(header));
	assert_int_equal(header.ihl, 5);
	ret->src.v = ntohl(header.saddr);
	ret->dst.v = ntohl(header.daddr);
	ret->protocol = header.protocol;
}

static void take_ports(struct frame *frame, size_t *at, struct wire_packet *ret)
{
	struct tcphdr tcp;
	struct udphdr udp;

	if (ret->protocol == IPPROTO_UDP) {
		memcpy(&udp, get(frame, at, sizeof(udp)), sizeof(udp));
		ret->src_port = ntohs(udp.uh_sport);
		ret->dst_port = ntohs(udp.uh_dport);
		return;
	}
	assert_int_equal(ret->protocol, IPPROTO_TCP);
	memcpy(&tcp, get(frame, at, sizeof(tcp)), sizeof(tcp));
	ret->src_port = ntohs(tcp.th_sport);
	ret->dst_port = ntohs(tcp.th_dport);
	ret->sequence = ntohl(tcp.th_seq);
	ret->acknowledged = ntohl(tcp.th_ack);
	ret->flags = tcp.th_flags;
}

struct wire_packet frame_read(struct frame *frame)
{
	struct wire_packet packet = { .protocol = 0 };
	size_t at = sizeof(struct ether_header);

	take_ip(frame, &at, &packet);
	take_ports(frame, &at, &packet);
	if (packet.protocol != IPPROTO_UDP || packet.dst_port != VXLAN_PORT)
		return packet;
	packet = (struct wire_packet){ .node = packet.dst };
	at += 8 + sizeof(struct ether_header);
	take_ip(frame, &at, &packet);
	take_ports(frame, &at, &packet);
	return packet;
}
