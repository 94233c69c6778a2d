// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <string.h>

#include "base/mono.h"
#include "control/control.h"
#include "gateway/group/replica_internal.h"

static void put_received(struct control_out *out, const struct receiver_egress_status *status)
{
	control_string(out, "from", status->from[0] ? status->from : NULL);
	control_bool(out, "linked", status->linked);
	control_bool(out, "complete", status->linked && status->complete);
	if (status->heard.ns)
		control_int(out, "heard_seconds_ago",
			    mono_diff_ms(mono_now(), status->heard) / 1000);
}

static void put_egresses(const struct replica *replica, const struct receiver_status *receiver,
			 struct control_out *out)
{
	control_array(out, "egress_ips");
	for (size_t i = 0; i < replica->n_egresses; i++) {
		const struct known *known = &replica->egresses[i];

		control_object(out, NULL);
		control_string(out, "name", known->is.name);
		control_string(out, "mode", replica_mode_names[known->is.mode]);
		for (size_t j = 0; j < receiver->n; j++) {
			if (known->is.mode == REPLICA_RECEIVE &&
			    receiver->egresses[j].egress == known->hash)
				put_received(out, &receiver->egresses[j]);
		}
		control_end(out);
	}
	control_end(out);
}

static void put_peers(const struct sender_status *sender, struct control_out *out)
{
	control_array(out, "peers");
	for (size_t i = 0; i < sender->n; i++) {
		const struct sender_link_status *link = &sender->links[i];

		control_object(out, NULL);
		control_string(out, "name", link->name);
		control_bool(out, "linked", link->linked);
		control_bool(out, "complete", link->complete);
		control_int(out, "unacknowledged", (long long)(link->sent - link->acknowledged));
		control_int(out, "lag_ms", link->lag_ms);
		control_int(out, "queued_bytes", (long long)link->queued);
		control_int(out, "connections", (long long)link->connections);
		control_int(out, "overflows", (long long)link->overflows);
		control_string(out, "reason", link->reason);
		control_end(out);
	}
	control_end(out);
}

static void put_counts(struct control_out *out, const struct receiver_status *receiver,
		       const struct sender_status *sender)
{
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{ "told", sender->told },
		{ "events_lost", sender->lost },
		{ "walks", sender->walks },
		{ "refreshes", sender->refreshes },
		{ "failed_walks", sender->failed_walks },
		{ "lives_told", sender->tales },
		{ "blocks_told", sender->blocks },
		{ "taken", receiver->taken },
		{ "lives_taken", receiver->tales },
		{ "blocks_taken", receiver->blocks },
		{ "ignored", receiver->ignored },
		{ "broken_off", receiver->broken },
		{ "swept", receiver->swept },
		{ "sweeps", receiver->sweeps },
		{ "failed_sweeps", receiver->failed_sweeps },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		control_int(out, rows[i].key, (long long)rows[i].value);
}

/* What became of it in this kernel. */
static void put_entries(const struct replica *replica, struct control_out *out)
{
	const struct ct_writer_stats stats = ct_writer_stats(replica->writer);
	int refusal = ct_writer_last_refusal(replica->writer);

	control_object(out, "entries");
	control_int(out, "created", (long long)stats.created);
	control_int(out, "updated", (long long)stats.updated);
	control_int(out, "removed", (long long)stats.removed);
	control_int(out, "evicted", (long long)stats.evicted);
	control_int(out, "yielded", (long long)stats.yielded);
	control_int(out, "refused", (long long)stats.refused);
	if (refusal)
		control_string(out, "last_refusal", strerror(-refusal));
	control_end(out);
}

void replica_report(const struct replica *replica, struct control_out *out)
{
	struct receiver_status receiver;
	struct sender_status sender;

	receiver_status(replica->receiver, &receiver);
	sender_status(replica->sender, &sender);
	control_object(out, "replication");
	put_egresses(replica, &receiver, out);
	put_peers(&sender, out);
	put_counts(out, &receiver, &sender);
	put_entries(replica, out);
	control_end(out);
}
