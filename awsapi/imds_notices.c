// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/imds_notices.h"

#include "awsapi/imds_text.h"
#include "awsapi/timestamp.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"

#include <jansson.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INTERVAL_MS 5000

const char *const imds_notice_paths[] = {
	[IMDS_NOTICE_SPOT] = "meta-data/spot/instance-action",
	[IMDS_NOTICE_REBALANCE] = "meta-data/events/recommendations/rebalance",
	[IMDS_NOTICE_LIFECYCLE] = "meta-data/autoscaling/target-lifecycle-state",
};
static_assert(ARRAY_SIZE(imds_notice_paths) == IMDS_NOTICE_COUNT, "each notice has a path");

struct imds_watch {
	struct imds *imds;
	struct loop_timer *timer;
	struct imds_get *get;
	uint32_t interval_ms;
	enum imds_notice which;    /* is asked for now */
	struct imds_notices known; /* what was reported */
	struct imds_notices seen;  /* in this round */
	bool failed;               /* this round, at least once */
	uint32_t failures;
	char error[256];
	imds_notices_fn fn;
	void *data;
};

bool imds_notices_want_end(const struct imds_notices *notices)
{
	return notices->spot != IMDS_SPOT_NONE || strcmp(notices->lifecycle, "Terminated") == 0;
}

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

static int take_spot(struct imds_notices *notices, json_t *json)
{
	static const char *const actions[] = { [IMDS_SPOT_TERMINATE] = "terminate",
					       [IMDS_SPOT_STOP] = "stop",
					       [IMDS_SPOT_HIBERNATE] = "hibernate" };
	const char *const action = json_string_value(json_object_get(json, "action"));
	const char *const time = json_string_value(json_object_get(json, "time"));
	int64_t sec;

	if (!action || !time || timestamp_parse(time, &sec) < 0)
		return -EPROTO;
	for (size_t i = IMDS_SPOT_TERMINATE; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(action, actions[i]) == 0) {
			notices->spot = (enum imds_spot_action)i;
			notices->spot_sec = sec;
			return 0;
		}
	}
	return -EPROTO;
}

static int take_rebalance(struct imds_notices *notices, json_t *json)
{
	const char *const time = json_string_value(json_object_get(json, "noticeTime"));
	int64_t sec;

	if (!time || timestamp_parse(time, &sec) < 0)
		return -EPROTO;
	notices->rebalance_sec = sec;
	return 0;
}

/* No notice (any more). */
static void clear(struct imds_notices *notices, enum imds_notice which)
{
	if (which == IMDS_NOTICE_SPOT) {
		notices->spot = IMDS_SPOT_NONE;
		notices->spot_sec = 0;
	} else if (which == IMDS_NOTICE_REBALANCE) {
		notices->rebalance_sec = 0;
	} else {
		notices->lifecycle[0] = '\0';
	}
}

int imds_notice_take(struct imds_notices *notices, enum imds_notice which, const char *text)
{
	char word[sizeof(notices->lifecycle)];

	if (!text) {
		clear(notices, which);
		return 0;
	}
	if (which == IMDS_NOTICE_LIFECYCLE) {
		if (imds_text_word(text, word, sizeof(word)) < 0)
			return -EPROTO;
		memcpy(notices->lifecycle, word, sizeof(word));
		return 0;
	}
	CLEANUP(cleanup_json) json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json)
		return -EPROTO;
	return which == IMDS_NOTICE_SPOT ? take_spot(notices, json) : take_rebalance(notices, json);
}

static unsigned difference(const struct imds_notices *a, const struct imds_notices *b)
{
	unsigned changed = 0;

	if (a->spot != b->spot || a->spot_sec != b->spot_sec)
		changed |= 1U << IMDS_NOTICE_SPOT;
	if (a->rebalance_sec != b->rebalance_sec)
		changed |= 1U << IMDS_NOTICE_REBALANCE;
	if (strcmp(a->lifecycle, b->lifecycle) != 0)
		changed |= 1U << IMDS_NOTICE_LIFECYCLE;
	return changed;
}

static void end_round(struct imds_watch *watch)
{
	const unsigned changed = difference(&watch->known, &watch->seen);

	watch->failures = watch->failed ? watch->failures + 1 : 0;
	watch->failed = false;
	watch->which = IMDS_NOTICE_SPOT;
	watch->known = watch->seen;
	(void)loop_timer_arm_ms(watch->timer, watch->interval_ms);
	if (changed) {
		const struct imds_notices now = watch->known;
		watch->fn(&now, changed, watch->data); /* may free us */
	}
}

static void fail(struct imds_watch *watch, const char *error)
{
	watch->failed = true;
	snprintf(watch->error, sizeof(watch->error), "%.*s", (int)sizeof(watch->error) - 1, error);
}

static void ask(struct imds_watch *watch);

static void on_answer(const struct imds_answer *answer, void *data)
{
	struct imds_watch *const watch = data;

	watch->get = NULL;
	if (answer->class != HTTP_CLASS_OK && answer->class != HTTP_CLASS_NOT_FOUND)
		fail(watch, answer->error);
	else if (imds_notice_take(&watch->seen, watch->which,
				  answer->class == HTTP_CLASS_OK ? answer->text : NULL) < 0)
		fail(watch, "instance metadata: a notice that can't be read");
	if (++watch->which == IMDS_NOTICE_COUNT)
		end_round(watch);
	else
		ask(watch);
}

static void ask(struct imds_watch *watch)
{
	struct err err = ERR_NULL;

	watch->get = imds_get(watch->imds, imds_notice_paths[watch->which], on_answer, watch, &err);
	if (watch->get)
		return;
	fail(watch, err.text);
	watch->failures++;
	watch->which = IMDS_NOTICE_SPOT;
	(void)loop_timer_arm_ms(watch->timer, watch->interval_ms);
}

static void timer_expired(void *data)
{
	ask(data);
}

struct imds_watch *imds_watch_new(struct loop *loop, struct imds *imds, uint32_t interval_ms,
				  imds_notices_fn fn, void *data)
{
	CLEANUP(cleanup_free) struct imds_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	*watch = (struct imds_watch){ .imds = imds,
				      .interval_ms = interval_ms ? interval_ms : INTERVAL_MS,
				      .fn = fn,
				      .data = data };
	watch->timer = loop_timer_new(loop, timer_expired, watch);
	if (!watch->timer)
		return NULL;
	if (loop_timer_arm_ms(watch->timer, 0) < 0) {
		loop_timer_free(watch->timer);
		return NULL;
	}
	return TAKE_PTR(watch);
}

void imds_watch_free(struct imds_watch *watch)
{
	if (!watch)
		return;
	imds_cancel(watch->get);
	loop_timer_free(watch->timer);
	free(watch);
}

uint32_t imds_watch_failures(const struct imds_watch *watch, const char **ret_error)
{
	if (ret_error)
		*ret_error = watch->failures > 0 ? watch->error : "";
	return watch->failures;
}
