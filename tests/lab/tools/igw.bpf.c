// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// The lab's internet gateway: stateless 1:1 translation between a private address inside the VPC and a public one outside, as
// AWS's internet gateway does it, and the counter at the exit that every leak test reads.
//
// It is BPF because nftables' stateless rewriting doesn't reach the header that an ICMP error quotes, and without that path MTU
// discovery and traceroute die in the lab although they work on AWS.
//
//   outbound  tc ingress of the VPC's side: count (inside, outside, destination), source private -> public, unmapped dropped
//   wire      tc egress of the internet's side: count what really leaves, without any knowledge of the mapping
//   inbound   tc egress of the VPC's side: destination public -> private, unmapped dropped. At egress so that the errors that
//             the gateway itself raises (fragmentation needed) pass it too.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "igw.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} to_public SEC(".maps"), to_private SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IGW_FLOWS_MAX);
	__type(key, struct igw_flow);
	__type(value, struct igw_count);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, IGW_STAT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} stats SEC(".maps");

enum { IP_AT = ETH_HLEN, IP_SADDR = 12, IP_DADDR = 16, IP_CSUM = 10, QUOTE_AT = 8 };

struct packet {
	__u32 saddr, daddr;
	int l4; /* offset of the transport header */
	__u8 proto;
	__u8 first; /* has a transport header: not a later fragment */
	__u8 icmp_type;
	__u16 port; /* host order; destination port, or the ICMP type */
};

static __always_inline void bump(__u32 stat)
{
	__u64 *value = bpf_map_lookup_elem(&stats, &stat);

	if (value)
		__sync_fetch_and_add(value, 1);
}

static __always_inline int parse(struct __sk_buff *skb, struct packet *p)
{
	__u8 head[20];

	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, IP_AT, head, sizeof(head)))
		return 0;
	__builtin_memcpy(&p->saddr, head + IP_SADDR, 4);
	__builtin_memcpy(&p->daddr, head + IP_DADDR, 4);
	p->l4 = IP_AT + (head[0] & 15) * 4;
	p->proto = head[9];
	p->first = !((head[6] & 0x1f) | head[7]);
	p->icmp_type = 255;
	p->port = 0;
	if (!p->first)
		return 1;
	if (p->proto == IPPROTO_ICMP) {
		bpf_skb_load_bytes(skb, p->l4, &p->icmp_type, 1);
		p->port = p->icmp_type;
	} else if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP || p->proto == IPPROTO_SCTP) {
		__u16 port;

		if (!bpf_skb_load_bytes(skb, p->l4 + 2, &port, 2))
			p->port = bpf_ntohs(port);
	}
	return 1;
}

/* A segmentation-offload packet counts as the packets that it becomes on a real wire. */
static __always_inline void count(struct __sk_buff *skb, const struct igw_flow *flow)
{
	struct igw_count *found = bpf_map_lookup_elem(&flows, flow);
	__u64 packets = skb->gso_segs > 1 ? skb->gso_segs : 1;

	if (!found) {
		struct igw_count zero = {};

		/* EEXIST means that the other processor was first, which is as good. */
		bpf_map_update_elem(&flows, flow, &zero, BPF_NOEXIST);
		found = bpf_map_lookup_elem(&flows, flow);
		if (!found) {
			bump(IGW_STAT_UNCOUNTED);
			return;
		}
	}
	__sync_fetch_and_add(&found->packets, packets);
	__sync_fetch_and_add(&found->bytes, skb->len);
}

static __always_inline int quotes_a_packet(__u8 type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* The quoted header names the flow from the other side: where the outer source changes, the quoted destination does. The sum over
 * the quoted address and the quoted checksum stays the same, so that the ICMP checksum needs no update. */
static __always_inline void translate_quote(struct __sk_buff *skb, int l4, void *map, int field)
{
	int quote = l4 + QUOTE_AT;
	__u32 old, *new, value;

	if (bpf_skb_load_bytes(skb, quote + field, &old, 4))
		return;
	new = bpf_map_lookup_elem(map, &old);
	if (!new)
		return;
	value = *new;
	bpf_l3_csum_replace(skb, quote + IP_CSUM, old, value, 4);
	bpf_skb_store_bytes(skb, quote + field, &value, 4, 0);
}

static __always_inline void translate(struct __sk_buff *skb, const struct packet *p, int field,
				      __u32 old, __u32 new)
{
	if (p->first && p->proto == IPPROTO_TCP)
		bpf_l4_csum_replace(skb, p->l4 + 16, old, new, BPF_F_PSEUDO_HDR | 4);
	if (p->first && p->proto == IPPROTO_UDP)
		bpf_l4_csum_replace(skb, p->l4 + 6, old, new,
				    BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | 4);
	bpf_l3_csum_replace(skb, IP_AT + IP_CSUM, old, new, 4);
	bpf_skb_store_bytes(skb, IP_AT + field, &new, 4, 0);
}

SEC("tc") int outbound(struct __sk_buff *skb)
{
	struct igw_flow flow = { .side = IGW_SIDE_VPC };
	struct packet p = {};
	__u32 *public;

	if (!parse(skb, &p))
		return TC_ACT_OK;
	public = bpf_map_lookup_elem(&to_public, &p.saddr);
	flow.inside = p.saddr;
	flow.outside = public ? *public : 0;
	flow.daddr = p.daddr;
	flow.port = p.port;
	flow.proto = p.proto;
	count(skb, &flow);
	if (!public)
		return TC_ACT_SHOT;
	if (p.proto == IPPROTO_ICMP && p.first && quotes_a_packet(p.icmp_type))
		translate_quote(skb, p.l4, &to_public, IP_DADDR);
	translate(skb, &p, IP_SADDR, p.saddr, flow.outside);
	return TC_ACT_OK;
}

SEC("tc") int inbound(struct __sk_buff *skb)
{
	struct packet p = {};
	__u32 *private;

	if (!parse(skb, &p))
		return TC_ACT_OK;
	private = bpf_map_lookup_elem(&to_private, &p.daddr);
	if (!private) {
		bump(IGW_STAT_INBOUND_UNMAPPED);
		return TC_ACT_SHOT;
	}
	if (p.proto == IPPROTO_ICMP && p.first && quotes_a_packet(p.icmp_type))
		translate_quote(skb, p.l4, &to_private, IP_SADDR);
	translate(skb, &p, IP_DADDR, p.daddr, *private);
	return TC_ACT_OK;
}

SEC("tc") int wire(struct __sk_buff *skb)
{
	struct igw_flow flow = { .side = IGW_SIDE_WIRE };
	struct packet p = {};

	if (!parse(skb, &p))
		return TC_ACT_OK;
	flow.outside = p.saddr;
	flow.daddr = p.daddr;
	flow.port = p.port;
	flow.proto = p.proto;
	count(skb, &flow);
	return TC_ACT_OK;
}

char licence_text[] SEC("license") = "GPL";
