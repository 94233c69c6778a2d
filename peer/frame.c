// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/frame.h"

#include <errno.h>
#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "peer/wire.h"

enum { MAGIC = 0x45475752, VERSION = 1, LENGTH_BYTES = 4, FLOW_BYTES = 22 };
enum { TALE_BYTES = 27, STINT_BYTES = 40 };

_Static_assert(FRAME_TALES_MAX *(TALE_BYTES + CT_STINTS_MAX * STINT_BYTES) + 64 <= FRAME_BYTES_MAX,
	       "the fullest fits");
_Static_assert(FRAME_BLOCKS_MAX * 7 + 64 <= FRAME_BYTES_MAX, "the fullest fits");
enum { SAW_REPLY = 1, ASSURED = 2 };
enum { BEGINS = 1, ENDS = 2 };

static void put_tuple(struct wire_out *out, const struct ct_tuple *tuple)
{
	wire_put(out, tuple->src.v, 4);
	wire_put(out, tuple->dst.v, 4);
	wire_put(out, tuple->src_port, 2);
	if (tuple->protocol == IPPROTO_ICMP) {
		wire_put(out, tuple->icmp_type, 1);
		wire_put(out, tuple->icmp_code, 1);
	} else {
		wire_put(out, tuple->dst_port, 2);
	}
}

static void put_flow(struct wire_out *out, const struct frame_flow *item)
{
	const struct ct_flow *flow = &item->flow;

	wire_put(out, item->change, 1);
	wire_put(out, flow->orig.protocol, 1);
	wire_put(out, flow->tcp_state, 1);
	wire_put(out,
		 (flow->status & IPS_SEEN_REPLY ? SAW_REPLY : 0) |
			 (flow->status & IPS_ASSURED ? ASSURED : 0),
		 1);
	put_tuple(out, &flow->orig);
	wire_put(out, flow->nat_port, 2);
	wire_put(out, flow->timeout_s, 4);
}

static void put_tale(struct wire_out *out, const struct frame_tale *item)
{
	const struct ct_history *history = &item->tale.history;

	wire_put(out, item->orig.protocol, 1);
	put_tuple(out, &item->orig);
	wire_put(out, item->tale.who, 4);
	wire_put(out, item->tale.basis, 1);
	wire_put(out, (uint64_t)history->start_ns, 8);
	wire_put(out, history->n, 1);
	for (size_t i = 0; i < history->n; i++) {
		const struct ct_stint *stint = &history->stints[i];

		wire_put(out, (uint64_t)stint->start_ns, 8);
		wire_put(out, stint->sent.packets, 8);
		wire_put(out, stint->sent.bytes, 8);
		wire_put(out, stint->received.packets, 8);
		wire_put(out, stint->received.bytes, 8);
	}
}

static void put_tales(struct wire_out *out, const struct peer_frame *frame)
{
	wire_put(out, frame->egress, 8);
	wire_put(out, frame->sequence, 8);
	wire_put(out, frame->n, 2);
	out->failed = out->failed || frame->n > FRAME_TALES_MAX;
	for (size_t i = 0; !out->failed && i < frame->n; i++)
		put_tale(out, &frame->tales[i]);
}

static void put_blocks(struct wire_out *out, const struct peer_frame *frame)
{
	wire_put(out, frame->egress, 8);
	wire_put(out, frame->sequence, 8);
	wire_put(out, (frame->begins ? BEGINS : 0) | (frame->ends ? ENDS : 0), 1);
	wire_put(out, frame->ports, 2);
	wire_put(out, frame->n, 2);
	out->failed = out->failed || frame->n > FRAME_BLOCKS_MAX;
	for (size_t i = 0; !out->failed && i < frame->n; i++) {
		wire_put(out, frame->blocks[i].source.v, 4);
		wire_put(out, frame->blocks[i].first_port, 2);
		wire_put(out, frame->blocks[i].is_given, 1);
	}
}

static void put_contents(struct wire_out *out, const struct peer_frame *frame)
{
	switch (frame->kind) {
	case FRAME_HELLO:
		wire_put(out, MAGIC, 4);
		wire_put(out, VERSION, 1);
		wire_put_text(out, frame->name);
		wire_put(out, frame->boot, 8);
		break;
	case FRAME_FLOWS:
		wire_put(out, frame->egress, 8);
		wire_put(out, frame->sequence, 8);
		wire_put(out, frame->n, 2);
		for (size_t i = 0; i < frame->n; i++)
			put_flow(out, &frame->flows[i]);
		break;
	case FRAME_WALK_BEGIN:
		wire_put(out, frame->egress, 8);
		break;
	case FRAME_WALK_END:
		wire_put(out, frame->egress, 8);
		wire_put(out, frame->complete, 1);
		break;
	case FRAME_ACK:
		wire_put(out, frame->sequence, 8);
		break;
	case FRAME_WHO:
		wire_put(out, frame->number, 4);
		wire_put(out, frame->n, 2);
		out->failed = out->failed || frame->n > FRAME_WHO_MAX;
		if (!out->failed)
			wire_put_bytes(out, frame->who, frame->n);
		break;
	case FRAME_TALES:
		put_tales(out, frame);
		break;
	case FRAME_BLOCKS:
		put_blocks(out, frame);
		break;
	case FRAME_KIND_END:
		out->failed = true;
		break;
	}
}

size_t frame_write(const struct peer_frame *frame, uint8_t *ret, size_t size)
{
	struct wire_out out = { .at = ret, .end = ret + size },
			head = { .at = ret, .end = ret + size };

	if (frame->kind == FRAME_FLOWS && frame->n > FRAME_FLOWS_MAX)
		return 0;
	wire_put(&out, 0, LENGTH_BYTES);
	wire_put(&out, frame->kind, 1);
	put_contents(&out, frame);
	if (out.failed)
		return 0;
	wire_put(&head, (uint64_t)(out.at - ret), LENGTH_BYTES);
	return (size_t)(out.at - ret);
}

/* What we wouldn't tell isn't taken. Many a kernel indexes its tables with a state that it didn't check. */
static bool is_sound(const struct frame_flow *item)
{
	const struct ct_flow *flow = &item->flow;
	uint8_t protocol = flow->orig.protocol;

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_ICMP)
		return false;
	if (protocol != IPPROTO_TCP)
		return flow->tcp_state == 0;
	return item->change == CT_FLOW_GONE || (flow->tcp_state >= TCP_CONNTRACK_SYN_RECV &&
						flow->tcp_state <= TCP_CONNTRACK_LAST_ACK);
}

static void get_tuple(struct wire_in *in, struct ct_tuple *ret)
{
	ret->src.v = (uint32_t)wire_get(in, 4);
	ret->dst.v = (uint32_t)wire_get(in, 4);
	ret->src_port = (uint16_t)wire_get(in, 2);
	if (ret->protocol == IPPROTO_ICMP) {
		ret->icmp_type = (uint8_t)wire_get(in, 1);
		ret->icmp_code = (uint8_t)wire_get(in, 1);
	} else {
		ret->dst_port = (uint16_t)wire_get(in, 2);
	}
}

static void get_flow(struct wire_in *in, struct frame_flow *ret)
{
	struct ct_flow flow = { .nat_port = 0 };
	uint64_t change = wire_get(in, 1), flags;

	flow.orig.protocol = (uint8_t)wire_get(in, 1);
	flow.tcp_state = (uint8_t)wire_get(in, 1);
	flags = wire_get(in, 1);
	flow.status = (flags & SAW_REPLY ? IPS_SEEN_REPLY : 0) |
		      (flags & ASSURED ? IPS_ASSURED : 0);
	get_tuple(in, &flow.orig);
	flow.nat_port = (uint16_t)wire_get(in, 2);
	flow.timeout_s = (uint32_t)wire_get(in, 4);
	*ret = (struct frame_flow){ .change = (enum ct_flow_change)change, .flow = flow };
	in->failed = in->failed || change > CT_FLOW_GONE || !is_sound(ret);
}

static int64_t get_time(struct wire_in *in)
{
	const uint64_t ns = wire_get(in, 8);

	in->failed = in->failed || ns > INT64_MAX;
	return in->failed ? 0 : (int64_t)ns;
}

/* What a sum of six of them can't overflow. */
static uint64_t get_count(struct wire_in *in)
{
	const uint64_t count = wire_get(in, 8);

	in->failed = in->failed || count > UINT64_MAX / 16;
	return count;
}

static void get_tale(struct wire_in *in, struct frame_tale *ret)
{
	struct ct_history *history = &ret->tale.history;

	*ret = (struct frame_tale){ .orig.protocol = (uint8_t)wire_get(in, 1) };
	get_tuple(in, &ret->orig);
	ret->tale.who = (uint32_t)wire_get(in, 4);
	ret->tale.basis = (uint8_t)wire_get(in, 1);
	history->start_ns = get_time(in);
	history->n = (size_t)wire_get(in, 1);
	in->failed = in->failed || history->n > CT_STINTS_MAX;
	for (size_t i = 0; !in->failed && i < history->n; i++) {
		struct ct_stint *stint = &history->stints[i];

		stint->start_ns = get_time(in);
		stint->sent.packets = get_count(in);
		stint->sent.bytes = get_count(in);
		stint->received.packets = get_count(in);
		stint->received.bytes = get_count(in);
	}
}

static void get_tales(struct wire_in *in, struct peer_frame *ret)
{
	ret->egress = wire_get(in, 8);
	ret->sequence = wire_get(in, 8);
	ret->n = (size_t)wire_get(in, 2);
	in->failed = in->failed || ret->n > FRAME_TALES_MAX;
	for (size_t i = 0; !in->failed && i < ret->n; i++)
		get_tale(in, &ret->tales[i]);
}

/* Whether it's a block of the receiver's is for others to say; here only what nobody can have is refused. */
static void get_block(struct wire_in *in, uint16_t ports, struct frame_block *ret)
{
	ret->source.v = (uint32_t)wire_get(in, 4);
	ret->first_port = (uint16_t)wire_get(in, 2);
	const uint64_t given = wire_get(in, 1);

	ret->is_given = given == 1;
	in->failed = in->failed || given > 1 || !ret->source.v || !ret->first_port || !ports ||
		     ret->first_port + ports - 1 > UINT16_MAX;
}

static void get_blocks(struct wire_in *in, struct peer_frame *ret)
{
	ret->egress = wire_get(in, 8);
	ret->sequence = wire_get(in, 8);
	const uint64_t which = wire_get(in, 1);

	ret->begins = which & BEGINS;
	ret->ends = which & ENDS;
	ret->ports = (uint16_t)wire_get(in, 2);
	ret->n = (size_t)wire_get(in, 2);
	in->failed = in->failed || which > (BEGINS | ENDS) || ret->n > FRAME_BLOCKS_MAX;
	for (size_t i = 0; !in->failed && i < ret->n; i++)
		get_block(in, ret->ports, &ret->blocks[i]);
}

static void get_who(struct wire_in *in, struct peer_frame *ret)
{
	const uint8_t *bytes;
	size_t n;

	ret->number = (uint32_t)wire_get(in, 4);
	n = (size_t)wire_get(in, 2);
	in->failed = in->failed || n > FRAME_WHO_MAX;
	bytes = in->failed ? NULL : wire_get_bytes(in, n);
	for (size_t i = 0; bytes && i < n; i++)
		ret->who[i] = bytes[i];
	ret->n = bytes ? n : 0;
}

static void get_contents(struct wire_in *in, struct peer_frame *ret)
{
	switch (ret->kind) {
	case FRAME_HELLO:
		in->failed = wire_get(in, 4) != MAGIC || wire_get(in, 1) != VERSION;
		wire_get_text(in, ret->name, sizeof(ret->name));
		ret->boot = wire_get(in, 8);
		break;
	case FRAME_FLOWS:
		ret->egress = wire_get(in, 8);
		ret->sequence = wire_get(in, 8);
		ret->n = (size_t)wire_get(in, 2);
		in->failed = in->failed || ret->n > FRAME_FLOWS_MAX ||
			     (size_t)(in->end - in->at) != ret->n * FLOW_BYTES;
		for (size_t i = 0; !in->failed && i < ret->n; i++)
			get_flow(in, &ret->flows[i]);
		break;
	case FRAME_WALK_BEGIN:
		ret->egress = wire_get(in, 8);
		break;
	case FRAME_WALK_END:
		ret->egress = wire_get(in, 8);
		ret->complete = wire_get(in, 1) != 0;
		break;
	case FRAME_ACK:
		ret->sequence = wire_get(in, 8);
		break;
	case FRAME_WHO:
		get_who(in, ret);
		break;
	case FRAME_TALES:
		get_tales(in, ret);
		break;
	case FRAME_BLOCKS:
		get_blocks(in, ret);
		break;
	case FRAME_KIND_END:
		in->failed = true;
		break;
	}
}

int frame_read(const uint8_t *bytes, size_t length, size_t *ret_used, struct peer_frame *ret)
{
	struct wire_in in = { .at = bytes, .end = bytes + length };
	size_t size = (size_t)wire_get(&in, LENGTH_BYTES);
	uint64_t kind;

	if (in.failed)
		return -EAGAIN;
	if (size <= LENGTH_BYTES || size > FRAME_BYTES_MAX)
		return -EBADMSG;
	if (length < size)
		return -EAGAIN;
	in.end = bytes + size;
	kind = wire_get(&in, 1);
	if (kind < FRAME_HELLO || kind >= FRAME_KIND_END)
		return -EBADMSG;
	ret->kind = (enum frame_kind)kind;
	ret->n = 0;
	get_contents(&in, ret);
	*ret_used = size;
	return wire_is_done(&in) ? 0 : -EBADMSG;
}
