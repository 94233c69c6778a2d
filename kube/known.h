// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What a reflector knows of the objects that it has reported: of each its name, which one it was (uid), and in which
 * state (version). 42 bytes each, and the names. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

struct kube_meta;

struct kube_known_object {
	struct kube_known_object *next;
	void *user;       /* the pointer that the reflector's user keeps with it */
	uint64_t version; /* equal where the texts are; of longer texts a hash */
	uint64_t uid;     /* likewise */
	uint32_t hash;
	uint32_t round;           /* of the list that had it last */
	uint16_t name_at : 15;    /* where the name begins in `key` */
	uint16_t is_reported : 1; /* its user has heard of it */
	char key[];               /* "namespace/name", or "/name" */
};

static inline const char *kube_known_name(const struct kube_known_object *object)
{
	return object->key + object->name_at;
}

struct kube_known {
	struct pool objects;
	struct kube_known_object **slots;
	size_t n_slots; /* 0 or a power of 2 */
	size_t n;
	uint64_t seed[2]; /* names are other people's choice */
	uint32_t round;
};

int kube_known_init(struct kube_known *known); /* 0 or -ENOMEM */
/* Frees all; what `user` points to is the user's. */
void kube_known_done(struct kube_known *known);

struct kube_known_object *kube_known_find(const struct kube_known *known,
					  const struct kube_meta *meta);
/* It must not be there yet. NULL: no memory. */
struct kube_known_object *kube_known_add(struct kube_known *known, const struct kube_meta *meta);
void kube_known_remove(struct kube_known *known, struct kube_known_object *object);

bool kube_known_is_same(const struct kube_known_object *object, const struct kube_meta *meta);
bool kube_known_is_current(const struct kube_known_object *object, const struct kube_meta *meta);
void kube_known_note(struct kube_known_object *object, const struct kube_meta *meta);

/* What a list doesn't have any more: begin a round, note what comes with kube_known_seen, take out the rest. */
void kube_known_begin_round(struct kube_known *known);
void kube_known_seen(const struct kube_known *known, struct kube_known_object *object);
/* One that the round hasn't seen, or NULL; *cursor begins as 0. It stays until it's removed. */
struct kube_known_object *kube_known_next_unseen(const struct kube_known *known, size_t *cursor);
