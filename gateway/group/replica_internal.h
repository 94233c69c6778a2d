// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside replica: replica.c is what it does, replica_report.c what it says of itself. */
#pragma once

#include "gateway/group/replica.h"
#include "nat/flow.h"
#include "peer/receiver.h"

struct loop_timer;

#define REPLICA_EGRESSES_MAX BEAT_CLAIMS_MAX

struct known {
	struct replica_egress is;
	uint64_t hash; /* of its name */
	bool was_complete;
};

struct replica {
	struct replica_config config;
	struct ct_writer *writer;
	struct receiver *receiver;
	struct sender *sender;
	struct loop_timer *look;
	struct replica_peer peers[SENDER_PEERS_MAX];
	bool was_sent[SENDER_PEERS_MAX];
	size_t n_peers;
	struct known egresses[REPLICA_EGRESSES_MAX];
	struct known fresh[REPLICA_EGRESSES_MAX]; /* while they are being set */
	size_t n_egresses;
};
