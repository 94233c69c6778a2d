// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/pending.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS 60000
/* A burst of changes at the same moment is one writing. */
#define GATHER_MS 50
#define URGENT_MS 200

void kube_pending_init(struct kube_pending *pending, uint64_t random)
{
	*pending = (struct kube_pending){
		.backoff = { .base_ms = BACKOFF_BASE_MS,
			     .cap_ms = BACKOFF_CAP_MS,
			     .random = random ? random : 1 },
	};
}

void kube_pending_done(struct kube_pending *pending)
{
	free(pending->wanted);
	free(pending->sent);
	free(pending->applied);
	*pending = (struct kube_pending){ .wanted = NULL };
}

static bool is_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool kube_pending_set(struct kube_pending *pending, char *text, struct mono now)
{
	const bool was_wanted = pending->wanted;

	free(pending->wanted);
	pending->wanted = text;
	if (is_text(text, pending->sent ? pending->sent : pending->applied)) {
		free(TAKE_PTR(pending->wanted));
		return false;
	}
	if (was_wanted)
		return true; /* it's due already; news don't put it off */
	pending->due = mono_add_ms(now, GATHER_MS);
	if (mono_diff_ms(pending->free_at, pending->due) > 0)
		pending->due = pending->free_at;
	return true;
}

void kube_pending_hurry(struct kube_pending *pending, struct mono now)
{
	const struct mono soonest = mono_add_ms(pending->sent_at, URGENT_MS);

	if (!pending->wanted)
		return;
	pending->is_urgent = true;
	pending->due = pending->sent_at.ns && mono_is_before(now, soonest) ? soonest : now;
}

void kube_pending_doubt(struct kube_pending *pending)
{
	free(TAKE_PTR(pending->applied));
}

bool kube_pending_is_due(const struct kube_pending *pending, struct mono now)
{
	return pending->wanted && !pending->sent && mono_diff_ms(pending->due, now) <= 0;
}

const char *kube_pending_send(struct kube_pending *pending, uint32_t interval_ms, struct mono now)
{
	pending->sent = TAKE_PTR(pending->wanted);
	pending->free_at = mono_add_ms(now, interval_ms);
	pending->sent_at = now;
	pending->is_urgent = false;
	return pending->sent;
}

static void succeed(struct kube_pending *pending)
{
	free(pending->applied);
	pending->applied = TAKE_PTR(pending->sent);
	backoff_reset(&pending->backoff);
	if (is_text(pending->wanted, pending->applied))
		free(TAKE_PTR(pending->wanted));
	pending->due = pending->free_at;
}

enum kube_pending_end kube_pending_end(struct kube_pending *pending, enum http_class class,
				       int64_t asked_ms, struct mono now)
{
	if (class == HTTP_CLASS_OK) {
		succeed(pending);
		if (pending->is_urgent)
			kube_pending_hurry(pending, now);
		return KUBE_PENDING_DONE;
	}
	if (class == HTTP_CLASS_NOT_FOUND) {
		free(TAKE_PTR(pending->sent));
		free(TAKE_PTR(pending->wanted));
		return KUBE_PENDING_GONE;
	}
	/* It may have been done all the same. */
	free(TAKE_PTR(pending->applied));
	if (!pending->wanted)
		pending->wanted = TAKE_PTR(pending->sent);
	free(TAKE_PTR(pending->sent));
	const int64_t wait_ms = backoff_next_ms(&pending->backoff, class, asked_ms);
	pending->due = mono_add_ms(now, wait_ms);
	if (mono_diff_ms(pending->free_at, pending->due) > 0)
		pending->due = pending->free_at;
	if (pending->is_urgent)
		kube_pending_hurry(pending, now);
	return KUBE_PENDING_AGAIN;
}
