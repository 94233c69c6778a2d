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
	struct sender_blocks blocks;
	bool seen[SOURCES]; /* of all blocks that are being told */
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

/* ---- blocks: source i has the i-th, of 16 ports */

enum { PORTS = 16, FIRST_PORT = 2000 };
_Static_assert(SOURCES > 2 * FRAME_BLOCKS_MAX, "of more than two frames");

static struct frame_block block_of(size_t i, bool is_given)
{
	return (struct frame_block){ { 0x0a010000u + (uint32_t)i },
				     (uint16_t)(FIRST_PORT + PORTS * i),
				     is_given };
}

static int list_blocks(uint64_t egress, size_t *at, struct peer_frame *ret, void *data)
{
	const struct process *process = data;
	const enum egress e = egress == beat_hash(egress_names[E1]) ? E1 : E2;

	ret->ports = PORTS;
	for (; *at < SOURCES && ret->n < FRAME_BLOCKS_MAX; (*at)++) {
		if (process->wish.has_block[e][*at])
			ret->blocks[ret->n++] = block_of(*at, true);
	}
	return *at < SOURCES;
}

static void on_blocks(const char *peer, const struct peer_frame *frame, void *data)
{
	struct process *process = data;
	struct shared *shared = process->shared;
	const enum egress e = frame->egress == beat_hash(egress_names[E1]) ? E1 : E2;

	shared->wrong += strcmp(peer, names[!process->gateway]) != 0 || frame->ports != PORTS;
	if (frame->begins)
		memset(process->seen, 0, sizeof(process->seen));
	for (size_t i = 0; i < frame->n; i++) {
		const struct frame_block *block = &frame->blocks[i];
		const size_t source = block->source.v - block_of(0, true).source.v;

		shared->wrong += source >= SOURCES ||
				 block->first_port != block_of(source, true).first_port;
		shared->has_block[e][source] = process->seen[source] = block->is_given;
	}
	for (size_t i = 0; frame->ends && i < SOURCES; i++)
		shared->has_block[e][i] = process->seen[i];
	shared->states += frame->ends;
	shared->words++;
}

/* What has changed is told. */
static void tell_blocks(struct process *process, const struct wish *old)
{
	for (enum egress e = E1; e < EGRESSES; e++) {
		for (size_t i = 0; i < SOURCES; i++) {
			const bool is = process->wish.has_block[e][i];
			const struct frame_block block = block_of(i, is);

			if (is != old->has_block[e][i])
				sender_put_block(process->sender, beat_hash(egress_names[e]),
						 &block, PORTS);
		}
	}
	if (process->wish.told != old->told)
		sender_tell_blocks(process->sender);
}

/* ---- older versions: of the first nothing more is said in the handshake, of the second less */

static unsigned version;
static const unsigned char second[] = "\x07"
				      "eipgw/2";
int __real_SSL_CTX_set_alpn_protos(SSL_CTX *context, const unsigned char *v, unsigned n);
int __wrap_SSL_CTX_set_alpn_protos(SSL_CTX *context, const unsigned char *v, unsigned n);
void __real_SSL_CTX_set_alpn_select_cb(SSL_CTX *context, SSL_CTX_alpn_select_cb_func choose,
				       void *data);
void __wrap_SSL_CTX_set_alpn_select_cb(SSL_CTX *context, SSL_CTX_alpn_select_cb_func choose,
				       void *data);

int __wrap_SSL_CTX_set_alpn_protos(SSL_CTX *context, const unsigned char *v, unsigned n)
{
	if (version == 1)
		return 0;
	return version ? __real_SSL_CTX_set_alpn_protos(context, second, sizeof(second) - 1) :
			 __real_SSL_CTX_set_alpn_protos(context, v, n);
}

static int choose_second(SSL *ssl, const unsigned char **ret, unsigned char *ret_length,
			 const unsigned char *offered, unsigned length, void *data)
{
	unsigned char *chosen;

	(void)ssl;
	(void)data;
	if (SSL_select_next_proto(&chosen, ret_length, second, sizeof(second) - 1, offered,
				  length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

void __wrap_SSL_CTX_set_alpn_select_cb(SSL_CTX *context, SSL_CTX_alpn_select_cb_func choose,
				       void *data)
{
	if (version != 1)
		__real_SSL_CTX_set_alpn_select_cb(context, version ? choose_second : choose, data);
}

static void do_wish(struct process *process)
{
	struct receiver_egress all[EGRESSES];
	struct sender_egress owned[EGRESSES];
	const struct wish old = process->wish;
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
	tell_blocks(process, &old);
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
		.on_blocks = version && version < 3 ? NULL : on_blocks,
		.data = process,
	};
	const struct sender_config send = { .loop = process->loop,
					    .writer = process->writer,
					    .name = names[process->gateway],
					    .boot = (uint64_t)getpid(),
					    .keys = &keys,
					    .times = process->shared->times,
					    .tales = &process->tales,
					    .blocks = &process->blocks };

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
				   .tales = { tell, who, &process },
				   .blocks = { list_blocks, &process } };

	version = shared->version;
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
