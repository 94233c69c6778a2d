// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside kube/: which Events are to be made, which are counted on. Pure. What happens again to the same object for the
 * same reason is one Event with a count, that is brought up to date now and then; an Event's sentence can't be changed,
 * so a new one is a new Event, but not more often either. All together are held to a rate, and what doesn't find room
 * is counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"
#include "http/retry.h"

#define KUBE_EVENTS_MAX 256
#define KUBE_EVENT_NOTE_MAX 1024 /* the API's, with NUL: its limit is 1 kB */
#define KUBE_EVENT_WORD_MAX 128  /* reason and action */
#define KUBE_EVENT_NAME_MAX 254

struct kube_event {
	const char *kind, *api_version; /* of the object */
	const char *namespace;          /* NULL: it has none */
	const char *name;
	const char *uid;
	bool is_warning;
	const char *reason; /* "UnknownGateway" */
	const char *action; /* what is done now: "Waiting" */
	const char *
		note; /* a sentence, to which the reason's identifier is added; longer than 1023 bytes: cut */
};

enum kube_event_step { KUBE_EVENT_IDLE, KUBE_EVENT_CREATE, KUBE_EVENT_COUNT_ON };

struct kube_event_entry {
	bool is_used;
	char *key;   /* what makes it the same */
	char *words; /* what `event` points to */
	struct kube_event event;
	char note[KUBE_EVENT_NOTE_MAX];
	char made_note[KUBE_EVENT_NOTE_MAX]; /* that the server has; "": no Event is made yet */
	char made_name[KUBE_EVENT_NAME_MAX];
	uint64_t count;            /* since it was made, or is to be made */
	uint64_t told_count;       /* that the server has */
	int64_t first_us, last_us; /* wall time */
	struct mono last;
	struct mono not_before;
	unsigned attempts;
};

struct kube_event_book {
	struct kube_event_entry *entries; /* KUBE_EVENTS_MAX */
	struct mono refilled;
	unsigned tokens;
	uint32_t again_ms;   /* at least so long between two writings of the same Event */
	uint64_t sent_count; /* of the one that is being written, as it is written */
	char sent_note[KUBE_EVENT_NOTE_MAX]; /* likewise */
	uint64_t made, counted_on, dropped;
};

int kube_event_book_init(struct kube_event_book *book, struct mono now); /* 0 or -ENOMEM */
void kube_event_book_done(struct kube_event_book *book);
/* It happened. -ENOMEM, -EXFULL: no room (counted). */
int kube_event_book_note(struct kube_event_book *book, const struct kube_event *event,
			 int64_t wall_us, struct mono now);
/*
 * What to do now: the entry, and the step. IDLE: *ret_wait_ms says when to ask again, -1: not before something happens.
 * To be followed by kube_event_book_end before it's asked again.
 */
enum kube_event_step kube_event_book_next(struct kube_event_book *book, struct mono now,
					  struct kube_event_entry **ret, int64_t *ret_wait_ms);
void kube_event_book_end(struct kube_event_book *book, struct kube_event_entry *entry,
			 enum kube_event_step step, enum http_class class, struct mono now);
