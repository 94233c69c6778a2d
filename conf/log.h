// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* "log" in gateway.json: where each translated connection is recorded (docs/NATLOG.md). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "conf/log_outputs.h"

struct err;

#define LOG_CONF_PATH_MAX 256

struct gateway_log_file {
	char path[LOG_CONF_PATH_MAX]; /* "": none */
	uint32_t max_bytes;
	uint32_t max_age_s; /* 0: any */
	uint32_t keep;
	uint32_t sync_s;
};

struct gateway_log {
	struct gateway_log_file file;
	struct gateway_log_journald journald;
	struct gateway_log_syslog syslog;
	struct gateway_log_ipfix ipfix;
	struct config_names records;        /* what is recorded: log_records */
	char state_directory[LOG_TEXT_MAX]; /* for what isn't a file */
	uint32_t max_connections;           /* that are remembered while they last */
	uint32_t max_waiting_bytes;         /* for each of them, while it's slow */
};

extern const struct config_table log_config_table;

static inline bool log_is_wanted(const struct gateway_log *log)
{
	return log->file.path[0] || log->journald.socket[0] || log->syslog.server[0] ||
	       log->ipfix.collector[0];
}

enum log_record { LOG_RECORD_FLOW, LOG_RECORD_BLOCK, LOG_RECORD_COUNT };
/* Whether such records are wanted, by what is configured; where there are no blocks of ports, there are no records of any. */
bool log_has(const struct gateway_log *log, enum log_record record);

/* -EINVAL with a path. */
int log_config_check(const struct gateway_log *log, struct err *err);
