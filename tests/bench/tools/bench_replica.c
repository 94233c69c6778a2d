// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_replica NAME ADDRESS PEER PEER_ADDRESS EGRESS_ADDRESS send|receive [WALK_MS [LOG [told]]]: one gateway's replication and
 * nothing else of it, with one egress IP, until its standard input ends. WALK_MS: how often all is told again, 0: as usual. LOG: a
 * file for a NAT log, and whether what it knows of connections is told. For each line that comes there it prints what `eipgw status` says
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
#include "gateway/group/replica.h"
#include "natlog/natlog.h"

enum { PORT = 7421, TICK_MS = 10, PODS = 64, BUFFER = 16 << 20, END_MS = 1000 };

static const char egress_name[] = "bench/egress";
static const char secret[] = "0123456789abcdef0123456789abcdef\n"; /* both ends are ours */

static struct {
	struct loop *loop;
	struct loop_timer *tick;
	struct replica *replica;
	struct replica_peer peer;
	struct replica_egress egress;
	struct natlog *natlog; /* NULL: no log is wanted */
	struct replica_tales tales;
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

/* ---- a log, as flowlog.c has it */

static bool ask(const struct ct_flow *flow, int64_t start_ns, struct natlog_who *ret, void *data)
{
	static char name[16];

	(void)start_ns;
	(void)data;
	snprintf(name, sizeof(name), "pod-%d", flow->orig.src_port % PODS);
	*ret = (struct natlog_who){ .namespace = "default",
				    .name = name,
				    .uid = "0c4f1e2d-0000-4000-8000-000000000001",
				    .node = "node1",
				    .policy = "payments",
				    .egress = "bench" };
	return flow->nat.v == end.egress.address.v;
}

static bool carried(struct ip4 nat, int64_t from_ns, int64_t to_ns, void *data)
{
	(void)nat;
	(void)from_ns;
	(void)to_ns;
	(void)data;
	return end.egress.mode == REPLICA_SEND;
}

static bool tell(const struct ct_flow *flow, const struct ct_account *account, struct ct_tale *ret,
		 void *data)
{
	(void)data;
	return natlog_tell(end.natlog, flow, account, ret);
}

static size_t tell_who(uint32_t who, uint8_t *ret, size_t size, void *data)
{
	(void)data;
	return natlog_tell_who(end.natlog, who, ret, size);
}

static void take(const struct ct_flow *flow, const struct ct_tale *tale, const uint8_t *who,
		 size_t n, void *data)
{
	(void)data;
	natlog_take(end.natlog, flow, &(struct natlog_word){ tale, who, n });
}

static void make_log(const char *name, const char *path)
{
	static const struct natlog_ops ops = { .ask = ask, .carried = carried };
	struct output_hows hows = { .n = 1 };
	struct log_file_options *file = &hows.v[0].file;
	const struct natlog_options options = { .loop = end.loop,
						.gateway = name,
						.most_flows = 4 << 20,
						.most_waiting = 64 << 20,
						.buffer = BUFFER,
						.ops = &ops };
	struct err err = ERR_NULL;

	*file = (struct log_file_options){ .max_bytes = 1 << 30, .keep = 1, .sync_s = 10 };
	snprintf(file->path, sizeof(file->path), "%s", path);
	end.natlog = natlog_new(&options, &hows, &err);
	if (!end.natlog)
		fail("log", err.text);
	natlog_begin(end.natlog);
	end.tales = (struct replica_tales){ .tell = { tell, tell_who, NULL }, .take = take };
}

static struct ip4 address_of(const char *text)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		fail(text, "no address");
	return (struct ip4){ ntohl(address.s_addr) };
}

static void make(char *argv[], int64_t walk_ms, bool tells)
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
		.tales = tells ? &end.tales : NULL,
	};
	struct err err = ERR_NULL;
	struct peer_keys keys;

	if (peer_keys_parse(secret, strlen(secret), &keys, &err))
		fail("key", err.text);
	config.keys = &keys;
	/* The log asks for them. */
	end.egress.address = address_of(argv[5]);
	end.egress.mode = strcmp(argv[6], "send") == 0 ? REPLICA_SEND : REPLICA_RECEIVE;
	end.replica = replica_new(&config, &err);
	if (!end.replica)
		fail("replica", err.text);
	peer_keys_done(&keys);
	snprintf(end.peer.name, sizeof(end.peer.name), "%s", argv[3]);
	end.peer.address = address_of(argv[4]);
	snprintf(end.egress.name, sizeof(end.egress.name), "%s", egress_name);
	if (replica_set_peers(end.replica, &end.peer, 1) ||
	    replica_set_egresses(end.replica, &end.egress, 1))
		fail("replica", "out of memory");
}

int main(int argc, char *argv[])
{
	struct loop_io *lines;

	if (argc < 7 || argc > 10)
		fail(argv[0], "NAME ADDRESS PEER PEER_ADDRESS EGRESS_ADDRESS send|receive "
			      "[WALK_MS [LOG [told]]]");
	log_level_set(LOG_LEVEL_WARNING);
	end.loop = loop_new();
	if (!end.loop)
		fail("loop", "out of memory");
	if (argc > 8)
		make_log(argv[1], argv[8]);
	make(argv, argc > 7 ? strtol(argv[7], NULL, 10) : 0, argc > 9);
	end.tick = loop_timer_new(end.loop, on_tick, NULL);
	lines = loop_io_new(end.loop, STDIN_FILENO, LOOP_READ, on_line, NULL);
	if (!end.tick || !lines)
		fail("loop", "out of memory");
	end.due = mono_now();
	on_tick(NULL);
	if (loop_run(end.loop))
		fail("loop", "it failed");
	replica_free(end.replica);
	natlog_free(end.natlog, END_MS);
	loop_io_free(lines);
	loop_timer_free(end.tick);
	loop_free(end.loop);
	return 0;
}
