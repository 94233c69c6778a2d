// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Kubernetes' rules (API concepts, "Efficient detection of changes"; client-go's tools/cache/reflector.go):
 *
 *   - List, then watch from the list's version, then go on from the version of the last event or bookmark.
 *   - 410, as status or as event: list anew, without a version. A page whose token expired: in one go the next time.
 *   - A server that hasn't come to our version yet, or never will because it was restored: list anew.
 *   - Everything waits with a back-off, except a watch that has ended after a while, as watches do.
 *
 * Versions are opaque, but where both are numbers, a smaller one after a larger one means that the store was set back
 * (KEP-5504 makes the comparison official). Numbers may come again then, for other contents: such a list is repeated
 * and reports everything.
 */
#include "kube/reflect.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* client-go: 800 ms to 30 s. A watch that stood for half a minute means that all is well. */
#define BACKOFF_BASE_MS 800
#define BACKOFF_CAP_MS 30000
#define HEALTHY_MS 30000
#define SHORT_WATCH_MS 5000

const char *const kube_reflect_state_names[] = {
	[KUBE_REFLECT_STOPPED] = "stopped",
	[KUBE_REFLECT_LISTING] = "listing",
	[KUBE_REFLECT_WATCHING] = "watching",
	[KUBE_REFLECT_WAITING] = "waiting",
};
static_assert(ARRAY_SIZE(kube_reflect_state_names) == KUBE_REFLECT_COUNT, "each state has a name");

void kube_reflect_init(struct kube_reflect *reflect, uint64_t random)
{
	*reflect = (struct kube_reflect){
		.backoff = { .base_ms = BACKOFF_BASE_MS,
			     .cap_ms = BACKOFF_CAP_MS,
			     .random = random ? random : 1 },
	};
}

static const struct kube_reflect_decision nothing = { .action = KUBE_REFLECT_NOTHING };

/* The only place where the state changes. */
static struct kube_reflect_decision enter(struct kube_reflect *reflect,
					  enum kube_reflect_action action, struct mono now)
{
	reflect->since = now;
	switch (action) {
	case KUBE_REFLECT_LIST:
		reflect->pages = 0;
		reflect->counts.lists++;
		reflect->state = KUBE_REFLECT_LISTING;
		break;
	case KUBE_REFLECT_NEXT_PAGE:
		reflect->state = KUBE_REFLECT_LISTING;
		break;
	case KUBE_REFLECT_SYNC:
		reflect->is_synced = true;
		reflect->is_distrusting = false;
		reflect->is_unpaged = false;
		reflect->counts.watches++;
		reflect->state = KUBE_REFLECT_WATCHING;
		break;
	case KUBE_REFLECT_WATCH:
		reflect->counts.watches++;
		reflect->state = KUBE_REFLECT_WATCHING;
		break;
	case KUBE_REFLECT_WAIT:
		reflect->state = KUBE_REFLECT_WAITING;
		break;
	case KUBE_REFLECT_NOTHING:
		break;
	}
	return (struct kube_reflect_decision){ .action = action };
}

/* `why` is how long: what a person must repair isn't asked for often. */
static struct kube_reflect_decision wait_for(struct kube_reflect *reflect,
					     enum kube_reflect_action then, enum http_class why,
					     int64_t asked_ms, struct mono now)
{
	if (reflect->state == KUBE_REFLECT_WATCHING &&
	    mono_diff_ms(now, reflect->since) >= HEALTHY_MS)
		backoff_reset(&reflect->backoff);
	reflect->counts.failures++;
	reflect->then = then;
	struct kube_reflect_decision decision = enter(reflect, KUBE_REFLECT_WAIT, now);
	decision.wait_ms = backoff_next_ms(&reflect->backoff, why, asked_ms);
	return decision;
}

/* False also where they can't be compared. */
static bool is_older(const char *a, const char *b)
{
	static const char digits[] = "0123456789";
	const size_t length_a = strlen(a);
	const size_t length_b = strlen(b);

	if (length_a == 0 || length_b == 0 || strspn(a, digits) != length_a ||
	    strspn(b, digits) != length_b)
		return false;
	return length_a != length_b ? length_a < length_b : strcmp(a, b) < 0;
}

static bool may_pass(const struct kube_reflect_event *event)
{
	return event->class == HTTP_CLASS_RETRY || event->class == HTTP_CLASS_THROTTLED ||
	       event->class == HTTP_CLASS_CREDENTIALS || event->special == KUBE_SPECIAL_FORBIDDEN;
}

/* The version, or the page that was to be gone on with, is not to be had. */
static bool has_no_version(const struct kube_reflect_event *event)
{
	return event->special == KUBE_SPECIAL_EXPIRED || event->special == KUBE_SPECIAL_TOO_NEW;
}

/* What is forbidden isn't soon allowed, but it is soon after a server has started. */
static enum http_class why_to_wait(const struct kube_reflect_event *event)
{
	return event->special == KUBE_SPECIAL_FORBIDDEN ? HTTP_CLASS_RETRY : event->class;
}

static struct kube_reflect_decision on_page(struct kube_reflect *reflect,
					    const struct kube_reflect_event *event, struct mono now)
{
	reflect->pages++;
	reflect->counts.pages++;
	if (event->has_more)
		return enter(reflect, KUBE_REFLECT_NEXT_PAGE, now);
	const bool is_rewound = is_older(event->version, reflect->version);
	snprintf(reflect->version, sizeof(reflect->version), "%s", event->version);
	if (is_rewound && !reflect->is_distrusting) {
		reflect->counts.rewinds++;
		reflect->is_distrusting = true;
		return enter(reflect, KUBE_REFLECT_LIST, now);
	}
	return enter(reflect, KUBE_REFLECT_SYNC, now);
}

static struct kube_reflect_decision on_heard(struct kube_reflect *reflect,
					     const struct kube_reflect_event *event,
					     struct mono now)
{
	reflect->counts.events++;
	if (is_older(event->version, reflect->version)) {
		reflect->counts.rewinds++;
		reflect->is_distrusting = true;
		return wait_for(reflect, KUBE_REFLECT_LIST, HTTP_CLASS_RETRY, -1, now);
	}
	if (event->version[0])
		snprintf(reflect->version, sizeof(reflect->version), "%s", event->version);
	return nothing;
}

static struct kube_reflect_decision on_list_failed(struct kube_reflect *reflect,
						   const struct kube_reflect_event *event,
						   struct mono now)
{
	if (has_no_version(event)) {
		reflect->counts.expired++;
		reflect->is_unpaged = reflect->pages > 0;
		return wait_for(reflect, KUBE_REFLECT_LIST, HTTP_CLASS_RETRY, event->asked_ms, now);
	}
	if (may_pass(event))
		return wait_for(reflect,
				reflect->pages > 0 ? KUBE_REFLECT_NEXT_PAGE : KUBE_REFLECT_LIST,
				why_to_wait(event), event->asked_ms, now);
	return wait_for(reflect, KUBE_REFLECT_LIST, HTTP_CLASS_PERMANENT, event->asked_ms, now);
}

static struct kube_reflect_decision on_watch_failed(struct kube_reflect *reflect,
						    const struct kube_reflect_event *event,
						    struct mono now)
{
	if (has_no_version(event)) {
		reflect->counts.expired++;
		return wait_for(reflect, KUBE_REFLECT_LIST, HTTP_CLASS_RETRY, event->asked_ms, now);
	}
	if (may_pass(event))
		return wait_for(reflect, KUBE_REFLECT_WATCH, why_to_wait(event), event->asked_ms,
				now);
	/* It may be the version that isn't liked: the list will tell. */
	return wait_for(reflect, KUBE_REFLECT_LIST, HTTP_CLASS_PERMANENT, event->asked_ms, now);
}

static struct kube_reflect_decision on_ended(struct kube_reflect *reflect, struct mono now)
{
	if (mono_diff_ms(now, reflect->since) < SHORT_WATCH_MS)
		return wait_for(reflect, KUBE_REFLECT_WATCH, HTTP_CLASS_RETRY, -1, now);
	if (mono_diff_ms(now, reflect->since) >= HEALTHY_MS)
		backoff_reset(&reflect->backoff);
	return enter(reflect, KUBE_REFLECT_WATCH, now);
}

/* The states in which an event means something; in others it's late. */
static const unsigned meant_in[] = {
	[KUBE_REFLECT_START] = 1U << KUBE_REFLECT_STOPPED,
	[KUBE_REFLECT_PAGE] = 1U << KUBE_REFLECT_LISTING,
	[KUBE_REFLECT_HEARD] = 1U << KUBE_REFLECT_WATCHING,
	[KUBE_REFLECT_ENDED] = 1U << KUBE_REFLECT_WATCHING,
	[KUBE_REFLECT_FAILED] = 1U << KUBE_REFLECT_LISTING | 1U << KUBE_REFLECT_WATCHING,
	[KUBE_REFLECT_BAD] = 1U << KUBE_REFLECT_WATCHING,
	[KUBE_REFLECT_TIMER] = 1U << KUBE_REFLECT_WAITING,
};

struct kube_reflect_decision kube_reflect_step(struct kube_reflect *reflect,
					       const struct kube_reflect_event *event,
					       struct mono now)
{
	if (!(meant_in[event->type] & 1U << reflect->state))
		return nothing;
	switch (event->type) {
	case KUBE_REFLECT_START:
		return enter(reflect, KUBE_REFLECT_LIST, now);
	case KUBE_REFLECT_PAGE:
		return on_page(reflect, event, now);
	case KUBE_REFLECT_HEARD:
		return on_heard(reflect, event, now);
	case KUBE_REFLECT_ENDED:
		return on_ended(reflect, now);
	case KUBE_REFLECT_FAILED:
		return reflect->state == KUBE_REFLECT_LISTING ?
			       on_list_failed(reflect, event, now) :
			       on_watch_failed(reflect, event, now);
	case KUBE_REFLECT_BAD:
		return wait_for(reflect, KUBE_REFLECT_LIST, event->class, -1, now);
	case KUBE_REFLECT_TIMER:
		return enter(reflect, reflect->then, now);
	}
	return nothing;
}
