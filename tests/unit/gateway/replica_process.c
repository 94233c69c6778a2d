// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The process that a gateway with a replica is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "control/out.h"
#include "gateway/group/replica.h"
#include "two_gateways.h"

enum { PORT = 7421, TICK_MS = 5 };

static const char *const names[] = { [A] = "gw-a", [B] = "gw-b" };
static const char *const egress_names[] = { [E1] = "egress/one", [E2] = "egress/two" };
static const char secret[] = "0123456789abcdef0123456789abcdef\n";

struct process {
	enum gateway gateway;
	struct shared *shared;
	struct loop *loop;
	struct loop_timer *tick;
	struct replica *replica;
	struct wish wish;
};

static void must(bool good, const struct err *err)
{
	if (good)
		return;
	fprintf(stderr, "replica: %s\n", err->text);
	_exit(3);
}

static bool is_owner(const char *peer, uint64_t egress, void *data)
{
	const struct process *process = data;

	for (enum egress e = E1; e < EGRESSES; e++) {
		enum gateway owner = process->wish.believes[e];

		if (beat_hash(egress_names[e]) == egress)
			return owner != (enum gateway)NOBODY && strcmp(names[owner], peer) == 0;
	}
	return false;
}

static void on_change(void *data)
{
	struct process *process = data;

	process->shared->changes++;
}

static enum replica_mode mode_of(const struct process *process, enum egress e)
{
	if (process->wish.owns[e])
		return REPLICA_SEND;
	return process->wish.believes[e] == process->gateway ? REPLICA_NONE : REPLICA_RECEIVE;
}

static void do_wish(struct process *process)
{
	struct replica_egress egresses[EGRESSES] = { 0 };

	process->wish = process->shared->wish;
	for (enum egress e = E1; e < EGRESSES; e++) {
		snprintf(egresses[e].name, sizeof(egresses[e].name), "%s", egress_names[e]);
		egresses[e].address = two_address(process->gateway, e);
		egresses[e].mark = two_mark(process->gateway, e);
		egresses[e].mode = mode_of(process, e);
	}
	must(replica_set_egresses(process->replica, egresses, EGRESSES) == 0, &ERR_NULL);
	if (process->wish.quit)
		loop_stop(process->loop);
}

static void report(struct process *process)
{
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
	struct err err = ERR_NULL;
	const char *text;
	size_t length;

	replica_report(process->replica, out);
	must(control_out_finish(out, &text, &length, &err) == 0, &err);
	snprintf(process->shared->report, sizeof(process->shared->report), "%.*s", (int)length,
		 text);
}

static void on_tick(void *data)
{
	struct process *process = data;
	struct shared *shared = process->shared;
	unsigned wished = shared->wished;

	if (wished != shared->done)
		do_wish(process);
	for (enum egress e = E1; e < EGRESSES; e++) {
		shared->complete[e] = replica_is_complete(process->replica, e);
		shared->sent[e] = replica_is_sent(process->replica, e, names[!process->gateway]);
	}
	report(process);
	shared->done = wished;
	loop_timer_arm_ms(process->tick, TICK_MS);
}

static void make(struct process *process)
{
	struct peer_keys keys;
	struct err err = ERR_NULL;
	struct replica_peer peer = { .address = { 0xc0a84d01u + !process->gateway } };

	must(peer_keys_parse(secret, strlen(secret), &keys, &err) == 0, &err);
	process->loop = loop_new();
	const struct replica_config config = {
		.loop = process->loop,
		.name = names[process->gateway],
		.address = { 0xc0a84d01u + process->gateway },
		.port = PORT,
		.boot = (uint64_t)getpid(),
		.keys = &keys,
		.is_owner = is_owner,
		.on_change = on_change,
		.data = process,
		.times = process->shared->times,
	};

	process->replica = replica_new(&config, &err);
	must(process->replica, &err);
	peer_keys_done(&keys);
	snprintf(peer.name, sizeof(peer.name), "%s", names[!process->gateway]);
	must(replica_set_peers(process->replica, &peer, 1) == 0, &ERR_NULL);
	process->tick = loop_timer_new(process->loop, on_tick, process);
}

void two_run(enum gateway gateway, struct shared *shared)
{
	struct process process = { .gateway = gateway, .shared = shared };

	make(&process);
	do_wish(&process);
	on_tick(&process);
	if (loop_run(process.loop))
		_exit(4);
	replica_free(process.replica);
	loop_timer_free(process.tick);
	loop_free(process.loop);
}
