// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/eventbook.h"

#include "base/cleanup.h"
#include "base/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX 20  /* at once */
#define REFILL_MS 2000 /* for one more */
#define AGAIN_MS 60000 /* between two writings of the same Event */
#define RETRY_MS 5000
#define ATTEMPTS_MAX 3    /* then it's left: Events are for reading, not for keeping */
#define FORGET_MS 1800000 /* Events live for an hour */

int kube_event_book_init(struct kube_event_book *book, struct mono now)
{
	*book = (struct kube_event_book){ .tokens = TOKENS_MAX,
					  .refilled = now,
					  .again_ms = AGAIN_MS };
	book->entries = calloc(KUBE_EVENTS_MAX, sizeof(*book->entries));
	return book->entries ? 0 : -ENOMEM;
}

static void entry_done(struct kube_event_entry *entry)
{
	free(entry->key);
	free(entry->words);
	*entry = (struct kube_event_entry){ .is_used = false };
}

void kube_event_book_done(struct kube_event_book *book)
{
	for (size_t i = 0; book->entries && i < KUBE_EVENTS_MAX; i++)
		entry_done(&book->entries[i]);
	free(book->entries);
	book->entries = NULL;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static char *make_key(const struct kube_event *event)
{
	char *key = NULL;

	return asprintf(&key, "%s\n%s\n%s\n%s\n%s\n%s\n%d", event->kind, or_empty(event->namespace),
			event->name, or_empty(event->uid), event->reason, event->action,
			event->is_warning) < 0 ?
		       NULL :
		       key;
}

static bool is_dirty(const struct kube_event_entry *entry)
{
	return entry->count > entry->told_count;
}

/* A free place, or that of the one that was silent for longest and has nothing more to tell. */
static struct kube_event_entry *find_room(struct kube_event_book *book)
{
	struct kube_event_entry *oldest = NULL;

	for (size_t i = 0; i < KUBE_EVENTS_MAX; i++) {
		struct kube_event_entry *const entry = &book->entries[i];
		if (!entry->is_used)
			return entry;
		if (!is_dirty(entry) && (!oldest || mono_diff_ms(entry->last, oldest->last) < 0))
			oldest = entry;
	}
	if (oldest)
		entry_done(oldest);
	return oldest;
}

static struct kube_event_entry *find(struct kube_event_book *book, const char *key)
{
	for (size_t i = 0; i < KUBE_EVENTS_MAX; i++)
		if (book->entries[i].is_used && strcmp(book->entries[i].key, key) == 0)
			return &book->entries[i];
	return NULL;
}

static const char *push_word(char **at, const char *word)
{
	char *const place = *at;
	const size_t size = strlen(word) + 1;

	memcpy(place, word, size);
	*at += size;
	return place;
}

static size_t word_size(const char *word)
{
	return strlen(or_empty(word)) + 1;
}

/* All words in one piece. */
static int copy_event(const struct kube_event *from, struct kube_event_entry *entry)
{
	char *at = malloc(word_size(from->kind) + word_size(from->api_version) +
			  word_size(from->namespace) + word_size(from->name) +
			  word_size(from->uid) + word_size(from->reason) + word_size(from->action));

	if (!at)
		return -ENOMEM;
	entry->words = at;
	entry->event = (struct kube_event){
		.kind = push_word(&at, from->kind),
		.api_version = push_word(&at, or_empty(from->api_version)),
		.namespace = from->namespace ? push_word(&at, from->namespace) : NULL,
		.name = push_word(&at, from->name),
		.uid = push_word(&at, or_empty(from->uid)),
		.reason = push_word(&at, from->reason),
		.action = push_word(&at, from->action),
		.is_warning = from->is_warning,
		.note = entry->note,
	};
	return 0;
}

static struct kube_event_entry *add(struct kube_event_book *book, const struct kube_event *event,
				    char *key)
{
	struct kube_event_entry *const entry = find_room(book);

	if (!entry || copy_event(event, entry) < 0) {
		free(key);
		return NULL;
	}
	entry->key = key;
	entry->is_used = true;
	return entry;
}

/* Not in the midst of a character. */
static void copy_note(const char *from, char to[static KUBE_EVENT_NOTE_MAX])
{
	size_t n = strnlen(from, KUBE_EVENT_NOTE_MAX);

	if (n == KUBE_EVENT_NOTE_MAX)
		for (n--; n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80; n--)
			;
	memcpy(to, from, n);
	to[n] = '\0';
}

int kube_event_book_note(struct kube_event_book *book, const struct kube_event *event,
			 int64_t wall_us, struct mono now)
{
	char *const key = make_key(event);
	struct kube_event_entry *entry;

	if (!key)
		return -ENOMEM;
	entry = find(book, key);
	if (entry) {
		free(key);
		/* The server may have forgotten it. */
		if (mono_diff_ms(now, entry->last) >= FORGET_MS) {
			entry->made_note[0] = '\0';
			entry->count = 0;
			entry->told_count = 0;
		}
	} else {
		entry = add(book, event, key);
		if (!entry) {
			book->dropped++;
			return -EXFULL;
		}
		entry->not_before = now;
	}
	if (entry->count == 0)
		entry->first_us = wall_us;
	entry->count++;
	entry->last_us = wall_us;
	entry->last = now;
	copy_note(event->note, entry->note);
	message_append(message_named(event->reason), entry->note, sizeof(entry->note));
	return 0;
}

static void refill(struct kube_event_book *book, struct mono now)
{
	const int64_t n = mono_diff_ms(now, book->refilled) / REFILL_MS;

	if (n <= 0)
		return;
	book->tokens = n > TOKENS_MAX - book->tokens ? TOKENS_MAX : book->tokens + (unsigned)n;
	book->refilled = mono_add_ms(book->refilled, n * REFILL_MS);
}

static enum kube_event_step step_of(const struct kube_event_entry *entry)
{
	if (!entry->is_used || !is_dirty(entry))
		return KUBE_EVENT_IDLE;
	return strcmp(entry->made_note, entry->note) == 0 ? KUBE_EVENT_COUNT_ON : KUBE_EVENT_CREATE;
}

enum kube_event_step kube_event_book_next(struct kube_event_book *book, struct mono now,
					  struct kube_event_entry **ret, int64_t *ret_wait_ms)
{
	struct kube_event_entry *first = NULL;
	int64_t least_ms = INT64_MAX;

	refill(book, now);
	for (size_t i = 0; i < KUBE_EVENTS_MAX; i++) {
		struct kube_event_entry *const entry = &book->entries[i];
		const int64_t left_ms = mono_diff_ms(entry->not_before, now);
		if (step_of(entry) != KUBE_EVENT_IDLE && left_ms < least_ms) {
			first = entry;
			least_ms = left_ms;
		}
	}
	*ret_wait_ms = -1;
	if (!first)
		return KUBE_EVENT_IDLE;
	if (least_ms > 0 || book->tokens == 0) {
		const int64_t refill_ms =
			book->tokens ? 0 : REFILL_MS - mono_diff_ms(now, book->refilled);
		*ret_wait_ms = least_ms > refill_ms ? least_ms : refill_ms;
		return KUBE_EVENT_IDLE;
	}
	book->tokens--;
	book->sent_count = first->count;
	memcpy(book->sent_note, first->note, sizeof(book->sent_note));
	*ret = first;
	return step_of(first);
}

void kube_event_book_end(struct kube_event_book *book, struct kube_event_entry *entry,
			 enum kube_event_step step, enum http_class class, struct mono now)
{
	if (class == HTTP_CLASS_OK) {
		entry->attempts = 0;
		entry->told_count = book->sent_count;
		entry->not_before = mono_add_ms(now, book->again_ms);
		memcpy(entry->made_note, book->sent_note, sizeof(entry->made_note));
		if (step == KUBE_EVENT_CREATE)
			book->made++;
		else
			book->counted_on++;
		return;
	}
	/* It has expired, or somebody has deleted it. */
	if (step == KUBE_EVENT_COUNT_ON && class == HTTP_CLASS_NOT_FOUND) {
		entry->made_note[0] = '\0';
		entry->not_before = now;
		return;
	}
	entry->not_before = mono_add_ms(now, RETRY_MS << entry->attempts);
	if (++entry->attempts < ATTEMPTS_MAX)
		return;
	entry->attempts = 0;
	entry->told_count = book->sent_count;
	entry->not_before = mono_add_ms(now, book->again_ms);
	book->dropped++;
}
