// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/serving.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "daemon/frame.h"
#include "daemon/scrape.h"
#include "metrics/server.h"
#include "metrics/text.h"

static int write_metrics(struct metrics_out *out, void *data, struct err *err)
{
	const struct frame *frame = data;

	if (!frame_state(frame))
		return err_set(err, -EAGAIN, "the daemon is starting");
	frame_spec(frame)->metrics->write(frame, out);
	return 0;
}

static const char *find_fault(void *data)
{
	const struct frame *frame = data;

	if (!frame_state(frame) || !frame_is_ready(frame))
		return "not ready";
	return frame_spec(frame)->metrics->find_fault(frame);
}

static bool is_same(const struct metrics_place *a, const struct metrics_place *b)
{
	return a->address.v == b->address.v && a->port == b->port;
}

int serving_prepare(struct serving *serving, struct frame *frame, const void *config,
		    struct err *err)
{
	struct metrics_server_options options = { .write = write_metrics,
						  .find_fault = find_fault,
						  .data = frame };
	struct metrics_place place = { 0 };
	int rc = frame_spec(frame)->metrics ?
			 frame_spec(frame)->metrics->find_place(config, &place, err) :
			 0;

	if (rc)
		return rc;
	serving->next_place = place;
	if (!place.port || is_same(&place, &serving->place))
		return 0;
	options.address = place.address;
	options.port = place.port;
	serving->next = metrics_server_new(frame_loop(frame), &options, err);
	return serving->next ? 0 : err_prefix(err, -EADDRINUSE, "metrics.listen");
}

void serving_settle(struct serving *serving, bool taken)
{
	if (!taken || is_same(&serving->next_place, &serving->place)) {
		metrics_server_free(serving->next);
	} else {
		metrics_server_free(serving->now);
		serving->now = serving->next;
		serving->place = serving->next_place;
	}
	serving->next = NULL;
}

void serving_done(struct serving *serving)
{
	metrics_server_free(serving->next);
	metrics_server_free(serving->now);
	*serving = (struct serving){ 0 };
}

void serving_list(const struct frame_spec *spec, FILE *to)
{
	for (size_t i = 0; spec->metrics && spec->metrics->tables[i]; i++)
		metrics_list(spec->metrics->tables[i], to);
	if (spec->metrics)
		metrics_list_family(&metrics_omitted, to);
}
