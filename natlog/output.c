// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/output.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "natlog/format.h"

struct output {
	struct output_how how;
	const char *gateway;
	struct sink *sink;
	struct natlog_gap pending[NATLOG_CAUSE_COUNT]; /* that aren't told yet; to_ns 0: none */
	bool has_pending;
	uint64_t records, lost, gaps;
};

struct output *output_new(const struct output_options *options, const struct output_how *how,
			  struct err *err)
{
	struct output *output = calloc(1, sizeof(*output));

	if (!output) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	output->how = *how;
	output->gateway = options->gateway;
	output->sink = sink_new(options->loop, options->gateway, options->most_waiting, err);
	if (output->sink)
		return output;
	free(output);
	return NULL;
}

void output_free(struct output *output, int wait_ms)
{
	if (!output)
		return;
	sink_free(output->sink, wait_ms);
	free(output);
}

void output_open(struct output *output, const struct output_how *how, int64_t since_ns)
{
	output->how = *how;
	sink_open(output->sink, how, since_ns);
}

const struct output_how *output_how(const struct output *output)
{
	return &output->how;
}

/* ---- records */

static bool put_gap(struct output *output, const struct natlog_gap *gap)
{
	char *room = sink_room(output->sink, FORMAT_MAX);

	if (!room)
		return false;
	sink_put(output->sink, format_gap(room, &output->how, gap));
	output->gaps++;
	return true;
}

/* What is missing comes before anything else, once there is room again. False: there is none. */
static bool tell_gaps(struct output *output)
{
	if (!output->has_pending)
		return true;
	for (size_t i = 0; i < NATLOG_CAUSE_COUNT; i++) {
		if (output->pending[i].to_ns && !put_gap(output, &output->pending[i]))
			return false;
		output->pending[i] = (struct natlog_gap){ 0 };
	}
	output->has_pending = false;
	return true;
}

/* Of each cause there is one until it's told. */
static void add_gap(struct output *output, const struct natlog_gap *gap)
{
	struct natlog_gap *into = &output->pending[gap->cause];

	if (!into->to_ns)
		*into = (struct natlog_gap){ .gateway = output->gateway,
					     .cause = gap->cause,
					     .from_ns = gap->from_ns };
	if (gap->from_ns < into->from_ns)
		into->from_ns = gap->from_ns;
	if (gap->to_ns > into->to_ns)
		into->to_ns = gap->to_ns;
	into->lost += gap->lost;
	output->has_pending = true;
}

static char *room_of(struct output *output)
{
	return tell_gaps(output) ? sink_room(output->sink, FORMAT_MAX) : NULL;
}

static void lose(struct output *output, int64_t at_ns)
{
	add_gap(output,
		&(struct natlog_gap){
			.cause = NATLOG_BACKLOG, .from_ns = at_ns, .to_ns = at_ns, .lost = 1 });
	output->lost++;
}

static bool put(struct output *output, size_t n, int64_t at_ns)
{
	if (!n) {
		lose(output, at_ns);
		return false;
	}
	sink_put(output->sink, n);
	output->records++;
	return true;
}

bool output_flow(struct output *output, const struct natlog_flow *record)
{
	char *room = room_of(output);

	return put(output, room ? format_flow(room, &output->how, record) : 0, record->end_ns);
}

bool output_block(struct output *output, const struct natlog_block *record)
{
	char *room = room_of(output);

	return put(output, room ? format_block(room, &output->how, record) : 0,
		   record->is_end ? record->end_ns : record->start_ns);
}

void output_begin(struct output *output, const struct natlog_flow *record)
{
	char *room;

	if (!format_has_begin(&output->how))
		return;
	room = room_of(output);
	put(output, room ? format_begin(room, &output->how, record) : 0, record->start_ns);
}

void output_gap(struct output *output, const struct natlog_gap *gap)
{
	add_gap(output, gap);
	(void)tell_gaps(output);
}

void output_mark(struct output *output, int64_t until_ns)
{
	if (tell_gaps(output))
		sink_mark(output->sink, until_ns);
}

void output_status(const struct output *output, struct output_status *ret)
{
	*ret = (struct output_status){ .kind = output->how.kind,
				       .records = output->records,
				       .lost = output->lost,
				       .gaps = output->gaps };
	sink_status(output->sink, &ret->sink);
}
