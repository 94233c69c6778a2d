// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/log_outputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

enum { SOCKET_MAX = 107 }; /* of a path in a socket's address */

/* ---- tables */

static const struct config_key journald_keys[] = {
	{ .name = "socket",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_log_journald, socket),
	  .max = LOG_TEXT_MAX - 1,
	  .def = "\"/run/systemd/journal/socket\"",
	  .help = "socket of the journal; it gets an entry for each connection" },
};
const struct config_table log_journald_table = { sizeof(struct gateway_log_journald), journald_keys,
						 ARRAY_SIZE(journald_keys) };

static const char *const transport_names[] = { "tls", "tcp", NULL };
static const char *const verify_names[] = { "yes", "no", NULL };
/* By their numbers in RFC 5424. */
static const char *const facility_names[] = { "kern",     "user",   "mail",   "daemon", "auth",
					      "syslog",   "lpr",    "news",   "uucp",   "cron",
					      "authpriv", "ftp",    "ntp",    "audit",  "alert",
					      "clock",    "local0", "local1", "local2", "local3",
					      "local4",   "local5", "local6", "local7", NULL };

static const struct config_key syslog_keys[] = {
	{ .name = "server",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_log_syslog, server),
	  .max = LOG_TEXT_MAX - 1,
	  .help = "HOST:PORT of a syslog server; none: it isn't told" },
	{ .name = "transport",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct gateway_log_syslog, transport),
	  .enum_names = transport_names,
	  .def = "\"tls\"",
	  .help = "tls: encrypted; tcp: for everybody on the way to read" },
	{ .name = "ca_file",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_log_syslog, ca_file),
	  .max = LOG_TEXT_MAX - 1,
	  .help = "PEM file; who signed the server's certificate; none: whom the system trusts" },
	{ .name = "server_name",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_log_syslog, server_name),
	  .max = LOG_TEXT_MAX - 1,
	  .help = "name or address in the server's certificate; none: that of server" },
	{ .name = "verify",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct gateway_log_syslog, verify),
	  .enum_names = verify_names,
	  .def = "\"yes\"",
	  .help = "no: any certificate is accepted, and anybody can be the server" },
	{ .name = "cert_file",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_log_syslog, cert_file),
	  .max = LOG_TEXT_MAX - 1,
	  .help = "PEM file; this gateway's certificate; none: it shows none" },
	{ .name = "key_file",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_log_syslog, key_file),
	  .max = LOG_TEXT_MAX - 1,
	  .help = "PEM file; the key of cert_file" },
	{ .name = "facility",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct gateway_log_syslog, facility),
	  .enum_names = facility_names,
	  .def = "\"local0\"",
	  .help = "facility of the messages" },
};
const struct config_table log_syslog_table = { sizeof(struct gateway_log_syslog), syslog_keys,
					       ARRAY_SIZE(syslog_keys) };

static const char *const ipfix_transport_names[] = { "tcp", "udp", NULL };
static const char *const ipfix_event_names[] = { "both", "end", NULL };

static const struct config_key ipfix_keys[] = {
	{ .name = "collector",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_log_ipfix, collector),
	  .max = LOG_TEXT_MAX - 1,
	  .help = "HOST:PORT of an IPFIX collector; none: it isn't told" },
	{ .name = "transport",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct gateway_log_ipfix, transport),
	  .enum_names = ipfix_transport_names,
	  .def = "\"tcp\"",
	  .help = "tcp, or udp, which loses what the way or the collector has no room for" },
	{ .name = "events",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct gateway_log_ipfix, events),
	  .enum_names = ipfix_event_names,
	  .def = "\"both\"",
	  .help = "both: begin and end of each connection; end: the end alone" },
	{ .name = "domain_id",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_log_ipfix, domain_id),
	  .min = 1,
	  .max = UINT32_MAX,
	  .def = "1",
	  .help = "observation domain of this gateway" },
	{ .name = "template_refresh_s",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_log_ipfix, template_refresh_s),
	  .min = 1,
	  .max = 86400,
	  .def = "60",
	  .help = "seconds; with udp, templates are sent again after so long" },
};
const struct config_table log_ipfix_table = { sizeof(struct gateway_log_ipfix), ipfix_keys,
					      ARRAY_SIZE(ipfix_keys) };

/* ---- what the tables can't see */

static bool is_port(const char *text)
{
	const size_t n = strspn(text, "0123456789");
	const long port = n && n <= 5 && !text[n] ? strtol(text, NULL, 10) : 0;

	return port >= 1 && port <= 65535;
}

bool log_place_read(const char *text, struct log_place *ret)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (!n || n >= LOG_TEXT_MAX || !is_port(colon + 1))
		return false;
	if (text[0] == '[') {
		if (n < 4 || text[n - 1] != ']')
			return false;
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return false;
	}
	if (memchr(text, ' ', n))
		return false;
	if (!ret)
		return true;
	*ret = (struct log_place){ 0 };
	memcpy(ret->host, text, n);
	memcpy(ret->port, colon + 1, strlen(colon + 1));
	return true;
}

static bool is_path(const char *text)
{
	return !text[0] || text[0] == '/';
}

int log_journald_check(const struct gateway_log_journald *journald, struct err *err)
{
	if (!is_path(journald->socket))
		return err_set(err, -EINVAL, "log.journald.socket: is no absolute path");
	if (strlen(journald->socket) > SOCKET_MAX)
		return err_set(err, -EINVAL, "log.journald.socket: is longer than %d bytes",
			       SOCKET_MAX);
	return 0;
}

int log_syslog_check(const struct gateway_log_syslog *syslog, struct err *err)
{
	const struct {
		const char *name, *value;
	} files[] = { { "ca_file", syslog->ca_file },
		      { "cert_file", syslog->cert_file },
		      { "key_file", syslog->key_file } };

	if (!syslog->server[0])
		return 0;
	if (!log_place_read(syslog->server, NULL))
		return err_set(err, -EINVAL, "log.syslog.server: is no HOST:PORT");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (!is_path(files[i].value))
			return err_set(err, -EINVAL, "log.syslog.%s: is no absolute path",
				       files[i].name);
		if (files[i].value[0] && syslog->transport != LOG_TRANSPORT_TLS)
			return err_set(err, -EINVAL, "log.syslog.%s: needs \"transport\": \"tls\"",
				       files[i].name);
	}
	if (!syslog->cert_file[0] != !syslog->key_file[0])
		return err_set(err, -EINVAL, "log.syslog: cert_file and key_file need each other");
	return 0;
}

int log_ipfix_check(const struct gateway_log_ipfix *ipfix, struct err *err)
{
	if (ipfix->collector[0] && !log_place_read(ipfix->collector, NULL))
		return err_set(err, -EINVAL, "log.ipfix.collector: is no HOST:PORT");
	return 0;
}
