// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/serving.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/frame.h"
#include "daemon/scrape.h"
#include "metrics/server.h"
#include "metrics/site.h"
#include "metrics/text.h"

enum { AGAIN_MS = 5000 };

static int write_metrics(struct metrics_out *out, void *data, struct err *err)
{
	const struct frame *frame = data;

	if (!frame_state(frame))
		return err_mark(err, MSG_STARTING, err_set(err, -EAGAIN, "the daemon is starting"));
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

static bool is_same(const struct listen_place *a, const struct listen_place *b)
{
	return a->address.v == b->address.v && a->port == b->port;
}

static void *open_metrics(struct frame *frame, struct listen_place place, struct err *err)
{
	const struct metrics_server_options options = { .address = place.address,
							.port = place.port,
							.write = write_metrics,
							.find_fault = find_fault,
							.data = frame };

	return metrics_server_new(frame_loop(frame), &options, err);
}

static void close_metrics(void *server)
{
	metrics_server_free(server);
}

static int find_metrics(const struct frame_spec *spec, const void *config, struct listen_place *ret,
			struct err *err)
{
	return spec->metrics ? spec->metrics->find_place(config, ret, err) : 0;
}

static void *open_admin(struct frame *frame, struct listen_place place, struct err *err)
{
	const struct frame_admin *admin = frame_spec(frame)->admin;
	const struct site_options options = { .address = place.address,
					      .port = place.port,
					      .pages = admin->pages,
					      .n_pages = admin->n_pages,
					      .other = "the status page is at /",
					      .is_guarded = true,
					      .data = frame };

	return site_new(frame_loop(frame), &options, err);
}

static void close_admin(void *site)
{
	site_free(site);
}

static int find_admin(const struct frame_spec *spec, const void *config, struct listen_place *ret,
		      struct err *err)
{
	return spec->admin ? spec->admin->find_place(config, ret, err) : 0;
}

static const struct {
	const char *name, *key;
	/* 0, also if the program has none; -errno with the reason. */
	int (*find_place)(const struct frame_spec *spec, const void *config,
			  struct listen_place *ret, struct err *err);
	void *(*open)(struct frame *frame, struct listen_place place, struct err *err);
	void (*close)(void *server); /* NULL is fine */
} kinds[SERVING_KIND_COUNT] = {
	[SERVING_METRICS] = { "metrics", "metrics.listen", find_metrics, open_metrics,
			      close_metrics },
	[SERVING_ADMIN] = { "admin", "admin.listen", find_admin, open_admin, close_admin },
};

static int prepare(struct served *s, struct frame *frame, const void *config, struct err *err)
{
	struct listen_place place = { 0 };
	int rc = kinds[s->kind].find_place(frame_spec(frame), config, &place, err);

	if (rc)
		return rc;
	s->next_place = place;
	if (!place.port || is_same(&place, &s->place))
		return 0;
	s->next = kinds[s->kind].open(frame, place, err);
	return s->next ? 0 : err_prefix(err, -EADDRINUSE, "%s", kinds[s->kind].key);
}

int serving_prepare(struct serving *serving, struct frame *frame, const void *config,
		    struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < SERVING_KIND_COUNT; i++)
		rc = prepare(&serving->v[i], frame, config, err);
	return rc;
}

static void settle(struct served *s, bool taken)
{
	const bool is_moved = s->next || !s->next_place.port;

	if (!taken || !is_moved) {
		kinds[s->kind].close(s->next);
	} else {
		kinds[s->kind].close(s->now);
		s->now = s->next;
		s->place = s->next_place;
		loop_timer_disarm(s->again);
	}
	s->next = NULL;
}

void serving_settle(struct serving *serving, bool taken)
{
	for (size_t i = 0; i < SERVING_KIND_COUNT; i++)
		settle(&serving->v[i], taken);
}

static void try_again(void *data)
{
	struct served *s = data;
	struct err err = ERR_NULL;

	s->now = kinds[s->kind].open(s->frame, s->place, &err);
	if (s->now)
		log_info(kinds[s->kind].name, "served now");
	else
		loop_timer_arm_ms(s->again, AGAIN_MS);
}

static int begin(struct served *s, struct frame *frame, const void *config, struct err *err)
{
	struct err why = ERR_NULL;

	s->frame = frame;
	s->again = loop_timer_new(frame_loop(frame), try_again, s);
	if (!s->again)
		return err_set(err, -ENOMEM, "out of memory");
	if (prepare(s, frame, config, &why) == 0) {
		settle(s, true);
		return 0;
	}
	log_error(MSG_METRICS_LISTEN, kinds[s->kind].name, "%s; trying again", why.text);
	s->place = s->next_place;
	loop_timer_arm_ms(s->again, AGAIN_MS);
	return 0;
}

int serving_begin(struct serving *serving, struct frame *frame, const void *config, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < SERVING_KIND_COUNT; i++) {
		serving->v[i].kind = (enum serving_kind)i;
		rc = begin(&serving->v[i], frame, config, err);
	}
	return rc;
}

void serving_done(struct serving *serving)
{
	for (size_t i = 0; i < SERVING_KIND_COUNT; i++) {
		struct served *s = &serving->v[i];

		kinds[i].close(s->next);
		kinds[i].close(s->now);
		loop_timer_free(s->again);
	}
	*serving = (struct serving){ 0 };
}

void serving_list(const struct frame_spec *spec, FILE *to)
{
	for (size_t i = 0; spec->metrics && spec->metrics->tables[i]; i++)
		metrics_list(spec->metrics->tables[i], to);
	if (spec->metrics)
		metrics_list_family(&metrics_omitted, to);
}
