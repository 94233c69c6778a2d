// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/use/usage.h"

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "gateway/use/flowset.h"
#include "nat/account.h"
#include "nat/flow.h"

/* Of so many, chosen at random, the one with the fewest connections makes room. */
enum { CANDIDATES = 8 };

struct usage {
	struct flowset *flows;
	struct tally destinations, sources;
	struct ip4 egress[POLICY_EGRESS_MAX];
	size_t n_egress;
	uint32_t connections[POLICY_EGRESS_MAX], next[POLICY_EGRESS_MAX];
	bool is_looking;
	uint64_t dice;
	struct mono looked; /* ns == 0: not yet */
	struct usage_numbers numbers;
};

struct usage *usage_new(const struct usage_options *options)
{
	struct usage *usage = calloc(1, sizeof(*usage));

	if (!usage)
		return NULL;
	usage->destinations = (struct tally){ .element = sizeof(struct usage_destination),
					      .most = options->most_destinations,
					      .seed = options->seed[0] ^ options->seed[2] };
	usage->sources = (struct tally){ .element = sizeof(struct usage_source),
					 .most = options->most_sources,
					 .seed = options->seed[1] ^ options->seed[3] };
	usage->dice = options->seed[0] | 1;
	usage->flows = flowset_new(options->most_flows, options->seed);
	if (!usage->flows) {
		free(usage);
		return NULL;
	}
	return usage;
}

void usage_free(struct usage *usage)
{
	if (!usage)
		return;
	flowset_free(usage->flows);
	tally_done(&usage->destinations);
	tally_done(&usage->sources);
	free(usage);
}

bool usage_set_egress(struct usage *usage, const struct ip4 *v, size_t n)
{
	struct ip4 egress[POLICY_EGRESS_MAX] = { 0 };

	memcpy(egress, v, n * sizeof(*v));
	if (usage->n_egress == n && memcmp(usage->egress, egress, sizeof(egress)) == 0)
		return false;
	memcpy(usage->egress, egress, sizeof(egress));
	usage->n_egress = n;
	return true;
}

/* ---- keys */

static bool find_egress(const struct usage *usage, struct ip4 address, unsigned *ret)
{
	for (unsigned i = 0; address.v && i < usage->n_egress; i++) {
		if (usage->egress[i].v == address.v) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static uint64_t destination_key(const struct ct_flow *flow, unsigned egress)
{
	return (uint64_t)flow->orig.dst.v << 32 | (uint64_t)flow->orig.dst_port << 16 |
	       (uint64_t)flow->orig.protocol << 8 | egress;
}

struct ip4 usage_address(const struct usage_destination *destination)
{
	return (struct ip4){ (uint32_t)(destination->key >> 32) };
}

uint16_t usage_port(const struct usage_destination *destination)
{
	return (uint16_t)(destination->key >> 16);
}

uint8_t usage_protocol(const struct usage_destination *destination)
{
	return (uint8_t)(destination->key >> 8);
}

unsigned usage_egress(const struct usage_destination *destination)
{
	return (uint8_t)destination->key;
}

uint32_t usage_ports(const struct usage_destination *destination)
{
	return destination->connections > destination->closing ?
		       destination->connections - destination->closing :
		       0;
}

static uint64_t source_key(struct ip4 address, unsigned egress)
{
	return (uint64_t)address.v << 32 | egress;
}

struct ip4 usage_source_address(const struct usage_source *source)
{
	return (struct ip4){ (uint32_t)(source->key >> 32) };
}

unsigned usage_source_egress(const struct usage_source *source)
{
	return (uint32_t)source->key;
}

/* ---- places */

static void forget_one(struct usage *usage)
{
	struct usage_destination *fewest = NULL;

	for (int i = 0; i < CANDIDATES; i++) {
		usage->dice = usage->dice * UINT64_C(6364136223846793005) + 1442695040888963407;
		struct usage_destination *one =
			tally_at(&usage->destinations, (usage->dice >> 32) % usage->destinations.n);

		if (!fewest || one->connections < fewest->connections)
			fewest = one;
	}
	tally_remove(&usage->destinations, fewest);
	usage->numbers.forgotten++;
}

static struct usage_destination *place_destination(struct usage *usage, uint64_t key)
{
	struct usage_destination *one = tally_find(&usage->destinations, key);

	if (!one && usage->destinations.n && usage->destinations.n >= usage->destinations.most)
		forget_one(usage);
	return one ? one : tally_add(&usage->destinations, key);
}

/* The host's own connections, such as the self-test's, have ports too, but nobody's mark. */
static struct usage_source *place_source(struct usage *usage, const struct ct_flow *flow,
					 unsigned egress)
{
	struct usage_source *one;

	if (!flow->mark)
		return NULL;
	one = tally_add(&usage->sources, source_key(flow->orig.src, egress));
	usage->numbers.unshown += !one;
	return one;
}

static void decrease(uint32_t *number, bool really)
{
	*number -= really && *number;
}

/* ---- events */

/* One more, or, in a look, one that is there. */
static void count(struct usage *usage, const struct ct_flow *flow, unsigned egress,
		  const struct flowset_state *state)
{
	const bool is_next = usage->is_looking && !(state->was_there && state->was_seen);
	struct usage_destination *destination =
		place_destination(usage, destination_key(flow, egress));
	struct usage_source *source = place_source(usage, flow, egress);

	usage->connections[egress] += !state->was_there;
	usage->next[egress] += is_next;
	if (destination) {
		destination->connections += !state->was_there;
		destination->next += is_next;
	}
	if (source) {
		source->connections += !state->was_there;
		source->next += is_next;
	}
}

void usage_begin(struct usage *usage, const struct ct_flow *flow)
{
	struct flowset_state state;
	struct usage_source *source;
	unsigned egress;

	if (!find_egress(usage, flow->nat, &egress))
		return;
	if (!flowset_see(usage->flows, flow, false, &state)) {
		usage->numbers.uncounted++;
		return;
	}
	count(usage, flow, egress, &state);
	source = tally_find(&usage->sources, source_key(flow->orig.src, egress));
	if (source && !state.was_there)
		source->begun++;
}

static void add_bytes(struct usage_bytes *to, const struct ct_account *account)
{
	to->sent += account->sent.bytes;
	to->received += account->received.bytes;
}

static void uncount_destination(struct usage *usage, uint64_t key,
				const struct flowset_state *state)
{
	const bool is_next = usage->is_looking && state->was_seen;
	struct usage_destination *one = tally_find(&usage->destinations, key);

	if (!one)
		return;
	decrease(&one->connections, true);
	decrease(&one->closing, state->was_closing);
	decrease(&one->next, is_next);
	decrease(&one->next_closing, is_next && state->was_closing);
	if (!one->connections && !usage->is_looking)
		tally_remove(&usage->destinations, one);
}

/*
 * What a look has seen of it counts in that look; so what it amounted to in the end belongs to the next one, which doesn't see it
 * any more.
 */
static void uncount_source(struct usage *usage, uint64_t key, const struct flowset_state *state,
			   const struct ct_account *account)
{
	const bool is_next = usage->is_looking && state->was_seen;
	struct usage_source *one = tally_find(&usage->sources, key);

	if (!one)
		return;
	decrease(&one->connections, true);
	decrease(&one->next, is_next);
	add_bytes(is_next ? &one->next_ended : &one->ended, account);
}

void usage_end(struct usage *usage, const struct ct_flow *flow, const struct ct_account *account)
{
	struct flowset_state state;
	unsigned egress;

	if (!find_egress(usage, flow->nat, &egress))
		return;
	state = flowset_remove(usage->flows, flow);
	if (!state.was_there)
		return;
	decrease(&usage->connections[egress], true);
	decrease(&usage->next[egress], usage->is_looking && state.was_seen);
	uncount_destination(usage, destination_key(flow, egress), &state);
	uncount_source(usage, source_key(flow->orig.src, egress), &state, account);
}

/* ---- looks */

void usage_look_begin(struct usage *usage)
{
	usage->is_looking = true;
	flowset_look_begin(usage->flows);
	memset(usage->next, 0, sizeof(usage->next));
	for (size_t i = 0; i < usage->destinations.n; i++) {
		struct usage_destination *one = tally_at(&usage->destinations, i);

		one->next = one->next_closing = 0;
	}
	for (size_t i = 0; i < usage->sources.n; i++) {
		struct usage_source *one = tally_at(&usage->sources, i);

		one->next = 0;
		one->next_live = one->next_ended = (struct usage_bytes){ 0 };
	}
}

/* What nf_nat_may_kill of the kernel says. */
static bool is_closing(const struct ct_flow *flow)
{
	return flow->orig.protocol == IPPROTO_TCP && (flow->tcp_state == TCP_CONNTRACK_TIME_WAIT ||
						      flow->tcp_state == TCP_CONNTRACK_CLOSE);
}

static void see_closing(struct usage_destination *one, const struct flowset_state *state,
			bool closes)
{
	one->closing += closes && !state->was_closing;
	decrease(&one->closing, !closes && state->was_closing);
	/* It may have been counted by its beginning, or twice by the kernel's list. */
	if (!state->was_seen || !state->was_closing)
		one->next_closing += closes;
}

void usage_look_see(struct usage *usage, const struct ct_flow *flow,
		    const struct ct_account *account)
{
	const bool closes = is_closing(flow);
	struct usage_destination *destination;
	struct flowset_state state;
	struct usage_source *source;
	unsigned egress;

	if (!find_egress(usage, flow->nat, &egress))
		return;
	if (!flowset_see(usage->flows, flow, closes, &state)) {
		usage->numbers.uncounted++;
		return;
	}
	count(usage, flow, egress, &state);
	destination = tally_find(&usage->destinations, destination_key(flow, egress));
	if (destination)
		see_closing(destination, &state, closes);
	source = tally_find(&usage->sources, source_key(flow->orig.src, egress));
	if (source)
		add_bytes(&source->next_live, account);
}

static uint64_t rate(uint64_t live, uint64_t ended, uint64_t before, int64_t ms)
{
	const uint64_t now = live + ended;

	return ms > 0 && now > before ? (now - before) * 1000 / (uint64_t)ms : 0;
}

/* True: there is nothing of it any more. */
static bool settle_source(struct usage_source *one, int64_t ms)
{
	one->sent_per_s = rate(one->next_live.sent, one->ended.sent, one->live.sent, ms);
	one->received_per_s =
		rate(one->next_live.received, one->ended.received, one->live.received, ms);
	one->new_per_ks = ms > 0 ? (uint64_t)one->begun * 1000000 / (uint64_t)ms : 0;
	one->connections = one->next;
	one->live = one->next_live;
	one->ended = one->next_ended;
	one->begun = 0;
	one->next_ended = (struct usage_bytes){ 0 };
	return !one->connections && !one->sent_per_s && !one->received_per_s && !one->new_per_ks;
}

void usage_look_end(struct usage *usage, struct mono now)
{
	const int64_t ms = usage->looked.ns ? mono_diff_ms(now, usage->looked) : 0;

	flowset_look_end(usage->flows);
	usage->is_looking = false;
	usage->looked = now;
	usage->numbers.interval_ms = ms;
	memcpy(usage->connections, usage->next, sizeof(usage->next));
	/* From the end: what takes the place of one that goes was looked at. */
	for (size_t i = usage->destinations.n; i-- > 0;) {
		struct usage_destination *one = tally_at(&usage->destinations, i);

		one->connections = one->next;
		one->closing = one->next_closing;
		if (!one->connections)
			tally_remove(&usage->destinations, one);
	}
	for (size_t i = usage->sources.n; i-- > 0;) {
		struct usage_source *one = tally_at(&usage->sources, i);

		if (settle_source(one, ms))
			tally_remove(&usage->sources, one);
	}
}

void usage_look_cancel(struct usage *usage)
{
	if (!usage->is_looking)
		return;
	usage->is_looking = false;
	flowset_look_cancel(usage->flows);
	for (size_t i = 0; i < usage->sources.n; i++) {
		struct usage_source *one = tally_at(&usage->sources, i);

		one->ended.sent += one->next_ended.sent;
		one->ended.received += one->next_ended.received;
	}
}

/* ---- answers */

bool usage_has_more_ports(const void *pa, const void *pb)
{
	const struct usage_destination *a = pa, *b = pb;
	const uint32_t x = usage_ports(a), y = usage_ports(b);

	return x != y ? x > y : a->key < b->key;
}

bool usage_has_more_connections(const void *pa, const void *pb)
{
	const struct usage_source *a = pa, *b = pb;

	return a->connections != b->connections ? a->connections > b->connections : a->key < b->key;
}

bool usage_has_more_bytes(const void *pa, const void *pb)
{
	const struct usage_source *a = pa, *b = pb;
	const uint64_t x = a->sent_per_s + a->received_per_s, y = b->sent_per_s + b->received_per_s;

	return x != y ? x > y : usage_has_more_connections(a, b);
}

bool usage_has_more_new(const void *pa, const void *pb)
{
	const struct usage_source *a = pa, *b = pb;

	return a->new_per_ks != b->new_per_ks ? a->new_per_ks > b->new_per_ks :
						usage_has_more_connections(a, b);
}

size_t usage_best_destinations(const struct usage *usage, const struct tally_order *best,
			       struct usage_destination *ret)
{
	return tally_best(&usage->destinations, best, ret);
}

size_t usage_best_sources(const struct usage *usage, const struct tally_order *best,
			  struct usage_source *ret)
{
	return tally_best(&usage->sources, best, ret);
}

const struct usage_source *usage_source_at(const struct usage *usage, size_t i)
{
	return tally_at(&usage->sources, i);
}

uint32_t usage_connections_of(const struct usage *usage, struct ip4 source)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < usage->n_egress; i++) {
		const struct usage_source *one = tally_find(&usage->sources, source_key(source, i));

		n += one ? one->connections : 0;
	}
	return n;
}

void usage_totals(const struct usage *usage, struct usage_total ret[static POLICY_EGRESS_MAX])
{
	for (size_t i = 0; i < POLICY_EGRESS_MAX; i++)
		ret[i] = (struct usage_total){ .connections = usage->connections[i] };
	for (size_t i = 0; i < usage->destinations.n; i++) {
		const struct usage_destination *one = tally_at(&usage->destinations, i);
		struct usage_total *total = &ret[usage_egress(one)];

		if (!total->hottest.connections || usage_has_more_ports(one, &total->hottest))
			total->hottest = *one;
	}
}

struct usage_numbers usage_numbers(const struct usage *usage)
{
	struct usage_numbers numbers = usage->numbers;

	numbers.flows = flowset_count(usage->flows);
	numbers.destinations = usage->destinations.n;
	numbers.sources = usage->sources.n;
	return numbers;
}
