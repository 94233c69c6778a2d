// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "log_history.h"

#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmocka_all.h"
#include "natlog/record.h"
#include "natlog/search.h"

enum { PORTS = 7, QUESTIONS = 100, HELD_MOST = 5000, BEFORE_MOST = 4 };

uint64_t next_random(struct history *history)
{
	history->random = history->random * 6364136223846793005u + 1442695040888963407u;
	return history->random >> 33;
}

void put_bytes(struct history *history, const char *bytes, size_t n)
{
	struct err err = ERR_NULL;
	size_t done = 0;

	if (log_file_write(&history->file, bytes, n, &done, &err))
		fail_msg("%s", err.text);
}

/* Few ports and addresses, so that each has many; ends in order, beginnings not. */
void put_record(struct history *history)
{
	static const struct natlog_who who = { .namespace = "shop",
					       .name = "pay-0",
					       .policy = "payments",
					       .egress = "bank",
					       .public = { 0xcb007164 } };
	static const struct natlog_who other = { .egress = "mail", .public = { 0xcb007165 } };
	const struct ct_account account = { .is_counted = true };
	struct record *record = &history->v[history->n];
	const bool is_other = next_random(history) % 3 == 0;
	char line[NATLOG_LINE_MAX];

	record->end_ns = BEGIN + (int64_t)history->n++ * 10 * MS;
	record->start_ns = record->end_ns - (int64_t)(next_random(history) % 3000) * MS;
	record->is_gone = false;
	record->flow = (struct ct_flow){
		.orig = { .src = { 0x0a000132 },
			  .dst = { 0xc6336400 + (uint32_t)(next_random(history) % 3) },
			  .src_port = (uint16_t)history->n,
			  .dst_port = (uint16_t)(8080 + next_random(history) % 2),
			  .protocol = next_random(history) % 2 ? IPPROTO_TCP : IPPROTO_UDP },
		.nat = { is_other ? 0x0a0001ca : 0x0a0001c9 },
		.nat_port = (uint16_t)(40000 + next_random(history) % PORTS),
	};
	const struct natlog_flow flow = { .gateway = "gw-a",
					  .flow = &record->flow,
					  .account = &account,
					  .start_ns = record->start_ns,
					  .end_ns = record->end_ns,
					  .who = is_other ? &other : &who,
					  .basis = NATLOG_START };

	put_bytes(history, line, natlog_flow_line(line, &flow));
}

void step(struct history *history, unsigned most)
{
	for (unsigned i = 0; i < most && indexer_step(history->indexer, &history->file); i++)
		;
}

void open_log(struct history *history)
{
	struct err err = ERR_NULL;

	if (log_file_open(&history->file, &history->folder->options, BEGIN, &err))
		fail_msg("%s", err.text);
	history->indexer = indexer_new();
	assert_non_null(history->indexer);
}

void close_log(struct history *history)
{
	log_file_close(&history->file);
	indexer_free(TAKE_PTR(history->indexer));
}

void put_records(struct history *history, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put_record(history);
		step(history, 1000);
	}
}

void write_history(struct history *history, struct log_folder *folder, size_t n)
{
	*history = (struct history){ .folder = folder, .random = 1 };
	folder->options.max_bytes = 200 << 10;
	folder->options.keep = 10;
	log_file_init(&history->file);
	open_log(history);
	put_records(history, n);
	close_log(history);
	assert_true(log_folder_has(folder, ".4.index"));
}

/* ---- questions */

static struct search_query some_query(struct history *history)
{
	const uint64_t kind = next_random(history) % 4;
	struct search_query query = {
		.port = (uint16_t)(40000 + next_random(history) % (PORTS + 1)),
		.from_ns = BEGIN + (int64_t)(next_random(history) % (RECORDS + 200) * 10) * MS -
			   1000 * MS,
		.most_held = HELD_MOST,
		.most_before = BEFORE_MOST,
	};

	query.to_ns = query.from_ns + (int64_t)(next_random(history) % 2) * 1000 * MS;
	if (kind == 0)
		query.address.v = 0xcb007164;
	else if (kind == 1)
		query.address.v = 0x0a0001ca;
	else if (kind == 2)
		snprintf(query.egress, sizeof(query.egress), "mail");
	if (next_random(history) % 2)
		query.protocol = IPPROTO_TCP;
	if (next_random(history) % 3 == 0)
		query.destination.v = 0xc6336401;
	if (next_random(history) % 3 == 0)
		query.destination_port = 8081;
	return query;
}

static bool is_asked_for(const struct search_query *query, const struct record *record)
{
	const struct ct_flow *flow = &record->flow;
	const bool is_mail = flow->nat.v == 0x0a0001ca;

	return !record->is_gone && flow->nat_port == query->port &&
	       (!query->protocol || flow->orig.protocol == query->protocol) &&
	       (!query->address.v || (query->address.v == 0x0a0001ca) == is_mail) &&
	       (!query->egress[0] || is_mail) &&
	       (!query->destination.v || flow->orig.dst.v == query->destination.v) &&
	       (!query->destination_port || flow->orig.dst_port == query->destination_port);
}

static uint64_t pod_port(const struct search_hit *hit)
{
	uint64_t port = 0;

	assert_true(line_number(&hit->line, LINE_POD_PORT, &port));
	return port;
}

static void compare(const struct history *history, const struct search_query *query,
		    const struct search_answer *answer)
{
	size_t held = 0, before = 0;

	for (size_t i = history->n; i > 0; i--) {
		const struct record *record = &history->v[i - 1];

		if (!is_asked_for(query, record) || record->start_ns > query->to_ns)
			continue;
		if (record->end_ns >= query->from_ns) {
			assert_true(held < answer->held.n);
			assert_int_equal(pod_port(&answer->held.v[held++]),
					 record->flow.orig.src_port);
		} else if (before < BEFORE_MOST) {
			assert_true(before < answer->before.n);
			assert_int_equal(pod_port(&answer->before.v[before++]),
					 record->flow.orig.src_port);
		}
	}
	assert_int_equal(held, answer->held.n);
	assert_int_equal(before, answer->before.n);
}

uint64_t ask_many(struct history *history)
{
	uint64_t read_through = 0;

	for (int i = 0; i < QUESTIONS; i++) {
		const struct search_query query = some_query(history);
		struct search_answer answer = { 0 };
		struct err err = ERR_NULL;

		if (search_run(history->folder->options.path, &query, &answer, &err))
			fail_msg("%s", err.text);
		compare(history, &query, &answer);
		if (answer.read_through > read_through)
			read_through = answer.read_through;
		search_answer_done(&answer);
	}
	return read_through;
}
