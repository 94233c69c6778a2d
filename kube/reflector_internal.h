// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside kube/: reflector.c does what is to be done, reflector_take.c takes in what comes. */
#pragma once

#include "base/mono.h"
#include "kube/failure.h"
#include "kube/known.h"
#include "kube/reflect.h"
#include "kube/reflector.h"
#include "kube/stream.h"

struct json_t;

#define SELECTOR_MAX 1024

struct kube_reflector {
	struct kube_reflector_options options;
	char field_selector[SELECTOR_MAX], label_selector[SELECTOR_MAX];
	struct kube_reflect heart;
	struct kube_known known;
	struct loop_timer *timer;
	struct kube_call *call;
	struct kube_stream *stream; /* of the call's answer */
	char next[KUBE_CONTINUE_MAX];
	struct mono heard;                     /* the last byte of the watch */
	void *object;                          /* room for the kind's struct */
	struct kube_failure failure;           /* what a stream said is wrong; else the last one */
	struct kube_reflect_event verdict;     /* on the stream: what it amounts to */
	struct kube_reflect_decision decision; /* or what was decided already */
	unsigned busy; /* in how many of our functions that call callbacks */
	bool is_dying;
};

/* What kube_stream_feed calls; `data` is the reflector. Not 0: the answer is over, and `verdict` or `decision` set. */
int kube_reflector_take_item(const char *text, size_t length, void *data); /* of a list */
int kube_reflector_take_word(const char *text, size_t length, void *data); /* of a watch */

/* Tells that it's gone, and forgets it. */
void kube_reflector_remove(struct kube_reflector *reflector, struct kube_known_object *known);
/* Something in the answer can't be used: `failure` and `verdict`. Returns `r`. */
int kube_reflector_fail(struct kube_reflector *reflector, int r, const struct err *err);
struct kube_reflect_event kube_reflector_failed(const struct kube_failure *failure);
