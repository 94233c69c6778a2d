// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The process that a gateway is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/loop.h"
#include "two_gateways.h"

#define PORT 7400
#define TICK_MS 5

static const char *const names[] = { [A] = "gw-a", [B] = "gw-b" };
static const char *const egress_names[] = { [E1] = "egress/one", [E2] = "egress/two" };
static const char secret[] = "0123456789abcdef0123456789abcdef\n";

static struct ip4 wire_address(enum gateway gateway)
{
	return (struct ip4){ 0xc0a84d01u + gateway };
}

struct process {
	enum gateway gateway;
	struct shared *shared;
	struct loop *loop;
	struct loop_timer *tick;
	struct ct_writer *writer;
	struct sender *sender;
	struct receiver *receiver;
	struct wish wish;
};

static void must(bool good, const char *what, const struct err *err)
{
	if (good)
		return;
	fprintf(stderr, "%s: %s\n", what, err->text);
	_exit(3);
}

static bool is_member(const char *peer, void *data)
{
	const struct process *process = data;

	return strcmp(peer, names[!process->gateway]) == 0;
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

static void do_wish(struct process *process)
{
	struct receiver_egress all[EGRESSES];
	struct sender_egress owned[EGRESSES];
	size_t n = 0;

	process->wish = process->shared->wish;
	for (enum egress e = E1; e < EGRESSES; e++) {
		uint64_t egress = beat_hash(egress_names[e]);
		struct ip4 address = two_address(process->gateway, e);

		all[e] = (struct receiver_egress){ egress, address, two_mark(process->gateway, e),
						   process->wish.owns[e] };
		if (process->wish.owns[e])
			owned[n++] = (struct sender_egress){ egress, address };
	}
	must(receiver_set_egresses(process->receiver, all, EGRESSES) == 0, "egresses", &ERR_NULL);
	must(sender_set_egresses(process->sender, owned, n) == 0, "egresses", &ERR_NULL);
	if (process->wish.quit)
		loop_stop(process->loop);
}

static void on_tick(void *data)
{
	struct process *process = data;
	struct shared *shared = process->shared;
	unsigned wished = shared->wished;

	if (wished != shared->done)
		do_wish(process);
	sender_status(process->sender, &shared->sender);
	receiver_status(process->receiver, &shared->receiver);
	shared->writer = ct_writer_stats(process->writer);
	shared->done = wished;
	loop_timer_arm_ms(process->tick, TICK_MS);
}

static void make(struct process *process)
{
	struct peer_keys keys;
	struct err err = ERR_NULL;
	struct sender_peer peer = { .way = { .address = wire_address(!process->gateway),
					     .port = PORT } };

	must(peer_keys_parse(secret, strlen(secret), &keys, &err) == 0, "keys", &err);
	process->loop = loop_new();
	process->writer = ct_writer_new(&err);
	must(process->loop && process->writer, "writer", &err);
	const struct receiver_config receive = {
		.loop = process->loop,
		.writer = process->writer,
		.place = { wire_address(process->gateway), PORT },
		.name = names[process->gateway],
		.boot = (uint64_t)getpid(),
		.keys = &keys,
		.is_member = is_member,
		.is_owner = is_owner,
		.data = process,
	};
	const struct sender_config send = { .loop = process->loop,
					    .writer = process->writer,
					    .name = names[process->gateway],
					    .boot = (uint64_t)getpid(),
					    .keys = &keys,
					    .times = process->shared->times };

	process->receiver = receiver_new(&receive, &err);
	must(process->receiver, "receiver", &err);
	process->sender = sender_new(&send, &err);
	must(process->sender, "sender", &err);
	snprintf(peer.name, sizeof(peer.name), "%s", names[!process->gateway]);
	must(sender_set_peers(process->sender, &peer, 1) == 0, "peers", &err);
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
	sender_free(process.sender);
	receiver_free(process.receiver);
	ct_writer_free(process.writer);
	loop_timer_free(process.tick);
	loop_free(process.loop);
}
