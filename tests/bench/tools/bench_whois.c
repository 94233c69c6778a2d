// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_whois FOLDER N index|plain: N records into a log in FOLDER by the code that the writer's process runs, with its index or
 * without, and what each costs. bench_whois FOLDER N questions K: K moments at which somebody had a port, a line each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <inttypes.h>
#include <netinet/in.h>

#include "base/err.h"
#include "bench.h"
#include "natlog/file.h"
#include "natlog/indexer.h"
#include "natlog/record.h"
#include "natlog/stamp.h"
#include "natlog/writer.h"

#define BEGIN INT64_C(1795939811000000000)
#define APART_NS INT64_C(50000) /* 20,000 connections a second */
#define NS_PER_MS INT64_C(1000000)

enum {
	PODS = 5000,
	EGRESS_IPS = 4,
	FIRST_PORT = 1024,
	LIFE_MS = 120000,
	MAX_BYTES = 100 << 20,
	KEEP = 1000
};

struct record {
	struct ct_flow flow;
	struct ct_account account;
	struct natlog_who who;
	int64_t start_ns, end_ns;
	char name[48], uid[40];
};

struct costs {
	double line_us, write_us, index_us; /* of the processor */
};

static uint64_t spread(uint64_t i)
{
	i = (i ^ (i >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	i = (i ^ (i >> 27)) * UINT64_C(0x94d049bb133111eb);
	return i ^ (i >> 31);
}

/* The i-th, always the same. */
static void make(struct record *record, uint64_t i)
{
	const uint64_t a = spread(i + 1), b = spread(a);
	const uint32_t egress = (uint32_t)(a % EGRESS_IPS);
	const unsigned pod = (unsigned)(b % PODS);

	record->flow = (struct ct_flow){
		.orig = { .src = { 0x0a010000 + pod },
			  .dst = { 0xc6336400 + (uint32_t)(a >> 8) % 200 },
			  .src_port = (uint16_t)(a >> 16),
			  .dst_port = 443,
			  .protocol = a & 1 << 20 ? IPPROTO_TCP : IPPROTO_UDP },
		.nat = { 0x0a0001c9 + egress },
		.nat_port = (uint16_t)(FIRST_PORT + (a >> 24) % (65536 - FIRST_PORT)),
		.tcp_state = 7,
	};
	record->account = (struct ct_account){ .sent = { 5 + b % 100, 268 + b % 100000 },
					       .received = { 3 + a % 100, 201 + a % 100000 },
					       .is_counted = true };
	record->end_ns = BEGIN + (int64_t)i * APART_NS;
	record->start_ns = record->end_ns - (int64_t)(b >> 32) % LIFE_MS * NS_PER_MS;
	snprintf(record->uid, sizeof(record->uid), "0c4f1e2d-0000-4000-8000-%012u", pod);
	snprintf(record->name, sizeof(record->name), "payments-6d4cf56db6-%05u", pod);
	record->who = (struct natlog_who){ .namespace = "shop-production",
					   .name = record->name,
					   .uid = record->uid,
					   .node = "ip-10-0-1-11.eu-central-1.compute.internal",
					   .policy = "payments",
					   .egress = "bank",
					   .public = { 0xcb007164 + egress } };
}

static size_t put_line(char *at, uint64_t i)
{
	struct record record;

	make(&record, i);
	const struct natlog_flow flow = { .gateway = "gw-a",
					  .flow = &record.flow,
					  .account = &record.account,
					  .start_ns = record.start_ns,
					  .end_ns = record.end_ns,
					  .who = &record.who,
					  .basis = NATLOG_START };

	return natlog_flow_line(at, &flow);
}

static double since(struct usage *last)
{
	const struct usage now = usage_now();
	const double us = usage_since(*last, now).cpu_us;

	*last = now;
	return us;
}

static void write_log(const char *folder, uint64_t n, struct indexer *indexer)
{
	static char piece[WRITER_PIECE_MAX];
	struct log_file_options options = { .max_bytes = MAX_BYTES, .keep = KEEP };
	struct costs costs = { 0 };
	struct usage last = usage_now();
	struct log_file file;
	struct err err = ERR_NULL;
	uint64_t i = 0, bytes = 0;

	snprintf(options.path, sizeof(options.path), "%s/nat.log", folder);
	log_file_init(&file);
	if (log_file_open(&file, &options, BEGIN, &err))
		fail("log", err.text);
	while (i < n) {
		size_t used = 0, done = 0;

		while (i < n && sizeof(piece) - used >= NATLOG_LINE_MAX)
			used += put_line(piece + used, i++);
		costs.line_us += since(&last);
		if (log_file_write(&file, piece, used, &done, &err))
			fail("log", err.text);
		bytes += used;
		costs.write_us += since(&last);
		while (indexer && indexer_step(indexer, &file))
			;
		costs.index_us += since(&last);
	}
	if (log_file_mark(&file, BEGIN + (int64_t)n * APART_NS, &err))
		fail("log", err.text);
	indexer_free(indexer);
	costs.index_us += since(&last);
	log_file_close(&file);
	printf("{\"line_us\": %.4f, \"write_us\": %.4f, \"index_us\": %.4f, \"bytes\": %" PRIu64
	       "}\n",
	       costs.line_us / (double)n, costs.write_us / (double)n, costs.index_us / (double)n,
	       bytes);
}

/* In the middle of somebody's connection. */
static void print_questions(uint64_t n, uint64_t k)
{
	for (uint64_t i = 0; i < k; i++) {
		char address[IP4_TEXT_MAX], stamp[STAMP_MAX];
		struct record record;

		make(&record, spread(i + 77) % n);
		printf("%s:%u %s %s %s\n", ip4_format(record.who.public, address),
		       record.flow.nat_port,
		       stamp_format((record.start_ns + record.end_ns) / 2, stamp),
		       natlog_protocol_name(record.flow.orig.protocol), record.name);
	}
}

int main(int argc, char *argv[])
{
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

	if (argc < 4 || !n)
		fail("usage", "bench_whois FOLDER N index|plain | FOLDER N questions K");
	if (strcmp(argv[3], "questions") == 0)
		print_questions(n, argc > 4 ? strtoull(argv[4], NULL, 10) : 1);
	else
		write_log(argv[1], n, strcmp(argv[3], "index") == 0 ? indexer_new() : NULL);
	return 0;
}
