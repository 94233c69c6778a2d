// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Writes the status of our objects, by server-side apply: each writer (its manager's name) owns the fields and the list
 * items that it has written, so that several gateways write into one object. What it leaves out the next time is
 * removed. At a bounded rate: the latest wins.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kube/failure.h"

struct err;
struct kube_client;
struct kube_kind;
struct kube_status_writer;
struct kube_table;

#define KUBE_STATUS_OBJECTS_MAX 4096
#define KUBE_STATUS_BYTES_MAX (512U << 10)

struct kube_target {
	const struct kube_kind *kind;
	const char *name;
	const char *manager; /* who writes; NULL: the writer itself. At most 128 characters. */
};

struct kube_status_options {
	struct kube_client *client;
	const char *manager;  /* at most 128 characters; copied */
	uint32_t interval_ms; /* at least so long between two writings of an object; 0: 5 s */
	/* A writing failed, and is repeated unless the object is gone. May be NULL; may not call the writer. */
	void (*on_failed)(const char *name, const struct kube_failure *failure, void *data);
	void *data;
};

struct kube_status_writer *kube_status_writer_new(const struct kube_status_options *options,
						  struct err *err);
/* What wasn't written yet isn't any more. NULL is fine. */
void kube_status_writer_free(struct kube_status_writer *writer);

/*
 * `status` is a struct that `table` describes (kube_policy_status_table and the like), and copied. 0; -EMSGSIZE: more
 * bytes or objects than the ceilings; -ENOMEM.
 */
int kube_status_set(struct kube_status_writer *writer, const struct kube_target *target,
		    const struct kube_table *table, const void *status);
/*
 * What was set last, if it wasn't written yet, doesn't wait for the interval or until a failure's back-off ends, and a
 * request that has got no answer for a second is given up for it. Five in a second at most.
 */
void kube_status_hurry(struct kube_status_writer *writer, const struct kube_target *target);
/* The server may have something else than we wrote: the next kube_status_set is written even if it says the same. */
void kube_status_doubt(struct kube_status_writer *writer, const struct kube_target *target);
/*
 * The object is gone, whoever wrote. (Nothing else tells its successor of the same name from it: the API server looks at no uid when a
 * status is applied.)
 */
void kube_status_forget(struct kube_status_writer *writer, const struct kube_kind *kind,
			const char *name);

/* What `target` was to be told, or was, is forgotten; of others' writings nothing. */
void kube_status_drop(struct kube_status_writer *writer, const struct kube_target *target);

struct kube_status_counts {
	uint64_t written, failed;
	size_t waiting;
};
void kube_status_counts(const struct kube_status_writer *writer, struct kube_status_counts *ret);
