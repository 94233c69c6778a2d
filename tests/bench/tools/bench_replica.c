// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_replica NAME ADDRESS PEER PEER_ADDRESS EGRESS_ADDRESS send|receive [WALK_MS]: one gateway's replication and nothing
 * else of it, with one egress IP, until its standard input ends. WALK_MS: how often all is told again. For each line that comes there it prints what `eipgw status` says
 * of replication, whether all is told or here ("done"), and the longest time so far in which its loop did not come round
 * ("away_ms"): heartbeats go by the same loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "bench.h"
#include "control/out.h"
#include "gateway/replica.h"

enum { PORT = 7421, TICK_MS = 10 };

static const char egress_name[] = "bench/egress";
static const char secret[] = "0123456789abcdef0123456789abcdef\n"; /* both ends are ours */

static struct {
	struct loop *loop;
	struct loop_timer *tick;
	struct replica *replica;
	struct replica_peer peer;
	struct replica_egress egress;
	struct mono due; /* the tick */
	int64_t away_ms;
} end;

static bool is_owner(const char *peer, uint64_t egress, void *data)
{
	(void)data;
	return end.egress.mode == REPLICA_RECEIVE && egress == beat_hash(egress_name) &&
	       strcmp(peer, end.peer.name) == 0;
}

static void on_change(void *data)
{
	(void)data;
}

static void on_tick(void *data)
{
	int64_t late = mono_diff_ms(mono_now(), end.due);

	(void)data;
	end.away_ms = late > end.away_ms ? late : end.away_ms;
	end.due = mono_add_ms(mono_now(), TICK_MS);
	loop_timer_arm_ms(end.tick, TICK_MS);
}

static void report(void)
{
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
	bool is_done = end.egress.mode == REPLICA_SEND ?
			       replica_is_sent(end.replica, 0, end.peer.name) :
			       replica_is_complete(end.replica, 0);
	struct err err = ERR_NULL;
	const char *text;
	size_t length;

	replica_report(end.replica, out);
	control_bool(out, "done", is_done);
	control_int(out, "away_ms", end.away_ms);
	if (control_out_finish(out, &text, &length, &err))
		fail("report", err.text);
	(void)fwrite(text, 1, length, stdout);
	(void)fflush(stdout);
}

static void on_line(int fd, unsigned events, void *data)
{
	char line[64];

	(void)events;
	(void)data;
	if (read(fd, line, sizeof(line)) > 0)
		report();
	else
		loop_stop(end.loop);
}

static struct ip4 address_of(const char *text)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		fail(text, "no address");
	return (struct ip4){ ntohl(address.s_addr) };
}

static void make(char *argv[], int64_t walk_ms)
{
	struct replica_config config = {
		.loop = end.loop,
		.name = argv[1],
		.address = address_of(argv[2]),
		.port = PORT,
		.boot = (uint64_t)getpid(),
		.is_owner = is_owner,
		.on_change = on_change,
		.times = { .walk = walk_ms, .refresh = walk_ms },
	};
	struct err err = ERR_NULL;
	struct peer_keys keys;

	if (peer_keys_parse(secret, strlen(secret), &keys, &err))
		fail("key", err.text);
	config.keys = &keys;
	end.replica = replica_new(&config, &err);
	if (!end.replica)
		fail("replica", err.text);
	peer_keys_done(&keys);
	snprintf(end.peer.name, sizeof(end.peer.name), "%s", argv[3]);
	end.peer.address = address_of(argv[4]);
	snprintf(end.egress.name, sizeof(end.egress.name), "%s", egress_name);
	end.egress.address = address_of(argv[5]);
	end.egress.mode = strcmp(argv[6], "send") == 0 ? REPLICA_SEND : REPLICA_RECEIVE;
	if (replica_set_peers(end.replica, &end.peer, 1) ||
	    replica_set_egresses(end.replica, &end.egress, 1))
		fail("replica", "out of memory");
}

int main(int argc, char *argv[])
{
	struct loop_io *lines;

	if (argc != 7 && argc != 8)
		fail(argv[0],
		     "NAME ADDRESS PEER PEER_ADDRESS EGRESS_ADDRESS send|receive [WALK_MS]");
	log_level_set(LOG_LEVEL_WARNING);
	end.loop = loop_new();
	if (!end.loop)
		fail("loop", "out of memory");
	make(argv, argc == 8 ? strtol(argv[7], NULL, 10) : 0);
	end.tick = loop_timer_new(end.loop, on_tick, NULL);
	lines = loop_io_new(end.loop, STDIN_FILENO, LOOP_READ, on_line, NULL);
	if (!end.tick || !lines)
		fail("loop", "out of memory");
	end.due = mono_now();
	on_tick(NULL);
	if (loop_run(end.loop))
		fail("loop", "it failed");
	replica_free(end.replica);
	loop_io_free(lines);
	loop_timer_free(end.tick);
	loop_free(end.loop);
	return 0;
}
