// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Where records go: plain values without pointers, that go through a socket to the writer's process. All that isn't said is 0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natlog/file.h"

#define HOW_TEXT_MAX 256
#define HOW_HOST_MAX 256
#define HOW_PORT_MAX 8
#define HOW_NAME_MAX 64
#define HOW_STATE_MAX (HOW_TEXT_MAX + 32)

enum output_kind { OUTPUT_FILE, OUTPUT_JOURNALD, OUTPUT_SYSLOG, OUTPUT_IPFIX, OUTPUT_COUNT };
extern const char *const output_names[OUTPUT_COUNT];

/* Another host. */
struct how_place {
	char host[HOW_HOST_MAX];
	char port[HOW_PORT_MAX];
};

struct how_tls {
	bool is_wanted, is_unverified;
	char ca_file[HOW_TEXT_MAX];                           /* "": the system's */
	char cert_file[HOW_TEXT_MAX], key_file[HOW_TEXT_MAX]; /* who we are; "": nobody */
	char server_name[HOW_HOST_MAX]; /* that its certificate must have; "": the host's */
};

struct how_journald {
	char socket[HOW_TEXT_MAX];
};

struct how_syslog {
	struct how_place server;
	struct how_tls tls;
	uint32_t facility; /* its number */
};

struct how_ipfix {
	struct how_place collector;
	bool is_udp;
	bool has_begins;     /* the beginning of each connection is told, too */
	uint32_t domain;     /* observation domain */
	uint32_t template_s; /* UDP: templates are sent again after so long */
};

struct output_how {
	enum output_kind kind;
	char state[HOW_STATE_MAX]; /* path of what is kept for the next process; the file has its own */
	union {
		struct log_file_options file;
		struct how_journald journald;
		struct how_syslog syslog;
		struct how_ipfix ipfix;
	};
};

/* Nothing has to be opened anew. Of a file never: somebody may have moved it. */
bool how_is_same(const struct output_how *a, const struct output_how *b);

/* At most one of each kind, in the order of their kinds. */
struct output_hows {
	struct output_how v[OUTPUT_COUNT];
	size_t n;
};
