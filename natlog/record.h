// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what the NAT log says, as JSON lines. docs/NATLOG.md has the fields; they are a promise: one that is there keeps its
 * name and its meaning, new ones may come.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/account.h"
#include "nat/flow.h"

#define NATLOG_LINE_MAX \
	4096 /* with its end; the longest names that Kubernetes allows leave half of it */
#define NATLOG_VERSION 1

/* Who had the address, and what the rules said. NULL or "": not known. */
struct natlog_who {
	const char *namespace, *name, *uid; /* of the pod */
	const char *node;
	const char *policy;
	const char *egress;
	/* The gateways that had the connection before, apart by blanks, in the order of time. */
	const char *carriers;
	struct ip4 public; /* v == 0: not known */
};

/* When it was asked who had the address. */
enum natlog_basis {
	NATLOG_START,      /* when the connection began */
	NATLOG_REPLICATED, /* when another gateway made it known here, and didn't say who had it */
	NATLOG_FOUND,      /* when it was found in the kernel: a start, or a gap */
	NATLOG_END,        /* when it ended: its beginning fell into a gap */
	NATLOG_NONE,       /* nobody can say */
	NATLOG_BASIS_COUNT
};

struct natlog_flow {
	const char *gateway;
	const struct ct_flow *flow;
	const struct ct_account *account; /* its times are those below */
	int64_t start_ns, end_ns;
	const struct natlog_who *who; /* NULL: nothing is known */
	enum natlog_basis basis;
};

/* A source has got a block of ports, or has lost it. */
struct natlog_block {
	const char *gateway;
	struct ip4 source, nat; /* the address that the ports are of */
	uint16_t first_port, last_port;
	bool is_end;
	int64_t start_ns, end_ns;
	const struct natlog_who *who; /* without policy and carriers; NULL: nothing is known */
	enum natlog_basis basis;
};

enum natlog_cause {
	NATLOG_RESTART, /* nobody listened: ends in between are missing */
	NATLOG_OVERRUN, /* the kernel couldn't tell all: beginnings in between may be missing */
	NATLOG_BACKLOG, /* what had to be written was more than could be: `lost` records are missing */
	NATLOG_CONNECTION, /* the collector went away: what was on its way may be missing */
	NATLOG_CAUSE_COUNT
};

struct natlog_gap {
	const char *gateway;
	enum natlog_cause cause;
	int64_t from_ns, to_ns;
	uint64_t lost; /* records, with NATLOG_BACKLOG */
};

/* The fields, as a part of a record in another form. */
struct fields;
void natlog_put_flow(struct fields *fields, const struct natlog_flow *record);
void natlog_put_block(struct fields *fields, const struct natlog_block *record);
void natlog_put_gap(struct fields *fields, const struct natlog_gap *record);
const char *natlog_protocol_name(uint8_t protocol); /* NULL: one that isn't translated */
const char *natlog_tcp_state(uint8_t state);        /* NULL: none */
const char *natlog_cause_name(enum natlog_cause cause);
const char *natlog_basis_name(enum natlog_basis basis);

/* A whole line, without a NUL at its end. Its length; 0: it doesn't fit. */
size_t natlog_flow_line(char buf[static NATLOG_LINE_MAX], const struct natlog_flow *record);
size_t natlog_block_line(char buf[static NATLOG_LINE_MAX], const struct natlog_block *record);
size_t natlog_gap_line(char buf[static NATLOG_LINE_MAX], const struct natlog_gap *record);
