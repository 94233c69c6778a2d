// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_connect SERVER_NETNS CLIENT_DEVICE SERVER_DEVICE KEY=VALUE...: pods and servers on the two sides of a gateway, as far
 * as connection tracking can tell. Runs in the pods' namespace, until its time is over or SIGTERM comes, and prints one JSON
 * object.
 *
 *   seconds=S rate=R   opens R connections a second; with hold_ms=H each is closed H ms later, else they stay; of udp_each=N
 *                      each N-th is one datagram and its echo, of tcp_each=N all but each N-th. first=I: their numbers begin
 *                      there, so that none comes twice
 *                      answered=FILE gets a byte for each: 1 when an answer to its first packet came
 *   seconds=S ping=US  one UDP flow, a datagram each so many microseconds: how long its echo takes
 *
 * No address is the namespaces' own, so their kernels answer nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "base/cleanup.h"
#include "bench.h"
#include "segments.h"

/* More are taken than can be made at once: two of ours, and an answer to each. */
enum { BURST = 64, TAKEN = 4 * BURST, BUFFER = 16 << 20, PINGS_MAX = 1 << 20 };
enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000, LINGER_NS = 200 * NS_PER_MS };
enum { TCP_SERVICE = 443, UDP_SERVICE = 53, PING_SERVICE = 7 };

struct side {
	int out, in;
};

static struct {
	long seconds, rate, hold_ms, udp_each, tcp_each, first, ping;
	const char *answered;
} options = { .hold_ms = -1 };

static struct {
	struct side client, server;
	uint64_t began_ns, opened_ns, moved_ns, opened, closed, answered;
	uint32_t *took_us; /* of each ping */
	uint8_t *heard;    /* of each connection */
	size_t n_heard;
	uint64_t heard_ns, gap_ns;
} bench;

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- connections */

/* Others may play on the same devices: each has its own servers' ports. */
static uint16_t service_of(uint8_t protocol)
{
	if (options.ping)
		return PING_SERVICE;
	return protocol == IPPROTO_TCP ? TCP_SERVICE : UDP_SERVICE;
}

static struct packet first_of(uint64_t i, uint8_t protocol)
{
	return segments_first(i, protocol, service_of(protocol));
}

static bool is_udp(uint64_t i)
{
	if (options.tcp_each)
		return i % (uint64_t)options.tcp_each != 0;
	return options.udp_each && i % (uint64_t)options.udp_each == 0;
}

static void open_connection(uint64_t i)
{
	struct packet packet = first_of(i, is_udp(i) ? IPPROTO_UDP : IPPROTO_TCP);

	if (packet.ip.protocol == IPPROTO_TCP) {
		packet.tcp.seq = htonl(ISN_CLIENT);
		packet.tcp.syn = 1;
	} else {
		packet.sent_us = (uint32_t)(now_ns() / 1000);
	}
	segments_send(bench.client.out, &packet);
}

static void close_connection(uint64_t i)
{
	struct packet packet = first_of(i, IPPROTO_TCP);

	if (is_udp(i))
		return;
	packet.tcp.seq = htonl(ISN_CLIENT + 1);
	packet.tcp.ack_seq = htonl(ISN_SERVER + 1);
	packet.tcp.ack = packet.tcp.fin = 1;
	segments_send(bench.client.out, &packet);
}

/* ---- what comes */

static void take_ping(const struct packet *packet)
{
	uint64_t now = now_ns();

	if (bench.heard_ns && now - bench.heard_ns > bench.gap_ns)
		bench.gap_ns = now - bench.heard_ns;
	bench.heard_ns = now;
	if (bench.took_us && bench.answered < PINGS_MAX)
		bench.took_us[bench.answered] = (uint32_t)(now / 1000) - packet->sent_us;
}

static void take_answer(const struct packet *packet)
{
	uint64_t i = segments_number(packet) - (uint64_t)options.first;

	bench.answered++;
	if (i < bench.n_heard)
		bench.heard[i] = 1;
}

static void take(struct packet *packet, bool is_server)
{
	const struct side *side = is_server ? &bench.server : &bench.client;
	uint16_t service = is_server ? packet->tcp.dest : packet->tcp.source;

	if (service != htons(service_of(packet->ip.protocol)))
		return;
	if (packet->ip.protocol == IPPROTO_TCP) {
		if (!is_server && packet->tcp.syn)
			take_answer(packet);
		if (segments_answer(packet, is_server))
			segments_send(side->out, packet);
	} else if (is_server) {
		segments_turn_round(packet);
		segments_send(side->out, packet);
	} else {
		take_ping(packet);
		take_answer(packet);
	}
}

static void take_all(bool is_server)
{
	int in = is_server ? bench.server.in : bench.client.in;
	struct packet packet;

	for (int i = 0; i < TAKEN; i++) {
		ssize_t got = recv(in, &packet, sizeof(packet), 0);

		if (got < 0)
			return;
		if ((size_t)got >= sizeof(packet.ip) + sizeof(packet.udp) && packet.ip.ihl == 5)
			take(&packet, is_server);
	}
}

/* ---- when */

static uint64_t ns_each(void)
{
	return options.ping > 0 ? (uint64_t)options.ping * 1000 :
	       options.rate > 0 ? 1000000000u / (uint64_t)options.rate :
				  1000000000u;
}

static uint64_t span_ns(void)
{
	return (uint64_t)options.seconds * NS_PER_S;
}

/* Who wants to know of each connection gets all that he asked for, later if need be, and none that is left open. */
static bool is_over(uint64_t since)
{
	bool has_open = options.hold_ms >= 0 && bench.closed < bench.opened;

	if (!options.answered)
		return since >= span_ns();
	return since >= span_ns() && !has_open && since >= bench.moved_ns + LINGER_NS;
}

static void send_due(uint64_t now)
{
	uint64_t since = now - bench.began_ns, hold = (uint64_t)options.hold_ms * NS_PER_MS;
	uint64_t due = (since < span_ns() ? since : span_ns()) / ns_each();

	for (int i = 0; i < BURST && bench.opened < due; i++, bench.opened++) {
		open_connection((uint64_t)options.first + (options.ping ? 0 : bench.opened));
		bench.opened_ns = bench.moved_ns = since;
	}
	if (options.hold_ms < 0 || since < hold)
		return;
	due = (since - hold) / ns_each();
	for (int i = 0; i < BURST && bench.closed < due && bench.closed < bench.opened;
	     i++, bench.closed++) {
		close_connection((uint64_t)options.first + bench.closed);
		bench.moved_ns = since;
	}
}

static void run(void)
{
	uint64_t now = bench.began_ns = now_ns();

	for (; !stopped && !is_over(now - bench.began_ns); now = now_ns()) {
		uint64_t wait = ns_each() - (now - bench.began_ns) % ns_each();
		struct pollfd fds[] = { { .fd = bench.client.in, .events = POLLIN },
					{ .fd = bench.server.in, .events = POLLIN } };
		struct timespec timeout = { .tv_nsec =
						    (long)(wait < 999999999 ? wait : 999999999) };

		send_due(now);
		(void)ppoll(fds, 2, &timeout, NULL);
		take_all(true);
		take_all(false);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double ms_of(uint32_t us)
{
	return (double)us / 1e3;
}

static void report(void)
{
	uint64_t n = bench.answered < PINGS_MAX ? bench.answered : PINGS_MAX;
	uint32_t *took = bench.took_us;

	printf("{\"opened\": %llu, \"answered\": %llu, \"closed\": %llu, \"opening_s\": %.3f, \"cpu_us\": %.0f",
	       (unsigned long long)bench.opened, (unsigned long long)bench.answered,
	       (unsigned long long)bench.closed, (double)bench.opened_ns / NS_PER_S,
	       usage_now().cpu_us);
	if (took && n) {
		qsort(took, n, sizeof(*took), compare);
		printf(", \"gap_ms\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f",
		       (double)bench.gap_ns / 1e6, ms_of(took[n / 2]), ms_of(took[n * 99 / 100]),
		       ms_of(took[n - 1]));
	}
	printf("}\n");
}

static void write_heard(void)
{
	FILE *file;

	if (!options.answered)
		return;
	file = fopen(options.answered, "we");
	if (!file || fwrite(bench.heard, 1, bench.opened, file) != bench.opened || fclose(file))
		fail(options.answered, strerror(errno));
}

/* ---- start */

static struct side open_side(const char *device)
{
	int on = 1, size = BUFFER;
	struct sockaddr_ll place = { .sll_family = AF_PACKET,
				     .sll_protocol = htons(ETH_P_IP),
				     .sll_ifindex = (int)if_nametoindex(device) };
	struct side side = {
		.out = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW),
		.in = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	};

	if (side.out < 0 || side.in < 0 || !place.sll_ifindex ||
	    setsockopt(side.in, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(side.in, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    bind(side.in, (void *)&place, sizeof(place)) < 0)
		fail(device, strerror(errno));
	return side;
}

static void take_option(const char *text)
{
	static const struct {
		const char *key;
		long *value;
	} known[] = { { "seconds=", &options.seconds },   { "rate=", &options.rate },
		      { "hold_ms=", &options.hold_ms },   { "udp_each=", &options.udp_each },
		      { "tcp_each=", &options.tcp_each }, { "first=", &options.first },
		      { "ping=", &options.ping } };

	if (strncmp(text, "answered=", 9) == 0) {
		options.answered = text + 9;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t n = strlen(known[i].key);

		if (strncmp(text, known[i].key, n) == 0) {
			*known[i].value = strtol(text + n, NULL, 10);
			return;
		}
	}
	fail(text, "isn't known");
}

/* A flow that is watched for pauses must not wait for who is being measured. */
static void prefer_pings(void)
{
	const struct sched_param first = { .sched_priority = 2 };

	options.udp_each = 1;
	bench.took_us = calloc(PINGS_MAX, sizeof(*bench.took_us));
	if (!bench.took_us)
		fail("ping", "out of memory");
	(void)sched_setscheduler(0, SCHED_FIFO, &first);
}

static void remember_answers(void)
{
	bench.n_heard = (size_t)((options.seconds + 1) * options.rate);
	bench.heard = calloc(bench.n_heard ? bench.n_heard : 1, 1);
	if (!bench.heard)
		fail("answers", "out of memory");
}

int main(int argc, char *argv[])
{
	const struct sigaction action = { .sa_handler = on_signal };
	int there;

	if (argc < 5)
		fail(argv[0], "SERVER_NETNS CLIENT_DEVICE SERVER_DEVICE KEY=VALUE...");
	for (int i = 4; i < argc; i++)
		take_option(argv[i]);
	if (options.seconds <= 0 || (options.rate <= 0 && options.ping <= 0))
		fail(argv[0], "needs seconds, and rate or ping");
	(void)sigaction(SIGTERM, &action, NULL);
	if (options.answered)
		remember_answers();
	bench.client = open_side(argv[2]);
	there = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (there < 0 || setns(there, CLONE_NEWNET) < 0)
		fail(argv[1], strerror(errno));
	close(there);
	bench.server = open_side(argv[3]);
	if (options.ping)
		prefer_pings();
	run();
	report();
	write_heard();
	free(bench.heard);
	free(bench.took_us);
	return 0;
}
