// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/replica.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "gateway/group/replica_internal.h"

enum { LOOK_MS = 100 };

const char *const replica_mode_names[REPLICA_MODE_COUNT] = { "none", "send", "receive" };

static bool is_member(const char *peer, void *data)
{
	const struct replica *replica = data;

	for (size_t i = 0; i < replica->n_peers; i++) {
		if (strcmp(replica->peers[i].name, peer) == 0)
			return true;
	}
	return false;
}

static void on_tale(const struct ct_flow *flow, const struct ct_tale *tale, const uint8_t *who,
		    size_t n, void *data)
{
	const struct replica_tales *tales = ((const struct replica *)data)->config.tales;

	tales->take(flow, tale, who, n, tales->data);
}

static void on_blocks(const char *peer, const struct peer_frame *frame, void *data)
{
	const struct replica_blocks *blocks = ((const struct replica *)data)->config.blocks;

	blocks->take(peer, frame, blocks->data);
}

static bool is_owner(const char *peer, uint64_t egress, void *data)
{
	const struct replica *replica = data;

	return replica->config.is_owner(peer, egress, replica->config.data);
}

/* ---- what has changed */

static bool link_is_sent(const struct sender_link_status *link)
{
	return link->linked && link->complete && link->sent == link->acknowledged;
}

static const struct sender_link_status *find_link(const struct sender_status *sender,
						  const char *peer)
{
	for (size_t i = 0; i < sender->n; i++) {
		if (strcmp(sender->links[i].name, peer) == 0)
			return &sender->links[i];
	}
	return NULL;
}

static bool egress_is_complete(const struct receiver_status *receiver, uint64_t egress)
{
	for (size_t i = 0; i < receiver->n; i++) {
		if (receiver->egresses[i].egress == egress)
			return receiver->egresses[i].complete && receiver->egresses[i].linked;
	}
	return false;
}

/* There are no events for these: others say it, and the kernel. */
static void look(void *data)
{
	struct replica *replica = data;
	struct receiver_status receiver;
	struct sender_status sender;
	bool changed = false;

	receiver_status(replica->receiver, &receiver);
	sender_status(replica->sender, &sender);
	for (size_t i = 0; i < replica->n_egresses; i++) {
		bool is = egress_is_complete(&receiver, replica->egresses[i].hash);

		changed = changed || is != replica->egresses[i].was_complete;
		replica->egresses[i].was_complete = is;
	}
	for (size_t i = 0; i < replica->n_peers; i++) {
		const struct sender_link_status *link = find_link(&sender, replica->peers[i].name);
		bool is = link && link_is_sent(link);

		changed = changed || is != replica->was_sent[i];
		replica->was_sent[i] = is;
	}
	loop_timer_arm_ms(replica->look, LOOK_MS);
	if (changed)
		replica->config.on_change(replica->config.data);
}

bool replica_is_complete(const struct replica *replica, size_t i)
{
	struct receiver_status status;

	if (i >= replica->n_egresses || replica->egresses[i].is.mode != REPLICA_RECEIVE)
		return false;
	receiver_status(replica->receiver, &status);
	return egress_is_complete(&status, replica->egresses[i].hash);
}

bool replica_is_sent(const struct replica *replica, size_t i, const char *peer)
{
	const struct sender_link_status *link;
	struct sender_status status;

	if (i >= replica->n_egresses || replica->egresses[i].is.mode != REPLICA_SEND ||
	    !replica->egresses[i].is.address.v)
		return false;
	sender_status(replica->sender, &status);
	link = find_link(&status, peer);
	return link && link_is_sent(link);
}

/* ---- who and whose */

void replica_set_keys(struct replica *replica, const struct peer_keys *keys)
{
	receiver_set_keys(replica->receiver, keys);
	sender_set_keys(replica->sender, keys);
}

int replica_set_peers(struct replica *replica, const struct replica_peer *peers, size_t n)
{
	struct sender_peer ways[SENDER_PEERS_MAX] = { 0 };
	int rc;

	if (n > SENDER_PEERS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		memcpy(ways[i].name, peers[i].name, sizeof(ways[i].name));
		ways[i].way = (struct channel_way){ .address = peers[i].address,
						    .port = replica->config.port,
						    .from = replica->config.address };
	}
	rc = sender_set_peers(replica->sender, ways, n);
	if (rc)
		return rc;
	memcpy(replica->peers, peers, n * sizeof(*peers));
	memset(replica->was_sent, 0, sizeof(replica->was_sent));
	replica->n_peers = n;
	return 0;
}

/* Those that are told of after the change, or only those that were before it, too. */
static int set_sender(struct replica *replica, const struct replica_egress *egresses, size_t n,
		      bool old_ones)
{
	struct sender_egress sent[SENDER_EGRESSES_MAX];
	size_t n_sent = 0;

	for (size_t i = 0; i < n; i++) {
		const struct sender_egress egress = { beat_hash(egresses[i].name),
						      egresses[i].address, egresses[i].is_leaving };
		bool was = false;

		for (size_t j = 0; j < replica->n_egresses; j++) {
			const struct known *known = &replica->egresses[j];

			was = was ||
			      (known->hash == egress.egress && known->is.mode == REPLICA_SEND &&
			       known->is.address.v == egress.address.v);
		}
		if (egress.address.v && egresses[i].mode == REPLICA_SEND && (was || !old_ones))
			sent[n_sent++] = egress;
	}
	return sender_set_egresses(replica->sender, sent, n_sent);
}

/* NONE is for the receiver as if it were ours: it stays as it is. */
static int set_receiver(struct replica *replica, const struct replica_egress *egresses, size_t n)
{
	struct receiver_egress places[RECEIVER_EGRESSES_MAX];
	size_t n_places = 0;

	for (size_t i = 0; i < n; i++) {
		if (egresses[i].address.v)
			places[n_places++] = (struct receiver_egress){
				.egress = beat_hash(egresses[i].name),
				.address = egresses[i].address,
				.mark = egresses[i].mark,
				.is_ours = egresses[i].mode != REPLICA_RECEIVE,
			};
	}
	return receiver_set_egresses(replica->receiver, places, n_places);
}

int replica_set_egresses(struct replica *replica, const struct replica_egress *egresses, size_t n)
{
	int rc;

	if (n > REPLICA_EGRESSES_MAX)
		return -E2BIG;
	rc = set_sender(replica, egresses, n, true);
	if (!rc)
		rc = set_receiver(replica, egresses, n);
	for (size_t i = 0; !rc && i < n; i++)
		replica->fresh[i] =
			(struct known){ .is = egresses[i], .hash = beat_hash(egresses[i].name) };
	if (!rc)
		rc = set_sender(replica, egresses, n, false);
	if (rc)
		return rc;
	memcpy(replica->egresses, replica->fresh, n * sizeof(replica->fresh[0]));
	replica->n_egresses = n;
	return 0;
}

void replica_put_block(struct replica *replica, uint64_t egress, const struct frame_block *block,
		       uint16_t ports)
{
	sender_put_block(replica->sender, egress, block, ports);
}

void replica_tell_blocks(struct replica *replica)
{
	sender_tell_blocks(replica->sender);
}

void replica_want_blocks(struct replica *replica)
{
	receiver_want_blocks(replica->receiver);
}

/* ---- life */

static bool start(struct replica *replica, struct err *err)
{
	const struct replica_config *config = &replica->config;
	const struct receiver_config receive = { .loop = config->loop,
						 .writer = replica->writer,
						 .place = { config->address, config->port },
						 .name = config->name,
						 .boot = config->boot,
						 .keys = config->keys,
						 .is_member = is_member,
						 .is_owner = is_owner,
						 .on_tale = config->tales ? on_tale : NULL,
						 .on_blocks = config->blocks ? on_blocks : NULL,
						 .data = replica };
	const struct sender_config send = { .loop = config->loop,
					    .writer = replica->writer,
					    .name = config->name,
					    .boot = config->boot,
					    .keys = config->keys,
					    .times = config->times,
					    .tales = config->tales ? &config->tales->tell : NULL,
					    .blocks = config->blocks ? &config->blocks->tell :
								       NULL };

	replica->receiver = receiver_new(&receive, err);
	replica->sender = replica->receiver ? sender_new(&send, err) : NULL;
	replica->look = loop_timer_new(config->loop, look, replica);
	if (replica->sender && !replica->look)
		err_set(err, -ENOMEM, "out of memory");
	return replica->sender && replica->look;
}

struct replica *replica_new(const struct replica_config *config, struct err *err)
{
	struct replica *replica = calloc(1, sizeof(*replica));

	if (!replica) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	replica->config = *config;
	replica->writer = ct_writer_new(err);
	if (!replica->writer || !start(replica, err)) {
		replica_free(replica);
		return NULL;
	}
	/* The caller's need not live on. */
	replica->config.name = NULL;
	replica->config.keys = NULL;
	loop_timer_arm_ms(replica->look, LOOK_MS);
	return replica;
}

void replica_free(struct replica *replica)
{
	if (!replica)
		return;
	loop_timer_free(replica->look);
	sender_free(replica->sender);
	receiver_free(replica->receiver);
	ct_writer_free(replica->writer);
	free(replica);
}
