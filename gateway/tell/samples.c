// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/samples.h"

#include <string.h>

enum { MINUTE_MS = 60000 };

const char *const samples_names[SAMPLES_NUMBERS] = {
	[SAMPLES_POD_SENT_BYTES] = "pod_sent_bytes",
	[SAMPLES_POD_SENT_PACKETS] = "pod_sent_packets",
	[SAMPLES_POD_RECEIVED_BYTES] = "pod_received_bytes",
	[SAMPLES_POD_RECEIVED_PACKETS] = "pod_received_packets",
	[SAMPLES_UPLINK_SENT_BYTES] = "uplink_sent_bytes",
	[SAMPLES_UPLINK_SENT_PACKETS] = "uplink_sent_packets",
	[SAMPLES_UPLINK_RECEIVED_BYTES] = "uplink_received_bytes",
	[SAMPLES_UPLINK_RECEIVED_PACKETS] = "uplink_received_packets",
	[SAMPLES_NEW] = "new",
	[SAMPLES_DROPPED] = "dropped_packets",
	[SAMPLES_CONNECTIONS] = "connections",
};

void samples_init(struct samples *samples)
{
	memset(samples, 0, sizeof(*samples));
	samples->recent = (struct samples_ring){ samples->recent_rows, SAMPLES_RECENT };
	samples->minutes = (struct samples_ring){ samples->minute_rows, SAMPLES_MINUTES };
}

static void push(struct samples_ring *ring, const struct samples_row *row)
{
	ring->v[ring->next] = *row;
	ring->next = (ring->next + 1) % ring->size;
	if (ring->n < ring->size)
		ring->n++;
}

static bool is_counter(size_t number)
{
	return number != SAMPLES_CONNECTIONS;
}

/* A counter that went back began anew, with its device or table, who knows when. */
static struct samples_row difference(const struct samples_reading *from,
				     const struct samples_reading *to)
{
	struct samples_row row = { .unix_ms = to->unix_ms,
				   .ms = (uint32_t)mono_diff_ms(to->at, from->at) };

	for (size_t i = 0; i < SAMPLES_NUMBERS; i++) {
		const uint64_t base = is_counter(i) ? from->v[i] : 0;
		const unsigned known = is_counter(i) ? from->known & to->known : to->known;

		if (!(known & SAMPLES_BIT(i)) || to->v[i] < base)
			continue;
		row.known |= SAMPLES_BIT(i);
		row.v[i] = to->v[i] - base;
	}
	return row;
}

/* What isn't known of a part isn't known of the whole. */
static void add_to_minute(struct samples *samples, const struct samples_row *row)
{
	struct samples_row *minute = &samples->minute;

	minute->known = minute->ms ? minute->known & row->known : row->known;
	minute->ms += row->ms;
	minute->unix_ms = row->unix_ms;
	for (size_t i = 0; i < SAMPLES_NUMBERS; i++)
		minute->v[i] = is_counter(i) ? minute->v[i] + row->v[i] : row->v[i];
	if (minute->ms + SAMPLES_STEP_MS / 2 < MINUTE_MS)
		return;
	push(&samples->minutes, minute);
	*minute = (struct samples_row){ 0 };
}

void samples_add(struct samples *samples, const struct samples_reading *reading)
{
	struct samples_row row;

	if (samples->last.at.ns && mono_is_before(samples->last.at, reading->at)) {
		row = difference(&samples->last, reading);
		push(&samples->recent, &row);
		add_to_minute(samples, &row);
	}
	samples->last = *reading;
}

const struct samples_row *samples_row(const struct samples_ring *ring, size_t i)
{
	return &ring->v[(ring->next + ring->size - ring->n + i) % ring->size];
}
