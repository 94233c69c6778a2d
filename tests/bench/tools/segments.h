// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Packets of pods and servers, of which nothing is remembered: sequence numbers are always the same, and a connection's
 * number says who it is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

enum { ISN_CLIENT = 1000, ISN_SERVER = 5000 };

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

/* The pod's first of connection i, TCP without flags. No two of the first 15 million are alike. */
struct packet segments_first(uint64_t i, uint8_t protocol, uint16_t service);
/* Of an answer to a pod: which connection's it is, of the first 15 million. */
uint64_t segments_number(const struct packet *answer);
/* Out of a raw socket, which fills in the length and checksum of IP. */
void segments_send(int out, struct packet *packet);
void segments_turn_round(struct packet *packet);
/* Turns it into what TCP answers to SYN and FIN. False: to this it answers nothing. */
bool segments_answer(struct packet *packet, bool is_server);
