// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_connect SERVER_NETNS CLIENT_DEVICE SERVER_DEVICE KEY=VALUE...: pods and servers on the two sides of a gateway, as far
 * as connection tracking can tell. Runs in the pods' namespace, until its time is over or SIGTERM comes, and prints one JSON
 * object.
 *
 *   seconds=S rate=R   opens R connections a second; with hold_ms=H each is closed H ms later, else they stay; of udp_each=N
 *                      each N-th is one datagram and its echo. first=I: their numbers begin there, so that none comes twice
 *   seconds=S ping=US  one UDP flow, a datagram each so many microseconds: how long its echo takes
 *
 * Packets are made here and nothing of them is remembered: sequence numbers are always the same, and a connection's number
 * says who it is. No address is the namespaces' own, so their kernels answer nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "base/cleanup.h"
#include "bench.h"

enum { PODS = 256, SERVERS = 200, FIRST_PORT = 1024, PORTS = 60000 };
enum { ISN_CLIENT = 1000, ISN_SERVER = 5000, BURST = 64, BUFFER = 16 << 20, PINGS_MAX = 1 << 20 };
enum { TCP_SERVICE = 443, UDP_SERVICE = 53, PING_SERVICE = 7 };
enum { PODS_NET = 0x0a400000, SERVERS_NET = 0xc6120000 };

struct packet {
	struct iphdr ip;
	union {
		struct tcphdr tcp;
		struct {
			struct udphdr udp;
			uint32_t sent_us; /* of the monotonic clock, its lower half */
			uint32_t padding;
		};
	};
};

struct side {
	int out, in;
};

static struct {
	long seconds, rate, hold_ms, udp_each, first, ping;
} options = { .hold_ms = -1 };

static struct {
	struct side client, server;
	uint64_t began_ns, opened, closed, answered;
	uint32_t *took_us; /* of each ping */
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

/* ---- packets */

static uint32_t sum(const void *bytes, size_t n, uint32_t start)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < n; i++)
		start += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return start;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* The raw socket fills in the length and checksum of IP. */
static void send_packet(int out, struct packet *packet)
{
	bool is_tcp = packet->ip.protocol == IPPROTO_TCP;
	size_t n = is_tcp ? sizeof(packet->tcp) : sizeof(packet->udp) + 2 * sizeof(packet->sent_us);
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { packet->ip.daddr } };
	uint16_t *check = is_tcp ? &packet->tcp.check : &packet->udp.check;
	uint32_t pseudo = sum(&packet->ip.saddr, 8, packet->ip.protocol + (uint32_t)n);

	*check = 0;
	*check = fold(sum(&packet->tcp, n, pseudo));
	(void)sendto(out, packet, sizeof(packet->ip) + n, 0, (const void *)&to, sizeof(to));
}

/* Others may play on the same devices: each has its own servers' ports. */
static uint16_t service_of(uint8_t protocol)
{
	if (options.ping)
		return htons(PING_SERVICE);
	return htons(protocol == IPPROTO_TCP ? TCP_SERVICE : UDP_SERVICE);
}

static struct packet packet_of(uint64_t i, uint8_t protocol)
{
	uint16_t port = (uint16_t)(FIRST_PORT + i / PODS % PORTS);

	struct packet packet = {
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = protocol,
			.saddr = htonl(PODS_NET + (uint32_t)(i % PODS)),
			.daddr = htonl(SERVERS_NET + 1 + (uint32_t)(i * 7 % SERVERS)) },
	};

	if (protocol == IPPROTO_TCP) {
		packet.tcp.source = htons(port);
		packet.tcp.dest = service_of(protocol);
		packet.tcp.doff = 5;
		packet.tcp.window = htons(60000);
	} else {
		packet.udp.source = htons(port);
		packet.udp.dest = service_of(protocol);
		packet.udp.len = htons(sizeof(packet.udp) + 2 * sizeof(packet.sent_us));
		packet.sent_us = (uint32_t)(now_ns() / 1000);
	}
	return packet;
}

static void turn_round(struct packet *packet)
{
	uint32_t address = packet->ip.saddr;
	uint16_t port = packet->tcp.source; /* UDP has them at the same place */

	packet->ip.saddr = packet->ip.daddr;
	packet->ip.daddr = address;
	packet->ip.ttl = 64;
	packet->tcp.source = packet->tcp.dest;
	packet->tcp.dest = port;
}

/* What TCP answers to SYN and FIN, and to nothing else. */
static bool answer_tcp(struct packet *packet, bool is_server)
{
	struct tcphdr *tcp = &packet->tcp;
	uint32_t sequence = tcp->ack_seq, acknowledged = htonl(ntohl(tcp->seq) + 1);

	if (!tcp->syn && !tcp->fin)
		return false;
	if (is_server && tcp->syn)
		sequence = htonl(ISN_SERVER);
	else
		tcp->syn = 0;
	if (!is_server)
		tcp->fin = 0;
	tcp->ack = 1;
	tcp->doff = 5;
	tcp->seq = sequence;
	tcp->ack_seq = acknowledged;
	turn_round(packet);
	return true;
}

static void open_connection(uint64_t i)
{
	bool is_udp = options.udp_each && i % (uint64_t)options.udp_each == 0;
	struct packet packet = packet_of(i, is_udp ? IPPROTO_UDP : IPPROTO_TCP);

	if (!is_udp) {
		packet.tcp.seq = htonl(ISN_CLIENT);
		packet.tcp.syn = 1;
	}
	send_packet(bench.client.out, &packet);
}

static void close_connection(uint64_t i)
{
	struct packet packet = packet_of(i, IPPROTO_TCP);

	if (options.udp_each && i % (uint64_t)options.udp_each == 0)
		return;
	packet.tcp.seq = htonl(ISN_CLIENT + 1);
	packet.tcp.ack_seq = htonl(ISN_SERVER + 1);
	packet.tcp.ack = packet.tcp.fin = 1;
	send_packet(bench.client.out, &packet);
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

static void take(struct packet *packet, bool is_server)
{
	const struct side *side = is_server ? &bench.server : &bench.client;
	uint16_t service = is_server ? packet->tcp.dest : packet->tcp.source;

	if (service != service_of(packet->ip.protocol))
		return;
	if (packet->ip.protocol == IPPROTO_TCP) {
		bench.answered += !is_server && packet->tcp.syn;
		if (answer_tcp(packet, is_server))
			send_packet(side->out, packet);
	} else if (is_server) {
		turn_round(packet);
		send_packet(side->out, packet);
	} else {
		take_ping(packet);
		bench.answered++;
	}
}

static void take_all(bool is_server)
{
	int in = is_server ? bench.server.in : bench.client.in;
	struct packet packet;

	for (int i = 0; i < BURST; i++) {
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
	return options.ping ? (uint64_t)options.ping * 1000 : 1000000000u / (uint64_t)options.rate;
}

static void send_due(uint64_t now)
{
	uint64_t since = now - bench.began_ns, hold = (uint64_t)options.hold_ms * 1000000;
	uint64_t due = since / ns_each();

	for (int i = 0; i < BURST && bench.opened < due; i++, bench.opened++)
		open_connection((uint64_t)options.first + (options.ping ? 0 : bench.opened));
	if (options.hold_ms < 0 || since < hold)
		return;
	due = (since - hold) / ns_each();
	for (int i = 0; i < BURST && bench.closed < due && bench.closed < bench.opened;
	     i++, bench.closed++)
		close_connection((uint64_t)options.first + bench.closed);
}

static void run(void)
{
	uint64_t end, now = bench.began_ns = now_ns();

	end = now + (uint64_t)options.seconds * 1000000000u;
	for (; !stopped && now < end; now = now_ns()) {
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

static void report(void)
{
	uint64_t n = bench.answered < PINGS_MAX ? bench.answered : PINGS_MAX;
	uint32_t *took = bench.took_us;

	printf("{\"opened\": %llu, \"answered\": %llu, \"closed\": %llu",
	       (unsigned long long)bench.opened, (unsigned long long)bench.answered,
	       (unsigned long long)bench.closed);
	if (took && n) {
		qsort(took, n, sizeof(*took), compare);
		printf(", \"gap_ms\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f",
		       (double)bench.gap_ns / 1e6, took[n / 2] / 1e3, took[n * 99 / 100] / 1e3,
		       took[n - 1] / 1e3);
	}
	printf("}\n");
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
	} known[] = { { "seconds=", &options.seconds }, { "rate=", &options.rate },
		      { "hold_ms=", &options.hold_ms }, { "udp_each=", &options.udp_each },
		      { "first=", &options.first },     { "ping=", &options.ping } };

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
	free(bench.took_us);
	return 0;
}
