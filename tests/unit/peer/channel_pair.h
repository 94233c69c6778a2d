// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Two ends of a channel over the loopback device, in one loop, which send each other a pattern. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/channel.h"
#include "peer/keys.h"

#define A "0123456789abcdef0123456789abcdef\n"
#define B "fedcba9876543210fedcba9876543210\n"
#define DEADLINE_MS 20000
#define BULK (10u << 20)
#define CHUNK 50000
#define NEVER SIZE_MAX

enum moment { NO_MOMENT, AT_OPEN, AT_DATA, AT_ROOM, AT_CLOSED };

struct pair;
struct end {
	struct pair *pair;
	struct channel *channel;
	size_t to_send, sent, came; /* bytes of the pattern */
	size_t takes;               /* only multiples of it; 0: all */
	size_t pause_at;            /* when so many came, once */
	enum moment free_at;
	bool opened, closed, intact;
	unsigned rooms;
	char reason[200];
};

struct pair {
	struct loop *loop;
	struct channel_listener *listener;
	struct peer_keys keys[2];
	struct end end[2]; /* who connected, who accepted */
	size_t wanted;     /* bytes at each end; or that both are done */
};

extern struct pair *fast_pair; /* whose deadlines come at once; NULL: nobody's */

uint8_t pattern(size_t at);
struct peer_keys keys_of(const char *text);
int set_up(void **state);
int tear_down(void **state);
#define over_loopback(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

void connect_to(struct pair *pair, uint16_t port);
/* Until each end is done: closed, or all is sent, and what is wanted has come. */
void run(struct pair *pair);
void start(struct pair *pair); /* connects the two, and runs */
