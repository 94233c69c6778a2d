// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside kube/: what a reflector does next. Pure: (state, event, now) -> (state, action). The rules are those that
 * client-go's reflector has learned, see reflect.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"
#include "http/retry.h"
#include "kube/failure.h"
#include "kube/stream.h"

enum kube_reflect_state {
	KUBE_REFLECT_STOPPED,
	KUBE_REFLECT_LISTING,
	KUBE_REFLECT_WATCHING,
	KUBE_REFLECT_WAITING,
	KUBE_REFLECT_COUNT
};
extern const char *const kube_reflect_state_names[KUBE_REFLECT_COUNT];

enum kube_reflect_event_type {
	KUBE_REFLECT_START,
	KUBE_REFLECT_PAGE,   /* came whole; `version`, and `has_more` */
	KUBE_REFLECT_HEARD,  /* an object or a bookmark of the watch; `version` */
	KUBE_REFLECT_ENDED,  /* the watch, as the server ends one */
	KUBE_REFLECT_FAILED, /* what was under way; `class`, `special`, `asked_ms` */
	KUBE_REFLECT_BAD,    /* the watch said what can't be used; `class` */
	KUBE_REFLECT_TIMER,
};

struct kube_reflect_event {
	enum kube_reflect_event_type type;
	const char *version;
	bool has_more;
	enum http_class class;
	enum kube_special special;
	int64_t asked_ms; /* -1: not asked */
};

enum kube_reflect_action {
	KUBE_REFLECT_NOTHING,
	KUBE_REFLECT_LIST,      /* from its first page */
	KUBE_REFLECT_NEXT_PAGE, /* or the same one again */
	KUBE_REFLECT_SYNC,      /* the list is complete: what it doesn't have is gone; then watch */
	KUBE_REFLECT_WATCH,     /* from `version` */
	KUBE_REFLECT_WAIT,      /* so many ms, then tell */
};

struct kube_reflect_decision {
	enum kube_reflect_action action;
	int64_t wait_ms;
};

struct kube_reflect {
	enum kube_reflect_state state;
	enum kube_reflect_action then;  /* after waiting */
	char version[KUBE_VERSION_MAX]; /* "": none yet */
	unsigned pages;                 /* of the present list, that came whole */
	bool is_synced;                 /* a complete list was had, once */
	bool is_distrusting; /* versions went backwards: equal ones don't mean equal objects */
	bool is_unpaged;     /* the last list's pages expired: in one go */
	struct mono since;   /* the state's beginning */
	struct backoff backoff;
	struct {
		uint64_t lists, pages, watches, events, expired, failures, rewinds;
	} counts;
};

void kube_reflect_init(struct kube_reflect *reflect, uint64_t random);
struct kube_reflect_decision kube_reflect_step(struct kube_reflect *reflect,
					       const struct kube_reflect_event *event,
					       struct mono now);
