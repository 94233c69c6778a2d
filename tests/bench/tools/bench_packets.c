// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_packets KEY=VALUE... PHASE...: drives one gateway from the wire that it hangs on, in the wire's namespace.
 *
 *   fill:FLOWS           makes flows 0..FLOWS-1 established: each is sent, answered, and sent again when 2 s are over
 *   out:FLOWS:SECONDS    packets of pods, of a random flow each
 *   back:FLOWS:SECONDS   packets of servers
 *   put:FLOWS            makes flows 0..FLOWS-1 established in the gateway's kernel, without packets
 *   burst:FLOWS:SECONDS  as out, in bursts of one flow each
 *   new:FIRST:SECONDS    each packet is the first of flow FIRST, FIRST+1, ...
 *   flush                forgets all connections
 *
 * What counts is the processor time of the gateway's receiving thread for each packet that came out of the gateway again.
 * Prints one JSON list with an object for each phase but flush and put.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "bench.h"
#include "connections.h"
#include "nat/flow.h"
#include "wire.h"

enum { THREADS_MAX = 8, WARM_PACKETS = 50000, RUN_MAX = 20000000 };
enum { FILL_PASSES = 4, FILL_RUN = 1000000, WINDOW = 128, IDLE_RUNS = 3 };
enum { GENERATOR_NICE = -10, ASSURED_AFTER_MS = 2100 };

struct options {
	const char *object, *device, *gateway_netns, *gateway_device, *threads;
	const char *pods, *nodes, *tunnel, *gateway, *egress, *processor;
	const char *protocol; /* "udp", which is the default, or "tcp" */
	const char *warm;     /* packets before each measurement; default WARM_PACKETS */
};

static struct {
	struct wire *wire;
	struct packets_shared *shared;
	struct connections *connections;
	FILE *device_stats; /* of the gateway's namespace */
	char gateway_device[16];
	int threads[THREADS_MAX];
	size_t n_threads;
	uint32_t warm;
	const char *comma; /* before the next object */
} bench = { .comma = "" };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

/* Nanoseconds on a processor since the thread began; 0 when it is gone. */
static uint64_t thread_ns(int thread)
{
	char path[64], text[64] = "0";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", thread);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		text[0] = '\0';
	if (file)
		fclose(file);
	return strtoull(text, NULL, 10);
}

/* Packets that the gateway's device received. */
static uint64_t device_received(void)
{
	size_t length = strlen(bench.gateway_device);
	char line[512];
	uint64_t packets = 0;

	rewind(bench.device_stats);
	while (fgets(line, sizeof(line), bench.device_stats)) {
		const char *name = line + strspn(line, " ");
		char *bytes_end;

		if (strncmp(name, bench.gateway_device, length) != 0 || name[length] != ':')
			continue;
		(void)strtoull(name + length + 1, &bytes_end, 10);
		packets = strtoull(bytes_end, NULL, 10);
	}
	return packets;
}

struct reading {
	double at;
	uint64_t cpu_ns, received;
	struct packets_arrived arrived;
};

static struct reading read_all(void)
{
	struct reading reading = { .arrived = bench.shared->arrived,
				   .received = device_received() };

	for (size_t i = 0; i < bench.n_threads; i++)
		reading.cpu_ns += thread_ns(bench.threads[i]);
	reading.at = now();
	return reading;
}

static uint64_t arrived(const struct reading *reading)
{
	return bench.shared->work.direction == PACKETS_BACK ? reading->arrived.back :
							      reading->arrived.out;
}

static void report(const char *phase, uint32_t flows, const struct reading *a,
		   const struct reading *b)
{
	uint64_t packets = arrived(b) - arrived(a), received = b->received - a->received;
	double ns = (double)(b->cpu_ns - a->cpu_ns), seconds = b->at - a->at;

	printf("%s{\"phase\": \"%s\", \"flows\": %u, \"packets\": %llu, \"received\": %llu, \"wrong\": %llu, "
	       "\"ns\": %.2f, \"busy\": %.3f, \"seconds\": %.3f, \"connections\": %ld}",
	       bench.comma, phase, flows, (unsigned long long)packets, (unsigned long long)received,
	       (unsigned long long)(b->arrived.wrong - a->arrived.wrong),
	       packets ? ns / (double)packets : 0.0, ns / 1e9 / seconds, seconds,
	       connections_count(bench.connections));
	bench.comma = ", ";
}

/*
 * Sends as fast as it can. The gateway's ring is full then, and what doesn't fit is dropped before it costs the gateway
 * anything. One run of the generator, since each begins and ends with tens of milliseconds of the kernel's own.
 */
static void measure(const char *phase, uint32_t flows, double seconds)
{
	struct reading start, stop;
	double began = now(), packets;

	wire_send(bench.wire, bench.warm);
	packets = bench.warm / (now() - began) * seconds;
	if (packets > RUN_MAX)
		packets = RUN_MAX;
	start = read_all();
	wire_send(bench.wire, (uint32_t)packets + 1);
	stop = read_all();
	report(phase, flows, &start, &stop);
}

static void send_each_once(uint32_t flows)
{
	struct packets_work *work = &bench.shared->work;
	const volatile struct packets_arrived *arrived = &bench.shared->arrived;
	uint64_t back;

	work->order = PACKETS_IN_TURN;
	work->direction = PACKETS_OUT;
	work->reflect = 1;
	work->first = work->next = 0;
	work->last = flows;
	work->window = WINDOW;
	work->first_back = back = arrived->back;
	for (int idle = 0; arrived->back - work->first_back < flows && idle < IDLE_RUNS; idle++) {
		wire_send(bench.wire, FILL_RUN);
		if (arrived->back != back)
			idle = -1;
		/* Lost ones would close the window for ever. The next pass makes up for them. */
		else
			work->first_back -= work->next - (uint32_t)(back - work->first_back);
		back = arrived->back;
	}
	work->reflect = 0;
	work->window = 0;
}

static void fill(uint32_t flows)
{
	double start = now();
	long assured = 0;

	for (int pass = 0; pass < FILL_PASSES && assured < (long)flows; pass++) {
		send_each_once(flows);
		if (pass == 0)
			wait_ms(ASSURED_AFTER_MS);
		else
			assured = connections_assured(bench.connections);
	}
	printf("%s{\"phase\": \"fill\", \"flows\": %u, \"assured\": %ld, \"seconds\": %.3f}",
	       bench.comma, flows, assured, now() - start);
	bench.comma = ", ";
}

enum { LIFE_S = 3600, MARK = 1 };

/* As packets.bpf.c has flow `index`. */
static void put(uint32_t flows)
{
	const struct packets_work *work = &bench.shared->work;

	for (uint32_t i = 0; i < flows; i++) {
		uint32_t pod = i % work->pods;
		const struct ct_flow flow = {
			.orig = { .src = { PACKETS_PODS + pod % work->nodes * 256 +
					   2 * (pod / work->nodes) },
				  .dst = { PACKETS_SERVERS + (i & 255) },
				  .src_port = (uint16_t)(PACKETS_FIRST_PORT + (i >> 8)),
				  .dst_port = PACKETS_SERVER_PORT,
				  .protocol = work->tcp ? IPPROTO_TCP : IPPROTO_UDP },
			.nat = { work->egress },
			.nat_port = (uint16_t)(PACKETS_FIRST_PORT + (i >> 8)),
			.tcp_state = work->tcp ? TCP_CONNTRACK_ESTABLISHED : 0,
			.mark = MARK,
			.status = IPS_SEEN_REPLY | IPS_ASSURED,
			.timeout_s = LIFE_S,
		};

		connections_put(bench.connections, &flow);
	}
	connections_put_end(bench.connections);
}

static void run_phase(const char *phase)
{
	struct packets_work *work;
	size_t name = strcspn(phase, ":");
	char *rest = NULL;
	uint32_t flows = phase[name] ? (uint32_t)strtoul(phase + name + 1, &rest, 10) : 0;
	double seconds = rest && *rest ? strtod(rest + 1, NULL) : 0;

	if (!bench.shared)
		fail(phase, "nothing is open yet");
	work = &bench.shared->work;
	work->order = PACKETS_RANDOM;
	work->direction = PACKETS_OUT;
	work->n_flows = flows ? flows : 1;
	if (strncmp(phase, "flush", name) == 0) {
		connections_flush(bench.connections);
	} else if (strncmp(phase, "fill", name) == 0) {
		fill(flows);
	} else if (strncmp(phase, "put", name) == 0) {
		put(flows);
	} else if (strncmp(phase, "burst", name) == 0) {
		work->order = PACKETS_IN_BURSTS;
		measure("burst", flows, seconds);
	} else if (strncmp(phase, "new", name) == 0) {
		work->order = PACKETS_IN_TURN;
		work->next = flows;
		measure("new", flows, seconds);
	} else {
		work->direction = phase[0] == 'b' ? PACKETS_BACK : PACKETS_OUT;
		measure(phase[0] == 'b' ? "back" : "out", flows, seconds);
	}
}

static uint32_t number(const char *text)
{
	return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static uint32_t address(const char *text)
{
	struct in_addr parsed;

	return text && inet_pton(AF_INET, text, &parsed) == 1 ? ntohl(parsed.s_addr) : 0;
}

static void read_threads(const char *text)
{
	while (text && *text && bench.n_threads < THREADS_MAX) {
		char *end;

		bench.threads[bench.n_threads++] = (int)strtol(text, &end, 10);
		text = *end ? end + 1 : end;
	}
}

static void stand_on_processor(uint32_t processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fail("processor", strerror(errno));
	(void)setpriority(PRIO_PROCESS, 0, GENERATOR_NICE);
}

static void open_bench(const struct options *o)
{
	struct packets_work work = { .pods = number(o->pods),
				     .nodes = number(o->nodes),
				     .tunnel = number(o->tunnel),
				     .tcp = o->protocol && strcmp(o->protocol, "tcp") == 0,
				     .gateway = address(o->gateway),
				     .egress = address(o->egress),
				     .n_flows = 1 };

	if (!o->object || !o->device || !o->gateway_netns || !o->gateway_device || !work.pods ||
	    !work.nodes)
		fail("usage", "bench_packets KEY=VALUE... PHASE...");
	snprintf(bench.gateway_device, sizeof(bench.gateway_device), "%s", o->gateway_device);
	bench.warm = o->warm ? number(o->warm) : WARM_PACKETS;
	read_threads(o->threads);
	stand_on_processor(number(o->processor));
	bench.connections = connections_open(o->gateway_netns, &bench.device_stats);
	bench.wire = wire_open(o->object, o->device, work.tunnel, &bench.shared);
	work.out_ifindex = bench.shared->work.out_ifindex;
	bench.shared->work = work;
}

/* The value when `argument` is "KEY=VALUE" of that key. */
static bool take(const char *argument, const char *key, const char **ret)
{
	size_t length = strlen(key);

	if (strncmp(argument, key, length) != 0 || argument[length] != '=')
		return false;
	*ret = argument + length + 1;
	return true;
}

static bool take_option(const char *argument, struct options *o)
{
	return take(argument, "object", &o->object) || take(argument, "device", &o->device) ||
	       take(argument, "gateway_netns", &o->gateway_netns) ||
	       take(argument, "gateway_device", &o->gateway_device) ||
	       take(argument, "threads", &o->threads) || take(argument, "pods", &o->pods) ||
	       take(argument, "nodes", &o->nodes) || take(argument, "tunnel", &o->tunnel) ||
	       take(argument, "gateway", &o->gateway) || take(argument, "egress", &o->egress) ||
	       take(argument, "processor", &o->processor) ||
	       take(argument, "protocol", &o->protocol) || take(argument, "warm", &o->warm);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	int first = 1;

	while (first < argc && take_option(argv[first], &options))
		first++;
	open_bench(&options);
	printf("[");
	for (int i = first; i < argc; i++)
		run_phase(argv[i]);
	printf("]\n");
	wire_close(bench.wire);
	connections_close(bench.connections);
	return 0;
}
