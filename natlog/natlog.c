// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/natlog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "nat/follow.h"
#include "natlog/book.h"
#include "natlog/natlog_internal.h"
#include "natlog/stamp.h"
#include "natlog/tale.h"

enum {
	MARK_MS = 1000,
	/* What ended without a word is forgotten, and what an overrun hid is found. */
	LOOK_MS = 60 * 60 * 1000,
	LOOK_AGAIN_MS = 1000,
	READ_MOST = 256,
	READ_PER_MS = 64
};

/* nf_conntrack_tcp_timeout_time_wait and _close, as the kernel has them. */
#define TIME_WAIT_NS INT64_C(120000000000)
#define CLOSE_NS INT64_C(10000000000)

/* ---- records */

static void write_flow(struct natlog *natlog, const struct natlog_flow *record)
{
	if (!outputs_flow(&natlog->outputs, record))
		return;
	natlog->status.records++;
	natlog->status.unattributed += record->basis == NATLOG_NONE;
}

static void write_overrun(struct natlog *natlog, int64_t from_ns, int64_t to_ns)
{
	const struct natlog_gap gap = { .gateway = natlog->gateway,
					.cause = NATLOG_OVERRUN,
					.from_ns = from_ns,
					.to_ns = to_ns };

	outputs_gap(&natlog->outputs, &gap);
}

/* All that ended before was told. Of blocks it's told at once. */
static int64_t until_ns(const struct natlog *natlog)
{
	return natlog->follow ? ct_follow_until_ns(natlog->follow) : stamp_now_ns();
}

/* What the kernel has to tell. */
static void read_some(struct natlog *natlog, int most)
{
	if (natlog->follow)
		ct_follow_read(natlog->follow, most);
}

static void write_mark(struct natlog *natlog)
{
	outputs_mark(&natlog->outputs, until_ns(natlog));
}

/* ---- who */

/* False: it isn't the log's. */
static bool ask(struct natlog *natlog, const struct ct_flow *flow, int64_t start_ns,
		struct natlog_who *who)
{
	*who = (struct natlog_who){ 0 };
	return natlog->options.ops->ask(flow, start_ns, who, natlog->options.data);
}

/* Of somebody about whom nothing is known but the address, nobody can say more later. */
static enum natlog_basis basis_of(const struct natlog_who *who, enum natlog_basis basis)
{
	return who->policy || who->name ? basis : NATLOG_NONE;
}

/* Of one that another gateway told of, that one did. */
static void tell_begin(struct natlog *natlog, const struct ct_flow *flow,
		       const struct book_entry *entry)
{
	static const struct ct_account nothing = { 0 };
	const struct natlog_flow record = { .gateway = natlog->gateway,
					    .flow = flow,
					    .account = &nothing,
					    .start_ns = entry->start_ns,
					    .end_ns = entry->start_ns,
					    .who = entry->who,
					    .basis = entry->basis };

	if (entry->basis == NATLOG_REPLICATED ||
	    !natlog->options.ops->carried(flow->nat, entry->start_ns, entry->start_ns,
					  natlog->options.data))
		return;
	outputs_begin(&natlog->outputs, &record);
}

static void on_begin(const struct ct_flow *flow, bool made, void *data)
{
	struct natlog *natlog = data;
	struct natlog_who who;
	struct book_entry entry = { .who = &who, .start_ns = stamp_now_ns() };

	if (!ask(natlog, flow, 0, &who))
		return;
	entry.basis = basis_of(&who, made ? NATLOG_REPLICATED : NATLOG_START);
	if (!book_begin(natlog->book, flow, &entry))
		natlog->status.unremembered++;
	tell_begin(natlog, flow, &entry);
}

/* Its beginning was missed. False: it isn't the log's. */
static bool ask_late(struct natlog *natlog, const struct ct_flow *flow, int64_t start_ns,
		     struct book_entry *entry, struct natlog_who *who)
{
	if (!ask(natlog, flow, start_ns ? start_ns : 1, who))
		return false;
	*entry = (struct book_entry){ .who = who,
				      .start_ns = start_ns,
				      .basis = basis_of(who, NATLOG_END) };
	return true;
}

/* The tuple and the id are those of another connection, of which a former process knew. */
static bool is_another(const struct book_entry *entry, const struct ct_account *account)
{
	return entry->is_kept && !entry->is_told && account->start_ns > entry->start_ns;
}

/*
 * Since when it counts who translated. An end may be told long after it, when the kernel gets round to it, and who had handed
 * the connection over by then has told nobody of it: the other one has it still, and records it. But that a connection closed is
 * told at once, and who has it in such a state is the only one who has it.
 */
static int64_t since_of(const struct ct_flow *flow, int64_t end_ns, int64_t now_ns)
{
	if (flow->orig.protocol != IPPROTO_TCP)
		return now_ns;
	if (flow->tcp_state == TCP_CONNTRACK_TIME_WAIT)
		return end_ns - TIME_WAIT_NS;
	return flow->tcp_state == TCP_CONNTRACK_CLOSE ? end_ns - CLOSE_NS : now_ns;
}

static int64_t start_of(const struct book_entry *entry, const struct ct_account *account,
			int64_t end_ns)
{
	const int64_t kernel_ns = entry->is_told ? 0 : account->start_ns;

	return kernel_ns ? kernel_ns : entry->start_ns ? entry->start_ns : end_ns;
}

static void on_end(const struct ct_flow *flow, const struct ct_account *account, void *data)
{
	struct natlog *natlog = data;
	struct ct_account total = *account;
	struct natlog_who who;
	struct book_entry entry;
	const int64_t now_ns = stamp_now_ns();
	int64_t end_ns = account->stop_ns ? account->stop_ns : now_ns;
	enum book_end end = book_end(natlog->book, flow, account->stop_ns, &entry);

	if (end == BOOK_AGAIN)
		return;
	if (end == BOOK_ENDED && is_another(&entry, account))
		end = BOOK_UNKNOWN;
	if (end == BOOK_UNKNOWN && !ask_late(natlog, flow, account->start_ns, &entry, &who))
		return;
	if (!natlog->options.ops->carried(flow->nat, since_of(flow, end_ns, now_ns), now_ns,
					  natlog->options.data))
		return;
	tale_sum(&entry, natlog->gateway, &total);
	const struct natlog_flow record = {
		.gateway = natlog->gateway,
		.flow = flow,
		.account = &total,
		.start_ns = start_of(&entry, account, end_ns),
		.end_ns = end_ns,
		.who = entry.who,
		.basis = entry.basis,
	};

	write_flow(natlog, &record);
}

/* ---- other gateways */

bool natlog_tell(struct natlog *natlog, const struct ct_flow *flow, const struct ct_account *told,
		 struct ct_tale *ret)
{
	if (!natlog->has_begun || !natlog->follow)
		return false;
	if (tale_tell(natlog->book, natlog->gateway, flow, told, ret))
		return true;
	/* Its beginning may wait in our socket still. */
	if (told)
		return false;
	ct_follow_read(natlog->follow, READ_MOST);
	return tale_tell(natlog->book, natlog->gateway, flow, told, ret);
}

size_t natlog_tell_who(const struct natlog *natlog, uint32_t who, uint8_t *ret, size_t size)
{
	return tale_who(natlog->book, natlog->gateway, who, ret, size);
}

void natlog_take(struct natlog *natlog, const struct ct_flow *flow, const struct natlog_word *word)
{
	enum tale_taken taken = TALE_NOT_HERE;

	if (!natlog->follow)
		return;
	if (natlog->has_begun)
		taken = tale_take(natlog->book, flow, word->tale, word->who, word->n);
	if (natlog->has_begun && taken == TALE_NOT_HERE) {
		ct_follow_read(natlog->follow, READ_MOST);
		taken = tale_take(natlog->book, flow, word->tale, word->who, word->n);
	}
	if (taken == TALE_TAKEN)
		natlog->status.taken++;
	else
		natlog->status.strays++;
}

/* ---- all that there is */

/* Forgets what a former process knew, if it was another connection. */
static bool is_replaced(struct natlog *natlog, const struct ct_flow *flow,
			const struct ct_account *account)
{
	struct book_entry entry;

	if (!natlog->has_kept || !book_find(natlog->book, flow, &entry) ||
	    !is_another(&entry, account))
		return false;
	(void)book_end(natlog->book, flow, 0, &entry);
	return true;
}

static void on_found(const struct ct_flow *flow, const struct nlmsghdr *nlh, void *data)
{
	struct natlog *natlog = data;
	struct ct_account account = { 0 };
	struct natlog_who who;
	struct book_entry entry = { .who = &who };

	(void)ct_decode_account(nlh, &account);
	if (!is_replaced(natlog, flow, &account) && book_see(natlog->book, flow))
		return;
	if (!ask(natlog, flow, account.start_ns ? account.start_ns : 1, &who))
		return;
	entry.start_ns = account.start_ns;
	entry.basis = basis_of(&who, NATLOG_FOUND);
	if (!book_put(natlog->book, flow, &entry))
		natlog->status.unremembered++;
}

static void on_walk_end(int rc, void *data)
{
	struct natlog *natlog = data;
	size_t vanished;

	ct_walk_free(natlog->walk);
	natlog->walk = NULL;
	if (rc) {
		log_debug("natlog", "connections can't be listed: %s; it is tried again",
			  strerror(-rc));
		loop_timer_arm_ms(natlog->look, LOOK_AGAIN_MS);
		return;
	}
	vanished = book_look_end(natlog->book);
	natlog->has_kept = false;
	natlog->status.vanished += vanished;
	if (vanished)
		log_warning(MSG_NATLOG_VANISHED, "natlog",
			    "connections=%zu ended without the kernel telling it", vanished);
	loop_timer_arm_ms(natlog->look, natlog->look_again ? 0 : LOOK_MS);
	natlog->look_again = false;
}

static void look(void *data)
{
	static const struct ct_walk_ops ops = { .on_message = on_found, .on_end = on_walk_end };
	struct natlog *natlog = data;
	struct err err = ERR_NULL;

	if (natlog->walk) {
		natlog->look_again = true;
		return;
	}
	book_look_begin(natlog->book);
	natlog->walk = ct_walk_new(natlog->options.loop, &ops, natlog, &err);
	if (natlog->walk)
		return;
	log_warning(MSG_NATLOG_UNREAD, "natlog",
		    "connections can't be listed: %s; it is tried again", err.text);
	loop_timer_arm_ms(natlog->look, LOOK_AGAIN_MS);
}

static void on_lost(int64_t from_ns, int64_t to_ns, void *data)
{
	struct natlog *natlog = data;

	if (!natlog->status.overruns++)
		log_warning(MSG_NATLOG_OVERRUN, "natlog",
			    "the kernel had more to tell than fits: a gap is recorded%s",
			    ct_follow_is_reliable(natlog->follow) ? ", and no end is lost" : "");
	write_overrun(natlog, from_ns, to_ns);
	book_late(natlog->book);
	look(natlog);
}

/* ---- marks */

static void mark(void *data)
{
	struct natlog *natlog = data;

	if (natlog->has_begun) {
		read_some(natlog, READ_MOST);
		write_mark(natlog);
	}
	loop_timer_arm_ms(natlog->mark, MARK_MS);
}

/* ---- life */

void natlog_reopen(struct natlog *natlog, const struct output_hows *hows, int wait_ms)
{
	if (natlog->has_begun)
		write_mark(natlog);
	outputs_change(&natlog->outputs, hows, until_ns(natlog), wait_ms);
}

/* What a former process left, or an empty one. */
static struct book *make_book(struct natlog *natlog, struct err *err)
{
	struct book_options options = { .most = natlog->options.most_flows };
	struct book *book = natlog->keep ? keep_load(natlog->keep, options.most) : NULL;

	natlog->has_kept = book;
	/* Nobody would tell of connections that they ended. */
	if (book && natlog->options.is_blocks_only) {
		book_look_begin(book);
		(void)book_look_end(book);
	}
	if (book)
		return book;
	if (getrandom(options.seed, sizeof(options.seed), 0) != sizeof(options.seed)) {
		err_set(err, -EIO, "no random numbers");
		return NULL;
	}
	err_set(err, -ENOMEM, "out of memory");
	return book_new(&options);
}

static bool make(struct natlog *natlog, const struct output_hows *hows, struct err *err)
{
	static const struct ct_follow_ops ops = { .on_begin = on_begin,
						  .on_end = on_end,
						  .on_lost = on_lost };
	const struct natlog_options *options = &natlog->options;
	/* The writers first: what they inherit is little, and no socket of the kernel's. */
	for (size_t i = 0; i < hows->n; i++) {
		if (!outputs_add(&natlog->outputs, &hows->v[i], err))
			return false;
	}
	if (!options->is_blocks_only)
		natlog->follow = ct_follow_new(options->loop, &ops, natlog, options->buffer, err);
	if (!options->is_blocks_only && !natlog->follow)
		return false;
	natlog->keep = keep_new(options->loop, options->book);
	natlog->book = make_book(natlog, err);
	natlog->mark = loop_timer_new(options->loop, mark, natlog);
	natlog->look = loop_timer_new(options->loop, look, natlog);
	if (!natlog->book)
		return false;
	if (!natlog->keep || !natlog->mark || !natlog->look) {
		err_set(err, -ENOMEM, "out of memory");
		return false;
	}
	keep_begin(natlog->keep, natlog->book);
	return true;
}

struct natlog *natlog_new(const struct natlog_options *options, const struct output_hows *hows,
			  struct err *err)
{
	struct natlog *natlog = calloc(1, sizeof(*natlog));

	if (!natlog) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	natlog->options = *options;
	snprintf(natlog->gateway, sizeof(natlog->gateway), "%s", options->gateway);
	natlog->outputs.options = (struct output_options){ .loop = options->loop,
							   .gateway = natlog->gateway,
							   .most_waiting = options->most_waiting };
	if (!make(natlog, hows, err)) {
		natlog_free(natlog, 0);
		return NULL;
	}
	outputs_open(&natlog->outputs, hows, until_ns(natlog));
	loop_timer_arm_ms(natlog->mark, MARK_MS);
	return natlog;
}

void natlog_begin(struct natlog *natlog)
{
	if (natlog->has_begun)
		return;
	natlog->has_begun = true;
	if (!natlog->follow)
		return;
	ct_follow_begin(natlog->follow);
	loop_timer_arm_ms(natlog->look, 0);
}

void natlog_free(struct natlog *natlog, int wait_ms)
{
	if (!natlog)
		return;
	if (natlog->has_begun) {
		read_some(natlog, wait_ms * READ_PER_MS);
		write_mark(natlog);
	}
	ct_walk_free(natlog->walk);
	ct_follow_free(natlog->follow);
	outputs_done(&natlog->outputs, wait_ms);
	keep_free(natlog->keep, wait_ms);
	book_free(natlog->book);
	loop_timer_free(natlog->mark);
	loop_timer_free(natlog->look);
	free(natlog);
}

/* Complete is what all of them have. */
static void add_status(struct natlog_status *ret, const struct output_status *output)
{
	ret->lost += output->lost;
	ret->gaps += output->gaps;
	ret->waiting += output->sink.waiting;
	if (ret->n_outputs == 0 || output->sink.writer.until_ns < ret->until_ns)
		ret->until_ns = output->sink.writer.until_ns;
	ret->outputs[ret->n_outputs++] = *output;
}

void natlog_status(const struct natlog *natlog, struct natlog_status *ret)
{
	*ret = natlog->status;
	ret->open_blocks = book_count_blocks(natlog->book);
	ret->open = book_count(natlog->book) - ret->open_blocks;
	keep_status(natlog->keep, &ret->keep);
	ret->open_most = natlog->options.most_flows;
	ret->is_reliable = !natlog->follow || ct_follow_is_reliable(natlog->follow);
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		struct output_status output;

		if (!natlog->outputs.v[i])
			continue;
		output_status(natlog->outputs.v[i], &output);
		add_status(ret, &output);
	}
}

bool natlog_find(const struct natlog *natlog, const struct ct_flow *flow, struct book_entry *ret)
{
	return book_find(natlog->book, flow, ret);
}
