// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The wire that a gateway hangs on. `generate` runs under BPF_PROG_RUN with live frames: it writes a whole frame each time
 * (the kernel gives back frames that the last receiver has changed) and sends it out of the wire's device. `arrive` stands
 * at the wire's ingress, counts what the gateway sends, and throws it away.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "packets.h"

enum {
	UDP_BYTES = sizeof(struct udphdr) + PACKETS_PAYLOAD,
	IP_BYTES = sizeof(struct iphdr) + UDP_BYTES,
	DONT_FRAGMENT = 0x4000,
	TCP_PAYLOAD = UDP_BYTES - sizeof(struct tcphdr), /* so that frames are alike */
	OUTER_UDP_BYTES = PACKETS_FRAME + PACKETS_TUNNEL_BYTES - ETH_HLEN - sizeof(struct iphdr)
};

struct vxlan {
	__be32 flags, vni;
};

struct packets_shared shared;

static __always_inline __u16 folded(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline __u32 address_sum(__u32 saddr, __u32 daddr)
{
	return (saddr >> 16) + (saddr & 0xffff) + (daddr >> 16) + (daddr & 0xffff);
}

/* 02:65:67:77:00:LAST inside the tunnel, 02:00:00:00:00:LAST on the wire. */
static __always_inline void write_eth(struct ethhdr *eth, int inside, __u8 to, __u8 from)
{
	__u8 second = inside ? 0x65 : 0, third = inside ? 0x67 : 0, fourth = inside ? 0x77 : 0;
	__u8 head[2 * ETH_ALEN] = { 2, second, third, fourth, 0, to,
				    2, second, third, fourth, 0, from };

	__builtin_memcpy(eth, head, sizeof(head));
	eth->h_proto = bpf_htons(ETH_P_IP);
}

static __always_inline void write_ip(struct iphdr *ip, __u16 length, __u32 protocol, __u32 saddr,
				     __u32 daddr)
{
	*(__u16 *)ip = bpf_htons(0x4500);
	ip->tot_len = bpf_htons(length);
	ip->id = 0;
	ip->frag_off = bpf_htons(DONT_FRAGMENT);
	ip->ttl = 64;
	ip->protocol = (__u8)protocol;
	ip->saddr = bpf_htonl(saddr);
	ip->daddr = bpf_htonl(daddr);
	ip->check = bpf_htons(folded(0x4500u + length + DONT_FRAGMENT + 0x4000u + protocol +
				     address_sum(saddr, daddr)));
}

static __always_inline void write_udp(struct udphdr *udp, __u32 addresses, __u16 source, __u16 dest)
{
	__u16 sum = folded(addresses + IPPROTO_UDP + 2u * UDP_BYTES + source + dest);

	udp->source = bpf_htons(source);
	udp->dest = bpf_htons(dest);
	udp->len = bpf_htons(UDP_BYTES);
	udp->check = bpf_htons(sum ? sum : 0xffff);
}

/* An ACK with data, all of which is 0. */
static __always_inline void write_tcp(struct tcphdr *tcp, __u32 addresses, __u16 source, __u16 dest,
				      __u32 sequence)
{
	__u16 flags = 0x5010, window = 0x4000;
	__u32 sum = addresses + IPPROTO_TCP + UDP_BYTES + source + dest + (sequence >> 16) +
		    (sequence & 0xffff) + flags + window;

	tcp->source = bpf_htons(source);
	tcp->dest = bpf_htons(dest);
	tcp->seq = bpf_htonl(sequence);
	tcp->ack_seq = 0;
	*(__u16 *)((char *)tcp + 12) = bpf_htons(flags);
	tcp->window = bpf_htons(window);
	tcp->check = bpf_htons(folded(sum));
	tcp->urg_ptr = 0;
}

struct flow {
	__u32 pod, node, server;
	__u16 port;
};

static __always_inline struct flow flow_of(__u32 index)
{
	__u32 pod = index % shared.work.pods, node = pod % shared.work.nodes;

	return (struct flow){ .pod = PACKETS_PODS + node * 256 + 2 * (pod / shared.work.nodes),
			      .node = PACKETS_NODES + node / 250 * 256 + node % 250,
			      .server = PACKETS_SERVERS + (index & 255),
			      .port = (__u16)(PACKETS_FIRST_PORT + (index >> 8)) };
}

static __always_inline void write_inner(struct ethhdr *eth, int inside, const struct flow *flow,
					__u32 sequence)
{
	int back = shared.work.direction == PACKETS_BACK;
	__u32 egress = shared.work.egress ? shared.work.egress : flow->pod;
	__u32 saddr = back ? flow->server : flow->pod, daddr = back ? egress : flow->server;
	struct iphdr *ip = (void *)(eth + 1);

	write_eth(eth, inside, 1, 2);
	__u16 source = back ? PACKETS_SERVER_PORT : flow->port,
	      dest = back ? flow->port : PACKETS_SERVER_PORT;

	write_ip(ip, IP_BYTES, shared.work.tcp ? IPPROTO_TCP : IPPROTO_UDP, saddr, daddr);
	if (shared.work.tcp)
		write_tcp((void *)(ip + 1), address_sum(saddr, daddr), source, dest, sequence);
	else
		write_udp((void *)(ip + 1), address_sum(saddr, daddr), source, dest);
}

/* Linux makes the outer source port of a hash of the inner flow too. */
static __always_inline __u16 outer_port(__u32 index)
{
	index ^= index >> 16;
	index *= 0x7feb352d;
	index ^= index >> 15;
	return (__u16)(32768 + (index & 0x3fff));
}

static __always_inline void write_outer(struct ethhdr *eth, __u32 node, __u16 port)
{
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	struct vxlan *vxlan = (void *)(udp + 1);

	write_eth(eth, 0, 1, 2);
	write_ip(ip, sizeof(*ip) + OUTER_UDP_BYTES, IPPROTO_UDP, node, shared.work.gateway);
	udp->source = bpf_htons(port);
	udp->dest = bpf_htons(PACKETS_VXLAN_PORT);
	udp->len = bpf_htons(OUTER_UDP_BYTES);
	udp->check = 0;
	vxlan->flags = bpf_htonl(0x08000000);
	vxlan->vni = bpf_htonl(PACKETS_VNI << 8);
}

/* The kernel's run can't be paced from outside: a run of one packet costs as much as one of ten thousand. */
static __always_inline int must_wait(void)
{
	__u32 sent = shared.work.next - shared.work.first;
	__u32 answered = (__u32)(shared.arrived.back - shared.work.first_back);

	return shared.work.window &&
	       (shared.work.next >= shared.work.last || sent - answered >= shared.work.window);
}

SEC("xdp") int generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct flow flow;
	__u32 index, sequence = 0;

	if (shared.work.order == PACKETS_RANDOM) {
		index = bpf_get_prandom_u32() % shared.work.n_flows;
	} else if (shared.work.order == PACKETS_IN_BURSTS) {
		index = shared.work.next / PACKETS_BURST % shared.work.n_flows;
		sequence = shared.work.next++ * TCP_PAYLOAD;
	} else if (must_wait()) {
		return XDP_DROP;
	} else {
		index = shared.work.next++;
	}
	flow = flow_of(index);

	if (!shared.work.tunnel || shared.work.direction == PACKETS_BACK) {
		if (data + PACKETS_FRAME > end)
			return XDP_ABORTED;
		write_inner(data, 0, &flow, sequence);
	} else {
		if (data + PACKETS_TUNNEL_BYTES + PACKETS_FRAME > end)
			return XDP_ABORTED;
		write_outer(data, flow.node, outer_port(index));
		write_inner(data + PACKETS_TUNNEL_BYTES, 1, &flow, sequence);
	}
	return (int)bpf_redirect(shared.work.out_ifindex, 0);
}

/* Addresses and ports change places, so the checksums stay right. */
static __always_inline int turn_round(struct ethhdr *eth, struct iphdr *ip, struct udphdr *udp)
{
	__be32 address = ip->saddr;
	__be16 port = udp->source;

	write_eth(eth, 0, 1, 2);
	ip->saddr = ip->daddr;
	ip->daddr = address;
	udp->source = udp->dest;
	udp->dest = port;
	return (int)bpf_redirect(shared.work.out_ifindex, 0);
}

SEC("tc") int arrive(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	__u32 packets = skb->gso_segs ? skb->gso_segs : 1; /* as they would be on a wire */

	/* TCP has its ports at the same place. */
	if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    (ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_TCP))
		return TC_ACT_OK;
	if (udp->dest == bpf_htons(PACKETS_SERVER_PORT)) {
		if (shared.work.egress && ip->saddr != bpf_htonl(shared.work.egress))
			shared.arrived.wrong++;
		shared.arrived.out += packets;
		return shared.work.reflect ? turn_round(eth, ip, udp) : TC_ACT_SHOT;
	}
	if (udp->dest != bpf_htons(PACKETS_VXLAN_PORT) &&
	    udp->source != bpf_htons(PACKETS_SERVER_PORT))
		return TC_ACT_OK;
	shared.arrived.back += packets;
	return TC_ACT_SHOT;
}

char licence_text[] SEC("license") = "GPL";
