// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/how.h"

#include <string.h>

const char *const output_names[OUTPUT_COUNT] = {
	[OUTPUT_FILE] = "file",
	[OUTPUT_JOURNALD] = "journald",
	[OUTPUT_SYSLOG] = "syslog",
	[OUTPUT_IPFIX] = "ipfix",
};

static bool is_same_text(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool is_same_place(const struct how_place *a, const struct how_place *b)
{
	return is_same_text(a->host, b->host) && is_same_text(a->port, b->port);
}

static bool is_same_tls(const struct how_tls *a, const struct how_tls *b)
{
	return a->is_wanted == b->is_wanted && a->is_unverified == b->is_unverified &&
	       is_same_text(a->ca_file, b->ca_file) && is_same_text(a->cert_file, b->cert_file) &&
	       is_same_text(a->key_file, b->key_file) &&
	       is_same_text(a->server_name, b->server_name);
}

static bool is_same_syslog(const struct how_syslog *a, const struct how_syslog *b)
{
	return a->facility == b->facility && is_same_place(&a->server, &b->server) &&
	       is_same_tls(&a->tls, &b->tls);
}

static bool is_same_ipfix(const struct how_ipfix *a, const struct how_ipfix *b)
{
	return is_same_place(&a->collector, &b->collector) && a->is_udp == b->is_udp &&
	       a->has_begins == b->has_begins && a->domain == b->domain &&
	       a->template_s == b->template_s;
}

bool how_is_same(const struct output_how *a, const struct output_how *b)
{
	if (a->kind != b->kind || !is_same_text(a->state, b->state))
		return false;
	switch (a->kind) {
	case OUTPUT_JOURNALD:
		return is_same_text(a->journald.socket, b->journald.socket);
	case OUTPUT_SYSLOG:
		return is_same_syslog(&a->syslog, &b->syslog);
	case OUTPUT_IPFIX:
		return is_same_ipfix(&a->ipfix, &b->ipfix);
	default:
		return false;
	}
}
