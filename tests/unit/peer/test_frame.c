// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "peer/frame.h"

static struct frame_flow flow_of(uint8_t protocol, enum ct_flow_change change)
{
	struct frame_flow item = { .change = change,
				   .flow = { .orig = { .src = { 0x0a000032 },
						       .dst = { 0xc0000201 },
						       .src_port = 4000,
						       .dst_port = 443,
						       .protocol = protocol },
					     .nat_port = 50000,
					     .status = IPS_SEEN_REPLY | IPS_ASSURED,
					     .timeout_s = 432000 } };

	if (protocol == IPPROTO_TCP)
		item.flow.tcp_state = TCP_CONNTRACK_ESTABLISHED;
	if (protocol == IPPROTO_ICMP) {
		item.flow.orig.dst_port = 0;
		item.flow.orig.icmp_type = 8;
		item.flow.orig.icmp_code = 1;
		item.flow.status = IPS_SEEN_REPLY;
	}
	return item;
}

static struct frame_tale tale_of(uint8_t protocol, size_t n)
{
	struct frame_tale item = { .orig = flow_of(protocol, CT_FLOW_IS).flow.orig,
				   .tale = { .who = 77,
					     .basis = 2,
					     .history = { .start_ns = INT64_C(1795939811123456789),
							  .n = n } } };

	for (size_t i = 0; i < n; i++)
		item.tale.history.stints[i] = (struct ct_stint){ (int64_t)i + 1,
								 { 10 + i, 1ull << 50 },
								 { 20 + i, UINT64_MAX / 16 } };
	return item;
}

/* On the heap, so that the sanitizer sees what is read of it beyond its end. */
static struct peer_frame *new_frame(enum frame_kind kind)
{
	struct peer_frame *frame = calloc(1, sizeof(*frame));

	assert_non_null(frame);
	frame->kind = kind;
	if (kind == FRAME_HELLO) {
		memcpy(frame->name, "gw-a", 5);
		frame->boot = 0x1122334455667788;
	}
	if (kind == FRAME_FLOWS || kind == FRAME_WALK_BEGIN || kind == FRAME_WALK_END ||
	    kind == FRAME_TALES || kind == FRAME_BLOCKS)
		frame->egress = 0x99aabbccddeeff00;
	if (kind == FRAME_WHO) {
		frame->number = 77;
		frame->n = 5;
		memcpy(frame->who, "shop\0", frame->n);
	}
	if (kind == FRAME_TALES) {
		frame->tales[frame->n++] = tale_of(IPPROTO_TCP, 1);
		frame->tales[frame->n++] = tale_of(IPPROTO_ICMP, CT_STINTS_MAX);
		frame->tales[frame->n++] = tale_of(IPPROTO_UDP, 0);
	}
	if (kind == FRAME_BLOCKS) {
		frame->begins = true;
		frame->ports = 1000;
		frame->blocks[frame->n++] = (struct frame_block){ { 0x0a000032 }, 2024, true };
		frame->blocks[frame->n++] = (struct frame_block){ { 0x0a000033 }, 64536, false };
	}
	if (frame_is_numbered(frame) || kind == FRAME_ACK)
		frame->sequence = 1ull << 40;
	frame->complete = kind == FRAME_WALK_END;
	if (kind == FRAME_FLOWS) {
		frame->flows[frame->n++] = flow_of(IPPROTO_TCP, CT_FLOW_NEW);
		frame->flows[frame->n++] = flow_of(IPPROTO_UDP, CT_FLOW_IS);
		frame->flows[frame->n++] = flow_of(IPPROTO_ICMP, CT_FLOW_GONE);
	}
	return frame;
}

static void assert_same_tale(const struct frame_tale *a, const struct frame_tale *b)
{
	const struct ct_history *x = &a->tale.history, *y = &b->tale.history;

	assert_true(ct_tuple_equal(&a->orig, &b->orig));
	assert_int_equal(a->tale.who, b->tale.who);
	assert_int_equal(a->tale.basis, b->tale.basis);
	assert_int_equal(x->start_ns, y->start_ns);
	assert_int_equal(x->n, y->n);
	assert_memory_equal(x->stints, y->stints, x->n * sizeof(x->stints[0]));
}

static void assert_same_blocks(const struct peer_frame *a, const struct peer_frame *b)
{
	assert_int_equal(a->begins, b->begins);
	assert_int_equal(a->ends, b->ends);
	assert_int_equal(a->ports, b->ports);
	for (size_t i = 0; i < a->n; i++) {
		assert_int_equal(a->blocks[i].source.v, b->blocks[i].source.v);
		assert_int_equal(a->blocks[i].first_port, b->blocks[i].first_port);
		assert_int_equal(a->blocks[i].is_given, b->blocks[i].is_given);
	}
}

static void assert_same(const struct peer_frame *a, const struct peer_frame *b)
{
	assert_int_equal(a->kind, b->kind);
	if (a->kind == FRAME_HELLO)
		assert_string_equal(a->name, b->name);
	assert_int_equal(a->n, b->n);
	if (a->kind == FRAME_WHO) {
		assert_int_equal(a->number, b->number);
		assert_memory_equal(a->who, b->who, a->n);
	}
	for (size_t i = 0; a->kind == FRAME_TALES && i < a->n; i++)
		assert_same_tale(&a->tales[i], &b->tales[i]);
	for (size_t i = 0; a->kind == FRAME_FLOWS && i < a->n; i++) {
		const struct ct_flow *x = &a->flows[i].flow, *y = &b->flows[i].flow;

		assert_int_equal(a->flows[i].change, b->flows[i].change);
		assert_true(ct_tuple_equal(&x->orig, &y->orig));
		assert_int_equal(x->nat_port, y->nat_port);
		assert_int_equal(x->tcp_state, y->tcp_state);
		assert_int_equal(x->status, y->status);
		assert_int_equal(x->timeout_s, y->timeout_s);
	}
	if (a->kind == FRAME_WALK_END)
		assert_int_equal(a->complete, b->complete);
	if (a->kind == FRAME_BLOCKS)
		assert_same_blocks(a, b);
}

static void each_kind_comes_back_wherever_it_is_cut(void **state)
{
	(void)state;
	for (enum frame_kind kind = FRAME_HELLO; kind < FRAME_KIND_END; kind++) {
		CLEANUP(cleanup_free) struct peer_frame *frame = new_frame(kind);
		CLEANUP(cleanup_free) struct peer_frame *seen = new_frame(FRAME_ACK);
		uint8_t bytes[FRAME_BYTES_MAX];
		size_t length = frame_write(frame, bytes, sizeof(bytes)), used = 0;

		assert_true(length > 4);
		for (size_t n = 0; n < length; n++) {
			CLEANUP(cleanup_free) uint8_t *part = malloc(n + 1);

			memcpy(part, bytes, n);
			assert_int_equal(frame_read(part, n, &used, seen), -EAGAIN);
			assert_int_equal(frame_write(frame, part, n), 0);
		}
		/* What follows isn't looked at. */
		assert_int_equal(frame_read(bytes, length + 1, &used, seen), 0);
		assert_int_equal(used, length);
		assert_same(seen, frame);
		assert_true(seen->egress == frame->egress || !frame->egress);
		assert_true(seen->sequence == frame->sequence || !frame->sequence);
		assert_true(seen->boot == frame->boot || !frame->boot);
	}
}

static void the_fullest_frame_fits(void **state)
{
	CLEANUP(cleanup_free) struct peer_frame *frame = new_frame(FRAME_FLOWS);
	CLEANUP(cleanup_free) struct peer_frame *seen = new_frame(FRAME_ACK);
	uint8_t bytes[FRAME_BYTES_MAX];
	size_t length, used;

	(void)state;
	for (frame->n = 0; frame->n < FRAME_FLOWS_MAX; frame->n++)
		frame->flows[frame->n] = flow_of(IPPROTO_TCP, CT_FLOW_IS);
	length = frame_write(frame, bytes, sizeof(bytes));
	assert_true(length > 0);
	assert_int_equal(frame_read(bytes, length, &used, seen), 0);
	assert_same(seen, frame);
	frame->n++;
	assert_int_equal(frame_write(frame, bytes, sizeof(bytes)), 0);
}

static void the_longest_lives_fit(void **state)
{
	CLEANUP(cleanup_free) struct peer_frame *frame = new_frame(FRAME_TALES);
	CLEANUP(cleanup_free) struct peer_frame *seen = new_frame(FRAME_ACK);
	uint8_t bytes[FRAME_BYTES_MAX];
	size_t length, used;

	(void)state;
	for (frame->n = 0; frame->n < FRAME_TALES_MAX; frame->n++)
		frame->tales[frame->n] = tale_of(IPPROTO_TCP, CT_STINTS_MAX);
	length = frame_write(frame, bytes, sizeof(bytes));
	assert_true(length > 0);
	assert_int_equal(frame_read(bytes, length, &used, seen), 0);
	assert_same(seen, frame);
	frame->n++;
	assert_int_equal(frame_write(frame, bytes, sizeof(bytes)), 0);
	frame->kind = FRAME_WHO;
	frame->n = FRAME_WHO_MAX + 1;
	assert_int_equal(frame_write(frame, bytes, sizeof(bytes)), 0);
}

static void the_most_blocks_fit(void **state)
{
	CLEANUP(cleanup_free) struct peer_frame *frame = new_frame(FRAME_BLOCKS);
	CLEANUP(cleanup_free) struct peer_frame *seen = new_frame(FRAME_ACK);
	uint8_t bytes[FRAME_BYTES_MAX];
	size_t length, used;

	(void)state;
	frame->ends = true;
	for (frame->n = 0; frame->n < FRAME_BLOCKS_MAX; frame->n++)
		frame->blocks[frame->n] = (struct frame_block){
			{ 0x0a000000 + (uint32_t)frame->n + 1 }, (uint16_t)(frame->n + 1), true
		};
	length = frame_write(frame, bytes, sizeof(bytes));
	assert_true(length > 0);
	assert_int_equal(frame_read(bytes, length, &used, seen), 0);
	assert_same(seen, frame);
	frame->n++;
	assert_int_equal(frame_write(frame, bytes, sizeof(bytes)), 0);

	/* There are none, and none of any size. */
	frame->n = frame->ports = 0;
	length = frame_write(frame, bytes, sizeof(bytes));
	assert_true(length > 0);
	assert_int_equal(frame_read(bytes, length, &used, seen), 0);
	assert_same(seen, frame);
}

/* Gateways of the first version are told in these bytes, and know no others: they must never change. */
static void the_first_version_stays_as_it_was(void **state)
{
	static const uint8_t hello[] = { 0,    0,    0,    23,   1,    'E',  'G', 'W',
					 'R',  1,    4,    'g',  'w',  '-',  'a', 0x11,
					 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	static const uint8_t flows[] = { 0,    0,    0,    45,   2,    0x99, 0xaa, 0xbb, 0xcc,
					 0xdd, 0xee, 0xff, 0,    0,    0,    1,    0,    0,
					 0,    0,    0,    0,    1,    0,    6,    3,    3,
					 10,   0,    0,    50,   192,  0,    2,    1,    0x0f,
					 0xa0, 1,    0xbb, 0xc3, 0x50, 0,    6,    0x97, 0x80 };
	CLEANUP(cleanup_free) struct peer_frame *first = new_frame(FRAME_HELLO);
	CLEANUP(cleanup_free) struct peer_frame *second = new_frame(FRAME_FLOWS);
	uint8_t bytes[FRAME_BYTES_MAX];

	(void)state;
	assert_int_equal(frame_write(first, bytes, sizeof(bytes)), sizeof(hello));
	assert_memory_equal(bytes, hello, sizeof(hello));
	second->n = 1;
	assert_int_equal(frame_write(second, bytes, sizeof(bytes)), sizeof(flows));
	assert_memory_equal(bytes, flows, sizeof(flows));
}

static void what_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *what;
		enum frame_kind kind;
		size_t at;
		uint8_t value;
	} rows[] = {
		{ "too long", FRAME_ACK, 2, 0x41 },
		{ "shorter than itself", FRAME_ACK, 3, 4 },
		{ "empty", FRAME_ACK, 3, 0 },
		{ "kind 0", FRAME_ACK, 4, 0 },
		{ "an unknown kind", FRAME_ACK, 4, FRAME_KIND_END },
		{ "contents too short", FRAME_ACK, 4, FRAME_WALK_END },
		{ "contents too long", FRAME_WALK_END, 4, FRAME_ACK },
		{ "magic", FRAME_HELLO, 5, 'X' },
		{ "version", FRAME_HELLO, 9, 2 },
		{ "name", FRAME_HELLO, 11, '\n' },
		{ "fewer flows than there are", FRAME_FLOWS, 22, 2 },
		{ "more flows than there are", FRAME_FLOWS, 22, 4 },
		{ "many more flows", FRAME_FLOWS, 21, 0xff },
		{ "change", FRAME_FLOWS, 23, CT_FLOW_GONE + 1 },
		{ "protocol", FRAME_FLOWS, 24, IPPROTO_SCTP },
		{ "UDP with a state of TCP", FRAME_FLOWS, 24, IPPROTO_UDP },
		{ "TCP without a state", FRAME_FLOWS, 25, 0 },
		{ "TCP that only asked", FRAME_FLOWS, 25, TCP_CONNTRACK_SYN_SENT },
		{ "TCP that has ended", FRAME_FLOWS, 25, TCP_CONNTRACK_TIME_WAIT },
		{ "a state that no table has", FRAME_FLOWS, 25, 200 },
		{ "less of somebody than there is", FRAME_WHO, 10, 4 },
		{ "more of somebody than there is", FRAME_WHO, 10, 6 },
		{ "much more of somebody", FRAME_WHO, 9, 0xff },
		{ "fewer lives than there are", FRAME_TALES, 22, 2 },
		{ "more lives than there are", FRAME_TALES, 22, 4 },
		{ "many more lives", FRAME_TALES, 21, 0xff },
		{ "a beginning before 1970", FRAME_TALES, 41, 0x80 },
		{ "fewer gateways than there are", FRAME_TALES, 49, 0 },
		{ "more gateways than there can be", FRAME_TALES, 49, CT_STINTS_MAX + 1 },
		{ "more packets than there can be", FRAME_TALES, 58, 0xff },
		{ "an unknown part of all blocks", FRAME_BLOCKS, 21, 4 },
		{ "blocks of too many ports", FRAME_BLOCKS, 22, 0xff },
		{ "a block beyond the last port", FRAME_BLOCKS, 23, 0xe9 },
		{ "fewer blocks than there are", FRAME_BLOCKS, 25, 1 },
		{ "more blocks than there are", FRAME_BLOCKS, 25, 3 },
		{ "many more blocks", FRAME_BLOCKS, 24, 0xff },
		{ "half given", FRAME_BLOCKS, 32, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(cleanup_free) struct peer_frame *frame = new_frame(rows[i].kind);
		CLEANUP(cleanup_free) struct peer_frame *seen = new_frame(FRAME_ACK);
		uint8_t bytes[FRAME_BYTES_MAX];
		size_t length = frame_write(frame, bytes, sizeof(bytes)), used;

		assert_int_equal(frame_read(bytes, length, &used, seen), 0);
		bytes[rows[i].at] = rows[i].value;
		if (frame_read(bytes, length, &used, seen) != -EBADMSG)
			fail_msg("%s was taken", rows[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_comes_back_wherever_it_is_cut),
		cmocka_unit_test(the_fullest_frame_fits),
		cmocka_unit_test(the_longest_lives_fit),
		cmocka_unit_test(the_most_blocks_fit),
		cmocka_unit_test(the_first_version_stays_as_it_was),
		cmocka_unit_test(what_is_malformed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
