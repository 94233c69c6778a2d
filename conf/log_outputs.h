// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* "log.journald", "log.syslog" and "log.ipfix" in gateway.json: where records go beside a file, or instead of one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"

struct err;

#define LOG_TEXT_MAX 256
#define LOG_PORT_MAX 8

struct gateway_log_journald {
	char socket[LOG_TEXT_MAX]; /* "": none */
};

enum log_transport { LOG_TRANSPORT_TLS, LOG_TRANSPORT_TCP };
enum log_verify { LOG_VERIFY_YES, LOG_VERIFY_NO };

struct gateway_log_syslog {
	char server[LOG_TEXT_MAX]; /* "HOST:PORT"; "": none */
	int transport;             /* enum log_transport */
	int verify;                /* enum log_verify */
	char ca_file[LOG_TEXT_MAX], cert_file[LOG_TEXT_MAX], key_file[LOG_TEXT_MAX];
	char server_name[LOG_TEXT_MAX];
	int facility; /* its number */
};

enum log_ipfix_transport { LOG_IPFIX_TCP, LOG_IPFIX_UDP };
enum log_ipfix_events { LOG_IPFIX_BOTH, LOG_IPFIX_END };

struct gateway_log_ipfix {
	char collector[LOG_TEXT_MAX]; /* "HOST:PORT"; "": none */
	int transport;                /* enum log_ipfix_transport */
	int events;                   /* enum log_ipfix_events */
	uint32_t domain_id;
	uint32_t template_refresh_s;
};

extern const struct config_table log_journald_table, log_syslog_table, log_ipfix_table;

struct log_place {
	char host[LOG_TEXT_MAX];
	char port[LOG_PORT_MAX];
};
/* "HOST:PORT"; an IPv6 address in brackets. `ret` may be NULL. False: it has another form. */
bool log_place_read(const char *text, struct log_place *ret);

/* -EINVAL with a path. */
int log_syslog_check(const struct gateway_log_syslog *syslog, struct err *err);
int log_ipfix_check(const struct gateway_log_ipfix *ipfix, struct err *err);
int log_journald_check(const struct gateway_log_journald *journald, struct err *err);
