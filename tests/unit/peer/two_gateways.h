// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Two gateways, each a process with a sender and a receiver in a network namespace of its own, on one wire. The test plays
 * their kernels' traffic: what it puts into a kernel is as if packets had done it. Gateways are A and B, egress IPs E1 and E2.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "nat/flow.h"
#include "peer/receiver.h"
#include "peer/sender.h"

enum gateway { A, B, GATEWAYS };
enum egress { E1, E2, EGRESSES };
enum { NOBODY = GATEWAYS };
enum { SOURCES = 2500 }; /* that may have a block; of more than two frames */

#define DEADLINE_MS 60000

/* What a gateway is to do. */
struct wish {
	bool owns[EGRESSES];
	enum gateway believes[EGRESSES];   /* whom it takes for the owner */
	bool leaves[EGRESSES];             /* hands it over */
	bool has_block[EGRESSES][SOURCES]; /* of what it owns */
	unsigned told;                     /* all blocks are told anew when this changes */
	bool quit;
};

struct shared {
	_Atomic unsigned wished, done; /* how often */
	struct wish wish;
	struct sender_times times;
	/* Written again and again; look at one number at a time. */
	struct sender_status sender;
	struct receiver_status receiver;
	struct ct_writer_stats writer;
	unsigned version;                  /* the newest that it knows; 0: all */
	unsigned serial;                   /* of all whom it tells of */
	_Atomic unsigned lives;            /* that it was told of */
	bool has_block[EGRESSES][SOURCES]; /* as it was told */
	_Atomic unsigned words, states;    /* of blocks: frames, and how often all came */
	_Atomic unsigned wrong;            /* with anything else than they should be */
	_Atomic unsigned lives_known; /* flows that it has a life of, at most: those with n below */
	bool complete[EGRESSES], sent[EGRESSES]; /* as a replica says */
	unsigned changes;                        /* that a replica told of */
	char report[8192];                       /* of a replica */
};

struct two {
	int ns[GATEWAYS];
	pid_t pid[GATEWAYS];
	struct shared *shared[GATEWAYS];
	struct ct_writer *traffic[GATEWAYS]; /* the test's */
	struct nfnl *nfnl[GATEWAYS];
};

/* cmocka set-up and tear-down. The set-up starts nothing; the tear-down ends what runs and expects that it ends well. */
int two_set_up(void **state);
int two_tear_down(void **state);
#define with_two(f) cmocka_unit_test_setup_teardown(f, two_set_up, two_tear_down)

/* What the process does; in two_process.c, and where a replica is tested, in that test. */
void two_run(enum gateway gateway, struct shared *shared);

/* A owns E1, B owns E2, and both know. */
void two_start(struct two *two, enum gateway gateway);
void two_quit(struct two *two, enum gateway gateway); /* well */
void two_kill(struct two *two, enum gateway gateway, int number);
void two_wish(struct two *two, enum gateway gateway); /* what is in shared->wish has changed */

struct ip4 two_address(enum gateway gateway, enum egress egress);
uint32_t two_mark(enum gateway gateway, enum egress egress);
/* A flow as it is on that gateway; `n` tells flows apart. */
struct ct_flow two_flow(enum gateway gateway, enum egress egress, uint8_t protocol, unsigned n);
void two_put(struct two *two, enum gateway gateway, enum ct_flow_change change,
	     const struct ct_flow *flow);
void two_flush(struct two *two, enum gateway gateway);
/* The flows of an egress IP there, in an order that is the same everywhere; the caller frees *ret. */
size_t two_list(struct two *two, enum gateway gateway, enum egress egress, struct ct_flow **ret);
size_t two_count(struct two *two, enum gateway gateway, enum egress egress);
/* The one with that number there. False: there's none. */
bool two_find(struct two *two, enum gateway gateway, const struct ct_flow *flow,
	      struct ct_flow *ret);
/* Whether the two have the same flows of it, each with its own address and mark. */
bool two_agree(struct two *two, enum egress egress);

typedef bool (*two_condition)(struct two *two);
void two_wait(struct two *two, two_condition condition, const char *what);
