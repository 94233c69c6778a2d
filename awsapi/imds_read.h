// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Reads the identity of this instance, or one of its interfaces, from the metadata service: one path after the other. */
#pragma once

#include "awsapi/imds_identity.h"

struct imds_read;

struct imds_read_result {
	enum http_class class; /* OK, or why not; see struct imds_answer */
	/*
	 * When OK. It goes after the call, unless it's taken: `mine = *result->identity; *result->identity =
	 * IMDS_IDENTITY_NULL`. After imds_read_interface it has nothing but interfaces[0].
	 */
	struct imds_identity *identity;
	const char *error; /* a sentence when not OK */
};

/* Everything else is allowed in it, imds_free too. */
typedef void (*imds_read_fn)(const struct imds_read_result *result, void *data);

/* The callback comes once, from the loop. NULL: out of memory, or no MAC. */
struct imds_read *imds_read_identity(struct imds *imds, imds_read_fn done, void *data,
				     struct err *err);
/*
 * To see what became of an association: the addresses and associations of one interface, fresh. The interface
 * must be there (else NOT_FOUND); what EC2 changed shows up after some seconds.
 */
struct imds_read *imds_read_interface(struct imds *imds, const char *mac, imds_read_fn done,
				      void *data, struct err *err);
/* The callback isn't called. NULL is fine; not allowed in or after its callback; required before imds_free. */
void imds_read_cancel(struct imds_read *read);
