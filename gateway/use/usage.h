// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what is in use now of what egress IPs can carry. A port of an egress IP serves one connection to each destination (protocol,
 * address and port), so what can run out is counted for each (egress IP, destination); and what each source has.
 *
 * It is told of connections as they begin and end, and looks through all of them now and then. Each counts once, however often it
 * is told; what was told of wrongly or not at all is right after the next look. Bytes are known at ends and in looks, so rates are
 * those between the last two looks.
 *
 * Memory: 8 to 21 bytes for a connection, about 40 for a destination, about 110 for a source. Of too many destinations those with few
 * connections are forgotten; of too many sources the newcomers aren't shown. What is counted per egress IP stays right.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "base/mono.h"
#include "gateway/table/tally.h"
#include "policy/policy.h"

struct ct_account;
struct ct_flow;
struct usage;

struct usage_options {
	size_t most_flows, most_destinations, most_sources;
	uint64_t seed[4]; /* random */
};
struct usage *usage_new(const struct usage_options *options); /* NULL: no memory */
void usage_free(struct usage *usage);

/*
 * What is counted: connections that leave with one of these addresses; their places are the egress IPs' numbers here. v == 0: none,
 * not available or another gateway's. True: it isn't what it was, so that a look is needed.
 */
bool usage_set_egress(struct usage *usage, const struct ip4 *v, size_t n);

void usage_begin(struct usage *usage, const struct ct_flow *flow);
void usage_end(struct usage *usage, const struct ct_flow *flow, const struct ct_account *account);

void usage_look_begin(struct usage *usage);
void usage_look_see(struct usage *usage, const struct ct_flow *flow,
		    const struct ct_account *account);
void usage_look_end(struct usage *usage, struct mono now);
void usage_look_cancel(struct usage *usage); /* it broke off */

struct usage_destination {
	uint64_t key; /* inside */
	uint32_t connections;
	/* Of these in TIME_WAIT, or closed: the kernel ends one of them if a new connection needs its port. As of the last look. */
	uint32_t closing;
	uint32_t next, next_closing; /* inside: of the look that goes on */
};
/* Each connection to a destination has a port of its own: so many can't be given to a new one. */
uint32_t usage_ports(const struct usage_destination *destination);
struct ip4 usage_address(const struct usage_destination *destination);
uint16_t usage_port(const struct usage_destination *destination); /* ICMP: 0 */
uint8_t usage_protocol(const struct usage_destination *destination);
unsigned usage_egress(const struct usage_destination *destination);

struct usage_source {
	uint64_t key; /* inside */
	uint32_t connections;
	uint32_t begun;                      /* since the last look */
	uint64_t sent_per_s, received_per_s; /* bytes */
	uint64_t new_per_ks;                 /* connections in a thousand seconds */
	struct usage_bytes {
		uint64_t sent, received;
	} live, next_live, ended, next_ended; /* inside */
	uint32_t next;
};
struct ip4 usage_source_address(const struct usage_source *source);
unsigned usage_source_egress(const struct usage_source *source);

/* The first ones of all, in that order, into ret. How many there are. */
size_t usage_best_destinations(const struct usage *usage, const struct tally_order *best,
			       struct usage_destination *ret);
size_t usage_best_sources(const struct usage *usage, const struct tally_order *best,
			  struct usage_source *ret);
/* Orders: most ports; most connections, most bytes, most new ones. Equal ones by address. */
bool usage_has_more_ports(const void *a, const void *b);
bool usage_has_more_connections(const void *a, const void *b); /* sources, like the next two */
bool usage_has_more_bytes(const void *a, const void *b);
bool usage_has_more_new(const void *a, const void *b);

/* One after the other, in no order; i < the number of sources. */
const struct usage_source *usage_source_at(const struct usage *usage, size_t i);
/* Of one source, with all egress IPs. */
uint32_t usage_connections_of(const struct usage *usage, struct ip4 source);

struct usage_total {
	uint32_t connections; /* of the egress IP */
	struct usage_destination
		hottest; /* that has most ports; without connections: there is none */
};
/* O(destinations). ret has a place for each egress IP. */
void usage_totals(const struct usage *usage, struct usage_total ret[static POLICY_EGRESS_MAX]);

struct usage_numbers {
	size_t flows, destinations, sources;
	uint64_t uncounted;  /* connections that didn't fit */
	uint64_t forgotten;  /* destinations */
	uint64_t unshown;    /* sources */
	int64_t interval_ms; /* between the last two looks; 0: there weren't two */
};
struct usage_numbers usage_numbers(const struct usage *usage);
