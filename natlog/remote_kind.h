// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside remote.c: what differs between those who collect records. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natlog/contact.h"
#include "natlog/how.h"
#include "natlog/ipfix.h"
#include "natlog/record.h"

struct err;

#define REMOTE_OUT_MAX (16u << 10)

/* What is sent next. */
struct remote_out {
	char bytes[REMOTE_OUT_MAX];
	size_t n, done;
	size_t took; /* bytes of records that it stands for */
};

struct remote_kind {
	int (*connect)(struct contact *contact, const struct output_how *how, struct err *err);
	/* Of n bytes of whole records; at least one, or what has to go before it. */
	void (*fill)(struct remote_out *out, const char *bytes, size_t n, void *data);
};

extern const struct remote_kind remote_kinds[OUTPUT_COUNT];

/* What is known of an IPFIX collector; the others' `fill` need nothing. */
struct remote_ipfix {
	struct ipfix_message message;
	const struct output_how *how;
	int64_t templates_ns; /* when they were sent last; 0: not on this connection */
};
/* What was made and not sent is made again. `is_new`: the connection is. */
void remote_ipfix_reset(struct remote_ipfix *ipfix, bool is_new);

/* A record's length, without the two bytes before it. */
size_t remote_length(const char *bytes);
