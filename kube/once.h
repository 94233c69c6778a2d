// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Blocking, for the CLI: one object, or a list, as it is now. Each request is tried once. */
#pragma once

#include <stddef.h>

#include "kube/failure.h"

struct json_t;
struct kube_client;
struct kube_kind;

struct kube_wanted {
	const struct kube_kind *kind;
	const char *namespace;      /* NULL: all, or a kind without */
	const char *name;           /* NULL: a list */
	const char *field_selector; /* of a list; NULL: all */
	const char *label_selector;
};

struct kube_objects {
	const struct kube_kind *kind;
	void **v;             /* structs of the kind */
	struct json_t **json; /* that they borrow from */
	size_t n;
	size_t n_unreadable;  /* that were left out */
	char unreadable[256]; /* the first one's name, and why */
};

#define KUBE_OBJECTS_NULL ((struct kube_objects){ .v = NULL })

/*
 * Runs the client's loop until the answer is there. 0, and *ret is the caller's; or -EIO with *ret_failure, whose
 * class is NOT_FOUND if there's no such object.
 */
int kube_once_sync(struct kube_client *client, const struct kube_wanted *wanted,
		   struct kube_objects *ret, struct kube_failure *ret_failure);
/* Adds an object of which the text is JSON: 0; -EPROTO, -EMSGSIZE: counted as unreadable; -ENOMEM. */
int kube_objects_add(struct kube_objects *objects, const char *text, size_t length);
void kube_objects_done(struct kube_objects *objects);
