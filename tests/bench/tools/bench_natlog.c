// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_natlog FOLDER N OPEN ours|conntrack: the processor time that N connections cost who records them, from the kernel's events
 * to a file in FOLDER, while OPEN others are remembered. The other one is conntrack(8), which prints the same events. Connections are
 * made and removed by messages, a few at a time, and nobody pays for that.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "base/err.h"
#include "base/loop.h"
#include "bench.h"
#include "nat/flow.h"
#include "natlog/natlog.h"

enum { BATCH = 1000, PODS = 5000, BUFFER = 32 << 20, PAUSE_MS = 20, LOOK_MS = 1, END_MS = 30000 };

struct bench {
	struct loop *loop;
	struct loop_timer *look;
	struct natlog *natlog;
	struct ct_writer *writer;
	uint64_t records;
	size_t open;
	char uid[40], name[48];
	double cpu_us; /* of ours, while it records */
};

static void set(const char *key, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/nf_conntrack_%s", key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fail("sysctl", path);
	close(fd);
}

static struct ct_flow flow_of(uint32_t i)
{
	return (struct ct_flow){ .orig = { .src = { 0x0a010000 + i % PODS },
					   .dst = { 0xc6336400 + (i >> 16) % 200 },
					   .src_port = (uint16_t)i,
					   .dst_port = 443,
					   .protocol = IPPROTO_UDP },
				 .nat = { 0x0a0001c9 },
				 .nat_port = (uint16_t)i,
				 .mark = 1,
				 .status = IPS_SEEN_REPLY | IPS_ASSURED,
				 .timeout_s = 3600 };
}

static void put(struct bench *bench, enum ct_flow_change change, uint32_t from, uint32_t n)
{
	struct err err = ERR_NULL;
	int rc = 0;

	for (uint32_t i = from; !rc && i < from + n; i++) {
		const struct ct_flow flow = flow_of(i);

		rc = ct_writer_put(bench->writer, change, &flow, &err);
	}
	if (rc || ct_writer_flush(bench->writer, &err))
		fail("connections", err.text);
}

/* What a gateway's inventory says costs a look-up of an address; here it's made up. */
static bool ask(const struct ct_flow *flow, int64_t start_ns, struct natlog_who *ret, void *data)
{
	struct bench *bench = data;
	unsigned pod = flow->orig.src.v & 0xffff;

	(void)start_ns;
	snprintf(bench->uid, sizeof(bench->uid), "0c4f1e2d-0000-4000-8000-%012u", pod);
	snprintf(bench->name, sizeof(bench->name), "payments-6d4cf56db6-%05u", pod);
	*ret = (struct natlog_who){ .namespace = "shop-production",
				    .name = bench->name,
				    .uid = bench->uid,
				    .node = "ip-10-0-1-11.eu-central-1.compute.internal",
				    .policy = "payments",
				    .egress = "bank",
				    .public = { 0xcb007164 } };
	return true;
}

static bool carried(struct ip4 nat, int64_t from_ns, int64_t to_ns, void *data)
{
	(void)nat;
	(void)from_ns;
	(void)to_ns;
	(void)data;
	return true;
}

static void look(void *data)
{
	struct bench *bench = data;
	struct natlog_status status;

	natlog_status(bench->natlog, &status);
	if (status.records >= bench->records && status.open >= bench->open)
		loop_stop(bench->loop);
	else
		loop_timer_arm_ms(bench->look, LOOK_MS);
}

static void record(struct bench *bench)
{
	struct usage before = usage_now();

	loop_timer_arm_ms(bench->look, LOOK_MS);
	if (loop_run(bench->loop))
		fail("loop", "failed");
	bench->cpu_us += usage_since(before, usage_now()).cpu_us;
}

static void measure_ours(struct bench *bench, const char *folder, uint32_t n, uint32_t open)
{
	static const struct natlog_ops ops = { .ask = ask, .carried = carried };
	const struct natlog_options options = { .loop = bench->loop,
						.gateway = "gw-a",
						.book = "",
						.most_flows = 4 << 20,
						.most_waiting = 64 << 20,
						.buffer = BUFFER,
						.ops = &ops,
						.data = bench };
	struct output_hows hows = { .n = 1 };
	struct log_file_options *file = &hows.v[0].file;
	struct natlog_status status;
	struct err err = ERR_NULL;

	*file = (struct log_file_options){ .max_bytes = 100 << 20, .keep = 1, .sync_s = 10 };
	snprintf(file->path, sizeof(file->path), "%s/nat.log", folder);
	bench->natlog = natlog_new(&options, &hows, &err);
	bench->look = loop_timer_new(bench->loop, look, bench);
	if (!bench->natlog || !bench->look)
		fail("natlog", err.text);
	natlog_begin(bench->natlog);
	for (uint32_t i = 0; i < open; i += BATCH) {
		put(bench, CT_FLOW_NEW, n + i, BATCH);
		bench->open = i + BATCH;
		record(bench);
	}
	bench->cpu_us = 0;
	for (uint32_t i = 0; i < n; i += BATCH) {
		put(bench, CT_FLOW_NEW, i, BATCH);
		put(bench, CT_FLOW_GONE, i, BATCH);
		bench->records = i + BATCH;
		record(bench);
	}
	natlog_status(bench->natlog, &status);
	natlog_free(bench->natlog, 10000);
	loop_timer_free(bench->look);
	printf("{\"daemon_us\": %.3f, \"writer_us\": %.3f, \"rss_kib\": %ld, \"lost\": %" PRIu64
	       "}\n",
	       bench->cpu_us / n, usage_of_children().cpu_us / n, peak_rss_kib(),
	       status.lost + status.overruns);
}

static void measure_conntrack(struct bench *bench, const char *folder, uint32_t n)
{
	char path[256];
	struct stat st;
	pid_t pid = fork();

	snprintf(path, sizeof(path), "%s/conntrack.log", folder);
	if (pid == 0) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
			_exit(126);
		execlp("conntrack", "conntrack", "-E", "-e", "NEW,DESTROY", "-b", "33554432", "-o",
		       "timestamp,id", NULL);
		_exit(127);
	}
	/* It listens once it has told the first one. */
	for (int i = 0; stat(path, &st) || st.st_size == 0; i++) {
		put(bench, CT_FLOW_NEW, n, 1);
		put(bench, CT_FLOW_GONE, n, 1);
		(void)poll(NULL, 0, PAUSE_MS);
		if (i * PAUSE_MS > END_MS)
			fail("conntrack", "tells nothing");
	}
	for (uint32_t i = 0; i < n; i += BATCH) {
		put(bench, CT_FLOW_NEW, i, BATCH);
		put(bench, CT_FLOW_GONE, i, BATCH);
		(void)poll(NULL, 0, PAUSE_MS);
	}
	(void)poll(NULL, 0, 10 * PAUSE_MS);
	kill(pid, SIGINT);
	if (waitpid(pid, NULL, 0) != pid)
		fail("conntrack", "doesn't end");
	printf("{\"cpu_us\": %.3f}\n", usage_of_children().cpu_us / n);
}

int main(int argc, char *argv[])
{
	struct bench bench = { 0 };
	struct err err = ERR_NULL;
	uint32_t n, open;

	if (argc != 5)
		fail("usage", "bench_natlog FOLDER N OPEN ours|conntrack");
	n = (uint32_t)strtoul(argv[2], NULL, 10);
	open = (uint32_t)strtoul(argv[3], NULL, 10);
	own_network_namespace();
	set("events", "1");
	set("acct", "1");
	set("timestamp", "1");
	bench.loop = loop_new();
	bench.writer = ct_writer_new(&err);
	if (!bench.loop || !bench.writer)
		fail("connections", err.text);
	if (strcmp(argv[4], "ours") == 0)
		measure_ours(&bench, argv[1], n, open);
	else
		measure_conntrack(&bench, argv[1], n);
	ct_writer_free(bench.writer);
	loop_free(bench.loop);
	return 0;
}
