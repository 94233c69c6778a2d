// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/log.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

static const struct config_key file_keys[] = {
	{ .name = "path",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_log_file, path),
	  .max = LOG_CONF_PATH_MAX - 1,
	  .help = "file that gets a JSON line for each connection; none: it isn't written" },
	{ .name = "max_bytes",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_log_file, max_bytes),
	  .min = 64u << 10,
	  .max = 4000000000u,
	  .def = "104857600",
	  .help = "bytes; a larger file is rotated" },
	{ .name = "max_age_s",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_log_file, max_age_s),
	  .min = 0,
	  .max = 366u * 86400,
	  .def = "86400",
	  .help = "seconds; an older file is rotated; 0: any age" },
	{ .name = "keep",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_log_file, keep),
	  .min = 0,
	  .max = 10000,
	  .def = "10",
	  .help = "rotated files that are kept" },
	{ .name = "sync_s",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_log_file, sync_s),
	  .min = 0,
	  .max = 3600,
	  .def = "10",
	  .help = "seconds between two syncs to the disk; 0: the kernel decides" },
};
static const struct config_table file_table = { sizeof(struct gateway_log_file), file_keys,
						ARRAY_SIZE(file_keys) };

static const struct config_key keys[] = {
	{ .name = "file",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_log, file),
	  .def = "{}",
	  .sub = &file_table,
	  .help = "a file on this host" },
	{ .name = "journald",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_log, journald),
	  .sub = &log_journald_table,
	  .help = "this host's journal; {} is enough" },
	{ .name = "syslog",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_log, syslog),
	  .def = "{}",
	  .sub = &log_syslog_table,
	  .help = "a syslog server" },
	{ .name = "ipfix",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_log, ipfix),
	  .def = "{}",
	  .sub = &log_ipfix_table,
	  .help = "an IPFIX collector" },
	{ .name = "records",
	  .type = CONFIG_NAMES,
	  .offset = offsetof(struct gateway_log, records),
	  .min = 1,
	  .max = LOG_RECORD_COUNT,
	  .def = "[\"flow\", \"block\"]",
	  .help = "what is recorded: flow: each connection; block: who had which ports (limits.ports_per_pod)" },
	{ .name = "state_directory",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_log, state_directory),
	  .max = LOG_TEXT_MAX - 32,
	  .def = "\"/var/lib/eipgw\"",
	  .help = "folder that keeps until when journald, syslog and ipfix are complete" },
	{ .name = "max_connections",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_log, max_connections),
	  .min = 1024,
	  .max = 64u << 20,
	  .def = "2097152",
	  .help = "connections that are remembered while they last; others have no pod in the log" },
	{ .name = "max_waiting_bytes",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_log, max_waiting_bytes),
	  .min = 1u << 20,
	  .max = 1u << 30,
	  .def = "67108864",
	  .help = "bytes that wait for a slow disk or server, each; what is more is lost, and recorded as a gap" },
};
const struct config_table log_config_table = { sizeof(struct gateway_log), keys, ARRAY_SIZE(keys) };

static const char *const record_names[LOG_RECORD_COUNT] = {
	[LOG_RECORD_FLOW] = "flow",
	[LOG_RECORD_BLOCK] = "block",
};

bool log_has(const struct gateway_log *log, enum log_record record)
{
	for (size_t i = 0; i < log->records.n; i++) {
		if (strcmp(log->records.v[i], record_names[record]) == 0)
			return true;
	}
	return false;
}

static int check_records(const struct gateway_log *log, struct err *err)
{
	for (size_t i = 0; i < log->records.n; i++) {
		bool is_known = false;

		for (size_t j = 0; j < LOG_RECORD_COUNT; j++)
			is_known |= strcmp(log->records.v[i], record_names[j]) == 0;
		if (!is_known)
			return err_set(err, -EINVAL,
				       "log.records[%zu]: '%s' is none of \"flow\", \"block\"", i,
				       log->records.v[i]);
	}
	return 0;
}

int log_config_check(const struct gateway_log *log, struct err *err)
{
	int rc;

	if (log->file.path[0] && log->file.path[0] != '/')
		return err_set(err, -EINVAL, "log.file.path: is no absolute path");
	if (log_is_wanted(log) && log->state_directory[0] != '/')
		return err_set(err, -EINVAL, "log.state_directory: is no absolute path");
	rc = check_records(log, err);
	if (!rc)
		rc = log_journald_check(&log->journald, err);
	if (!rc)
		rc = log_syslog_check(&log->syslog, err);
	return rc ? rc : log_ipfix_check(&log->ipfix, err);
}
