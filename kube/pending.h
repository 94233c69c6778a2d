// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside kube/: what of an object's status is to be written, and when. Pure. Of what is wanted only the latest counts;
 * what is as it was isn't written again; and between two writings there's an interval.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"
#include "http/retry.h"

struct kube_pending {
	char *wanted;        /* NULL: nothing is to be done */
	char *sent;          /* under way; NULL: nothing is */
	char *applied;       /* what the server took last; NULL: not known */
	struct mono due;     /* of `wanted` */
	struct mono free_at; /* not before */
	struct mono sent_at;
	bool is_urgent; /* `wanted` is */
	struct backoff backoff;
};

enum kube_pending_end { KUBE_PENDING_DONE, KUBE_PENDING_AGAIN, KUBE_PENDING_GONE };

void kube_pending_init(struct kube_pending *pending, uint64_t random);
void kube_pending_done(struct kube_pending *pending);
/* `text` is taken over, in any case. True: something is to be done, at `due`. */
bool kube_pending_set(struct kube_pending *pending, char *text, struct mono now);
/*
 * What is wanted is urgent: it waits neither for the interval nor for what a failure has asked for, but comes 200 ms
 * after the last one at the soonest. That it is said again while it waits is fine.
 */
void kube_pending_hurry(struct kube_pending *pending, struct mono now);
/* What the server has may be otherwise: the next text is written even if it's the same. */
void kube_pending_doubt(struct kube_pending *pending);
bool kube_pending_is_due(const struct kube_pending *pending, struct mono now);
/* It's under way now: the text, which stays here. */
const char *kube_pending_send(struct kube_pending *pending, uint32_t interval_ms, struct mono now);
/* How that ended. GONE: there's no such object any more, and nothing is to be done. */
enum kube_pending_end kube_pending_end(struct kube_pending *pending, enum http_class class,
				       int64_t asked_ms, struct mono now);
