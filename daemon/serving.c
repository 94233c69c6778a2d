// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/serving.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/frame.h"
#include "daemon/scrape.h"
#include "metrics/server.h"
#include "metrics/text.h"

enum { AGAIN_MS = 5000 };

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

static struct metrics_server *open_server(struct frame *frame, struct metrics_place place,
					  struct err *err)
{
	const struct metrics_server_options options = { .address = place.address,
							.port = place.port,
							.write = write_metrics,
							.find_fault = find_fault,
							.data = frame };

	return metrics_server_new(frame_loop(frame), &options, err);
}

int serving_prepare(struct serving *serving, struct frame *frame, const void *config,
		    struct err *err)
{
	struct metrics_place place = { 0 };
	int rc = frame_spec(frame)->metrics ?
			 frame_spec(frame)->metrics->find_place(config, &place, err) :
			 0;

	if (rc)
		return rc;
	serving->next_place = place;
	if (!place.port || is_same(&place, &serving->place))
		return 0;
	serving->next = open_server(frame, place, err);
	return serving->next ? 0 : err_prefix(err, -EADDRINUSE, "metrics.listen");
}

void serving_settle(struct serving *serving, bool taken)
{
	const bool is_moved = serving->next || !serving->next_place.port;

	if (!taken || !is_moved) {
		metrics_server_free(serving->next);
	} else {
		metrics_server_free(serving->now);
		serving->now = serving->next;
		serving->place = serving->next_place;
		loop_timer_disarm(serving->again);
	}
	serving->next = NULL;
}

static void try_again(void *data)
{
	struct serving *serving = data;
	struct err err = ERR_NULL;

	serving->now = open_server(serving->frame, serving->place, &err);
	if (serving->now)
		log_info("metrics", "served now");
	else
		loop_timer_arm_ms(serving->again, AGAIN_MS);
}

int serving_begin(struct serving *serving, struct frame *frame, const void *config, struct err *err)
{
	struct err why = ERR_NULL;

	serving->frame = frame;
	serving->again = loop_timer_new(frame_loop(frame), try_again, serving);
	if (!serving->again)
		return err_set(err, -ENOMEM, "out of memory");
	if (serving_prepare(serving, frame, config, &why) == 0) {
		serving_settle(serving, true);
		return 0;
	}
	log_error("metrics", "%s; trying again", why.text);
	serving->place = serving->next_place;
	loop_timer_arm_ms(serving->again, AGAIN_MS);
	return 0;
}

void serving_done(struct serving *serving)
{
	metrics_server_free(serving->next);
	metrics_server_free(serving->now);
	loop_timer_free(serving->again);
	*serving = (struct serving){ 0 };
}

void serving_list(const struct frame_spec *spec, FILE *to)
{
	for (size_t i = 0; spec->metrics && spec->metrics->tables[i]; i++)
		metrics_list(spec->metrics->tables[i], to);
	if (spec->metrics)
		metrics_list_family(&metrics_omitted, to);
}
