// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/status.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mono.h"
#include "kube/client.h"
#include "kube/json.h"
#include "kube/kinds.h"
#include "kube/pending.h"
#include "kube/query.h"

#include <jansson.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MS 5000
#define AT_ONCE_MAX 8   /* requests under way */
#define GIVE_UP_MS 1000 /* an urgent writing waits so long for the one before it */
#define MANAGER_MAX 129

struct entry {
	struct entry *next;
	struct kube_status_writer *writer;
	const struct kube_kind *kind;
	struct kube_pending pending;
	struct kube_call *call;
	char *manager; /* NULL: the writer's */
	char name[];
};

struct kube_status_writer {
	struct kube_status_options options;
	char manager[MANAGER_MAX];
	struct loop_timer *timer;
	struct entry *first;
	size_t n, n_calls;
	uint64_t written, failed;
};

static void entry_free(struct entry *entry)
{
	if (entry->call)
		entry->writer->n_calls--;
	kube_call_cancel(entry->call);
	kube_pending_done(&entry->pending);
	free(entry->manager);
	free(entry);
}

void kube_status_writer_free(struct kube_status_writer *writer)
{
	if (!writer)
		return;
	while (writer->first) {
		struct entry *const entry = writer->first;
		writer->first = entry->next;
		entry_free(entry);
	}
	loop_timer_free(writer->timer);
	free(writer);
}

static void on_written(const struct kube_failure *failure, const char *body, size_t length,
		       void *data);

static void send_entry(struct kube_status_writer *writer, struct entry *entry, struct mono now)
{
	const char *const body =
		kube_pending_send(&entry->pending, writer->options.interval_ms, now);
	struct kube_failure failure;
	struct kube_query query;

	kube_query_init(&query, entry->kind->path);
	kube_query_segment(&query, entry->name);
	kube_query_segment(&query, "status");
	kube_query_add(&query, "fieldManager", entry->manager ? entry->manager : writer->manager);
	kube_query_add(&query, "force", "true");
	const struct kube_request request = {
		.method = HTTP_PATCH,
		.path = query.text,
		.content_type = "application/apply-patch+yaml",
		.body = body,
		.limits = { .connect_ms = 10000, .total_ms = 30000, .body_max = 4U << 20 },
		.fresh_connection = entry->pending.backoff.attempt > 0,
	};
	entry->call =
		kube_call_start(writer->options.client, &request, on_written, entry, &failure);
	if (entry->call) {
		writer->n_calls++;
		return;
	}
	writer->failed++;
	kube_pending_end(&entry->pending, failure.class, failure.retry_after_ms, now);
	if (writer->options.on_failed)
		writer->options.on_failed(entry->name, &failure, writer->options.data);
}

/* Waits for what is due next; where too much is under way, its end goes on. */
static void schedule(struct kube_status_writer *writer, struct mono now)
{
	int64_t next_ms = INT64_MAX;

	for (const struct entry *entry = writer->first; entry; entry = entry->next) {
		const int64_t left_ms = mono_diff_ms(entry->pending.due, now);
		if (entry->pending.wanted && !entry->pending.sent && left_ms < next_ms)
			next_ms = left_ms;
	}
	if (next_ms == INT64_MAX || writer->n_calls == AT_ONCE_MAX)
		loop_timer_disarm(writer->timer);
	else
		loop_timer_arm_ms(writer->timer, next_ms > 0 ? next_ms + 1 : 1);
}

static void run(struct kube_status_writer *writer)
{
	const struct mono now = mono_now();

	for (struct entry *entry = writer->first; entry; entry = entry->next)
		if (kube_pending_is_due(&entry->pending, now) && writer->n_calls < AT_ONCE_MAX)
			send_entry(writer, entry, now);
	schedule(writer, now);
}

static void on_timer(void *data)
{
	run(data);
}

static void remove_entry(struct kube_status_writer *writer, struct entry *entry)
{
	struct entry **link = &writer->first;

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	writer->n--;
	entry_free(entry);
}

static void on_written(const struct kube_failure *failure, const char *body, size_t length,
		       void *data)
{
	struct entry *const entry = data;
	struct kube_status_writer *const writer = entry->writer;
	(void)body;
	(void)length;

	entry->call = NULL;
	writer->n_calls--;
	const enum kube_pending_end end = kube_pending_end(&entry->pending, failure->class,
							   failure->retry_after_ms, mono_now());
	if (end == KUBE_PENDING_DONE)
		writer->written++;
	else
		writer->failed++;
	if (end != KUBE_PENDING_DONE && writer->options.on_failed)
		writer->options.on_failed(entry->name, failure, writer->options.data);
	if (end == KUBE_PENDING_GONE)
		remove_entry(writer, entry);
	run(writer);
}

struct kube_status_writer *kube_status_writer_new(const struct kube_status_options *options,
						  struct err *err)
{
	struct kube_status_writer *const writer = calloc(1, sizeof(*writer));

	if (writer)
		writer->timer = loop_timer_new(kube_client_loop(options->client), on_timer, writer);
	if (!writer || !writer->timer) {
		free(writer);
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	writer->options = *options;
	if (writer->options.interval_ms == 0)
		writer->options.interval_ms = INTERVAL_MS;
	snprintf(writer->manager, sizeof(writer->manager), "%s", options->manager);
	return writer;
}

static bool is_about(const struct entry *entry, const struct kube_target *target)
{
	return entry->kind == target->kind && strcmp(entry->name, target->name) == 0;
}

static bool is_by(const struct entry *entry, const char *manager)
{
	return !entry->manager || !manager ? !entry->manager && !manager :
					     strcmp(entry->manager, manager) == 0;
}

static struct entry *find(const struct kube_status_writer *writer, const struct kube_target *target)
{
	for (struct entry *entry = writer->first; entry; entry = entry->next)
		if (is_about(entry, target) && is_by(entry, target->manager))
			return entry;
	return NULL;
}

static struct entry *add(struct kube_status_writer *writer, const struct kube_target *target)
{
	const size_t size = strlen(target->name) + 1;
	struct entry *const entry = calloc(1, sizeof(*entry) + size);

	if (entry && target->manager)
		entry->manager = strdup(target->manager);
	if (!entry || (target->manager && !entry->manager)) {
		free(entry);
		return NULL;
	}
	memcpy(entry->name, target->name, size);
	entry->kind = target->kind;
	entry->writer = writer;
	kube_pending_init(&entry->pending, (uint64_t)mono_now().ns ^ (uintptr_t)entry);
	entry->next = writer->first;
	writer->first = entry;
	writer->n++;
	return entry;
}

static char *make_body(const struct kube_target *target, const struct kube_table *table,
		       const void *status)
{
	json_t *const part = kube_json_make(table, status);
	json_t *const whole = json_pack("{s:s, s:s, s:{s:s}, s:o}", "apiVersion",
					target->kind->api_version, "kind", target->kind->name,
					"metadata", "name", target->name, "status", part);
	char *const text = whole ? kube_json_print(whole) : NULL;

	json_decref(whole);
	return text;
}

int kube_status_set(struct kube_status_writer *writer, const struct kube_target *target,
		    const struct kube_table *table, const void *status)
{
	char *const text = make_body(target, table, status);
	struct entry *entry = find(writer, target);

	if (!text)
		return -ENOMEM;
	if (strlen(text) > KUBE_STATUS_BYTES_MAX ||
	    (!entry && writer->n == KUBE_STATUS_OBJECTS_MAX)) {
		free(text);
		return -EMSGSIZE;
	}
	if (!entry)
		entry = add(writer, target);
	if (!entry) {
		free(text);
		return -ENOMEM;
	}
	kube_pending_set(&entry->pending, text, mono_now());
	schedule(writer, mono_now());
	return 0;
}

void kube_status_forget(struct kube_status_writer *writer, const struct kube_kind *kind,
			const char *name)
{
	const struct kube_target target = { .kind = kind, .name = name };
	struct entry *next;

	for (struct entry *entry = writer->first; entry; entry = next) {
		next = entry->next;
		if (is_about(entry, &target))
			remove_entry(writer, entry);
	}
}

void kube_status_drop(struct kube_status_writer *writer, const struct kube_target *target)
{
	struct entry *const entry = find(writer, target);

	if (entry)
		remove_entry(writer, entry);
}

/* It may still be done, after what comes now: who follows the object sees that. */
static void give_up(struct kube_status_writer *writer, struct entry *entry, struct mono now)
{
	kube_call_cancel(entry->call);
	entry->call = NULL;
	writer->n_calls--;
	writer->failed++;
	kube_pending_end(&entry->pending, HTTP_CLASS_RETRY, -1, now);
}

void kube_status_hurry(struct kube_status_writer *writer, const struct kube_target *target)
{
	const struct mono now = mono_now();
	struct entry *const entry = find(writer, target);

	if (!entry || !entry->pending.wanted)
		return;
	kube_pending_hurry(&entry->pending, now);
	if (entry->call && mono_diff_ms(now, entry->pending.sent_at) > GIVE_UP_MS)
		give_up(writer, entry, now);
	schedule(writer, now);
}

void kube_status_doubt(struct kube_status_writer *writer, const struct kube_target *target)
{
	struct entry *const entry = find(writer, target);

	if (entry)
		kube_pending_doubt(&entry->pending);
}

void kube_status_counts(const struct kube_status_writer *writer, struct kube_status_counts *ret)
{
	*ret = (struct kube_status_counts){ .written = writer->written, .failed = writer->failed };
	for (const struct entry *entry = writer->first; entry; entry = entry->next)
		ret->waiting += entry->pending.wanted || entry->pending.sent;
}
