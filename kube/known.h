// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What a reflector knows of the objects that it has reported: which one it was (uid), and in which state (version). Names
 * aren't kept, but told apart by 94 bits of a hash with a secret seed: among a million objects two are alike with a
 * probability of 3e-17, and nobody can make two that are. So an object has 40 bytes, whatever its name. Pure.
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
	uint64_t key;     /* of namespace and name */
	uint32_t uid;     /* a hash */
	uint32_t more_key : 30;
	uint32_t is_seen : 1;     /* in this round */
	uint32_t is_reported : 1; /* its user has heard of it */
};

struct kube_known {
	struct pool objects;
	struct kube_known_object **slots;
	size_t n_slots; /* 0 or a power of 2 */
	size_t n;
	uint64_t seed[2]; /* names are other people's choice */
};

int kube_known_init(struct kube_known *known); /* 0, -ENOMEM; -errno: there's no random number */
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

/* What a list doesn't have any more: begin a round, set is_seen of what comes, take out the rest. What is added has been
 * seen. Walks over all objects. */
void kube_known_begin_round(struct kube_known *known);
/* One that the round hasn't seen, or NULL; *cursor begins as 0. It stays until it's removed. */
struct kube_known_object *kube_known_next_unseen(const struct kube_known *known, size_t *cursor);
