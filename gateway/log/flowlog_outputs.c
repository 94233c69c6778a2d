// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/log/flowlog_outputs.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define COPY(to, from) snprintf((to), sizeof(to), "%s", (from))

static void put_file(const struct gateway_log *log, struct output_how *ret)
{
	struct log_file_options *file = &ret->file;

	_Static_assert(sizeof(file->path) == sizeof(log->file.path), "paths of one length");
	memcpy(file->path, log->file.path, sizeof(file->path));
	file->max_bytes = log->file.max_bytes;
	file->max_age_s = log->file.max_age_s;
	file->keep = log->file.keep;
	file->sync_s = log->file.sync_s;
}

static void put_journald(const struct gateway_log *log, struct output_how *ret)
{
	COPY(ret->journald.socket, log->journald.socket);
}

static void put_place(const char *text, struct how_place *ret)
{
	struct log_place place;

	_Static_assert(sizeof(ret->host) == sizeof(place.host), "names of one length");
	if (!log_place_read(text, &place))
		return;
	COPY(ret->host, place.host);
	COPY(ret->port, place.port);
}

static void put_syslog(const struct gateway_log *log, struct output_how *ret)
{
	const struct gateway_log_syslog *from = &log->syslog;
	struct how_syslog *to = &ret->syslog;

	put_place(from->server, &to->server);
	to->facility = (uint32_t)from->facility;
	to->tls.is_wanted = from->transport == LOG_TRANSPORT_TLS;
	to->tls.is_unverified = from->verify == LOG_VERIFY_NO;
	COPY(to->tls.ca_file, from->ca_file);
	COPY(to->tls.cert_file, from->cert_file);
	COPY(to->tls.key_file, from->key_file);
	COPY(to->tls.server_name, from->server_name);
}

static void put_ipfix(const struct gateway_log *log, struct output_how *ret)
{
	const struct gateway_log_ipfix *from = &log->ipfix;

	put_place(from->collector, &ret->ipfix.collector);
	ret->ipfix.is_udp = from->transport == LOG_IPFIX_UDP;
	ret->ipfix.has_begins = from->events == LOG_IPFIX_BOTH;
	ret->ipfix.domain = from->domain_id;
	ret->ipfix.template_s = from->template_refresh_s;
}

static void (*const fillers[OUTPUT_COUNT])(const struct gateway_log *log,
					   struct output_how *ret) = {
	[OUTPUT_FILE] = put_file,
	[OUTPUT_JOURNALD] = put_journald,
	[OUTPUT_SYSLOG] = put_syslog,
	[OUTPUT_IPFIX] = put_ipfix,
};

const char *flowlog_target(const struct gateway_log *log, enum output_kind kind)
{
	switch (kind) {
	case OUTPUT_FILE:
		return log->file.path;
	case OUTPUT_JOURNALD:
		return log->journald.socket;
	case OUTPUT_SYSLOG:
		return log->syslog.server;
	case OUTPUT_IPFIX:
		return log->ipfix.collector;
	default:
		return "";
	}
}

void flowlog_book(const struct gateway_log *log, char buf[static FLOWLOG_BOOK_MAX])
{
	if (log->file.path[0])
		snprintf(buf, FLOWLOG_BOOK_MAX, "%s.book", log->file.path);
	else
		snprintf(buf, FLOWLOG_BOOK_MAX, "%s/log.book", log->state_directory);
}

void flowlog_outputs(const struct gateway_log *log, struct output_hows *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ARRAY_SIZE(fillers); i++) {
		struct output_how *how = &ret->v[ret->n];

		if (!flowlog_target(log, (enum output_kind)i)[0])
			continue;
		how->kind = (enum output_kind)i;
		snprintf(how->state, sizeof(how->state), "%s/log-%s.state", log->state_directory,
			 output_names[i]);
		fillers[i](log, how);
		ret->n++;
	}
}
