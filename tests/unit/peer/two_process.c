// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The process that a gateway is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

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
	struct sender_tales tales;
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

/* ---- lives: all that is said of one follows from its source port */

enum { WHO = 4 };

static bool tell(const struct ct_flow *flow, const struct ct_account *account, struct ct_tale *ret,
		 void *data)
{
	const struct process *process = data;

	*ret = (struct ct_tale){ .who = flow->orig.src_port % WHO,
				 .serial = process->shared->serial + 1,
				 .basis = 1,
				 .history = { .start_ns = flow->orig.src_port + 1, .n = 1 } };
	ret->history.stints[0].sent.packets = account ? 2 : 1;
	return flow->orig.src_port < 10000 + process->shared->lives_known;
}

static void name_of(unsigned who, unsigned serial, char ret[static 32])
{
	snprintf(ret, 32, "%u by name, %u", who, serial);
}

static size_t who(uint32_t number, uint8_t *ret, size_t size, void *data)
{
	const struct process *process = data;
	char name[32];

	name_of(number, process->shared->serial, name);
	snprintf((char *)ret, size, "%s", name);
	return strlen(name);
}

static void on_tale(const struct ct_flow *flow, const struct ct_tale *tale, const uint8_t *bytes,
		    size_t n, void *data)
{
	struct process *process = data;
	struct shared *shared = process->shared;
	char name[32];

	name_of(flow->orig.src_port % WHO, shared->serial, name);
	shared->wrong += n != strlen(name) || memcmp(bytes, name, n) != 0 || tale->basis != 1 ||
			 tale->history.start_ns != flow->orig.src_port + 1 || tale->history.n != 1;
	shared->lives++;
}

/* Of the first version: nothing more is said in the handshake. */
static bool is_old;
int __real_SSL_CTX_set_alpn_protos(SSL_CTX *context, const unsigned char *v, unsigned n);
int __wrap_SSL_CTX_set_alpn_protos(SSL_CTX *context, const unsigned char *v, unsigned n);
void __real_SSL_CTX_set_alpn_select_cb(SSL_CTX *context, SSL_CTX_alpn_select_cb_func choose,
				       void *data);
void __wrap_SSL_CTX_set_alpn_select_cb(SSL_CTX *context, SSL_CTX_alpn_select_cb_func choose,
				       void *data);

int __wrap_SSL_CTX_set_alpn_protos(SSL_CTX *context, const unsigned char *v, unsigned n)
{
	return is_old ? 0 : __real_SSL_CTX_set_alpn_protos(context, v, n);
}

void __wrap_SSL_CTX_set_alpn_select_cb(SSL_CTX *context, SSL_CTX_alpn_select_cb_func choose,
				       void *data)
{
	if (!is_old)
		__real_SSL_CTX_set_alpn_select_cb(context, choose, data);
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
			owned[n++] =
				(struct sender_egress){ egress, address, process->wish.leaves[e] };
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
	struct receiver_status receiver;
	struct sender_status sender;

	if (wished != shared->done)
		do_wish(process);
	/* Not there in the making: it is zeroed first, and somebody reads it. */
	sender_status(process->sender, &sender);
	receiver_status(process->receiver, &receiver);
	shared->sender = sender;
	shared->receiver = receiver;
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
		.on_tale = on_tale,
		.data = process,
	};
	const struct sender_config send = { .loop = process->loop,
					    .writer = process->writer,
					    .name = names[process->gateway],
					    .boot = (uint64_t)getpid(),
					    .keys = &keys,
					    .times = process->shared->times,
					    .tales = &process->tales };

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
	struct process process = { .gateway = gateway,
				   .shared = shared,
				   .tales = { tell, who, &process } };

	is_old = shared->is_old;
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
