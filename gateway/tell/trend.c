// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/trend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mono.h"
#include "control/control.h"
#include "daemon/frame.h"
#include "daemon/scrape.h"
#include "gateway/tell/samples.h"
#include "gateway/tell/state.h"
#include "gateway/tell/status.h"
#include "natlog/stamp.h"

#define NS_PER_MS 1000000

struct trend {
	const struct frame *frame;
	struct loop_timer *timer;
	struct samples *samples;  /* NULL: not wanted */
	uint64_t connections_max; /* as last read */
};

static void set(struct samples_reading *reading, enum samples_number number, uint64_t value)
{
	reading->v[number] = value;
	reading->known |= SAMPLES_BIT(number);
}

/* `first` is the first of four, as they are in the enum. */
static void set_device(struct samples_reading *reading, enum samples_number first,
		       const struct traffic *sent, const struct traffic *received)
{
	set(reading, first, sent->bytes);
	set(reading, first + 1, sent->packets);
	set(reading, first + 2, received->bytes);
	set(reading, first + 3, received->packets);
}

static uint64_t sum_of(const struct scrape *s, enum report_kind kind)
{
	uint64_t sum = 0;

	for (const struct report_counter *c = gateway_counters; c->name; c++) {
		for (size_t i = 0; c->kind == kind && i < s->counters.n_counters; i++) {
			if (strcmp(s->counters.counters[i].name, c->name) == 0)
				sum += s->counters.counters[i].packets;
		}
	}
	return sum;
}

/* What comes out of the tunnel is what pods send. */
static void take(struct samples *samples, const struct scrape *s)
{
	struct samples_reading reading = { .at = mono_now(),
					   .unix_ms = stamp_now_ns() / NS_PER_MS };

	if (s->has & SCRAPE_HAS(SCRAPE_TUNNEL))
		set_device(&reading, SAMPLES_POD_SENT_BYTES, &s->tunnel.received, &s->tunnel.sent);
	if (s->has & SCRAPE_HAS(SCRAPE_UPLINK))
		set_device(&reading, SAMPLES_UPLINK_SENT_BYTES, &s->uplink.sent,
			   &s->uplink.received);
	if (s->has & SCRAPE_HAS(SCRAPE_RULES)) {
		set(&reading, SAMPLES_NEW, sum_of(s, REPORT_OPENS));
		set(&reading, SAMPLES_DROPPED, sum_of(s, REPORT_DROPS));
	}
	if (s->has & SCRAPE_HAS(SCRAPE_CONNTRACK))
		set(&reading, SAMPLES_CONNECTIONS, s->conntrack.entries);
	samples_add(samples, &reading);
}

static void read_now(void *data)
{
	struct trend *trend = data;
	const struct agent *agent = frame_state(trend->frame);
	struct scrape scrape;

	loop_timer_arm_ms(trend->timer, SAMPLES_STEP_MS);
	if (!agent)
		return;
	const struct agent_state state = agent_state(agent);
	const struct gateway_config *config = state.view.config;
	const struct report_head head = { .frame = trend->frame,
					  .keeper = state.keeper,
					  .counters = gateway_counters };
	const struct scrape_source source = { .head = &head,
					      .uplink = config->gateway.uplink,
					      .tunnel = config->tunnel.device };

	scrape_read(&scrape, &source);
	take(trend->samples, &scrape);
	trend->connections_max = scrape.conntrack.max;
	scrape_done(&scrape);
}

struct trend *trend_new(const struct frame *frame)
{
	struct trend *trend = calloc(1, sizeof(*trend));

	if (!trend)
		return NULL;
	trend->frame = frame;
	trend->timer = loop_timer_new(frame_loop(frame), read_now, trend);
	if (trend->timer)
		return trend;
	free(trend);
	return NULL;
}

void trend_free(struct trend *trend)
{
	if (!trend)
		return;
	loop_timer_free(trend->timer);
	free(trend->samples);
	free(trend);
}

int trend_want(struct trend *trend, bool wanted)
{
	if (wanted == !!trend->samples)
		return 0;
	if (!wanted) {
		loop_timer_disarm(trend->timer);
		free(trend->samples);
		trend->samples = NULL;
		return 0;
	}
	trend->samples = malloc(sizeof(*trend->samples));
	if (!trend->samples)
		return -ENOMEM;
	samples_init(trend->samples);
	return loop_timer_arm_ms(trend->timer, 0);
}

static void put_number(struct control_out *out, const struct samples_row *row, size_t number)
{
	if (row->known & SAMPLES_BIT(number))
		control_int(out, NULL, (long long)row->v[number]);
	else
		control_string(out, NULL, NULL);
}

static void put_rows(struct control_out *out, const struct samples_ring *ring)
{
	control_array(out, "rows");
	for (size_t i = 0; i < ring->n; i++) {
		const struct samples_row *row = samples_row(ring, i);

		control_array(out, NULL);
		control_int(out, NULL, row->unix_ms);
		control_int(out, NULL, row->ms);
		for (size_t j = 0; j < SAMPLES_NUMBERS; j++)
			put_number(out, row, j);
		control_end(out);
	}
	control_end(out);
}

int trend_report(const struct trend *trend, const struct control_args *args,
		 struct control_out *out, struct err *err)
{
	const char *span = control_arg(args, "span");
	const bool is_day = span && strcmp(span, "day") == 0;

	if (span && !is_day && strcmp(span, "recent") != 0)
		return err_set(err, -EINVAL, "span: is \"recent\" or \"day\"");
	if (!trend->samples)
		return err_set(err, -ENODATA,
			       "nothing is kept: admin.listen isn't in the configuration");
	control_int(out, "time_ms", stamp_now_ns() / NS_PER_MS);
	control_int(out, "step_ms", is_day ? 60000 : SAMPLES_STEP_MS);
	control_int(out, "connections_max", (long long)trend->connections_max);
	control_array(out, "columns");
	control_string(out, NULL, "time_ms");
	control_string(out, NULL, "interval_ms");
	for (size_t i = 0; i < SAMPLES_NUMBERS; i++)
		control_string(out, NULL, samples_names[i]);
	control_end(out);
	put_rows(out, is_day ? &trend->samples->minutes : &trend->samples->recent);
	return 0;
}
