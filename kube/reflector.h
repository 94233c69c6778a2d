// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Follows all objects of a kind: lists them, then watches, for ever, whatever happens to the server and the way to it.
 * Its user hears of differences only, also after a list that had to be repeated; and of what is gone only from the
 * server's own mouth: an event, or a complete list that doesn't have it. While the server is away nothing is told, and
 * what was known stays known.
 *
 * Callbacks come from the loop, and may free the reflector.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kube/failure.h"
#include "kube/kinds.h"

struct err;
struct kube_client;
struct kube_reflector;

enum kube_change { KUBE_ADDED, KUBE_CHANGED };

struct kube_reflector_callbacks {
	/*
	 * `object` is the struct of the kind, borrowed. *user is the callback's: NULL when it is added, and given back
	 * with the same object later. One that was deleted and made again under its name is removed first. Names
	 * aren't kept here: who needs it when the object goes has it behind the pointer.
	 */
	void (*on_object)(enum kube_change change, const void *object, void **user, void *data);
	void (*on_removed)(void *user, void *data);
	/*
	 * One that can't be read, such as a policy with a word that we don't know: what was reported of it before
	 * (*user, or NULL) is not what it is now. May be NULL.
	 */
	void (*on_unreadable)(const struct kube_meta *meta, const char *why, void **user,
			      void *data);
	/* A complete list was reported, with what is gone. The first time: all is known. May be NULL. */
	void (*on_synced)(void *data);
	/* What doesn't go, and when it's tried again. May be NULL. */
	void (*on_failed)(const struct kube_failure *failure, int64_t again_ms, void *data);
};

struct kube_reflector_options {
	struct kube_client *client;
	const struct kube_kind *kind;
	const char *field_selector; /* "spec.nodeName=node1"; NULL: all. Copied. */
	const char *label_selector; /* NULL: all. Copied. */
	struct kube_reflector_callbacks callbacks;
	void *data;
	bool is_held; /* begins only with kube_reflector_begin */
	/* 0: the usual; others are for tests. */
	uint32_t page_limit; /* 500 objects */
	uint32_t watch_sec;  /* the server ends a watch then; random, 300 to 600 */
	uint32_t quiet_ms; /* 150 s: a watch without a byte for so long is dead. Bookmarks come each minute. */
	uint32_t object_max; /* KUBE_OBJECT_MAX */
};

struct kube_reflector_status {
	const char *state; /* "listing", "watching", "waiting", "stopped" */
	bool is_synced;
	uint64_t objects;
	uint64_t lists, pages, watches, events, expired, failures;
	const char *version;
	const char *last_failure; /* "": none since the last synced */
};

/* Begins at once; the first callback comes later. NULL with the reason in `err`. */
struct kube_reflector *kube_reflector_new(const struct kube_reflector_options *options,
					  struct err *err);
/* Of one that was held: now. 0, -errno. */
int kube_reflector_begin(struct kube_reflector *reflector);
/* No more callbacks; those pointers that its user kept are the user's. NULL is fine. */
void kube_reflector_free(struct kube_reflector *reflector);
/* Texts are borrowed, until the loop goes on. */
void kube_reflector_status(const struct kube_reflector *reflector,
			   struct kube_reflector_status *ret);
/* For each object that was reported, in no order; the callback must not free the reflector. */
void kube_reflector_each(const struct kube_reflector *reflector, void (*fn)(void *user, void *data),
			 void *data);
