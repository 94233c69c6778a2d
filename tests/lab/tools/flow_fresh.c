// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// "tcp-new", "udp-new", "icmp-new": a new socket, and so a new connection, for every message. A
// leak that only the first packet of a flow can make stays invisible to flows that live. With a
// rate, what a late tick has left out is made up for, so that the rate holds on a busy machine.
#include "flow.h"

#include <errno.h>
#include <stdlib.h>

enum { PENDING_MAX = 1024, BURST_MAX = 64 };

/* Linux sends a SYN again after a second: what took longer has lost its first one. */
#define AGAIN_NS (1000 * MS_NS)

struct exchange {
	struct flow *flow;
	struct probe *probe;
	struct exchange *next;
};

static int fresh_start(struct flow *f)
{
	f->state = FLOW_OPEN;
	return 0;
}

static void exchange_free(struct exchange *x)
{
	for (struct exchange **at = &x->flow->exchanges; *at; at = &(*at)->next) {
		if (*at != x)
			continue;
		*at = x->next;
		break;
	}
	x->flow->pending--;
	free(x);
}

static void exchange_done(void *ctx, const struct probe_result *result)
{
	struct exchange *x = ctx;
	struct flow *f = x->flow;

	exchange_free(x);
	if (result->error) {
		f->errors++;
		f->error = result->error;
		if (result->error == ECONNRESET)
			f->resets++;
		flow_note(f->failures, errno_name(result->error));
		return;
	}
	f->received++;
	f->late += result->rtt_ns >= AGAIN_NS;
	if (result->rtt_ns > f->rtt_max_ns)
		f->rtt_max_ns = result->rtt_ns;
	flow_progress(f);
	flow_saw(f, &result->seen, 1);
}

static bool exchange_start(struct flow *f)
{
	struct probe_spec spec = { .to = f->to, .timeout_ns = f->timeout_ns };
	struct exchange *x = f->pending < PENDING_MAX ? calloc(1, sizeof(*x)) : NULL;

	if (!x)
		return false;
	if (f->to.transport != TRANSPORT_TCP)
		spec.size = f->size;
	x->flow = f;
	x->probe = probe_start(&spec, exchange_done, x);
	if (!x->probe) {
		free(x);
		return false;
	}
	x->next = f->exchanges;
	f->exchanges = x;
	f->pending++;
	f->sent++;
	return true;
}

static void fresh_tick(struct flow *f)
{
	uint64_t due = f->sent + 1;

	if (f->per_sec)
		due = (uint64_t)((now_ns() - f->start_ns) / MS_NS) * f->per_sec / 1000 + 1;
	for (int i = 0; i < BURST_MAX && f->sent < due; i++)
		if (!exchange_start(f))
			return;
}

void flow_fresh_free(struct flow *f)
{
	while (f->exchanges) {
		probe_cancel(f->exchanges->probe);
		exchange_free(f->exchanges);
	}
}

const struct flow_kind flow_fresh_kinds[] = {
	{ "tcp-new", TRANSPORT_TCP, fresh_start, fresh_tick, NULL },
	{ "udp-new", TRANSPORT_UDP, fresh_start, fresh_tick, NULL },
	{ "icmp-new", TRANSPORT_ICMP, fresh_start, fresh_tick, NULL },
	{ 0 },
};
