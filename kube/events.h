// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Events (events.k8s.io/v1), what `kubectl describe` shows below an object. Repetitions are counted, the rate and the
 * memory are bounded (kube/eventbook.h); an Event that can't be written is left after three attempts.
 */
#pragma once

#include "kube/eventbook.h"

struct err;
struct kube_client;
struct kube_events;

struct kube_events_options {
	struct kube_client *client;
	const char *controller; /* "eipgw.io/gateway"; copied */
	const char *instance; /* which one of them: the host's name; copied, at most 128 characters */
	uint32_t again_ms; /* between two writings of the same Event; 0: a minute, others are for tests */
};

struct kube_events *kube_events_new(const struct kube_events_options *options, struct err *err);
void kube_events_free(struct kube_events *events); /* NULL is fine */
/* It happened; everything is copied. Never fails in a way that a caller could do something about. */
void kube_events_note(struct kube_events *events, const struct kube_event *event);

struct kube_event_counts {
	uint64_t made, counted_on, dropped;
	const char *last_failure; /* "": none; borrowed */
};
void kube_events_counts(const struct kube_events *events, struct kube_event_counts *ret);
