// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// "udp" and "icmp": one socket, a numbered datagram every interval, each answered by the server with
// whom it saw. Every sequence number is accounted for.
#include "flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SEQ_MAX = 1 << 20, SENT_AT_COUNT = 1024, RANGES_LISTED_MAX = 32 };

static int datagram_start(struct flow *f)
{
	int error;

	f->got = f->got ? f->got : calloc(SEQ_MAX / 8, 1);
	f->sent_at_ns = f->sent_at_ns ? f->sent_at_ns : calloc(SENT_AT_COUNT, sizeof(int64_t));
	if (!f->got || !f->sent_at_ns || getrandom(&f->nonce, sizeof(f->nonce), 0) < 0)
		return -ENOMEM;
	error = flow_open(f);
	if (!error)
		f->state = FLOW_OPEN;
	return error;
}

void flow_datagram_free(struct flow *f)
{
	free(f->got);
	free(f->sent_at_ns);
}

/* An error of one datagram (a guard's reject, no route) doesn't end the flow. */
static void datagram_error(struct flow *f, int error)
{
	f->error = error;
	f->errors++;
	flow_note(f->failures, errno_name(error));
}

static void datagram_tick(struct flow *f)
{
	uint32_t seq = (uint32_t)f->sent;
	int error;

	if (seq >= SEQ_MAX)
		return;
	f->sent_at_ns[seq % SENT_AT_COUNT] = now_ns();
	error = datagram_send(f->watch.fd, f->to.transport, seq, f->nonce, f->size);
	if (error == -ECONNREFUSED) /* of an earlier one; this one was not sent */
		error = datagram_send(f->watch.fd, f->to.transport, seq, f->nonce, f->size);
	f->sent++;
	if (error)
		datagram_error(f, -error);
}

static void datagram_take(struct flow *f, const struct lab_msg *msg)
{
	struct sockaddr_in seen = { .sin_family = AF_INET,
				    .sin_addr = msg->peer,
				    .sin_port = msg->peer_port };
	uint8_t bit = (uint8_t)(1 << (msg->seq % 8));
	int64_t rtt;

	if (msg->nonce != f->nonce || msg->seq >= f->sent)
		return;
	if (f->got[msg->seq / 8] & bit) {
		f->duplicates++;
		return;
	}
	f->got[msg->seq / 8] |= bit;
	f->received++;
	rtt = now_ns() - f->sent_at_ns[msg->seq % SENT_AT_COUNT];
	if (f->sent - msg->seq <= SENT_AT_COUNT && rtt > f->rtt_max_ns)
		f->rtt_max_ns = rtt;
	flow_progress(f);
	flow_saw(f, &seen, 1);
}

static void datagram_ready(struct flow *f)
{
	struct lab_msg msg;
	int error;

	while (!(error = datagram_receive(f->watch.fd, f->to.transport, &msg)))
		datagram_take(f, &msg);
	if (error != -EAGAIN)
		datagram_error(f, -error);
}

json_t *flow_datagram_missing(const struct flow *f)
{
	json_t *ranges = json_array();
	uint64_t from = 0;

	if (!f->got)
		return ranges;
	for (uint64_t seq = 0; seq <= f->sent && json_array_size(ranges) < RANGES_LISTED_MAX;
	     seq++) {
		bool have = seq == f->sent || f->got[seq / 8] & 1 << (seq % 8);

		if (!have)
			continue;
		if (seq > from)
			json_array_append_new(ranges, json_pack("[I,I]", (json_int_t)from,
								(json_int_t)(seq - 1)));
		from = seq + 1;
	}
	return ranges;
}

const struct flow_kind flow_datagram_kinds[] = {
	{ "udp", TRANSPORT_UDP, datagram_start, datagram_tick, datagram_ready },
	{ "icmp", TRANSPORT_ICMP, datagram_start, datagram_tick, datagram_ready },
	{ 0 },
};
